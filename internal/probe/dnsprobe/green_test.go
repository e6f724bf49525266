package dnsprobe

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

// What the list of all assertions does not show green, each in its own world.
func TestGreen(t *testing.T) {
	alias := func(t *testing.T, w *world) {
		for _, s := range w.Servers() {
			must(t)(s.Remove("api.drop.example.", dns.TypeCNAME))
			must(t)(s.Replace("api.drop.example. 60 A 203.0.113.91"))
		}
	}
	unbroken := func(*testing.T, *world) {}
	cases := []struct {
		name  string
		setup func(t *testing.T, w *world)
		claim func(z *Zone, w *world) probe.Claim
		want  probe.Status
	}{
		{"ALIAS to some of the target's addresses", alias, func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apiRecord]) }, probe.Pass},
		{"ALIAS has converged", alias, func(z *Zone, w *world) probe.Claim { return Converged(z, w.records[apiRecord]) }, probe.Pass},
		{"ALIAS has propagated", alias, func(z *Zone, w *world) probe.Claim {
			return Propagated(z, w.records[apiRecord], w.snapshot)
		}, probe.Pass},
		{"exact addresses behind a CNAME", unbroken, func(z *Zone, w *world) probe.Claim {
			r := w.records[apexRecord]
			r.Name = "www.drop.example"
			return LeadsTo(z, r)
		}, probe.Pass},
		{"the target two CNAMEs on", func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "api.drop.example. 60 CNAME edge.drop.example.\nedge.drop.example. 60 CNAME lb.cloud.example.")
		}, func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apiRecord]) }, probe.Pass},
		{"names in another case", func(t *testing.T, w *world) { w.replaceEverywhere(t, "api.drop.example. 60 CNAME LB.Cloud.Example.") },
			func(z *Zone, w *world) probe.Claim {
				r := w.records[apiRecord]
				r.Name = "API.drop.example"
				return LeadsTo(z, r)
			}, probe.Pass},
		{"MX as wanted", unbroken, func(z *Zone, _ *world) probe.Claim { return MXIs(z, []string{"10 Mail.cloud.example."}) }, probe.Pass},
		{"null MX", func(t *testing.T, w *world) { w.replaceEverywhere(t, "drop.example. 60 MX 0 .") },
			func(z *Zone, _ *world) probe.Claim { return MXIs(z, nil) }, probe.Pass},
		{"null MX dangles from nothing", func(t *testing.T, w *world) { w.replaceEverywhere(t, "drop.example. 60 MX 0 .") },
			func(z *Zone, w *world) probe.Claim { return NothingDangles(z, w.records...) }, probe.Pass},
		{"large answer truncated, TCP at work", func(_ *testing.T, w *world) { w.behave(func(b *dnstest.Behaviour) { b.TruncateUDP = true }) },
			func(z *Zone, _ *world) probe.Claim { return FitsOrTruncates(z) }, probe.Pass},
		{"truncated answers are fetched over TCP", func(_ *testing.T, w *world) { w.behave(func(b *dnstest.Behaviour) { b.TruncateUDP = true }) },
			func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apexRecord]) }, probe.Pass},
		{"forgeries before the answer are passed over", func(_ *testing.T, w *world) {
			w.behave(func(b *dnstest.Behaviour) { b.ForgeID, b.ForgeQuestion = true, true })
		},
			func(z *Zone, w *world) probe.Claim { return AnswersAgree(z, w.records[apexRecord]) }, probe.Pass},
		{"a parent without EDNS", func(_ *testing.T, w *world) { w.Parents()[0].Set(func(b *dnstest.Behaviour) { b.FormErrEDNS = true }) },
			func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Pass},
		{"serials of two providers", func(_ *testing.T, w *world) { w.config.Providers = 2 }, func(z *Zone, _ *world) probe.Claim { return SerialsAgree(z) }, probe.NA},
		{"a serial that went round", func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "drop.example. 3600 SOA ns1.drop.example. hostmaster.drop.example. 4294967295 7200 900 1209600 300")
		}, func(z *Zone, _ *world) probe.Claim { return SerialsAgree(z) }, probe.Pass},
		{"short negative TTL", func(_ *testing.T, w *world) {
			w.records = append(w.records, Record{Name: "new.drop.example", A: []netip.Addr{oldAddress}, New: true})
		}, func(z *Zone, w *world) probe.Claim { return NegativeTTLAtMost(z, 5*time.Minute, w.records...) }, probe.Pass},
		{"no glue is needed", func(_ *testing.T, w *world) { w.config.Domain = "cloud.example" }, func(z *Zone, _ *world) probe.Claim { return GlueMatches(z) }, probe.NA},
		{"only the zone names a server", func(t *testing.T, w *world) {
			must(t)(w.Parents()[0].Replace("drop.example. 60 NS ns1.drop.example."))
		}, func(z *Zone, _ *world) probe.Claim { return DelegationMatches(z) }, probe.Pass},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			c.setup(t, w)
			got := run(t, []Named{{c.name, true, c.claim(w.zone(), w)}})[0]
			assert.Equal(t, c.want, got.Status, got.Message())
		})
	}
}

