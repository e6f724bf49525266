package dnsprobe

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

// twist puts a server between the second name server and the world that changes each of its replies.
func (w *world) twist(t *testing.T, change func(reply *dns.Msg, tcp bool)) {
	t.Helper()
	to := twisted(t, w.second().Addr(), change)
	for _, address := range w.second().Addresses() {
		w.config.Network.Connect[netip.AddrPortFrom(address, 53).String()] = to
	}
}

// twisted relays questions to another server, over UDP and TCP on the same port, and changes the replies.
func twisted(t *testing.T, server string, change func(reply *dns.Msg, tcp bool)) string {
	t.Helper()
	var packets net.PacketConn
	var listener net.Listener
	require.Eventually(t, func() bool { // until the port is free for both
		var err error
		if listener, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			return false
		}
		if packets, err = net.ListenPacket("udp4", listener.Addr().String()); err != nil {
			return assert.NoError(t, listener.Close()) && false
		}
		return true
	}, 5*time.Second, time.Millisecond)
	relay := dns.HandlerFunc(func(out dns.ResponseWriter, query *dns.Msg) {
		tcp := out.RemoteAddr().Network() == "tcp"
		client := dns.Client{Net: out.RemoteAddr().Network(), UDPSize: dns.MaxMsgSize}
		if reply, _, err := client.Exchange(query, server); err == nil { // otherwise silence is the answer
			change(reply, tcp)
			_ = out.WriteMsg(reply) // a client that has gone needs none
		}
	})
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: relay}, {Listener: listener, Handler: relay}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { _ = s.ActivateAndServe() }() // ends with Shutdown
		<-started
		t.Cleanup(func() { assert.NoError(t, s.Shutdown()) })
	}
	return packets.LocalAddr().String()
}

// Servers that no product is: what they say contradicts itself.
func TestTwisted(t *testing.T) {
	servfail := func(m *dns.Msg, _ bool) { m.Rcode = dns.RcodeServerFailure }
	bare := func(m *dns.Msg, _ bool) {
		m.Rcode, m.Question, m.Answer, m.Ns, m.Extra = dns.RcodeRefused, nil, nil, nil, nil
	}
	cut := func(then func(*dns.Msg)) func(*dns.Msg, bool) {
		return func(m *dns.Msg, tcp bool) {
			if m.Answer, m.Truncated = nil, !tcp; tcp {
				then(m)
			}
		}
	}
	lead := func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apexRecord]) }
	large := func(z *Zone, _ *world) probe.Claim { return FitsOrTruncates(z) }
	for _, c := range []struct {
		name   string
		change func(*dns.Msg, bool)
		claim  func(z *Zone, w *world) probe.Claim
		class  string
		says   string
	}{
		{"the right records with SERVFAIL", servfail, lead, "dns.lame", "SERVFAIL"},
		{"the right records with NXDOMAIN", func(m *dns.Msg, _ bool) { m.Rcode = dns.RcodeNameError }, lead, "dns.mismatch", "NXDOMAIN"},
		{"two CNAMEs at one name", func(m *dns.Msg, _ bool) {
			if len(m.Answer) > 0 && m.Answer[0].Header().Rrtype == dns.TypeCNAME {
				second := dns.Copy(m.Answer[0]).(*dns.CNAME)
				second.Target = "old.cloud.example."
				m.Answer = append(m.Answer, second)
			}
		}, func(z *Zone, w *world) probe.Claim { return LeadsTo(z, w.records[apiRecord]) }, "dns.cname", "2 CNAMEs at one name"},
		{"REFUSED without the question", bare, func(z *Zone, _ *world) probe.Claim { return ServersAuthoritative(z) }, "dns.lame", "REFUSED"},
		{"REFUSED without the question, to EDNS", bare, func(z *Zone, _ *world) probe.Claim { return AnswersEDNS(z) }, "dns.lame", "REFUSED"},
		{"large answers end in SERVFAIL", servfail, large, "dns.lame", "SERVFAIL"},
		{"truncated, and REFUSED over TCP", cut(func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }), large, "dns.lame", "ns2.drop.example (203.0.113.54:53) over TCP"},
		{"truncated over TCP too", cut(func(m *dns.Msg) { m.Truncated = true }), large, "dns.truncated", "over TCP"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.twist(t, c.change)
			z := w.zone()
			got := run(t, []Named{{c.name, true, c.claim(z, w)}})[0]
			assert.Equal(t, probe.Fail, got.Status, got.Message())
			assert.Equal(t, c.class, got.Class, got.Message())
			assert.Contains(t, got.Message(), c.says)
			assert.LessOrEqual(t, z.sent.Load(), int64(60))
		})
	}
}

// A name whose IPv6 question is answered by NXDOMAIN is gone for half of the resolvers, although it has an address.
func TestNXDOMAINForOneFamily(t *testing.T) {
	w := newWorld(t, 2)
	for _, s := range w.Servers() {
		must(t)(s.Remove("api.drop.example.", dns.TypeCNAME))
		must(t)(s.Replace("api.drop.example. 60 A 203.0.113.91"))
	}
	w.twist(t, func(m *dns.Msg, _ bool) {
		if q := m.Question[0]; q.Qtype == dns.TypeAAAA && q.Name == "api.drop.example." {
			m.Rcode = dns.RcodeNameError
		}
	})
	got := run(t, []Named{{"", true, ChainEnds(w.zone(), "api.drop.example")}})[0]
	assert.Equal(t, "dns.no-address", got.Class, got.Message())
	assert.Contains(t, got.Message(), "NXDOMAIN for AAAA, though there is A from ns2.drop.example")
}

