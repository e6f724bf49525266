package pagerdutyprobe

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pagerdutytest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
)

const ic, backup, tester = "ic@example.com", "backup@example.com", "tester@example.com"

func start(t *testing.T) (*pagerdutytest.Server, func(token, key string) *Account) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	s := pagerdutytest.New(t, pagerdutytest.Config{Authority: authority, Address: netip.MustParseAddr("203.0.113.103"), Token: "pd-token-1", Key: "pd-key-1", Schedule: "P1"},
		pagerdutytest.State{Shifts: []pagerdutytest.Shift{{User: ic}, {User: backup}}, Taker: ic, After: 20 * time.Millisecond})
	network := &probe.Network{Connect: s.Connect(), Roots: authority.Pool()}
	reveal := func(value string) Secret { return func(context.Context) (string, error) { return value, nil } }
	return s, func(token, key string) *Account {
		rest := &jsonapi.Service{Name: "PagerDuty", Base: REST, Network: network, Resolver: s, Scheme: Scheme, Header: Header(), Key: "oncall.token", Token: reveal(token)}
		return New(rest, &jsonapi.Service{Name: "PagerDuty", Base: Events, Network: network, Resolver: s}, "P1", reveal(key))
	}
}

func TestAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		change     func(*pagerdutytest.State)
		token, key string
		want       probe.Status
		fired      int
		open       int
	}{
		"taken":                       {want: probe.Pass, fired: 1},
		"taken by the backup":         {change: func(s *pagerdutytest.State) { s.Taker = backup }, want: probe.Pass, fired: 1},
		"never taken":                 {change: func(s *pagerdutytest.State) { s.Taker = "" }, want: probe.Fail, fired: 1},
		"taken by the tester":         {change: func(s *pagerdutytest.State) { s.Taker = tester }, want: probe.Fail, fired: 1},
		"taken by the tester on call": {change: func(s *pagerdutytest.State) { s.Taker, s.Shifts[0].User = tester, tester }, want: probe.Fail, fired: 1},
		"taken by a stranger":         {change: func(s *pagerdutytest.State) { s.Taker = "x@example.com" }, want: probe.Fail, fired: 1},
		"taken by an integration":     {change: func(s *pagerdutytest.State) { s.Kind = "service_reference" }, want: probe.Fail, fired: 1},
		"another's incident":          {change: func(s *pagerdutytest.State) { s.Other = true }, want: probe.Fail, fired: 1},
		"nobody is on call":           {change: func(s *pagerdutytest.State) { s.Shifts = nil }, want: probe.Fail, fired: 1},
		"another key":                 {key: "other-key", want: probe.Fail},
		"another token":               {token: "other-token", want: probe.Blocked},
		"cannot be ended":             {change: func(s *pagerdutytest.State) { s.Sticks = true }, want: probe.Fail, fired: 1, open: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, account := start(t)
			if test.change != nil {
				server.Change(test.change)
			}
			token, key := "pd-token-1", "pd-key-1"
			if test.token != "" {
				token = test.token
			}
			if test.key != "" {
				key = test.key
			}
			result := probe.Run(t.Context(), name, oncallprobe.Answers(account(token, key), oncallprobe.Drill{Tester: tester, Within: time.Second, Says: "Test."}))
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.NotContains(t, result.Message(), key)
			open, all := server.Open()
			assert.Equal(t, test.fired, all, "alerts fired")
			assert.Equal(t, test.open, open, "alerts that go on")
		})
	}
}

func TestRoster(t *testing.T) {
	from := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Second)
	to := from.Add(28 * time.Hour)
	shift := func(user string, a, b time.Duration) pagerdutytest.Shift {
		return pagerdutytest.Shift{User: user, From: from.Add(a), To: from.Add(b)}
	}
	const hour = time.Hour
	for name, test := range map[string]struct {
		shifts        []pagerdutytest.Shift
		covered, both probe.Status
	}{
		"always":              {[]pagerdutytest.Shift{{User: ic}, {User: backup}}, probe.Pass, probe.Pass},
		"one after the other": {[]pagerdutytest.Shift{shift(backup, 10*hour, 30*hour), shift(ic, -hour, 10*hour)}, probe.Pass, probe.Fail},
		"a gap of a second":   {[]pagerdutytest.Shift{shift(ic, -hour, 10*hour), shift(ic, 10*hour+time.Second, 30*hour)}, probe.Fail, probe.Fail},
		"too short":           {[]pagerdutytest.Shift{shift(ic, -hour, 28*hour-time.Second), shift(backup, -hour, 27*hour)}, probe.Fail, probe.Fail},
		"begins late":         {[]pagerdutytest.Shift{shift(ic, time.Second, 30*hour)}, probe.Fail, probe.Fail},
		"one alone":           {[]pagerdutytest.Shift{{User: ic}}, probe.Pass, probe.Fail},
		"nobody":              {nil, probe.Fail, probe.Fail},
		"on the second page":  {append(slices.Repeat([]pagerdutytest.Shift{shift("x@example.com", 0, hour)}, 150), pagerdutytest.Shift{User: ic}, pagerdutytest.Shift{User: backup}), probe.Pass, probe.Pass},
		"an hour by the zone": {[]pagerdutytest.Shift{{User: ic, From: from.In(time.FixedZone("CET", 3600)), To: to.In(time.FixedZone("EST", -5*3600))}, {User: backup}}, probe.Pass, probe.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			server, account := start(t)
			server.Change(func(s *pagerdutytest.State) { s.Shifts = test.shifts })
			a := account("pd-token-1", "pd-key-1")
			assert.Equal(t, test.covered, probe.Run(t.Context(), "", oncallprobe.Covered(a, from, to)).Status)
			assert.Equal(t, test.both, probe.Run(t.Context(), "", oncallprobe.Both(a, ic, backup, from, to)).Status)
			assert.Equal(t, probe.Fail, probe.Run(t.Context(), "", oncallprobe.Both(a, ic, ic, from, to)).Status, "the same person twice")
			assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", oncallprobe.Both(a, ic, "", from, to)).Status)
		})
	}
}

func TestNothingIsFiredWhereTheRosterIsNotKnown(t *testing.T) {
	server, account := start(t)
	for _, trouble := range []servicetest.Trouble{servicetest.HTML, servicetest.Denied, servicetest.Empty} {
		server.Fail(trouble)
		assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", oncallprobe.Answers(account("pd-token-1", "pd-key-1"), oncallprobe.Drill{Tester: tester, Within: time.Second})).Status)
	}
	_, all := server.Open()
	assert.Zero(t, all)
}
