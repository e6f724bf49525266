package dnsprobe

import (
	"cmp"
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
	at := func(after time.Duration, cnameTTL uint32, apex cached) vantage {
		toApex := cached{"www.", "CNAME", []string{"drop."}, cnameTTL, true}
		when := start.Add(after)
		return vantage{Resolver: "r", Answers: [2]recursive{
			{Rcode: "NOERROR", At: when, sent: when, Chain: []cached{toApex, apex}},
			{Rcode: "NOERROR", At: when, sent: when, Negative: true, Chain: []cached{toApex, {Name: "drop.", Type: "AAAA", TTL: 60, hasTTL: true}}},
		}}
	}
	a := func(value string, ttl uint32) cached { return cached{"drop.", "A", []string{value}, ttl, true} }
	// look is what one cache shows, or several caches with these TTLs of the old answer; 0 is one with the new answer.
	look := func(after time.Duration, ttls ...uint32) samples {
		var s samples
		for i := range perLook {
			if ttl := ttls[i%len(ttls)]; ttl > 0 {
				s = append(s, at(after, 60, a("203.0.113.8", ttl)))
			} else {
				s = append(s, at(after, 60, a("203.0.113.80", 60)))
			}
		}
		return s
	}

	old, err := judge.look(look(0, 0))
	assert.Nil(t, old)
	require.NoError(t, err)

	old, err = judge.look(look(0, 7200))
	require.NoError(t, err)
	require.NotNil(t, old)
	assert.Equal(t, start.Add(2*time.Hour), old.unmet().Until, "the apex's TTL, not the CNAME's 60 s")
	assert.Equal(t, "r for 7200 s more (drop A)", old.unmet().From)
	assert.Equal(t, 2*time.Second, old.untilNextLook(2*time.Second))

	old, err = judge.look(look(0, 3))
	require.NoError(t, err)
	assert.Equal(t, 4*time.Second, old.untilNextLook(2*time.Second), "a short TTL is waited out")

	gone := at(0, 60, cached{Name: "drop.", Type: "A"})
	gone.Answers[0].Negative = true
	_, err = judge.look(samples{gone})
	judged(t, err, probe.Fail, "no TTL")

	both := judge // the apex has an AAAA too, which the resolver knew not to exist
	both.want.target = append(both.want.target, netip.MustParseAddr("2001:db8:80::1"))
	both.want.chains[1] = chain{name: "www.", links: []link{www, {"drop.", []sighting{saw(ns1, 60, "2001:db8:80::1")}}}}
	old, err = both.look(look(0, 0))
	require.NoError(t, err)
	require.NotNil(t, old, "half an answer is not the new one")
	assert.Equal(t, start.Add(time.Minute), old.unmet().Until)

	silent := at(0, 60, a("203.0.113.8", 50))
	silent.Answers[1] = recursive{err: &probe.Unknown{Class: "timeout"}}
	old, err = judge.look(samples{silent})
	require.NoError(t, err)
	assert.NotNil(t, old, "one family is enough to see that it is old")
	silent.Answers[0] = at(0, 60, a("203.0.113.80", 50)).Answers[0]
	_, err = judge.look(samples{silent})
	judged(t, err, probe.Blocked, "") // and not enough to see that it is new

	blind := judge // no authoritative server answers
	blind.want.err = &probe.Unknown{Class: "timeout"}
	blind.want.chains = [2]chain{{errs: []error{blind.want.err}}, {errs: []error{blind.want.err}}}
	_, err = blind.look(look(0, 0))
	judged(t, err, probe.Blocked, "whether this is the new answer")
	_, err = blind.look(look(0, 60))
	judged(t, err, probe.Fail, "how long this lasts")

	pool := judge // the authoritative servers have the old answer for these clients
	pool.subnet = netip.MustParsePrefix("198.18.7.0/24")
	pool.want.chains[0].links = []link{www, {"drop.", []sighting{saw(ns1, 60, "203.0.113.8")}}}
	_, err = pool.look(look(0, 60))
	judged(t, err, probe.Fail, "198.18.7.0/24")

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

// What further looks make of an old answer. The first was at 0 s, each next one 2 s after it where it says no other.
func TestLooks(t *testing.T) {
	start := time.Date(2026, 2, 23, 10, 0, 0, 0, time.UTC)
	judge := judgement{apex: "drop.", private: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}, want: expected{
		record: Record{Name: "drop", A: []netip.Addr{netip.MustParseAddr("203.0.113.80")}},
		chains: [2]chain{{name: "drop.", links: []link{{"drop.", []sighting{saw(ns1, 60, "203.0.113.80")}}}}, {name: "drop.", links: []link{{"drop.", []sighting{sawNothing(ns1, nodata)}}}}},
	}}
	type caches []uint32 // TTLs of the old answer in the caches of one resolver; 0: it has the new one
	const slow = 1500 * time.Millisecond
	look := func(after, late time.Duration, ttls caches) samples {
		var s samples
		for i := range perLook {
			value, ttl := "203.0.113.8", ttls[i%len(ttls)]
			if ttl == 0 {
				value = "203.0.113.80"
			}
			answer := recursive{Rcode: "NOERROR", sent: start.Add(after), At: start.Add(after + late), Chain: []cached{{"drop.", "A", []string{value}, ttl, true}}}
			s = append(s, vantage{Resolver: "r", Answers: [2]recursive{answer, {Rcode: "NOERROR", sent: answer.sent, At: answer.At, Negative: true, Chain: []cached{{Name: "drop.", Type: "AAAA", TTL: 60, hasTTL: true}}}}})
		}
		return s
	}
	cases := []struct {
		name  string
		looks []caches
		every time.Duration // between looks; 0 means 2 s
		late  time.Duration // the second look's answers come so much later
		class string        // "": new
		until time.Duration
	}{
		{"falls one to one", []caches{{7200}, {7198}}, 0, 0, "dns.stale", 2 * time.Hour},
		{"a second of rounding", []caches{{7200}, {7199}}, 0, 0, "dns.stale", 2 * time.Hour},
		{"the second answer was slow", []caches{{7200}, {7198}}, 0, slow, "dns.stale", 2 * time.Hour},
		{"pinned", []caches{{7200}, {7200}}, 0, 0, "dns.not-converging", 0},
		{"pinned, and the second answer was slow", []caches{{7200}, {7200}}, 0, slow, "dns.not-converging", 0},
		{"refilled before its time", []caches{{100}, {3600}}, 0, 0, "dns.not-converging", 0},
		{"refilled at its time", []caches{{2}, {60}}, 3 * time.Second, 0, "dns.not-converging", 0},
		{"still there long after", []caches{{1}, {1}}, 3 * time.Hour, 0, "dns.not-converging", 0},
		{"new where the cache ran out", []caches{{2}, {0}}, 3 * time.Second, 0, "", 0},
		{"one new cache does not empty the other", []caches{{7200}, {0}}, 0, 0, "dns.stale", 2 * time.Hour},
		{"one cache of two", []caches{{7200, 0}, {7198, 0}}, 0, 0, "dns.stale", 2 * time.Hour},
		{"two caches, the longest counts", []caches{{100, 3600}, {3598, 98}}, 0, 0, "dns.stale", time.Hour},
		{"a third cache is seen later", []caches{{100, 500}, {98, 3598}, {96, 3596}}, 0, 0, "dns.stale", time.Hour},
		{"one pinned cache of two", []caches{{3600, 0}, {3600, 0}}, 0, 0, "dns.not-converging", 0},
		{"one refilled cache of two", []caches{{2, 0}, {60, 0}, {59, 0}, {59, 0}}, 3 * time.Second, 0, "dns.not-converging", 0},
		{"flapping between old caches", []caches{{100, 500}, {98, 3598}, {96, 7196}}, 0, 0, "dns.not-converging", 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			every := cmp.Or(c.every, 2*time.Second)
			old, err := judge.look(look(0, 0, c.looks[0]))
			require.NoError(t, err)
			require.NotNil(t, old)
			used := 1
			for old != nil {
				require.Less(t, used, len(c.looks), "it wants another look")
				old, err = judge.again(old, look(time.Duration(used)*every, c.late, c.looks[used]))
				used++
			}
			if c.class == "" {
				require.NoError(t, err)
				return
			}
			var unmet *probe.Unmet
			require.ErrorAs(t, err, &unmet)
			assert.Equal(t, c.class, unmet.Class, unmet)
			if c.until == 0 {
				assert.Zero(t, unmet.Until)
				return
			}
			assert.WithinDuration(t, start.Add(c.until), unmet.Until, time.Second)
		})
	}
	old, err := judge.look(look(0, 0, caches{60}))
	require.NoError(t, err)
	_, err = judge.again(old, samples{{Answers: [2]recursive{{err: &probe.Unknown{Class: "timeout"}}, {err: &probe.Unknown{Class: "timeout"}}}}})
	judged(t, err, probe.Fail, "the old answer") // what the first look saw stands
}