// A server that only the zone itself names is asked too.
func TestServerOnlyInZone(t *testing.T) {
	w := newWorld(t, 2)
	must(t)(w.Parents()[0].Replace("drop.example. 60 NS ns1.drop.example."))
	oneOldServer(t, w)
	got := run(t, []Named{{"leads", true, LeadsTo(w.zone(), w.records[apexRecord])}})[0]
	assert.Equal(t, probe.Fail, got.Status)
	assert.Contains(t, got.From, "ns2.drop.example")
}

// A launch name can live in a zone below, and the name servers' names in a zone elsewhere, without glue.
func TestOtherZones(t *testing.T) {
	in := dnstest.New(t, dnstest.Config{Zones: []dnstest.Zone{
		{Origin: "hosting.net.", Text: "@ 60 A 203.0.113.1"},
		{Origin: "drop.example.", Text: "www 60 CNAME site.app"},
	}})
	child := dnstest.NewServer(t, "child", netip.MustParseAddr("203.0.113.200"))
	must(t)(child.AddZone("app.drop.example.", `$TTL 60
@ SOA ns.app.drop.example. h.app.drop.example. 1 1 1 1 60
@ NS ns.app.drop.example.
ns A 203.0.113.200
site A 203.0.113.80`))
	connect := in.Connect()
	for from, to := range child.Connect() {
		connect[from] = to
	}
	for _, s := range in.Servers() {
		must(t)(s.Replace("app.drop.example. 60 NS ns.app.drop.example.\nns.app.drop.example. 60 A 203.0.113.200"))
	}
	zone := New(Config{Network: &probe.Network{Connect: connect}, Domain: "drop.example", Roots: in.Roots()})
	site := Record{Name: "site.app.drop.example", A: []netip.Addr{netip.MustParseAddr("203.0.113.80")}}
	www := Record{Name: "www.drop.example", Target: "site.app.drop.example"}
	for _, r := range run(t, []Named{
		{"delegation", true, DelegationMatches(zone)}, {"resolve", true, ServersResolve(zone)},
		{"leads", true, LeadsTo(zone, site)}, {"cname", true, LeadsTo(zone, www)}, {"agree", true, AnswersAgree(zone, site)}, {"ttl", true, TTLAtMost(zone, www, time.Minute)},
	}) {
		assert.Equal(t, probe.Pass, r.Status, "%s: %s", r.Name, r.Message())
	}
	addrs, err := zone.Addresses(t.Context(), "www.drop.example")
	require.NoError(t, err)
	assert.Equal(t, site.A, addrs)
}

// A server that is dead on both transports costs its own wait, and hides nobody else's result.
func TestDeadServer(t *testing.T) {
	w := newWorld(t, 3)
	w.second().Set(func(b *dnstest.Behaviour) { b.SilentUDP, b.SilentTCP = true, true })
	start := time.Now()
	results := run(t, Assertions(w.zone(), w.records, w.snapshot))
	assert.Less(t, time.Since(start), 5*time.Second)
	status := map[string]probe.Status{}
	for _, r := range results {
		status[r.Assertion] = r.Status
		if r.Status == probe.Fail || r.Status == probe.Blocked {
			assert.Contains(t, r.Message(), "ns2.drop.example", r.Name)
			assert.NotContains(t, r.From, "ns1.drop.example", r.Name)
		}
	}
	assert.Equal(t, probe.Fail, status["DEL-05"])
	assert.Equal(t, probe.Fail, status["TRN-01"])
	assert.Equal(t, probe.Fail, status["TRN-02"])
	assert.Equal(t, probe.Pass, status["DEL-02"])
	assert.Equal(t, probe.Pass, status["DEL-03"])
	assert.Equal(t, probe.Pass, status["RBK-01"])
	assert.Equal(t, probe.Pass, status["REC-07"])
	assert.Equal(t, probe.Blocked, status["CON-02"])
	assert.Equal(t, probe.Pass, status["PRO-02"])
}

