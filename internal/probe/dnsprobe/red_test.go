package dnsprobe

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

// The records of newWorld.
const (
	apexRecord = iota
	wwwRecord
	apiRecord
)

func must(t *testing.T) func(error) {
	return func(err error) {
		t.Helper()
		require.NoError(t, err)
	}
}

func (w *world) replaceEverywhere(t *testing.T, lines string) {
	t.Helper()
	for _, s := range w.Servers() {
		require.NoError(t, s.Replace(lines))
	}
}

func (w *world) behave(change func(*dnstest.Behaviour)) {
	for _, s := range w.Servers() {
		s.Set(change)
	}
}

type redCase struct {
	name  string
	fault func(t *testing.T, w *world)
	claim func(z *Zone, w *world) probe.Claim
	want  probe.Status
	class string
	says  []string // parts of the line for a person
}

// second is the server that most faults break; the first one stays well.
func (w *world) second() *dnstest.Server { return w.Servers()[1] }

var redCases = []redCase{
	{"parent names a server that the zone does not", func(t *testing.T, w *world) {
		must(t)(w.Parents()[0].Replace("drop.example. 60 NS ns1.drop.example.\ndrop.example. 60 NS ns2.drop.example.\ndrop.example. 60 NS ns3.drop.example."))
	}, func(z *Zone, _ *world) probe.Claim { return DelegationMatches(z) }, probe.Fail, "dns.delegation", []string{"ns3.drop.example.", "ns1.drop.example (203.0.113.53:53)"}},
	{"one name server", func(t *testing.T, w *world) {
		for _, s := range append(w.Parents(), w.Servers()...) {
			must(t)(s.Replace("drop.example. 60 NS ns1.drop.example."))
		}
	}, func(z *Zone, _ *world) probe.Claim { return EnoughServers(z) }, probe.Fail, "dns.servers", []string{"1 name server"}},
	{"a name server that does not exist", func(t *testing.T, w *world) {
		for _, s := range append(w.Parents(), w.Servers()...) {
			must(t)(s.Replace("drop.example. 60 NS ns1.drop.example.\ndrop.example. 60 NS ns.gone.example."))
		}
	}, func(z *Zone, _ *world) probe.Claim { return ServersResolve(z) }, probe.Fail, "dns.name-server", []string{"ns.gone.example", "NXDOMAIN", "registers"}},
	{"a name server that is a CNAME", func(t *testing.T, w *world) {
		for _, s := range append(w.Parents(), w.Servers()...) {
			must(t)(s.Replace("drop.example. 60 NS ns1.drop.example.\ndrop.example. 60 NS www.drop.example."))
		}
	}, func(z *Zone, _ *world) probe.Claim { return ServersResolve(z) }, probe.Fail, "dns.name-server", []string{"CNAME drop.example", "RFC 2181"}},
	{"old glue", func(t *testing.T, w *world) {
		must(t)(w.Parents()[0].Replace("ns2.drop.example. 60 A 203.0.113.99"))
	}, func(z *Zone, _ *world) probe.Claim { return GlueMatches(z) }, probe.Fail, "dns.glue", []string{"203.0.113.54", "203.0.113.99", "registrar"}},
	{"no glue", func(t *testing.T, w *world) {
		must(t)(w.Parents()[0].Remove("ns2.drop.example.", dns.TypeA))
		must(t)(w.Parents()[0].Remove("ns2.drop.example.", dns.TypeAAAA))
	}, func(z *Zone, _ *world) probe.Claim { return GlueMatches(z) }, probe.Fail, "dns.glue", []string{"got none"}},
	{"lame by REFUSED", func(t *testing.T, w *world) { must(t)(w.second().RemoveZone("drop.example.")) },
		func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Fail, "dns.lame", []string{"REFUSED", "ns2.drop.example"}},
	{"lame by SERVFAIL", func(_ *testing.T, w *world) {
		w.second().Set(func(b *dnstest.Behaviour) { b.Rcode = dns.RcodeServerFailure })
	}, func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Fail, "dns.lame", []string{"SERVFAIL"}},
	{"lame by recursion", func(_ *testing.T, w *world) {
		w.second().Set(func(b *dnstest.Behaviour) { b.NotAuthoritative = true })
	}, func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Fail, "dns.lame", []string{"AA=0"}},
	{"lame by silence", silentUDP, func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Fail, "dns.lame", []string{"no answer within 3s", "203.0.113.54:53"}},
	{"a forged reply is not an answer", func(_ *testing.T, w *world) {
		w.second().Set(func(b *dnstest.Behaviour) { b.ForgeID, b.ForgeQuestion, b.SilentUDP = true, true, true })
	}, func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Fail, "dns.lame", []string{"no answer within 3s"}},
	{"no UDP", silentUDP, func(z *Zone, _ *world) probe.Claim { return AnswersUDP(z) }, probe.Fail, "dns.udp", []string{"UDP port 53"}},
	{"TCP refused", func(t *testing.T, w *world) { must(t)(w.second().RefuseTCP(true)) },
		func(z *Zone, _ *world) probe.Claim { return AnswersTCP(z) }, probe.Fail, "dns.tcp", []string{"connection refused", "203.0.113.54:53"}},
	{"TCP accepted and silent", func(_ *testing.T, w *world) { w.second().Set(func(b *dnstest.Behaviour) { b.SilentTCP = true }) },
		func(z *Zone, _ *world) probe.Claim { return AnswersTCP(z) }, probe.Fail, "dns.tcp", []string{"no answer within 3s"}},
	{"TCP silent at every server", func(_ *testing.T, w *world) { w.behave(func(b *dnstest.Behaviour) { b.SilentTCP = true }) },
		func(z *Zone, _ *world) probe.Claim { return AnswersTCP(z) }, probe.Blocked, "timeout", []string{"this machine may connect to TCP port 53"}},
	{"another answer over TCP", func(t *testing.T, w *world) {
		must(t)(w.second().OverTCP("drop.example. 60 SOA ns1.drop.example. hostmaster.drop.example. 7 1 1 1 1"))
	}, func(z *Zone, _ *world) probe.Claim { return AnswersTCP(z) }, probe.Fail, "dns.tcp", []string{"same answer over TCP"}},
	{"EDNS dropped", func(_ *testing.T, w *world) { w.second().Set(func(b *dnstest.Behaviour) { b.DropEDNS = true }) },
		func(z *Zone, _ *world) probe.Claim { return AnswersEDNS(z) }, probe.Fail, "dns.edns", []string{"though the question without EDNS is answered"}},
	{"FORMERR to EDNS", func(_ *testing.T, w *world) { w.second().Set(func(b *dnstest.Behaviour) { b.FormErrEDNS = true }) },
		func(z *Zone, _ *world) probe.Claim { return AnswersEDNS(z) }, probe.Fail, "dns.edns", []string{"FORMERR"}},
	{"truncated, and TCP refused", func(t *testing.T, w *world) {
		w.second().Set(func(b *dnstest.Behaviour) { b.TruncateUDP = true })
		must(t)(w.second().RefuseTCP(true))
	}, func(z *Zone, _ *world) probe.Claim { return FitsOrTruncates(z) }, probe.Fail, "dns.truncated", []string{"a truncated answer, and over TCP connection refused"}},
	{"large answers dropped", func(t *testing.T, w *world) {
		must(t)(w.second().Replace("drop.example. 60 TXT \"" + strings.Repeat("x", 255) + "\""))
		w.second().Set(func(b *dnstest.Behaviour) { b.DropEDNS = true })
	}, func(z *Zone, _ *world) probe.Claim { return FitsOrTruncates(z) }, probe.Fail, "dns.size", []string{"1232 octets"}},
	{"a serial behind", func(t *testing.T, w *world) {
		must(t)(w.second().Replace("drop.example. 3600 SOA ns1.drop.example. hostmaster.drop.example. 0 7200 900 1209600 300"))
	}, func(z *Zone, _ *world) probe.Claim { return SerialsAgree(z) }, probe.Fail, "dns.serial", []string{"SOA serial 1, the newest", "got 0", "ns2.drop.example"}},
	{"servers disagree", oneOldServer, func(z *Zone, w *world) probe.Claim { return AnswersAgree(z, w.records[apexRecord]) },
		probe.Fail, "dns.disagreement", []string{"203.0.113.8 from ns2.drop.example (203.0.113.54:53)", "203.0.113.80 from ns1.drop.example"}},
	{"TCP disagrees with UDP", func(t *testing.T, w *world) { must(t)(w.second().OverTCP("drop.example. 60 A 203.0.113.8")) },
		func(z *Zone, w *world) probe.Claim { return AnswersAgree(z, w.records[apexRecord]) }, probe.Fail, "dns.disagreement", []string{"over TCP"}},
	{"truncated with TCP refused is no answer", func(t *testing.T, w *world) {
		w.second().Set(func(b *dnstest.Behaviour) { b.TruncateUDP = true })
		must(t)(w.second().RefuseTCP(true))
	}, func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apexRecord]) }, probe.Blocked, "dns.truncated", []string{"truncated answer over UDP and over TCP connection refused"}},
	{"old address at one server", oneOldServer, func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apexRecord]) },
		probe.Fail, "dns.mismatch", []string{"drop.example A 203.0.113.80", "got 203.0.113.8 from ns2.drop.example"}},
	{"an AAAA that nobody asked for", func(_ *testing.T, w *world) { w.records[apexRecord].AAAA = nil },
		func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apexRecord]) }, probe.Fail, "dns.mismatch", []string{"AAAA none", "2001:db8:80::1"}},
	{"CNAME to another target", func(t *testing.T, w *world) {
		w.replaceEverywhere(t, "api.drop.example. 60 CNAME other.cloud.example.")
	},
		func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apiRecord]) }, probe.Fail, "dns.mismatch", []string{"CNAME lb.cloud.example", "CNAME other.cloud.example"}},
	{"address outside the target's", func(t *testing.T, w *world) {
		for _, s := range w.Servers() {
			must(t)(s.Remove("api.drop.example.", dns.TypeCNAME))
			must(t)(s.Replace("api.drop.example. 60 A 203.0.113.9"))
		}
	}, func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apiRecord]) }, probe.Fail, "dns.mismatch", []string{"203.0.113.90", "got 203.0.113.9 "}},
	{"no such name", func(t *testing.T, w *world) {
		for _, s := range w.Servers() {
			must(t)(s.Remove("www.drop.example.", dns.TypeCNAME))
		}
	}, func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[wwwRecord]) }, probe.Fail, "dns.mismatch", []string{"NXDOMAIN"}},
	{"every server silent", func(_ *testing.T, w *world) { w.behave(func(b *dnstest.Behaviour) { b.SilentUDP = true }) },
		func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apexRecord]) }, probe.Blocked, "timeout", []string{"no answer within 3s", "203.0.113.53:53"}},
	{"nothing expected", func(_ *testing.T, w *world) { w.records[apexRecord] = Record{Name: "drop.example"} },
		func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apexRecord]) }, probe.Blocked, "not-configured", []string{"dns.records"}},
	{"another MX", func(*testing.T, *world) {}, func(z *Zone, _ *world) probe.Claim { return MXIs(z, []string{"10 mail.drop.example"}) },
		probe.Fail, "dns.mx", []string{"10 mail.drop.example", "10 mail.cloud.example."}},
	{"an MX where none is wanted", func(*testing.T, *world) {}, func(z *Zone, _ *world) probe.Claim { return MXIs(z, nil) }, probe.Fail, "dns.mx", []string{"want MX none"}},
	{"AAAA for some names", func(t *testing.T, w *world) {
		for _, s := range w.Servers() {
			must(t)(s.Remove("lb.cloud.example.", dns.TypeAAAA))
		}
	}, func(z *Zone, _ *world) probe.Claim {
		return AAAAParity(z, []string{"drop.example", "api.drop.example"})
	}, probe.Fail, "dns.aaaa", []string{"AAAA for drop.example and none for api.drop.example"}},
	{"parity of nothing", func(*testing.T, *world) {}, func(z *Zone, _ *world) probe.Claim { return AAAAParity(z, nil) }, probe.Blocked, "not-configured", nil},
	{"CNAME at the apex", func(t *testing.T, w *world) {
		must(t)(w.second().Remove("drop.example.", dns.TypeA))
		must(t)(w.second().Replace("drop.example. 60 CNAME lb.cloud.example."))
	}, func(z *Zone, _ *world) probe.Claim { return NoCNAMEAtApex(z) }, probe.Fail, "dns.apex-cname", []string{"CNAME lb.cloud.example", "ALIAS"}},
	{"CNAME circle", func(t *testing.T, w *world) {
		w.replaceEverywhere(t, "www.drop.example. 60 CNAME a.drop.example.\na.drop.example. 60 CNAME www.drop.example.")
	}, func(z *Zone, _ *world) probe.Claim { return ChainEnds(z, "www.drop.example") }, probe.Fail, "dns.loop", []string{"leads back to www.drop.example"}},
	{"CNAME to itself", func(t *testing.T, w *world) { w.replaceEverywhere(t, "www.drop.example. 60 CNAME www.drop.example.") },
		func(z *Zone, _ *world) probe.Claim { return ChainEnds(z, "www.drop.example") }, probe.Fail, "dns.loop", nil},
	{"nine CNAMEs", func(t *testing.T, w *world) {
		for _, c := range "abcdefgh" {
			w.replaceEverywhere(t, string(c)+".drop.example. 60 CNAME "+string(c+1)+".drop.example.")
		}
		w.replaceEverywhere(t, "www.drop.example. 60 CNAME a.drop.example.\ni.drop.example. 60 A 203.0.113.80")
	}, func(z *Zone, _ *world) probe.Claim { return ChainEnds(z, "www.drop.example") }, probe.Fail, "dns.chain", []string{"more than 8 CNAMEs"}},
	{"CNAME to nowhere", danglingCNAME, func(z *Zone, _ *world) probe.Claim { return ChainEnds(z, "api.drop.example") }, probe.Fail, "dns.no-address", []string{"NXDOMAIN", "gone.cloud.example"}},
	{"dangling CNAME", danglingCNAME, func(z *Zone, w *world) probe.Claim { return NothingDangles(z, w.records...) }, probe.Fail, "dns.dangling", []string{"gone.cloud.example to exist"}},
	{"dangling MX", func(t *testing.T, w *world) { w.replaceEverywhere(t, "drop.example. 60 MX 10 mx.gone.example.") },
		func(z *Zone, w *world) probe.Claim { return NothingDangles(z, w.records...) }, probe.Fail, "dns.dangling", []string{"mx.gone.example to exist"}},
	{"a wildcard that masks", func(t *testing.T, w *world) {
		for _, s := range w.Servers() {
			must(t)(s.Remove("www.drop.example.", dns.TypeCNAME))
			must(t)(s.Replace("*.drop.example. 60 CNAME drop.example."))
		}
	}, func(z *Zone, _ *world) probe.Claim { return Explicit(z, "www.drop.example") }, probe.Fail, "dns.wildcard", []string{"CNAME drop.example"}},
	{"special-use address", func(_ *testing.T, w *world) { w.config.Private = nil },
		func(z *Zone, _ *world) probe.Claim { return NoSpecialAddress(z, "www.drop.example") }, probe.Fail, "dns.special-address", []string{"203.0.113.80 (documentation, RFC 5737)"}},
	{"high TTL at one server", func(t *testing.T, w *world) { must(t)(w.second().Replace("drop.example. 3600 A 203.0.113.80")) },
		func(z *Zone, w *world) probe.Claim { return TTLAtMost(z, w.records[apexRecord], 5*time.Minute) }, probe.Fail, "dns.ttl", []string{"at most 300 s for drop.example A", "got 3600 s from ns2.drop.example"}},
	{"high TTL over TCP", func(t *testing.T, w *world) { must(t)(w.second().OverTCP("drop.example. 86400 A 203.0.113.80")) },
		func(z *Zone, w *world) probe.Claim { return TTLAtMost(z, w.records[apexRecord], 5*time.Minute) }, probe.Fail, "dns.ttl", []string{"86400 s", "over TCP"}},
	{"another TTL over TCP", func(t *testing.T, w *world) { must(t)(w.second().OverTCP("drop.example. 61 A 203.0.113.80")) },
		func(z *Zone, w *world) probe.Claim { return TTLsAgree(z, w.records[apexRecord]) }, probe.Fail, "dns.ttl", []string{"over TCP"}},
	{"high TTL of a CNAME", func(t *testing.T, w *world) { w.replaceEverywhere(t, "www.drop.example. 3600 CNAME drop.example.") },
		func(z *Zone, w *world) probe.Claim { return TTLAtMost(z, w.records[wwwRecord], 5*time.Minute) }, probe.Fail, "dns.ttl", []string{"www.drop.example CNAME"}},
	{"no record to have a TTL", func(t *testing.T, w *world) {
		for _, s := range w.Servers() {
			must(t)(s.Remove("www.drop.example.", dns.TypeCNAME))
		}
	}, func(z *Zone, w *world) probe.Claim { return TTLAtMost(z, w.records[wwwRecord], 5*time.Minute) }, probe.Fail, "dns.no-address", []string{"NXDOMAIN"}},
	{"TTLs differ", func(t *testing.T, w *world) { must(t)(w.second().Replace("drop.example. 61 A 203.0.113.80")) },
		func(z *Zone, w *world) probe.Claim { return TTLsAgree(z, w.records[apexRecord]) }, probe.Fail, "dns.ttl", []string{"61 s from ns2.drop.example"}},
	{"low too late", func(_ *testing.T, w *world) { w.config.Cutover = time.Now().Add(30 * time.Minute) },
		func(z *Zone, w *world) probe.Claim { return LowLongEnough(z, w.records[apexRecord], w.snapshot) }, probe.Fail, "dns.ttl-late", []string{"old TTL of 3600 s", "mends itself at"}},
	{"not low at all", func(t *testing.T, w *world) { w.replaceEverywhere(t, "drop.example. 3600 A 203.0.113.80") },
		func(z *Zone, w *world) probe.Claim { return LowLongEnough(z, w.records[apexRecord], w.snapshot) }, probe.Fail, "dns.ttl", nil},
	{"negative TTL too long", func(_ *testing.T, w *world) {
		w.records = append(w.records, Record{Name: "new.drop.example", A: []netip.Addr{oldAddress}, New: true})
	}, func(z *Zone, w *world) probe.Claim { return NegativeTTLAtMost(z, time.Minute, w.records...) }, probe.Fail, "dns.negative-ttl", []string{"new.drop.example is still to be created", "MINIMUM 300"}},
	{"source not converged", oneOldServer, func(z *Zone, w *world) probe.Claim { return Converged(z, w.records...) }, probe.Fail, "dns.mismatch", []string{"203.0.113.8"}},
	{"one anycast node behind", func(t *testing.T, w *world) {
		w.config.Repeat = Repeat{Times: 3, Over: 20 * time.Millisecond}
		must(t)(w.second().Alternate("ns2b", "drop.example. 60 A 203.0.113.8"))
	}, func(z *Zone, w *world) probe.Claim { return Converged(z, w.records...) }, probe.Fail, "dns.mismatch", []string{"203.0.113.8"}},
	{"converged of nothing", func(*testing.T, *world) {}, func(z *Zone, _ *world) probe.Claim { return Converged(z) }, probe.Blocked, "not-configured", nil},
	{"too few regions", func(_ *testing.T, w *world) { w.config.Regions = 3 }, func(z *Zone, _ *world) probe.Claim { return RegionsCovered(z) }, probe.Blocked, "dns.vantages", []string{"answers from 2 region(s)"}},
	{"a region without an answer", func(_ *testing.T, w *world) {
		w.config.Regions = 1
		w.Resolvers()[1].Set(func(b *dnstest.Behaviour) { b.Rcode = dns.RcodeRefused })
	}, func(z *Zone, _ *world) probe.Claim { return RegionsCovered(z) }, probe.Blocked, "dns.vantages", []string{"no answer from us-east"}},
	{"no resolvers", func(_ *testing.T, w *world) { w.config.Resolvers = nil }, func(z *Zone, _ *world) probe.Claim { return RegionsCovered(z) }, probe.Blocked, "dns.vantages", nil},
	{"the zone is not delegated", func(t *testing.T, w *world) { must(t)(w.Parents()[0].Remove("drop.example.", dns.TypeNS)) },
		func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Fail, "dns.no-zone", []string{"a delegation of drop.example in example"}},
	{"the domain is not registered", func(_ *testing.T, w *world) { w.config.Domain = "dropp.example" },
		func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Fail, "dns.no-zone", []string{"NXDOMAIN", "register"}},
	{"the parent is silent", func(_ *testing.T, w *world) { w.Parents()[0].Set(func(b *dnstest.Behaviour) { b.SilentUDP = true }) },
		func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Blocked, "dns.unreachable", []string{"the servers of example"}},
	{"the roots are out of reach", func(_ *testing.T, w *world) {
		w.config.Roots = []netip.AddrPort{netip.MustParseAddrPort("198.51.100.250:53")}
	}, func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, probe.Blocked, "dns.unreachable", []string{"the root servers", "network.connect"}},
}

