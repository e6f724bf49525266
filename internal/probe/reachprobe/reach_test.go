package reachprobe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestJudge(t *testing.T) {
	public, private := func(ended string) Attempt { return Attempt{"203.0.113.54:5432", false, ended} }, func(ended string) Attempt { return Attempt{"10.0.3.54:5432", true, ended} }
	for name, test := range map[string]struct {
		attempts []Attempt
		want     probe.Status
	}{
		"a private address that is not there":          {[]Attempt{private(timedOut)}, probe.Pass},
		"a private address without a way":              {[]Attempt{private(unreachable)}, probe.Pass},
		"a private address that refuses":               {[]Attempt{private(refused)}, probe.Pass},
		"a private address that answers: not outside":  {[]Attempt{private(connected)}, probe.Blocked},
		"a public address behind a group":              {[]Attempt{public(timedOut)}, probe.Pass},
		"a public address that refuses":                {[]Attempt{public(refused)}, probe.Pass},
		"a public address without a way":               {[]Attempt{public(unreachable)}, probe.Blocked},
		"a public address that answers":                {[]Attempt{public(connected)}, probe.Fail},
		"one of two answers":                           {[]Attempt{public(timedOut), public(connected)}, probe.Fail},
		"one answers, and the other says nothing":      {[]Attempt{public(connected), public("no such device")}, probe.Fail},
		"something else went wrong":                    {[]Attempt{private("no such device")}, probe.Blocked},
		"no attempt at all":                            {nil, probe.Blocked},
		"a private one answers, a public one does not": {[]Attempt{private(connected), public(timedOut)}, probe.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, probe.StatusOf(judge(test.attempts, "db:5432")))
		})
	}
}

type table map[string][]netip.Addr

func (t table) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	if t[name] == nil {
		return nil, errors.New("no such name")
	}
	return t[name], nil
}

func TestNotReached(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	public, private := netip.MustParseAddr("203.0.113.54"), netip.MustParseAddr("10.0.3.54")
	outside := Outside{Vantage: Internet, Resolver: table{"private.example": {private}, "public.example": {public}, "both.example": {private, public}, "lost.example": {netip.MustParseAddr("198.51.100.1")}},
		Network: &probe.Network{Connect: map[string]string{"203.0.113.54:5432": listener.Addr().String(), "10.0.3.54:5432": "127.0.0.1:1"}}}
	run := func(o Outside, host string) probe.Result {
		return probe.Run(t.Context(), host, NotReached(o, func(context.Context) (string, error) { return Endpoint(host, 5432), nil }))
	}
	for host, want := range map[string]probe.Status{"private.example": probe.Pass, "public.example": probe.Fail, "both.example": probe.Fail, "lost.example": probe.Blocked, "none.example": probe.Blocked} {
		got := run(outside, host)
		assert.Equal(t, want, got.Status, "%s: %s", host, got.Message())
	}
	for _, vantage := range []string{"vpc", ""} {
		within := outside
		within.Vantage = vantage
		assert.Equal(t, probe.Blocked, run(within, "private.example").Status, "from %q nobody can tell", vantage)
	}
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	_, err = NotReached(outside, func(context.Context) (string, error) { return Endpoint("private.example", 5432), nil })(late)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err), "an attempt without time saw nothing")
}
