package main

import (
	"encoding"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/launch"
)

// filling fills a launch from flags and gathers what is wrong with them.
type filling struct {
	*launch.Launch
	problems []error
}

func (to *filling) bad(flag, want, got string) {
	to.problems = append(to.problems, fmt.Errorf("--%s: want %s; got %q", flag, want, got))
}

// read reads a flag's text as launch.yaml's own.
func (to *filling) read(into encoding.TextUnmarshaler, flag, text, want string) {
	if into.UnmarshalText([]byte(text)) != nil {
		to.bad(flag, want, text)
	}
}

const (
	hostName    = "a host name such as example.com"
	planned     = "NAME=TARGET, or NAME=ADDRESS,ADDRESS…"
	answers     = "NAME=ANSWER,ANSWER… of a planned record"
	instant     = "a point in time with its offset such as 2027-01-19T10:00:00+01:00"
	repetition  = "TIMES/DURATION such as 3/10s"
	trustAnchor = "DS data: key tag, algorithm, digest type, digest"
)

// fill puts what the flags say into a launch that has its domain. The error has every bad value, a line each.
func (f *zoneFlags) fill(l *launch.Launch) error {
	to := &filling{Launch: l}
	for _, text := range f.records {
		f.fillRecord(to, text)
	}
	f.fillOld(to)
	f.fillTimes(to)
	f.fillVantages(to)
	f.fillCertificates(to)
	f.fillMail(to)
	return errors.Join(to.problems...)
}

func (f *zoneFlags) fillRecord(to *filling, text string) {
	name, answer, _ := strings.Cut(text, "=")
	var r launch.Record
	if r.Name.UnmarshalText([]byte(name)) != nil || r.Name.Wildcard() || !answersWith(&r, answer) {
		to.bad("record", planned, text)
		return
	}
	switch domain := to.DNS.Domain; {
	case domain != "" && r.Name != domain && !strings.HasSuffix(string(r.Name), "."+string(domain)):
		to.bad("record", "a name in "+string(domain), string(r.Name))
	case to.record(r.Name) != nil:
		to.bad("record", "each name once, with all its answers", string(r.Name))
	}
	r.New = f.snapshot == ""
	to.DNS.Records = append(to.DNS.Records, r)
}

// answersWith reads what a record must answer: addresses, or one name.
func answersWith(r *launch.Record, text string) bool {
	texts := strings.Split(text, ",")
	if len(texts) == 1 && r.Target.UnmarshalText([]byte(text)) == nil {
		return !r.Target.Wildcard()
	}
	for _, text := range texts {
		var ip launch.IP
		switch {
		case ip.UnmarshalText([]byte(text)) != nil:
			return false
		case ip.Is4():
			r.A = append(r.A, ip)
		default:
			r.AAAA = append(r.AAAA, ip)
		}
	}
	return true
}

// record is a planned record; nil where there is none of that name.
func (to *filling) record(name launch.Domain) *launch.Record {
	i := slices.IndexFunc(to.DNS.Records, func(r launch.Record) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &to.DNS.Records[i]
}

// fillOld says what was before the change. A planned record of which nothing is said may be a new one.
func (f *zoneFlags) fillOld(to *filling) {
	find := func(flag, want, text, name string) *launch.Record {
		var d launch.Domain
		if d.UnmarshalText([]byte(name)) == nil {
			if r := to.record(d); r != nil {
				return r
			}
		}
		to.bad(flag, want, text)
		return nil
	}
	for _, text := range f.old {
		name, old, given := strings.Cut(text, "=")
		if r := find("old", answers, text, name); r != nil && given && old != "" {
			r.New, r.Old = false, append(r.Old, strings.Split(old, ",")...)
		} else if r != nil {
			to.bad("old", answers, text)
		}
	}
	for _, name := range f.created {
		if r := find("new", "the name of a planned record", name, name); r != nil {
			r.New = true
		}
	}
	to.DNS.RollbackFile, to.DNS.TTLLog = f.snapshot, f.ttlLog
}

func (f *zoneFlags) fillTimes(to *filling) {
	const span = "a duration above zero such as 300s or 15m"
	if f.lowTTL != "" {
		to.read(&to.DNS.LowTTL, "low-ttl", f.lowTTL, span)
	}
	to.read(&to.DNS.NegativeTTL, "negative-ttl", f.negativeTTL, span)
	times, over, _ := strings.Cut(f.repeat, "/")
	n, err := strconv.Atoi(times)
	if err != nil || n < 1 || n > 1 && to.DNS.Repeat.Over.UnmarshalText([]byte(over)) != nil {
		to.bad("repeat", repetition, f.repeat)
	}
	to.DNS.Repeat.Times = n
	if f.launchAt == "" {
		if f.windowEnd != "" {
			to.bad("window-end", "--launch with it", f.windowEnd)
		}
		return
	}
	var begin launch.Instant
	to.read(&begin, "launch", f.launchAt, instant)
	end := launch.Instant{Time: begin.Truncate(time.Minute)} // no window, in whole minutes too
	if f.windowEnd != "" {
		to.read(&end, "window-end", f.windowEnd, instant)
	}
	if !begin.IsZero() {
		fillSchedule(to, begin.UTC(), end.UTC())
	}
}

// fillSchedule sets the launch and the end of its window, in whole minutes: what must be done before the launch has a
// little less time, and what must outlive the window a little more.
func fillSchedule(to *filling, begin, end time.Time) {
	begin, last := begin.Truncate(time.Minute), end.Add(time.Minute-1).Truncate(time.Minute)
	if last.Before(begin) || !last.Before(begin.AddDate(0, 0, 1)) {
		to.bad("window-end", "an instant within a day after --launch", end.Format(time.RFC3339))
	}
	at := launch.Clock{Hour: begin.Hour(), Minute: begin.Minute()}
	to.Schedule.Date = launch.Date{Year: begin.Year(), Month: begin.Month(), Day: begin.Day()}
	to.Schedule.Time = at
	to.Schedule.Window = launch.Window{Start: at, End: launch.Clock{Hour: last.Hour(), Minute: last.Minute()}, Duration: launch.Duration(last.Sub(begin))}
}
