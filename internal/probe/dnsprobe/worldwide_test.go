package dnsprobe

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/fixtures/globalpingtest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/globalping"
)

// worldwide is a world with globalping.io in it: probes in Norway ask through the first resolver, those in America through
// the second, and five in Singapore say what they are told.
func worldwide(t *testing.T) (*world, *globalpingtest.Server) {
	t.Helper()
	in := dnstest.New(t, dnstest.Config{Zones: []dnstest.Zone{
		{Origin: "drop.example.", Text: dropZone}, {Origin: "cloud.example.", Text: cloudZone}, {Origin: "globalping.io.", Text: "api 60 A 203.0.113.99"},
	}, Regions: []string{"eu-north", "us-east"}})
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	probes := []globalpingtest.Probe{
		{Country: "NO", City: "Oslo", ASN: 2119, Network: "Telenor", Resolver: "private", Ask: globalpingtest.Through(in.Resolvers()[0].Addr())},
		{Country: "NO", City: "Bergen", ASN: 2119, Network: "Telenor", Resolver: "private", Ask: globalpingtest.Through(in.Resolvers()[0].Addr())},
		{Country: "US", City: "Ashburn", ASN: 14618, Network: "Amazon", Resolver: "8.8.8.8", Ask: globalpingtest.Through(in.Resolvers()[1].Addr())},
	}
	for range 5 {
		probes = append(probes, globalpingtest.Probe{Country: "SG", City: "Singapore", ASN: 16509, Network: "Amazon", Resolver: "1.1.1.1",
			Ask: globalpingtest.Says("drop.example. 60 A 203.0.113.80", "drop.example. 60 AAAA 2001:db8:80::1")})
	}
	service := globalpingtest.New(t, globalpingtest.Config{Authority: authority, Address: netip.MustParseAddr("203.0.113.99"), Probes: probes})
	network := &probe.Network{Connect: in.Connect(), Roots: authority.Pool()}
	for from, to := range service.Connect() {
		network.Connect[from] = to
	}
	w := newWorld(t, 2)
	w.Internet = in
	w.config.Network, w.config.Roots = network, in.Roots()
	w.config.Globalping = Globalping{Network: network, Locations: []string{"NO", "US", "Singapore"}, Probes: 5}
	return w, service
}

// singapore is the first of the probes there.
const singapore = 3

