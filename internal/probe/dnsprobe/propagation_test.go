package dnsprobe

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

const oldApex = "drop.example. 60 A 203.0.113.8\ndrop.example. 60 AAAA 2001:db8:80::1"

// What a resolver can say, and how it is told apart.
func TestPropagation(t *testing.T) {
	hold := func(lines string, ttl uint32, how dnstest.Holding) func(*testing.T, *world) {
		return func(t *testing.T, w *world) { must(t)(w.Resolvers()[0].Hold(lines, ttl, how)) }
	}
	behave := func(change func(*dnstest.Behaviour)) func(*testing.T, *world) {
		return func(_ *testing.T, w *world) { w.Resolvers()[0].Set(change) }
	}
	subnet := netip.MustParsePrefix("198.18.7.0/24")
	cases := []struct {
		name   string
		fault  func(*testing.T, *world)
		record int
		want   probe.Status
		class  string
		until  time.Duration // 0: no end in sight
		says   []string
	}{
		{"new", func(*testing.T, *world) {}, apexRecord, probe.Pass, "", 0, nil},
		{"stale", hold(oldApex, 7200, dnstest.UntilExpiry), apexRecord, probe.Fail, "dns.stale", 2 * time.Hour, []string{"203.0.113.8", "eu-north", "(198.51.100.101:53) for 7200 s more (drop.example A", "wait"}},
		{"stale behind a fresh CNAME", hold(oldApex+"\nwww.drop.example. 60 CNAME drop.example.", 7200, dnstest.UntilExpiry), wwwRecord, probe.Fail, "dns.stale", 2 * time.Hour, []string{"s more (drop.example A"}},
		{"negative cache", func(_ *testing.T, w *world) { w.Resolvers()[0].HoldNXDOMAIN("api.drop.example.", 600) }, apiRecord, probe.Fail, "dns.stale", 10 * time.Minute, []string{"NXDOMAIN", "wait"}},
		{"runs out while we look", hold(oldApex, 1, dnstest.UntilExpiry), apexRecord, probe.Pass, "", 0, nil},
		{"pinned", hold(oldApex, 7200, dnstest.Frozen), apexRecord, probe.Fail, "dns.not-converging", 0, []string{"does not run out", "flush", "for 7200 s"}},
		{"refilled with old data, later", hold(oldApex, 7, dnstest.Refilled), apexRecord, probe.Fail, "dns.not-converging", 0, nil},
		{"refilled with old data", hold(oldApex, 2, dnstest.Refilled), apexRecord, probe.Fail, "dns.not-converging", 0, nil},
		{"served stale", hold(oldApex, 30, dnstest.ServedStale), apexRecord, probe.Fail, "dns.not-converging", 0, []string{"3 Stale Answer"}},
		{"split horizon", hold("drop.example. 60 A 203.0.113.80\ndrop.example. 60 AAAA 2001:db8:80::1", 60, dnstest.SplitHorizon), apexRecord, probe.Fail, "dns.hijacked", 0, []string{"AA=1"}},
		{"a private address", hold("drop.example. 60 A 10.1.2.3\ndrop.example. 60 AAAA 2001:db8:80::1", 60, dnstest.UntilExpiry), apexRecord, probe.Fail, "dns.hijacked", 0, []string{"10.1.2.3 (private use, RFC 1918)"}},
		{"SERVFAIL", behave(func(b *dnstest.Behaviour) { b.Rcode = dns.RcodeServerFailure }), apexRecord, probe.Fail, "dns.servfail", 0, []string{"eu-north"}},
		{"stale NXDOMAIN by its own word", func(_ *testing.T, w *world) {
			w.Resolvers()[0].HoldNXDOMAIN("api.drop.example.", 600)
			w.Resolvers()[0].Set(func(b *dnstest.Behaviour) { b.EDE = &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeStaleNXDOMAINAnswer} })
		}, apiRecord, probe.Fail, "dns.not-converging", 0, []string{"19 "}},
		{"REFUSED is no evidence", behave(func(b *dnstest.Behaviour) { b.Rcode = dns.RcodeRefused }), apexRecord, probe.Blocked, "dns.vantages", 0, []string{"(REFUSED)"}},
		{"silence is no evidence", behave(func(b *dnstest.Behaviour) { b.SilentUDP = true }), apexRecord, probe.Blocked, "dns.vantages", 0, []string{"eu-north", "no answer within 3s"}},
		{"the source has the old answer", func(t *testing.T, w *world) { w.replaceEverywhere(t, "drop.example. 60 A 203.0.113.8") }, apexRecord, probe.Fail, "dns.mismatch", 0, []string{"DNS provider first"}},
		{"nobody knows for how long", func(t *testing.T, w *world) {
			hold(oldApex, 7200, dnstest.UntilExpiry)(t, w)
			w.behave(func(b *dnstest.Behaviour) { b.SilentUDP = true })
		}, apexRecord, probe.Fail, "dns.not-converging", 0, []string{"see first why the authoritative servers do not answer"}},
		{"one subnet has the old answer", func(t *testing.T, w *world) {
			w.config.Resolvers[0].Subnet = subnet
			for _, s := range w.Servers() {
				must(t)(s.ForSubnet(subnet, "drop.example. 300 A 203.0.113.8"))
			}
		}, apexRecord, probe.Fail, "dns.not-converging", 0, []string{"203.0.113.8", "198.18.7.0/24", "give the clients"}},
		{"a subnet with the new answer", func(_ *testing.T, w *world) { w.config.Resolvers[0].Subnet = subnet }, apexRecord, probe.Pass, "", 0, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.config.Resolvers, w.config.Regions = w.config.Resolvers[:1], 1
			c.fault(t, w)
			got := run(t, []Named{{c.name, true, Propagated(w.zone(), w.records[c.record], w.snapshot)}})[0]
			assert.Equal(t, c.want, got.Status, got.Message())
			assert.Equal(t, c.class, got.Class, got.Message())
			for _, part := range c.says {
				assert.Contains(t, got.Message(), part)
			}
			if c.until == 0 {
				assert.Nil(t, got.Until)
				return
			}
			require.NotNil(t, got.Until)
			assert.WithinDuration(t, time.Now().Add(c.until), *got.Until, 10*time.Second)
		})
	}
}
