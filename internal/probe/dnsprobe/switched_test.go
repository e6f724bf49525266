package dnsprobe

import (
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

// rewrite moves the log of first sights into the past, by so much.
func (w *world) rewrite(t *testing.T, by time.Duration) {
	t.Helper()
	log, err := readTTLLog(w.config.TTLLog)
	require.NoError(t, err)
	for i := range log {
		log[i].Seen = log[i].Seen.Add(-by)
	}
	require.NoError(t, os.Remove(w.config.TTLLog))
	require.NoError(t, appendTTLLog(w.config.TTLLog, log))
}

// From when on no cache can have the old answer: the old TTL after the last server was first seen with the new one.
func TestGuaranteedAfter(t *testing.T) {
	w := newWorld(t, 2)
	look := func() (probe.Result, Unseen) {
		got := run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], w.snapshot)}})[0]
		return got, got.Evidence.Observed.(Propagation).Unseen
	}
	oneOldServer(t, w)
	_, unseen := look()
	assert.Equal(t, "not every server has the new answer", unseen.Unknown)
	assert.Zero(t, unseen.GuaranteedAfter)
	w.rewrite(t, 40*time.Minute)

	w.replaceEverywhere(t, "drop.example. 60 A 203.0.113.80")
	got, unseen := look()
	assert.Equal(t, probe.Pass, got.Status, got.Message())
	assert.InDelta(t, 3600, unseen.OldTTL, 0)
	assert.WithinDuration(t, time.Now().Add(time.Hour), got.Evidence.GuaranteedAfter, 5*time.Second, "the second server has switched just now, the first one 40 minutes ago")
	assert.Equal(t, "guaranteed after "+got.Evidence.GuaranteedAfter.Format(time.RFC3339), got.Guarantee(time.Now()))
	assert.Empty(t, got.Guarantee(time.Now().Add(2*time.Hour)))

	w.rewrite(t, 30*time.Minute)
	got, _ = look()
	assert.WithinDuration(t, time.Now().Add(30*time.Minute), got.Evidence.GuaranteedAfter, 5*time.Second, "half of it is over")

	w.second().Set(func(b *dnstest.Behaviour) { b.Rcode = dns.RcodeRefused })
	got, unseen = look()
	assert.NotEmpty(t, unseen.Unknown, "nobody knows what a server says that refuses")
	assert.Zero(t, got.Evidence.GuaranteedAfter)

	log, err := readTTLLog(w.config.TTLLog)
	require.NoError(t, err)
	first, _ := firstSight(log, ttlSight{Name: "drop.example", Type: "A", TTL: 60, Seen: time.Now()}, 5*time.Minute)
	assert.WithinDuration(t, time.Now(), first, time.Minute, "the TTL's sights are lines of their own")
}

// Who still has the old delegation asks the old servers, and keeps their answers.
func TestGuaranteedAfterADelegationChange(t *testing.T) {
	w := newWorld(t, 2)
	guaranteed := func() time.Time {
		got := run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], w.snapshot)}})[0]
		require.Equal(t, probe.Pass, got.Status, got.Message())
		return got.Evidence.GuaranteedAfter
	}
	must(t)(w.Parents()[0].Replace("drop.example. 7200 NS ns1.drop.example.\ndrop.example. 7200 NS ns2.drop.example.\ndrop.example. 7200 NS old.elsewhere.example."))
	guaranteed()
	w.rewrite(t, 5*time.Hour)
	assert.WithinDuration(t, time.Now().Add(-4*time.Hour), guaranteed(), 5*time.Second, "all is long over")
	must(t)(w.Parents()[0].Replace("drop.example. 7200 NS ns1.drop.example.\ndrop.example. 7200 NS ns2.drop.example."))
	assert.WithinDuration(t, time.Now().Add(3*time.Hour), guaranteed(), 5*time.Second, "2 h of the old NS, 1 h of what its servers said last")

	w.rewrite(t, 5*time.Hour)
	must(t)(w.Parents()[0].Replace("drop.example. 1800 DS 1 13 2 " + sha256Zero))
	assert.WithinDuration(t, time.Now().Add(30*time.Minute), guaranteed(), 5*time.Second, "the DS")

	w.rewrite(t, 5*time.Hour)
	w.snapshot.rrs = append(w.snapshot.rrs, &dns.NS{Hdr: dns.RR_Header{Name: "drop.example.", Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 86400}, Ns: "ns.before.example."})
	assert.WithinDuration(t, time.Now().Add(15*time.Hour), guaranteed(), 5*time.Second, "the snapshot has a name server that is gone: 24 h + 1 h, 10 h ago")
}

