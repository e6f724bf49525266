package betterstackprobe

import (
	"fmt"
	"slices"
	"time"
)

// maintained judges whether the recurring maintenance of a monitor, when it checks nothing, is now or in the launch window.
func maintained(m Monitor, o Often, now time.Time) error {
	if m.MaintainFrom == "" && m.MaintainTo == "" {
		return nil
	}
	want := "no maintenance now and in the launch window"
	from, errFrom := clock(m.MaintainFrom)
	to, errTo := clock(m.MaintainTo)
	zone, errZone := zoneOf(m.MaintainZone)
	if errFrom != nil || errTo != nil || errZone != nil || slices.ContainsFunc(m.MaintainDays, unknownDay) {
		return m.unknown(want, fmt.Sprintf("one from %q to %q in the time zone %q on the days %q, which cannot be read", m.MaintainFrom, m.MaintainTo, m.MaintainZone, m.MaintainDays), "remove the monitor's maintenance until after the launch")
	}
	for _, span := range [][2]time.Time{{now, now}, {o.From, o.To}} {
		if span[0].IsZero() {
			continue
		}
		for day := span[0].In(zone).AddDate(0, 0, -1); !day.After(span[1].AddDate(0, 0, 1)); day = day.AddDate(0, 0, 1) {
			start, end := on(day, from), on(day, to)
			if !end.After(start) { // past midnight, or the whole day
				end = on(day.AddDate(0, 0, 1), to)
			}
			if onDay(m.MaintainDays, day.Weekday()) && !start.After(span[1]) && end.After(span[0]) {
				return m.unmet("maintenance", want, fmt.Sprintf("one from %s to %s", start.UTC().Format(time.RFC3339), end.UTC().Format(time.RFC3339)), "move or remove the monitor's maintenance")
			}
		}
	}
	return nil
}

// on is a time of the clock on a day, which is not always so long after midnight.
func on(day, clock time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, day.Location())
}

// week are the days as the API writes them.
var week = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func unknownDay(day string) bool { return !slices.Contains(week, day) }

func onDay(days []string, day time.Weekday) bool {
	return len(days) == 0 || slices.Contains(days, week[day])
}

// clock reads 01:00:00 or 01:00.
func clock(text string) (time.Time, error) {
	at, err := time.Parse(time.TimeOnly, text)
	if err != nil {
		at, err = time.Parse("15:04", text)
	}
	return at, err
}

// zoneOf reads the name of a time zone. Better Stack uses those of Rails, such as Berlin or UTC; the European capitals among
// them are cities of the time zone database.
func zoneOf(name string) (*time.Location, error) {
	if name == "" {
		return nil, fmt.Errorf("no time zone")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone, err = time.LoadLocation("Europe/" + name)
	}
	return zone, err
}
