package betterstackprobe

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/betterstacktest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
)

const ic, backup, tester = "ic.one@example.com", "backup@example.com", "tester@example.com"

func TestRoster(t *testing.T) {
	const hour = time.Hour
	from := time.Now().Add(48 * hour).UTC().Truncate(time.Second)
	to := from.Add(28 * hour)
	shift := func(a, b time.Duration, users ...string) betterstacktest.Shift {
		return betterstacktest.Shift{From: from.Add(a), To: from.Add(b), Users: users}
	}
	over := func(a, b time.Duration, users ...string) betterstacktest.Shift {
		s := shift(a, b, users...)
		s.Override = true
		return s
	}
	always := shift(-hour, 30*hour, ic, backup)
	for name, test := range map[string]struct {
		shifts        []betterstacktest.Shift
		covered, both probe.Status
	}{
		"both":                           {[]betterstacktest.Shift{always}, probe.Pass, probe.Pass},
		"two layers":                     {[]betterstacktest.Shift{shift(-hour, 30*hour, ic), shift(-hour, 10*hour, backup), shift(10*hour, 30*hour, backup)}, probe.Pass, probe.Pass},
		"one after the other":            {[]betterstacktest.Shift{shift(10*hour, 30*hour, backup), shift(-hour, 10*hour, ic)}, probe.Pass, probe.Fail},
		"a gap of a second":              {[]betterstacktest.Shift{shift(-hour, 10*hour, ic), shift(10*hour+time.Second, 30*hour, ic)}, probe.Fail, probe.Fail},
		"last week":                      {[]betterstacktest.Shift{shift(-170*hour, -140*hour, ic, backup)}, probe.Fail, probe.Fail},
		"overridden by a stranger":       {[]betterstacktest.Shift{always, over(2*hour, 4*hour, "x@example.com")}, probe.Pass, probe.Fail},
		"overridden by nobody":           {[]betterstacktest.Shift{always, over(2*hour, 4*hour)}, probe.Fail, probe.Fail},
		"overridden by both":             {[]betterstacktest.Shift{shift(-hour, 30*hour, "x@example.com"), over(-hour, 29*hour, ic, backup)}, probe.Pass, probe.Pass},
		"overridden by one and another":  {[]betterstacktest.Shift{always, over(2*hour, 4*hour, ic), over(2*hour, 4*hour, backup)}, probe.Pass, probe.Pass},
		"overridden up to the window":    {[]betterstacktest.Shift{always, over(-hour, 0, "x@example.com")}, probe.Pass, probe.Pass},
		"an override fills a gap":        {[]betterstacktest.Shift{shift(-hour, 10*hour, ic), over(10*hour, 12*hour, backup), shift(12*hour, 30*hour, ic)}, probe.Pass, probe.Fail},
		"an override leaves a gap":       {[]betterstacktest.Shift{shift(-hour, 10*hour, ic), over(10*hour+time.Second, 12*hour, backup), shift(12*hour, 30*hour, ic)}, probe.Fail, probe.Fail},
		"a shift with nobody":            {[]betterstacktest.Shift{shift(-hour, 30*hour)}, probe.Fail, probe.Fail},
		"nothing":                        {nil, probe.Fail, probe.Fail},
		"ends before it begins":          {[]betterstacktest.Shift{always, shift(3*hour, 2*hour, ic)}, probe.Blocked, probe.Blocked},
		"more than a page of other APIs": {many(300, always), probe.Pass, probe.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			server, api := start(t)
			server.Change(func(s *betterstacktest.State) { s.Shifts = test.shifts })
			o := OnCall{Account: New(api(Base, secret)), Schedule: "default"}
			covered := probe.Run(t.Context(), "", oncallprobe.Covered(o, from, to))
			assert.Equal(t, test.covered, covered.Status, covered.Message())
			both := probe.Run(t.Context(), "", oncallprobe.Both(o, ic, backup, from, to))
			assert.Equal(t, test.both, both.Status, both.Message())
		})
	}
}

// many are half-hours before a shift, and the shift after them.
func many(n int, last betterstacktest.Shift) []betterstacktest.Shift {
	all := make([]betterstacktest.Shift, n)
	for i := range all {
		end := last.From.Add(-time.Duration(i) * 30 * time.Minute)
		all[i] = betterstacktest.Shift{From: end.Add(-30 * time.Minute), To: end, Users: []string{ic}}
	}
	return append(all, last)
}

func TestAnswers(t *testing.T) {
	now := time.Now()
	present := func(users ...string) []betterstacktest.Shift {
		return []betterstacktest.Shift{{From: now.Add(-time.Hour), To: now.Add(time.Hour), Users: users}}
	}
	tomorrow := betterstacktest.Shift{From: now.Add(20 * time.Hour), To: now.Add(30 * time.Hour), Users: []string{backup}}
	for name, test := range map[string]struct {
		change func(*betterstacktest.State)
		want   probe.Status
		got    string
		open   int
	}{
		"taken":                         {func(*betterstacktest.State) {}, probe.Pass, "", 0},
		"taken by who comes tomorrow":   {func(s *betterstacktest.State) { s.Shifts, s.Acknowledges = append(present(ic), tomorrow), backup }, probe.Fail, "by backup, who is not on call", 0},
		"taken by a stranger":           {func(s *betterstacktest.State) { s.Acknowledges = "x@example.com" }, probe.Fail, "by x, who is not on call", 0},
		"taken by who was overridden":   {func(s *betterstacktest.State) { s.Shifts = append(present(ic), overriding(present(backup)[0])) }, probe.Fail, "by ic one, who is not on call", 0},
		"taken by the tester on call":   {func(s *betterstacktest.State) { s.Shifts, s.Acknowledges = present(ic, tester), tester }, probe.Fail, "who fired it", 0},
		"two of one name, both on call": {func(s *betterstacktest.State) { s.Shifts = present(ic, "ic.one@example.org") }, probe.Fail, "by ic one, who is not on call", 0},
		"nobody takes it":               {func(s *betterstacktest.State) { s.Acknowledges = "" }, probe.Fail, "nobody's acknowledgement", 0},
		"it cannot be ended":            {func(s *betterstacktest.State) { s.Sticks = true }, probe.Fail, "by hand, now", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, api := start(t)
			server.Change(func(s *betterstacktest.State) {
				s.Shifts, s.Acknowledges = present(ic, backup), ic
				test.change(s)
			})
			o := OnCall{Account: New(api(Base, secret)), Schedule: "default", Policy: "7", Tester: tester}
			result := probe.Run(t.Context(), name, oncallprobe.Answers(o, oncallprobe.Drill{Tester: tester, Within: time.Second, Says: "Test."}))
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Contains(t, result.Message(), test.got)
			open, all := server.Open()
			assert.Equal(t, test.open, open, "incidents that go on")
			assert.Equal(t, 1, all)
		})
	}
}

func overriding(s betterstacktest.Shift) betterstacktest.Shift {
	s.Override = true
	return s
}
