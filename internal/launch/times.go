package launch

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	_ "time/tzdata" // so that a zone means the same on every machine that runs the suite
)

// Date is a calendar day, written 2026-02-23.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// At is the instant of a clock time on that day in a zone.
func (d Date) At(c Clock, z Timezone) time.Time {
	location := z.Location
	if location == nil {
		location = time.UTC
	}
	return time.Date(d.Year, d.Month, d.Day, c.Hour, c.Minute, 0, 0, location)
}

// MarshalText writes 2026-02-23.
func (d Date) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%04d-%02d-%02d", d.Year, d.Month, d.Day), nil
}

// UnmarshalText reads a date that is in the calendar.
func (d *Date) UnmarshalText(text []byte) error {
	day, err := time.Parse(time.DateOnly, string(text))
	if err != nil {
		return errShape
	}
	d.Year, d.Month, d.Day = day.Date()
	return nil
}

// Clock is a time of day, written 10:00.
type Clock struct{ Hour, Minute int }

// MarshalText writes 10:00.
func (c Clock) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%02d:%02d", c.Hour, c.Minute), nil
}

// UnmarshalText reads a time of day with two digits each.
func (c *Clock) UnmarshalText(text []byte) error {
	if !matches[Clock](string(text)) {
		return errShape
	}
	at, err := time.Parse("15:04", string(text))
	if err != nil {
		return errShape
	}
	c.Hour, c.Minute, _ = at.Clock()
	return nil
}

// Timezone is an IANA time zone, written Europe/Oslo.
type Timezone struct{ *time.Location }

// MarshalText writes the zone's name.
func (z Timezone) MarshalText() ([]byte, error) {
	if z.Location == nil {
		return nil, nil
	}
	return []byte(z.String()), nil
}

// UnmarshalText reads a zone by its region and city. Abbreviations and fixed offsets are refused, because they do not
// know when the clocks change.
func (z *Timezone) UnmarshalText(text []byte) error {
	name := string(text)
	if !matches[Timezone](name) || strings.HasPrefix(name, "Etc/") {
		return errors.New("abbreviations and offsets do not know when the clocks change; write the region and city")
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return errors.New("the time zone database has no such name")
	}
	z.Location = location
	return nil
}

// Instant is a point in time with its offset, written as RFC 3339.
type Instant struct{ time.Time }

// MarshalText writes the instant in UTC, so that the same instant always has the same text.
func (i Instant) MarshalText() ([]byte, error) {
	return i.UTC().AppendFormat(nil, time.RFC3339Nano), nil
}

// UnmarshalText reads an instant.
func (i *Instant) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return errShape
	}
	i.Time = at
	return nil
}

// Offset is a point in time relative to the launch: T-5d, T-2h, T+30min, or H+0:45 in hours and minutes.
type Offset struct {
	Days int           // of the calendar in the launch's time zone
	Rest time.Duration // exact
}

var hours = regexp.MustCompile(`^([0-9]{1,3}):([0-5][0-9])$`)

// UnmarshalText reads an offset.
func (o *Offset) UnmarshalText(text []byte) error {
	if !matches[Offset](string(text)) {
		return errShape
	}
	base, sign, span := text[0], text[1], string(text[2:])
	if base == 'H' {
		match := hours.FindStringSubmatch(span)
		if match == nil {
			return errShape
		}
		span = match[1] + "h" + match[2] + "m"
	}
	if span == "0" {
		span = "0s"
	}
	days, rest, err := parseSpan(span)
	if err != nil {
		return err
	}
	if sign == '-' {
		days, rest = -days, -rest
	}
	o.Days, o.Rest = days, rest
	return nil
}

// MarshalText writes the offset in the form T-5d.
func (o Offset) MarshalText() ([]byte, error) {
	sign, days, rest := "+", o.Days, o.Rest
	if days < 0 || rest < 0 {
		sign, days, rest = "-", -days, -rest
	}
	text := "T" + sign
	if days != 0 {
		text += fmt.Sprintf("%dd", days)
	}
	if rest != 0 || days == 0 {
		text += rest.String()
	}
	return []byte(text), nil
}

// Instant is when an offset is: days go by the calendar, so that T-5d is the same time of day even where the clocks
// change in between.
func (l *Launch) Instant(o Offset) time.Time { return l.At().AddDate(0, 0, o.Days).Add(o.Rest) }

// local says what is wrong with a local time: on a day when the clocks change it may not exist, or exist twice.
func local(d Date, c Clock, z Timezone) error {
	at := d.At(c, z)
	wall := time.Date(d.Year, d.Month, d.Day, c.Hour, c.Minute, 0, 0, time.UTC)
	found := map[int64]bool{}
	for _, near := range []time.Time{at.Add(-24 * time.Hour), at.Add(24 * time.Hour)} {
		_, offset := near.Zone()
		candidate := wall.Add(-time.Duration(offset) * time.Second).In(at.Location())
		if candidate.Hour() == c.Hour && candidate.Minute() == c.Minute {
			found[candidate.Unix()] = true
		}
	}
	switch len(found) {
	case 0:
		return errors.New("does not exist (the clocks go forward over it)")
	case 1:
		return nil
	default:
		return errors.New("exists twice (the clocks go back over it)")
	}
}