// Servers that disagree about a CNAME, with a circle on one of the ways, are judged and not followed for ever.
func TestCircleAtOneServer(t *testing.T) {
	w := newWorld(t, 2)
	must(t)(w.Servers()[0].Replace("www.drop.example. 60 CNAME a.drop.example.\na.drop.example. 60 CNAME www.drop.example.\nb.drop.example. 60 CNAME c.drop.example."))
	must(t)(w.Servers()[1].Replace("www.drop.example. 60 CNAME b.drop.example.\na.drop.example. 60 CNAME www.drop.example.\nb.drop.example. 60 CNAME c.drop.example."))
	got := run(t, []Named{{"", true, ChainEnds(w.zone(), "www.drop.example")}})[0]
	assert.Equal(t, "dns.loop", got.Class, got.Message())
}

// The target is in the zone, and no launch record: its servers must agree about it too.
func TestDisagreementBehindACNAME(t *testing.T) {
	w := newWorld(t, 2)
	w.replaceEverywhere(t, "www.drop.example. 60 CNAME web.drop.example.\nweb.drop.example. 60 A 203.0.113.80")
	must(t)(w.second().Replace("web.drop.example. 60 A 203.0.113.8"))
	got := run(t, []Named{{"", true, AnswersAgree(w.zone(), Record{Name: "www.drop.example", Target: "web.drop.example"})}})[0]
	assert.Equal(t, "dns.disagreement", got.Class, got.Message())
	assert.Contains(t, got.Message(), "203.0.113.8 from ns2.drop.example")
}

// What stands under dns.resolvers and does not recurse is no vantage, and nobody's cache.
func TestResolverThatDoesNotRecurse(t *testing.T) {
	w := newWorld(t, 2)
	parent := w.Parents()[0]
	w.config.Resolvers = []Resolver{{Addr: netip.AddrPortFrom(parent.Addresses()[0], 53), Name: "not one", Region: "eu-north"}}
	got := run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], nil)}})[0]
	assert.Equal(t, probe.Blocked, got.Status, got.Message())
	assert.Contains(t, got.Message(), "does not recurse")
}

// A resolver that remembers for AAAA alone that the name does not exist has not the new answer.
func TestNXDOMAINRememberedForOneFamily(t *testing.T) {
	w := newWorld(t, 2)
	w.records[apexRecord].AAAA = nil
	for _, s := range w.Servers() {
		must(t)(s.Remove("drop.example.", dns.TypeAAAA))
	}
	resolver := w.Resolvers()[0]
	to := twisted(t, resolver.Addr(), func(m *dns.Msg, _ bool) {
		if m.Question[0].Qtype == dns.TypeAAAA {
			m.Rcode = dns.RcodeNameError
		}
	})
	w.config.Network.Connect[netip.AddrPortFrom(resolver.Addresses()[0], 53).String()] = to
	got := run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], nil)}})[0]
	assert.Equal(t, probe.Fail, got.Status, got.Message())
	assert.Contains(t, got.Message(), "AAAA NXDOMAIN")
	assert.NotContains(t, got.Message(), "DNS provider")
}

// Name servers without glue that need each other, many at each step, are given up soon.
func TestCascadeWithoutGlue(t *testing.T) {
	w := newWorld(t, 2)
	var lines strings.Builder
	zone := "drop.example."
	for step := range 12 {
		next := fmt.Sprintf("z%d.example.", step)
		for i := range 5 {
			fmt.Fprintf(&lines, "%s 60 NS ns%d.%s\n", zone, i, next)
		}
		zone = next
	}
	must(t)(w.Parents()[0].Replace(lines.String()))
	z := w.zone()
	got := run(t, []Named{{"", true, ServersAuthoritative(z)}})[0]
	assert.Equal(t, "dns.loop", got.Class, got.Message())
	assert.Contains(t, got.Message(), "ns0.z0.example. needs ns0.z1.example.")
	assert.Equal(t, 1, strings.Count(got.Message(), "see the evidence"), got.Message())
	assert.LessOrEqual(t, z.sent.Load(), int64(60))
}

// Name servers without glue that need others of their own, many at each step, cost a claim no more than it may ask.
func TestCascadeOfStrangers(t *testing.T) {
	w := newWorld(t, 2)
	var lines strings.Builder
	var delegate func(zone, path string)
	delegate = func(zone, path string) {
		for i := range 6 {
			next := fmt.Sprintf("%s%d", path, i)
			fmt.Fprintf(&lines, "%s 60 NS ns.z%s.example.\n", zone, next)
			if len(next) <= gluelessMost {
				delegate("z"+next+".example.", next)
			}
		}
	}
	delegate("drop.example.", "")
	must(t)(w.Parents()[0].Replace(lines.String()))
	z := w.zone()
	got := run(t, []Named{{"", true, ServersAuthoritative(z)}})[0]
	assert.Equal(t, probe.Blocked, got.Status, got.Message())
	assert.Equal(t, "dns.cascade", got.Class, got.Message())
	assert.LessOrEqual(t, z.sent.Load(), int64(gluelessQuestions+20), "and the way to the zone")
}

// A resolver that follows more CNAMEs than others do has given the new answer all the same.
func TestResolverFollowsLongChains(t *testing.T) {
	w := newWorld(t, 2)
	for _, c := range "abcdefgh" {
		w.replaceEverywhere(t, string(c)+".drop.example. 60 CNAME "+string(c+1)+".drop.example.")
	}
	w.replaceEverywhere(t, "www.drop.example. 60 CNAME a.drop.example.\ni.drop.example. 60 CNAME drop.example.")
	got := run(t, []Named{{"propagated", true, Propagated(w.zone(), w.records[wwwRecord], w.snapshot)}})[0]
	assert.Equal(t, probe.Pass, got.Status, got.Message())
}