// A server that drops EDNS costs one wait, not one for each round, and its plain answers stand.
func TestServerThatDropsEDNS(t *testing.T) {
	w := newWorld(t, 2)
	w.config.Repeat = Repeat{Times: 3, Over: 20 * time.Millisecond}
	w.second().Set(func(b *dnstest.Behaviour) { b.DropEDNS = true })
	start := time.Now()
	status := map[string]probe.Status{}
	for _, r := range run(t, Assertions(w.zone(), w.records, w.snapshot)) {
		status[r.Assertion] = r.Status
	}
	assert.Less(t, time.Since(start), 5*time.Second)
	assert.Equal(t, probe.Fail, status["TRN-03"])
	assert.Equal(t, probe.Pass, status["DEL-05"])
	assert.Equal(t, probe.Pass, status["CON-03"])
	assert.Equal(t, probe.Pass, status["TRN-01"])
	assert.Equal(t, probe.Blocked, status["PRO-01"], "the later rounds ask with EDNS")
}

// A claim that is given up does not spoil the answer for the next one.
func TestCancelledClaim(t *testing.T) {
	w := newWorld(t, 2)
	w.behave(func(b *dnstest.Behaviour) { b.Delay = 100 * time.Millisecond })
	zone := w.zone()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := ServersAuthoritative(zone)(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	evidence, err := ServersAuthoritative(zone)(t.Context())
	require.NoError(t, err)
	assert.Contains(t, evidence.Asked, "203.0.113.53:53/udp")
	sent := zone.sent.Load()
	_, err = AnswersUDP(zone)(t.Context())
	require.NoError(t, err)
	assert.Equal(t, sent, zone.sent.Load(), "the same questions are asked once")
}

func TestAddresses(t *testing.T) {
	w := newWorld(t, 2)
	oneOldServer(t, w)
	zone := w.zone()
	addrs, err := zone.Addresses(t.Context(), "WWW.drop.example.")
	require.NoError(t, err)
	assert.Equal(t, []string{"2001:db8:80::1", "203.0.113.8", "203.0.113.80"}, addressTexts(addrs), "servers that disagree give the union")
	_, err = zone.Addresses(t.Context(), "nobody.drop.example")
	var unmet *probe.Unmet
	require.ErrorAs(t, err, &unmet)
	assert.Equal(t, "dns.no-address", unmet.Class)
}

// Of a zone that nothing more is known of, the zone itself is judged and nothing else.
func TestAssertionsOfBareZone(t *testing.T) {
	w := newWorld(t, 2)
	w.config.Resolvers = nil
	list := Assertions(w.zone(), nil, nil)
	for _, n := range list {
		assert.NotRegexp(t, `^(CON-0[23]|REC-0[4689]|TTL|PRO|RBK|CAA-0[125]|DKM|PTR|SEC-03)`, n.Name)
	}
	assert.Contains(t, list[len(list)-1].Name, "TLR")
	healthy(t, run(t, list))
}

// Parent and zone can live on the same servers, which then answer instead of referring.
func TestParentOnTheSameServers(t *testing.T) {
	in := dnstest.New(t, dnstest.Config{Zones: []dnstest.Zone{{Origin: "drop.example.", Text: "www 60 A 203.0.113.80"}, {Origin: "launch.drop.example.", Text: "@ 60 A 203.0.113.80"}}})
	config := Config{Network: &probe.Network{Connect: in.Connect()}, Domain: "launch.drop.example", Roots: in.Roots()}
	zone := New(config)
	healthy(t, run(t, []Named{
		{"delegation", true, DelegationMatches(zone)}, {"authoritative", true, ServersAuthoritative(zone)},
		{"leads", true, LeadsTo(zone, Record{Name: "launch.drop.example", A: []netip.Addr{netip.MustParseAddr("203.0.113.80")}})},
	}))
	config.Domain = "www.drop.example"
	got := run(t, []Named{{"no zone", true, ServersAuthoritative(New(config))}})[0]
	assert.Equal(t, "dns.no-zone", got.Class, got.Message())
	assert.Contains(t, got.Message(), "set dns.domain to the zone's apex")
}