func silentUDP(_ *testing.T, w *world) {
	w.second().Set(func(b *dnstest.Behaviour) { b.SilentUDP = true })
}

func oneOldServer(t *testing.T, w *world) {
	must(t)(w.second().Replace("drop.example. 60 A 203.0.113.8"))
}

func danglingCNAME(t *testing.T, w *world) {
	w.replaceEverywhere(t, "api.drop.example. 60 CNAME gone.cloud.example.")
}

// Every claim is seen red on a real server, for the right reason, and green before it was broken.
func TestRed(t *testing.T) {
	for _, c := range redCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			c.fault(t, w)
			start := time.Now()
			got := run(t, []Named{{c.name, true, c.claim(w.zone(), w)}})[0]
			assert.Equal(t, c.want, got.Status, got.Message())
			assert.Equal(t, c.class, got.Class, got.Message())
			for _, part := range c.says {
				assert.Contains(t, got.Message(), part)
			}
			assert.NotEmpty(t, got.Assertion)
			assert.Less(t, time.Since(start), 8*time.Second)
		})
	}
}

// TestDelegated: whom the parent refers the world to, whatever the zone itself says; where no server of the parent answers, nobody can tell.
func TestDelegated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	must(t)(w.Parents()[0].Replace("drop.example. 60 NS ns1.drop.example.\ndrop.example. 60 NS ns3.drop.example."))
	names, from, err := New(w.config).Delegated(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{"ns1.drop.example.", "ns3.drop.example."}, names)
	assert.NotEmpty(t, from)

	for _, parent := range w.Parents() {
		parent.Set(func(b *dnstest.Behaviour) { b.Rcode = dns.RcodeRefused })
	}
	_, _, err = New(w.config).Delegated(t.Context())
	assert.Equal(t, probe.Blocked, probe.StatusOf(err), "%v", err)
}