const sha256Zero = "0000000000000000000000000000000000000000000000000000000000000000"

// For how long the old answer could be cached.
func TestOldTTL(t *testing.T) {
	w := newWorld(t, 2)
	of := func(r Record, s *Snapshot) (time.Duration, error) { return w.zone().oldTTL(t.Context(), r, s) }
	now := netip.MustParseAddr("203.0.113.80")
	cases := []struct {
		name     string
		record   Record
		snapshot string
		want     time.Duration
	}{
		{"its TTL", Record{Name: "a.drop.example", A: []netip.Addr{now}}, "a.drop.example. 60 A 203.0.113.8\n", time.Minute},
		{"a CNAME stood for all types", Record{Name: "a.drop.example", Target: "x"}, "a.drop.example. 60 CNAME b.drop.example.\n", time.Minute},
		{"IPv6 is new, and its absence could be cached", Record{Name: "a.drop.example", A: []netip.Addr{now}, AAAA: []netip.Addr{netip.IPv6Unspecified()}}, "a.drop.example. 60 A 203.0.113.8\n", 5 * time.Minute},
		{"the name is new", Record{Name: "a.drop.example", A: []netip.Addr{now}, New: true}, "b.drop.example. 60 A 203.0.113.8\n", 5 * time.Minute},
		{"its absence was cached for longer before", Record{Name: "a.drop.example", A: []netip.Addr{now}, New: true}, "drop.example. 3600 SOA a. b. 1 1 1 1 1800\n", 30 * time.Minute},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := of(c.record, parseSnapshot([]byte(c.snapshot), "drop.example"))
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
	_, err := of(Record{Name: "a.drop.example", A: []netip.Addr{now}}, nil)
	judged(t, err, probe.Blocked, "no snapshot")
	got, err := of(Record{Name: "a.drop.example", A: []netip.Addr{now}, New: true}, nil)
	require.NoError(t, err)
	assert.Equal(t, 5*time.Minute, got)
}

// A damaged log is nobody's guarantee, and no reason to doubt what was seen.
func TestGuaranteeWithADamagedLog(t *testing.T) {
	w := newWorld(t, 2)
	w.config.TTLLog = w.config.TTLLog + ".damaged"
	require.NoError(t, appendTTLLog(w.config.TTLLog, []ttlSight{{}}))
	got := run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], w.snapshot)}})[0]
	assert.Equal(t, probe.Pass, got.Status)
	assert.Zero(t, got.Evidence.GuaranteedAfter)
	assert.Contains(t, got.Evidence.Observed.(Propagation).Unseen.Unknown, "log of first sights")
}

func FuzzParseTTLLog(f *testing.F) {
	f.Add(`{"name":"drop.example","type":"A","ttl":60,"seen":"2026-02-20T10:00:00Z"}` + "\n")
	f.Add(`{"name":"drop.example","type":"A AAAA","ttl":0,"seen":"2026-02-20T10:00:00Z","server":"ns1","answer":"another"}` + "\n{}\n")
	f.Add("\n")
	f.Fuzz(func(t *testing.T, text string) {
		log, err := parseTTLLog([]byte(text))
		if err != nil {
			return
		}
		for _, s := range log {
			assert.NotEmpty(t, s.Name)
			assert.NotZero(t, s.Seen)
		}
	})
}
