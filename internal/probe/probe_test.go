package probe_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestRunTellsTheEndingsApart(t *testing.T) {
	unmet := &probe.Unmet{Class: "dns.ttl", Want: "a TTL of 300 s", Got: "3600 s", From: "203.0.113.53", Fix: "lower it"}
	for name, c := range map[string]struct {
		err    error
		status probe.Status
		class  string
		line   string
	}{
		"holds":           {nil, probe.Pass, "", ""},
		"is wrong":        {unmet, probe.Fail, "dns.ttl", "want a TTL of 300 s; got 3600 s from 203.0.113.53; lower it"},
		"is wrong, deep":  {fmt.Errorf("apex: %w", unmet), probe.Fail, "dns.ttl", "want a TTL of 300 s; got 3600 s from 203.0.113.53; lower it"},
		"not applicable":  {&probe.NotApplicable{Why: "no MX"}, probe.NA, "not-applicable", "no MX"},
		"nobody can tell": {&probe.Unknown{Class: "refused", Want: "SOA", Got: "REFUSED", From: "ns1"}, probe.Blocked, "refused", "want SOA; got REFUSED from ns1"},
		"any other error": {errors.New("odd"), probe.Blocked, "error", "want a verdict; got odd"},
	} {
		t.Run(name, func(t *testing.T) {
			got := probe.Run(t.Context(), "check", func(context.Context) (probe.Evidence, error) {
				return probe.Evidence{Assertion: "TTL-01"}, c.err
			})
			assert.Equal(t, c.status, got.Status)
			assert.Equal(t, c.class, got.Class)
			assert.Equal(t, "TTL-01", got.Assertion)
			if c.line != "" {
				assert.Equal(t, c.line, got.Message())
			}
		})
	}
}

func TestRunBlocksWhatDoesNotEnd(t *testing.T) {
	for name, claim := range map[string]probe.Claim{
		"panic":   func(context.Context) (probe.Evidence, error) { panic("a nil map") },
		"goexit":  func(context.Context) (probe.Evidence, error) { runtime.Goexit(); return probe.Evidence{}, nil },
		"forever": func(context.Context) (probe.Evidence, error) { select {} },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			started := time.Now()
			got := probe.Run(ctx, name, claim)
			assert.Equal(t, probe.Blocked, got.Status)
			assert.NotEmpty(t, got.Message())
			assert.Less(t, time.Since(started), 2*time.Second)
		})
	}
}

func TestUnmetSaysWhenItMends(t *testing.T) {
	until := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	got := probe.Run(t.Context(), "propagation", func(context.Context) (probe.Evidence, error) {
		return probe.Evidence{}, &probe.Unmet{Class: "dns.stale", Want: "the new answer", Got: "the old one", Until: until}
	})
	require.NotNil(t, got.Until)
	assert.Contains(t, got.Message(), "mends itself at 2026-11-23T22:00:00Z")
}

func TestAdviceSaysWhatWasMeasured(t *testing.T) {
	for measured, err := range map[probe.Status]error{probe.Fail: &probe.Unmet{}, probe.Blocked: &probe.Unknown{}} {
		got := probe.Advise(t.Context(), "advice", func(context.Context) (probe.Evidence, error) { return probe.Evidence{}, err })
		assert.Equal(t, probe.Warn, got.Status)
		assert.Equal(t, measured, got.Measured)
	}
	got := probe.Advise(t.Context(), "advice", func(context.Context) (probe.Evidence, error) { return probe.Evidence{}, nil })
	assert.Equal(t, probe.Pass, got.Status)
	assert.Empty(t, got.Measured)
}

func TestGuarantee(t *testing.T) {
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	got := probe.Result{Status: probe.Pass, Evidence: probe.Evidence{GuaranteedAfter: now.Add(time.Hour)}}
	assert.Equal(t, "guaranteed after 2026-11-23T23:00:00Z", got.Guarantee(now))
	assert.Empty(t, got.Guarantee(now.Add(time.Hour)), "nothing is left to wait for")
	got.Status = probe.Fail
	assert.Empty(t, got.Guarantee(now))
	assert.Empty(t, probe.Result{Status: probe.Pass}.Guarantee(now))
}
