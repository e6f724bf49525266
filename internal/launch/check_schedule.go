package launch

import "time"

func (c checker) schedule() {
	s := c.Schedule
	if !c.read("schedule.date") || !c.read("schedule.time") || !c.read("schedule.timezone") {
		return
	}
	for key, clock := range map[string]Clock{"schedule.time": s.Time, "schedule.window.start": s.Window.Start, "schedule.window.end": s.Window.End,
		"schedule.maintenance.start": s.Maintenance.Start, "schedule.maintenance.end": s.Maintenance.End} {
		if !c.read(key) {
			continue
		}
		if err := local(s.Date, clock, s.Timezone); err != nil {
			c.bad(key, "want a local time that is unique; got %02d:%02d, which on %04d-%02d-%02d in %s %v; choose another time",
				clock.Hour, clock.Minute, s.Date.Year, s.Date.Month, s.Date.Day, s.Timezone, err)
		}
	}
	if m := "schedule.maintenance"; c.read(m) && (s.Maintenance.Start == s.Maintenance.End || !c.read(m+".start") || !c.read(m+".end")) {
		c.bad(m, "want a start and a different end; got %02d:%02d and %02d:%02d", s.Maintenance.Start.Hour, s.Maintenance.Start.Minute, s.Maintenance.End.Hour, s.Maintenance.End.Minute)
	}
	c.window()
}

// Announced is the maintenance that the status page announces, which may pass midnight; zero times where there is none.
func (l *Launch) Announced() (start, end time.Time) {
	s := l.Schedule
	if s.Maintenance.Start == s.Maintenance.End {
		return time.Time{}, time.Time{}
	}
	start, end = s.Date.At(s.Maintenance.Start, s.Timezone), s.Date.At(s.Maintenance.End, s.Timezone)
	if end.Before(start) {
		end = end.AddDate(0, 0, 1)
	}
	return start, end
}

// Window is when the deployment window opens and closes. One that passes midnight opens on the day before the launch
// where the launch is after midnight.
func (l *Launch) Window() (start, end time.Time) {
	s := l.Schedule
	start, end = s.Date.At(s.Window.Start, s.Timezone), s.Date.At(s.Window.End, s.Timezone)
	switch {
	case end.After(start):
	case l.At().After(end):
		end = end.AddDate(0, 0, 1)
	default:
		start = start.AddDate(0, 0, -1)
	}
	return start, end
}

func (c checker) window() {
	if !c.read("schedule.window.start") || !c.read("schedule.window.end") {
		return
	}
	start, end := c.Window()
	if want, got := end.Sub(start), c.Schedule.Window.Duration.D(); got != want && c.read("schedule.window.duration") {
		c.bad("schedule.window.duration", "want end - start, which is %s; got %s; correct the one that is wrong", Duration(want), Duration(got))
	}
	if at := c.At(); at.Before(start) || at.After(end) {
		c.bad("schedule.time", "want a time in the window %s – %s; got %s", start.Format("15:04"), end.Format("15:04"), at.Format("15:04"))
	}
}