func TestPropagatedWorldwide(t *testing.T) {
	say := func(lines ...string) func(*testing.T, *world, *globalpingtest.Server) {
		return func(_ *testing.T, _ *world, s *globalpingtest.Server) {
			s.SetProbe(singapore, func(p *globalpingtest.Probe) { p.Ask = globalpingtest.Says(lines...) })
		}
	}
	ends := func(r globalpingtest.Result, n int) func(*testing.T, *world, *globalpingtest.Server) {
		return func(_ *testing.T, _ *world, s *globalpingtest.Server) {
			for i := range n {
				s.SetProbe(singapore+i, func(p *globalpingtest.Probe) {
					p.Ask = func(context.Context, string, uint16) globalpingtest.Result { return r }
				})
			}
		}
	}
	rcode := func(code int) globalpingtest.Result {
		return globalpingtest.Result{Status: "finished", StatusCode: code, StatusCodeName: dns.RcodeToString[code]}
	}
	behave := func(change func(*globalpingtest.Behaviour)) func(*testing.T, *world, *globalpingtest.Server) {
		return func(_ *testing.T, _ *world, s *globalpingtest.Server) { s.Set(change) }
	}
	const aaaa = "drop.example. 60 AAAA 2001:db8:80::1"
	cases := []struct {
		name  string
		fault func(*testing.T, *world, *globalpingtest.Server)
		want  probe.Status
		class string
		until time.Duration
		says  []string
	}{
		{"new everywhere", func(*testing.T, *world, *globalpingtest.Server) {}, probe.Pass, "", 0, nil},
		{"stale in one country", func(t *testing.T, w *world, _ *globalpingtest.Server) {
			must(t)(w.Resolvers()[0].Hold(oldApex, 900, dnstest.UntilExpiry))
		}, probe.Fail, "dns.stale", 15 * time.Minute, []string{"203.0.113.8", "globalping probe in Bergen, NO (AS2119 Telenor) asking private for ", "(drop.example A"}},
		{"pinned in one country", func(t *testing.T, w *world, _ *globalpingtest.Server) {
			must(t)(w.Resolvers()[0].Hold(oldApex, 900, dnstest.Frozen))
		}, probe.Fail, "dns.not-converging", 0, []string{"does not run out"}},
		{"another address", say("drop.example. 60 A 203.0.113.7", aaaa), probe.Fail, "dns.not-converging", 0, []string{"203.0.113.7", "Singapore"}},
		{"a private address", say("drop.example. 60 A 10.0.0.1", aaaa), probe.Fail, "dns.hijacked", 0, []string{"10.0.0.1 (private use, RFC 1918)", "Singapore"}},
		{"an empty answer", ends(rcode(dns.RcodeSuccess), 1), probe.Fail, "dns.not-converging", 0, []string{"A none", "no TTL"}},
		{"NXDOMAIN", ends(rcode(dns.RcodeNameError), 1), probe.Fail, "dns.not-converging", 0, []string{"A NXDOMAIN"}},
		{"SERVFAIL", ends(rcode(dns.RcodeServerFailure), 1), probe.Fail, "dns.servfail", 0, []string{"SERVFAIL"}},
		{"failed by the name's fault", ends(globalpingtest.Fails("target"), 1), probe.Fail, "dns.servfail", 0, []string{"by the name's own fault"}},
		{"one failed by its own fault", ends(globalpingtest.Fails("internal"), 1), probe.Pass, "", 0, nil},
		{"one whose resolver failed", ends(globalpingtest.Fails("resolver"), 1), probe.Pass, "", 0, nil},
		{"one whose resolver refuses", ends(rcode(dns.RcodeRefused), 1), probe.Pass, "", 0, nil},
		{"two of eight cannot tell", ends(globalpingtest.Fails("internal"), 2), probe.Blocked, "dns.vantages", 0, []string{"answers from 6 of 8 (a look-up that ended as failed internal)"}},
		{"failed, and nobody says by whose fault", ends(globalpingtest.Fails(""), 2), probe.Blocked, "dns.vantages", 0, []string{"ended as failed)"}},
		{"a country where none can tell", func(_ *testing.T, w *world, s *globalpingtest.Server) {
			s.SetProbe(2, func(p *globalpingtest.Probe) {
				p.Ask = func(context.Context, string, uint16) globalpingtest.Result { return globalpingtest.Fails("internal") }
			})
			w.config.Globalping.Locations = []string{"US", "NO", "Singapore"}
		}, probe.Blocked, "dns.vantages", 0, []string{"from 2 region(s)", "Ashburn, US"}},
		{"a country without probes", func(_ *testing.T, w *world, _ *globalpingtest.Server) {
			w.config.Globalping.Locations = append(w.config.Globalping.Locations, "AQ")
		},
			probe.Blocked, "dns.vantages", 0, []string{"No suitable probes found", "globalping probes in AQ"}},
		{"went offline in between", func(_ *testing.T, _ *world, s *globalpingtest.Server) {
			for i := range 2 {
				s.SetProbe(singapore+i, func(p *globalpingtest.Probe) { p.Offline = true })
			}
		}, probe.Blocked, "dns.vantages", 0, []string{"ended as offline"}},
		{"the limit is used up", behave(func(b *globalpingtest.Behaviour) { b.Limit = 1 }), probe.Blocked, "dns.vantages", 0, []string{"too many requests, until 20"}},
		{"the service is down", behave(func(b *globalpingtest.Behaviour) { b.Status = 503 }), probe.Blocked, "dns.vantages", 0, []string{"status 503"}},
		{"a page", behave(func(b *globalpingtest.Behaviour) { b.HTML = true }), probe.Blocked, "dns.vantages", 0, []string{"what is no JSON"}},
		{"no locations", func(_ *testing.T, w *world, _ *globalpingtest.Server) { w.config.Globalping.Locations = nil }, probe.Blocked, "not-configured", 0, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, service := worldwide(t)
			c.fault(t, w, service)
			got := run(t, []Named{{c.name, true, PropagatedWorldwide(w.zone(), w.records[apexRecord])}})[0]
			assert.Equal(t, c.want, got.Status, got.Message())
			assert.Equal(t, c.class, got.Class, got.Message())
			assert.Equal(t, "PRO-02", got.Assertion)
			if c.want == probe.Pass {
				assert.Contains(t, got.Evidence.Asked, "globalping probe in Oslo, NO (AS2119 Telenor) asking private")
			}
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

// A target elsewhere, behind a CNAME, may answer each probe differently; the way there counts.
func TestWorldwideThroughACNAME(t *testing.T) {
	w, service := worldwide(t)
	w.config.Globalping.Locations = []string{"Singapore"}
	for i := range 5 {
		service.SetProbe(singapore+i, func(p *globalpingtest.Probe) {
			p.Ask = globalpingtest.Says("API.drop.example. 60 CNAME LB.cloud.example.", "lb.cloud.example. 60 A 203.0.113.77", "lb.cloud.example. 60 AAAA 2001:db8:80::77")
		})
	}
	got := run(t, []Named{{"", true, PropagatedWorldwide(w.zone(), w.records[apiRecord])}})[0]
	assert.Equal(t, probe.Pass, got.Status, got.Message())
}

// FuzzLookedUp reads what a service could send: nothing panics, and what has no address is never the new answer.
func FuzzLookedUp(f *testing.F) {
	f.Add(`{"results":[{"probe":{"country":"NO"},"result":{"status":"finished","statusCode":0,"answers":[{"name":"drop.","type":"A","ttl":60,"value":"203.0.113.80"},{}]}}]}`)
	f.Add(`{"results":[{"probe":{},"result":{"status":"finished","statusCode":0,"answers":[{"name":"drop.","type":"CNAME","ttl":-1,"value":"drop."}]}}]}`)
	f.Add(`{"results":[{"probe":{},"result":{"status":"failed","failureSource":"target","statusCode":null}}]}`)
	j := judgement{apex: "drop.", want: expected{record: Record{Name: "drop", A: []netip.Addr{netip.MustParseAddr("203.0.113.80")}},
		chains: [2]chain{{links: []link{{"drop.", []sighting{saw(ns1, 60, "203.0.113.80")}}}}, {links: []link{{"drop.", []sighting{sawNothing(ns1, nodata)}}}}}}}
	f.Fuzz(func(t *testing.T, text string) {
		var m globalping.Measurement
		if json.Unmarshal([]byte(text), &m) != nil {
			return
		}
		for n, result := range m.Results {
			v := vantage{Resolver: probeName(result)}
			v.Answers[0] = lookedUp(question{name: "drop.", qtype: dns.TypeA}, v.Resolver, &m, n, result.Probe)
			v.Answers[1] = recursive{Rcode: "NOERROR", Negative: true}
			old, err := j.look(samples{v})
			if old == nil && err == nil {
				assert.Equal(t, []string{"203.0.113.80"}, addressTexts(v.Answers[0].values()))
			}
		}
	})
}
