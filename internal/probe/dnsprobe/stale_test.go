package dnsprobe

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

// The judgement of resolvers without resolvers: www is a CNAME (60 s) to the apex, whose A has changed.
func TestJudgement(t *testing.T) {
	start := time.Date(2026, 2, 23, 10, 0, 0, 0, time.UTC)
	www := link{"www.", []sighting{sawCNAME(ns1, "drop.")}}
	apex4 := link{"drop.", []sighting{saw(ns1, 60, "203.0.113.80")}}
	apex6 := link{"drop.", []sighting{sawNothing(ns1, nodata)}}
	judge := judgement{apex: "drop.", private: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, want: expected{
		record: Record{Name: "www", Target: "drop", Old: []string{"203.0.113.8"}}, target: []netip.Addr{netip.MustParseAddr("203.0.113.80")},
		chains: [2]chain{{name: "www.", links: []link{www, apex4}}, {name: "www.", links: []link{www, apex6}}},
	}}
	look := func(after time.Duration, cnameTTL uint32, apex cached) vantage {
		toApex := cached{"www.", "CNAME", []string{"drop."}, cnameTTL, true}
		at := start.Add(after)
		return vantage{Resolver: "r", Answers: [2]recursive{
			{Rcode: "NOERROR", At: at, Chain: []cached{toApex, apex}},
			{Rcode: "NOERROR", At: at, Negative: true, Chain: []cached{toApex, {Name: "drop.", Type: "AAAA", TTL: 60, hasTTL: true}}},
		}}
	}
	a := func(value string, ttl uint32) cached { return cached{"drop.", "A", []string{value}, ttl, true} }

	stale, err := judge.first(look(0, 60, a("203.0.113.80", 60)))
	assert.Nil(t, stale)
	require.NoError(t, err)

	stale, err = judge.first(look(0, 60, a("203.0.113.8", 7200)))
	require.NoError(t, err)
	require.NotNil(t, stale)
	assert.Equal(t, start.Add(2*time.Hour), stale.unmet().Until, "the apex's TTL, not the CNAME's 60 s")
	assert.Equal(t, 2*time.Second, stale.untilSecondLook(2*time.Second))

	second := func(v vantage) *probe.Unmet {
		err := judge.second(*stale, v)
		if err == nil {
			return nil
		}
		var unmet *probe.Unmet
		require.ErrorAs(t, err, &unmet)
		return unmet
	}
	assert.Equal(t, "dns.stale", second(look(2*time.Second, 58, a("203.0.113.8", 7198))).Class, "falls one to one")
	assert.Equal(t, "dns.stale", second(look(2*time.Second, 58, a("203.0.113.8", 7199))).Class, "a second of rounding")
	assert.Equal(t, "dns.not-converging", second(look(2*time.Second, 58, a("203.0.113.8", 7200))).Class, "pinned")
	assert.Equal(t, "dns.not-converging", second(look(3*time.Hour, 58, a("203.0.113.8", 0))).Class, "it should have run out")
	assert.Equal(t, "dns.stale", second(look(2*time.Second, 58, a("203.0.113.80", 60))).Class, "one new cache does not empty the other")
	assert.Nil(t, second(look(2*time.Hour, 58, a("203.0.113.80", 60))), "run out, and new")
	broken := look(2*time.Second, 58, a("203.0.113.8", 7198))
	broken.Answers[0].err = &probe.Unknown{Class: "timeout"}
	assert.Equal(t, "dns.stale", second(broken).Class, "what the first look saw stands")

	stale, err = judge.first(look(0, 60, a("203.0.113.8", 3)))
	require.NoError(t, err)
	assert.Equal(t, 4*time.Second, stale.untilSecondLook(2*time.Second), "a short TTL is waited out")

	gone := look(0, 60, cached{Name: "drop.", Type: "A"})
	gone.Answers[0].Negative = true
	_, err = judge.first(gone)
	judged(t, err, probe.Fail, "no TTL")

	both := judge // the apex has an AAAA too, which the resolver knew not to exist
	both.want.target = append(both.want.target, netip.MustParseAddr("2001:db8:80::1"))
	both.want.chains[1] = chain{name: "www.", links: []link{www, {"drop.", []sighting{saw(ns1, 60, "2001:db8:80::1")}}}}
	stale, err = both.first(look(0, 60, a("203.0.113.80", 60)))
	require.NoError(t, err)
	require.NotNil(t, stale, "half an answer is not the new one")
	assert.Equal(t, start.Add(time.Minute), stale.unmet().Until)

	blind := judge // no authoritative server answers
	blind.want.err = &probe.Unknown{Class: "timeout"}
	blind.want.chains = [2]chain{{errs: []error{blind.want.err}}, {errs: []error{blind.want.err}}}
	_, err = blind.first(look(0, 60, a("203.0.113.80", 60)))
	judged(t, err, probe.Blocked, "whether this is the new answer")
	_, err = blind.first(look(0, 60, a("203.0.113.8", 60)))
	judged(t, err, probe.Fail, "how long this lasts")

	other := judge
	other.want.record.Target, other.apex = "lb.cloud", "drop."
	lb := link{"lb.cloud.", []sighting{saw(ns1, 60, "203.0.113.90")}}
	viaLB := func(value string) vantage {
		chain := []cached{{"www.", "CNAME", []string{"lb.cloud."}, 60, true}, {"lb.cloud.", "A", []string{value}, 60, true}}
		return vantage{Answers: [2]recursive{{Rcode: "NOERROR", Chain: chain}, {Rcode: "NOERROR", Chain: chain[:1], Negative: true}}}
	}
	other.want.chains = [2]chain{{links: []link{{"www.", []sighting{sawCNAME(ns1, "lb.cloud.")}}, lb}}, {}}
	assert.True(t, other.isNew(viaLB("203.0.113.91")), "a target elsewhere may answer each resolver differently")
	assert.False(t, other.isNew(viaLB("203.0.113.8")), "but never with the old address")
	other.want.chains[1] = chain{links: []link{{"lb.cloud.", []sighting{saw(ns1, 60, "2001:db8::90")}}}}
	assert.True(t, other.isNew(viaLB("203.0.113.91")), "or without one of the families")
}
