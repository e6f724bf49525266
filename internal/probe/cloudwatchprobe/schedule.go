package cloudwatchprobe

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// schedule is when a mute rule mutes, as CloudWatch spells it: an expression of when it begins, and how long it lasts.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Schedule.html
type schedule struct {
	expression, lasts, zone string
	starts, expires         time.Time // zero: no bound
}

// within says whether the schedule has anything in a window, and since when. Its error says why nobody can tell.
func (s schedule) within(from, to time.Time) (mutes bool, since time.Time, err error) {
	zone, err := time.LoadLocation(cmp.Or(s.zone, "UTC"))
	if err != nil {
		return false, since, fmt.Errorf("the time zone %q", s.zone)
	}
	lasts, err := period(s.lasts)
	if err != nil {
		return false, since, err
	}
	begins, err := beginning(s.expression, zone)
	if err != nil {
		return false, since, err
	}
	for at := from.Add(-lasts).Truncate(time.Minute); at.Before(to); at = at.Add(time.Minute) {
		end := at.Add(lasts)
		if !s.expires.IsZero() && s.expires.Before(end) {
			end = s.expires
		}
		if end.After(from) && !at.Before(s.starts.Truncate(time.Minute)) && begins(at.In(zone)) {
			return true, at, nil
		}
	}
	return false, since, nil
}

// days are most that a rule may mute at a time: beyond that nobody counts minutes.
const days = 31

var iso = regexp.MustCompile(`^P(?:(\d{1,4})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,4})M)?)?$`)

// period reads a duration such as P2DT12H.
func period(text string) (all time.Duration, err error) {
	parts := iso.FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("the duration %q", text)
	}
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		n, _ := strconv.Atoi("0" + parts[i+1]) // digits, or none
		all += time.Duration(n) * unit
	}
	if all <= 0 || all > days*24*time.Hour {
		return 0, fmt.Errorf("the duration %q", text)
	}
	return all, nil
}

// beginning reads an expression into whether it begins in a minute.
func beginning(expression string, zone *time.Location) (func(time.Time) bool, error) {
	unread := fmt.Errorf("the schedule %q", expression)
	kind, rest, _ := strings.Cut(expression, "(")
	inside, whole := strings.CutSuffix(rest, ")")
	switch {
	case whole && kind == "at":
		at, err := time.ParseInLocation("2006-01-02T15:04", inside, zone)
		if err != nil {
			return nil, unread
		}
		return func(t time.Time) bool { return t.Equal(at) }, nil
	case whole && kind == "cron":
		begins, err := cron(strings.Fields(inside))
		if err != nil {
			return nil, unread
		}
		return begins, nil
	}
	return nil, unread
}

var (
	months   = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}
	weekdays = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}
	errCron  = errors.New("no expression that is understood")
)

// cron reads minutes, hours, days of the month, months and days of the week. Where both kinds of days are given, either will do. A day
// of the week as a number is not read: for some Sunday is nought, and for others one.
func cron(fields []string) (func(time.Time) bool, error) {
	if len(fields) != 5 {
		return nil, errCron
	}
	var sets [5]map[int]bool
	for i, f := range []struct {
		low, high int
		names     []string
		numbers   bool
	}{{0, 59, nil, true}, {0, 23, nil, true}, {1, 31, nil, true}, {1, 12, months, true}, {0, 6, weekdays, false}} {
		var err error
		if sets[i], err = field(fields[i], f.low, f.high, f.names, f.numbers); err != nil {
			return nil, err
		}
	}
	return func(t time.Time) bool {
		month, week := sets[2][t.Day()], sets[4][int(t.Weekday())]
		day := month && week
		if fields[2] != "*" && fields[4] != "*" {
			day = month || week
		}
		return sets[0][t.Minute()] && sets[1][t.Hour()] && day && sets[3][int(t.Month())]
	}, nil
}

// field reads a field such as *, 5, 1-5, MON-FRI or 0,30.
func field(text string, low, high int, names []string, numbers bool) (map[int]bool, error) {
	value := func(text string) (int, error) {
		if i := slices.Index(names, strings.ToUpper(text)); i >= 0 {
			return low + i, nil
		}
		n, err := strconv.Atoi(text)
		if err != nil || !numbers || n < low || n > high {
			return 0, errCron
		}
		return n, nil
	}
	set := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		first, last := low, high
		if part != "*" {
			a, b, span := strings.Cut(part, "-")
			var err error
			if first, err = value(a); err != nil {
				return nil, err
			}
			if last = first; span {
				if last, err = value(b); err != nil {
					return nil, err
				}
			}
			if last < first {
				return nil, errCron
			}
		}
		for n := first; n <= last; n++ {
			set[n] = true
		}
	}
	return set, nil
}
