package dnsprobe

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

// Sightings by hand: ns1 and ns2 stand for any two servers.
var (
	ns1 = server{"ns1.drop.example.", netip.MustParseAddrPort("203.0.113.53:53")}
	ns2 = server{"ns2.drop.example.", netip.MustParseAddrPort("203.0.113.54:53")}
)

func saw(s server, ttl uint32, values ...string) sighting {
	return sighting{server: s, state: found, values: values, ttl: ttl}
}

func sawCNAME(s server, target string) sighting {
	return sighting{server: s, state: alias, values: []string{target}, target: target, ttl: 60}
}

func sawNothing(s server, what state) sighting { return sighting{server: s, state: what} }

func silent(s server, class string) sighting {
	return sighting{server: s, state: broken, err: &probe.Unknown{Class: class, Got: "no answer", From: s.String()}}
}

func lameServer(s server) sighting {
	return sighting{server: s, state: broken, err: &probe.Unmet{Class: "dns.lame", Got: "REFUSED", From: s.String()}}
}

func sawSOA(s server, serial, ttl, minimum uint32) sighting {
	soa := &dns.SOA{Hdr: dns.RR_Header{Name: "drop.example.", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttl}, Serial: serial, Minttl: minimum}
	seen := saw(s, ttl, soa.String())
	seen.reply = &reply{Msg: &dns.Msg{Answer: []dns.RR{soa}}}
	return seen
}

func refersTo(s server, names ...string) sighting {
	return sighting{server: s, state: referred, below: &delegation{zone: "drop.example.", names: names}}
}

// judged checks one judge's ending: "" for PASS, else the status and a part of the message.
func judged(t *testing.T, err error, want probe.Status, says string) {
	t.Helper()
	assert.Equal(t, want, probe.StatusOf(err), "%v", err)
	if says != "" {
		assert.ErrorContains(t, err, says)
	}
}

func TestWorst(t *testing.T) {
	unmet := func(got, from string) error { return &probe.Unmet{Class: "c", Want: "w", Got: got, From: from} }
	blank := &probe.Unknown{Class: "timeout", Got: "no answer", From: "b"}
	judged(t, worst(nil), probe.Pass, "")
	judged(t, worst([]error{nil, nil}), probe.Pass, "")
	judged(t, worst([]error{blank, unmet("x", "a")}), probe.Fail, "got x (and 1 other finding, see the evidence) from a")
	judged(t, worst([]error{unmet("x", "a"), unmet("x", "c"), unmet("y", "d"), blank}), probe.Fail, "got x (and 2 other findings, see the evidence) from a, c")
	judged(t, worst([]error{blank, nil}), probe.Blocked, "no answer from b")
	judged(t, worst([]error{errors.New("odd"), blank}), probe.Blocked, "odd")
}

func TestDelegationMatches(t *testing.T) {
	both := []string{"ns1.drop.example.", "ns2.drop.example."}
	parent := refersTo(ns1, both...)
	judged(t, delegationMatches([]sighting{parent}, []sighting{saw(ns1, 60, both...), saw(ns2, 60, both...)}), probe.Pass, "")
	judged(t, delegationMatches([]sighting{saw(ns1, 60, both...)}, []sighting{saw(ns1, 60, both...)}), probe.Pass, "")
	judged(t, delegationMatches([]sighting{parent}, []sighting{saw(ns1, 60, append(both, "ns3.drop.example.")...)}), probe.Pass, "")
	judged(t, delegationMatches([]sighting{parent}, []sighting{saw(ns1, 60, both...), saw(ns2, 60, "ns1.drop.example.")}), probe.Fail, "without ns2.drop.example.")
	judged(t, delegationMatches([]sighting{parent, refersTo(ns2, "old.example.")}, []sighting{saw(ns1, 60, both...)}), probe.Fail, "without old.example.")
	judged(t, delegationMatches([]sighting{parent}, []sighting{sawNothing(ns1, nodata)}), probe.Fail, "no such record")
	judged(t, delegationMatches([]sighting{sawNothing(ns1, nxdomain)}, []sighting{saw(ns1, 60, both...)}), probe.Fail, "NXDOMAIN")
	judged(t, delegationMatches([]sighting{silent(ns1, "timeout"), parent}, []sighting{saw(ns1, 60, both...)}), probe.Pass, "")
	judged(t, delegationMatches([]sighting{silent(ns1, "timeout")}, []sighting{saw(ns1, 60, both...)}), probe.Blocked, "")
	judged(t, delegationMatches([]sighting{parent}, []sighting{saw(ns1, 60, both...), silent(ns2, "timeout")}), probe.Blocked, "")
	assert.Equal(t, []string{"only the zone names ns3., the parent does not"}, onlyInZone([]sighting{parent}, []sighting{saw(ns1, 60, "ns1.drop.example.", "ns3.")}))
}

func TestDelegationJudges(t *testing.T) {
	two := &delegation{zone: "drop.example.", names: []string{"ns1.drop.example.", "ns2.drop.example."}}
	judged(t, enoughServers(two, []sighting{saw(ns1, 60), silent(ns2, "timeout")}), probe.Pass, "")
	judged(t, enoughServers(two, []sighting{saw(ns1, 60), silent(server{name: "ns2.drop.example."}, "dns.unresolved")}), probe.Fail, "2 name server(s) at 1 address(es)")
	judged(t, enoughServers(&delegation{zone: "x.", names: []string{"ns1."}}, []sighting{saw(ns1, 60), saw(ns2, 60)}), probe.Fail, "1 name server(s) at 2")

	v4, none := []sighting{saw(ns1, 60, "203.0.113.53"), saw(ns2, 60, "203.0.113.53")}, []sighting{sawNothing(ns1, nodata), sawNothing(ns2, nodata)}
	judged(t, worst(glueMatches("ns1.", []string{"203.0.113.53"}, v4, none)), probe.Pass, "")
	judged(t, worst(glueMatches("ns1.", []string{"203.0.113.9"}, v4, none)), probe.Fail, "equal to its addresses, 203.0.113.53; got 203.0.113.9")
	judged(t, worst(glueMatches("ns1.", nil, v4, none)), probe.Fail, "got none")
	judged(t, worst(glueMatches("ns1.", []string{"203.0.113.53"}, none, none)), probe.Fail, "add them to the zone")
	judged(t, worst(glueMatches("ns1.", []string{"203.0.113.53"}, v4, []sighting{sawNothing(ns1, nodata), silent(ns2, "timeout")})), probe.Blocked, "")

	judged(t, serversAuthoritative([]sighting{saw(ns1, 60, "soa")}), probe.Pass, "")
	for _, s := range []sighting{lameServer(ns2), silent(ns2, "timeout"), silent(ns2, "refused"), silent(ns2, "malformed"), sawNothing(ns2, nxdomain), refersTo(ns2, "x.")} {
		judged(t, serversAuthoritative([]sighting{saw(ns1, 60, "soa"), s}), probe.Fail, "ns2.drop.example")
	}
	judged(t, serversAuthoritative([]sighting{saw(ns1, 60, "soa"), silent(ns2, "no-route")}), probe.Blocked, "")
	judged(t, serversAuthoritative([]sighting{silent(ns1, "sealed")}), probe.Blocked, "")

	values, err := addressesOfNameServer("ns1.", []sighting{saw(ns1, 60, "203.0.113.53"), sawNothing(ns1, nodata)})
	require.NoError(t, err)
	assert.Equal(t, []string{"203.0.113.53"}, values)
	for _, s := range []sighting{sawCNAME(ns1, "x."), sawNothing(ns1, nxdomain), sawNothing(ns1, nodata)} {
		_, err := addressesOfNameServer("ns1.", []sighting{s})
		judged(t, err, probe.Fail, "an address of name server ns1")
	}
}

func TestTransportJudges(t *testing.T) {
	judged(t, answersUDP([]sighting{saw(ns1, 60), lameServer(ns2)}), probe.Pass, "")
	judged(t, answersUDP([]sighting{saw(ns1, 60), silent(ns2, "timeout")}), probe.Fail, "ns2")
	judged(t, answersUDP([]sighting{silent(ns1, "no-route")}), probe.Blocked, "")
	judged(t, answersUDP([]sighting{saw(ns1, 60), silent(ns2, "dns.truncated")}), probe.Pass, "")

	judged(t, answersTCP([]sighting{saw(ns1, 60, "a")}, []sighting{saw(ns1, 60, "a")}), probe.Pass, "")
	judged(t, answersTCP([]sighting{saw(ns1, 60, "a")}, []sighting{saw(ns1, 60, "b")}), probe.Fail, "same answer")
	judged(t, answersTCP(nil, []sighting{saw(ns1, 60), silent(ns2, "timeout")}), probe.Fail, "ns2")
	judged(t, answersTCP(nil, []sighting{silent(ns1, "timeout"), silent(ns2, "timeout")}), probe.Blocked, "this machine")
	judged(t, answersTCP(nil, []sighting{silent(ns1, "refused"), silent(ns2, "refused")}), probe.Fail, "")

	with := func(rcode int, opt bool) sighting {
		m := &dns.Msg{Question: []dns.Question{{Name: "drop.example."}}}
		m.Rcode = rcode
		if opt {
			m.SetEdns0(1232, false)
		}
		return sighting{server: ns1, reply: &reply{Msg: m, size: 100}}
	}
	bare := []sighting{with(dns.RcodeSuccess, false)}
	judged(t, answersEDNS([]sighting{with(dns.RcodeSuccess, true)}, bare), probe.Pass, "")
	judged(t, answersEDNS([]sighting{with(dns.RcodeSuccess, false)}, bare), probe.Fail, "without OPT")
	judged(t, answersEDNS([]sighting{with(dns.RcodeFormatError, false)}, bare), probe.Fail, "FORMERR")
	judged(t, answersEDNS([]sighting{lameServer(ns1)}, bare), probe.Fail, "REFUSED")
	judged(t, answersEDNS([]sighting{silent(ns1, "timeout")}, bare), probe.Fail, "though the question without EDNS is answered")
	judged(t, answersEDNS([]sighting{silent(ns1, "timeout")}, []sighting{silent(ns1, "timeout")}), probe.Blocked, "")

	small, large, cut := with(0, true), with(0, true), with(0, true)
	large.reply.size = 1233
	cut.reply.Truncated = true
	judged(t, fits(small, dns.TypeTXT, true, sighting{}), probe.Pass, "")
	judged(t, fits(with(dns.RcodeFormatError, false), dns.TypeTXT, true, sighting{}), probe.Fail, "FORMERR to a question with EDNS")
	judged(t, fits(large, dns.TypeTXT, true, sighting{}), probe.Fail, "1233 octets")
	judged(t, fits(cut, dns.TypeTXT, true, small), probe.Pass, "")
	judged(t, fits(cut, dns.TypeTXT, true, silent(ns1, "refused")), probe.Fail, "over TCP no answer")
	judged(t, fits(cut, dns.TypeTXT, true, silent(ns1, "no-route")), probe.Blocked, "")
	judged(t, fits(cut, dns.TypeTXT, true, cut), probe.Fail, "over TCP a truncated one too")
	judged(t, fits(cut, dns.TypeTXT, true, lameServer(ns1)), probe.Fail, "REFUSED")
	judged(t, fits(silent(ns1, "timeout"), dns.TypeTXT, true, sighting{}), probe.Fail, "TXT within 1232")
	judged(t, fits(silent(ns1, "timeout"), dns.TypeTXT, false, sighting{}), probe.Blocked, "")
}

func TestSerialsAgree(t *testing.T) {
	judged(t, serialsAgree([]sighting{sawSOA(ns1, 7, 60, 60), sawSOA(ns2, 7, 60, 60)}), probe.Pass, "")
	judged(t, serialsAgree([]sighting{sawSOA(ns1, 7, 60, 60), sawSOA(ns2, 6, 60, 60)}), probe.Fail, "want SOA serial 7, the newest; got 6 from ns2")
	judged(t, serialsAgree([]sighting{sawSOA(ns1, 4294967295, 60, 60), sawSOA(ns2, 2, 60, 60)}), probe.Fail, "serial 2, the newest; got 4294967295 from ns1")
	judged(t, serialsAgree([]sighting{sawSOA(ns1, 7, 60, 60), sawNothing(ns2, nodata)}), probe.Fail, "no such record")
	judged(t, serialsAgree([]sighting{sawSOA(ns1, 7, 60, 60), silent(ns2, "timeout")}), probe.Blocked, "")
}

func TestContentJudges(t *testing.T) {
	one, other := saw(ns1, 60, "203.0.113.80"), saw(ns2, 60, "203.0.113.8")
	nothing := []sighting{sawNothing(ns1, nodata), sawNothing(ns2, nodata)}
	same := direct{v4: []sighting{one, saw(ns2, 60, "203.0.113.80")}, v6: nothing}
	judged(t, answersAgree("drop.example.", same, same), probe.Pass, "")
	judged(t, answersAgree("drop.example.", same, direct{v4: []sighting{one, other}, v6: nothing}), probe.Fail, "203.0.113.8 from ns2")
	judged(t, answersAgree("drop.example.", same, direct{v4: []sighting{one, silent(ns2, "timeout")}, v6: nothing}), probe.Blocked, "")
	judged(t, answersAgree("drop.example.", same, direct{v4: []sighting{one, refersTo(ns2, "x.")}, v6: nothing}), probe.Fail, "a referral to drop.example")

	judged(t, mxIs([]string{"10 MAIL.x.example"}, []sighting{saw(ns1, 60, "10 mail.x.example.")}), probe.Pass, "")
	judged(t, mxIs([]string{"10 mail.x.example"}, []sighting{saw(ns1, 60, "10 mail.x.example.", "20 b.")}), probe.Fail, "20 b.")
	judged(t, mxIs(nil, []sighting{sawNothing(ns1, nodata), saw(ns2, 60, "0 .")}), probe.Pass, "")
	judged(t, mxIs(nil, []sighting{sawNothing(ns1, nxdomain)}), probe.Fail, "NXDOMAIN")
	judged(t, mxIs([]string{"10 mail.x.example"}, []sighting{silent(ns1, "timeout")}), probe.Blocked, "")

	judged(t, noCNAMEAtApex([]sighting{one, sawNothing(ns2, nodata)}), probe.Pass, "")
	judged(t, noCNAMEAtApex([]sighting{one, sawCNAME(ns2, "lb.")}), probe.Fail, "CNAME lb")
	judged(t, noCNAMEAtApex([]sighting{one, silent(ns2, "timeout")}), probe.Blocked, "")

	judged(t, worst(explicit("www.", []sighting{one}, sawNothing(ns1, nxdomain))), probe.Pass, "")
	judged(t, worst(explicit("www.", []sighting{one}, saw(ns1, 60, "203.0.113.1"))), probe.Pass, "")
	judged(t, worst(explicit("www.", []sighting{one}, one)), probe.Fail, "nobody created")
	judged(t, worst(explicit("www.", []sighting{silent(ns1, "timeout")}, one)), probe.Blocked, "")

	judged(t, worst(nothingDangles([]end{{Name: "a", Seen: []sighting{one}}, {Name: "b", Seen: nothing}})), probe.Pass, "")
	judged(t, worst(nothingDangles([]end{{Name: "a", Seen: []sighting{one, sawNothing(ns2, nxdomain)}}})), probe.Fail, "a to exist")
	judged(t, worst(nothingDangles([]end{{Name: "a", err: silent(ns1, "timeout").err}})), probe.Blocked, "")
}

func TestLeadsTo(t *testing.T) {
	exact := Record{Name: "www", A: []netip.Addr{netip.MustParseAddr("203.0.113.80")}}
	none := []sighting{sawNothing(ns1, nodata)}
	chainTo := func(links ...link) chain { return chain{name: "www.", links: links} }
	at := func(name string, seen ...sighting) link { return link{name, seen} }
	toApex := chainTo(at("www.", sawCNAME(ns1, "drop.")), at("drop.", saw(ns1, 60, "203.0.113.80")))
	v6Apex := chainTo(at("www.", sawCNAME(ns1, "drop.")), at("drop.", sawNothing(ns1, nodata)))
	target := Record{Name: "www", Target: "LB.cloud"}
	lb := []netip.Addr{netip.MustParseAddr("203.0.113.90"), netip.MustParseAddr("2001:db8::90")}
	via := chainTo(at("www.", sawCNAME(ns1, "edge.")), at("edge.", sawCNAME(ns1, "lb.cloud.")))
	astray := chainTo(at("www.", sawCNAME(ns1, "edge.")), at("edge.", sawCNAME(ns1, "lb.cloud."), sawCNAME(ns2, "old.cloud.")))
	cname := func(to string) direct { return direct{[]sighting{sawCNAME(ns1, to)}, []sighting{sawCNAME(ns1, to)}} }
	cases := []struct {
		name string
		want expected
		seen direct
		end  probe.Status
		says string
	}{
		{"exact", expected{record: exact}, direct{[]sighting{saw(ns1, 60, "203.0.113.80")}, none}, probe.Pass, ""},
		{"another", expected{record: exact}, direct{[]sighting{saw(ns1, 60, "203.0.113.8")}, none}, probe.Fail, "A 203.0.113.80; got 203.0.113.8"},
		{"one more", expected{record: exact}, direct{[]sighting{saw(ns1, 60, "203.0.113.8", "203.0.113.80")}, none}, probe.Fail, ""},
		{"one AAAA more", expected{record: exact}, direct{[]sighting{saw(ns1, 60, "203.0.113.80")}, []sighting{saw(ns1, 60, "2001:db8::1")}}, probe.Fail, "AAAA none"},
		{"none", expected{record: exact}, direct{none, none}, probe.Fail, "no such record"},
		{"NXDOMAIN", expected{record: exact}, direct{[]sighting{sawNothing(ns1, nxdomain)}, []sighting{sawNothing(ns1, nxdomain)}}, probe.Fail, "NXDOMAIN"},
		{"silence", expected{record: exact}, direct{[]sighting{silent(ns1, "timeout")}, none}, probe.Blocked, ""},
		{"by CNAME", expected{record: exact, chains: [2]chain{toApex, v6Apex}}, cname("drop."), probe.Pass, ""},
		{"by CNAME, elsewhere", expected{record: exact, chains: [2]chain{v6Apex, v6Apex}}, cname("drop."), probe.Fail, "CNAME drop with none"},
		{"by CNAME, unseen", expected{record: exact, chains: [2]chain{chainTo(at("drop.", silent(ns1, "timeout"))), v6Apex}}, cname("drop."), probe.Blocked, ""},
		{"target", expected{record: target}, cname("lb.cloud."), probe.Pass, ""},
		{"target by way of another", expected{record: target, chains: [2]chain{via, via}}, cname("edge."), probe.Pass, ""},
		{"not every way leads there", expected{record: target, chains: [2]chain{astray, astray}}, cname("edge."), probe.Fail, "CNAME edge"},
		{"another target", expected{record: target}, cname("old.cloud."), probe.Fail, "CNAME old.cloud"},
		{"CNAME for one type only", expected{record: target, target: lb}, direct{[]sighting{sawCNAME(ns1, "lb.cloud.")}, none}, probe.Fail, ""},
		{"ALIAS", expected{record: target, target: lb}, direct{[]sighting{saw(ns1, 60, "203.0.113.90")}, none}, probe.Pass, ""},
		{"ALIAS and more", expected{record: target, target: lb}, direct{[]sighting{saw(ns1, 60, "203.0.113.8", "203.0.113.90")}, none}, probe.Fail, "got 203.0.113.8 from"},
		{"ALIAS without IPv4", expected{record: target, target: lb}, direct{none, []sighting{saw(ns1, 60, "2001:db8::90")}}, probe.Fail, "no such record for A, though lb.cloud has IPv4"},
		{"ALIAS without IPv4, as its target", expected{record: target, target: lb[1:]}, direct{none, []sighting{saw(ns1, 60, "2001:db8::90")}}, probe.Pass, ""},
		{"ALIAS of nothing", expected{record: target, target: lb}, direct{none, none}, probe.Fail, "no such record for A"},
		{"ALIAS, target unseen", expected{record: target, err: errors.New("unseen")}, direct{[]sighting{saw(ns1, 60, "203.0.113.90")}, none}, probe.Blocked, "unseen"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { judged(t, leadsTo(c.want, c.seen), c.end, c.says) })
	}
	judged(t, Record{Name: "x"}.check(), probe.Blocked, "dns.records")
	judged(t, Record{Name: "x", Target: "y", A: exact.A}.check(), probe.Blocked, "")
	judged(t, exact.check(), probe.Pass, "")
}

func TestChainJudges(t *testing.T) {
	ends := chain{name: "www.", links: []link{{"www.", []sighting{saw(ns1, 60, "203.0.113.80")}}}}
	empty := chain{name: "www.", links: []link{{"www.", []sighting{silent(ns2, "timeout"), sawNothing(ns1, nodata)}}}}
	blank := chain{name: "www.", links: []link{{"www.", []sighting{silent(ns1, "timeout")}}}}
	judged(t, chainEnds("www", [2]chain{ends, empty}), probe.Pass, "")
	judged(t, chainEnds("www", [2]chain{empty, empty}), probe.Fail, "no such record from ns1")
	judged(t, chainEnds("www", [2]chain{ends, blank}), probe.Blocked, "")
	judged(t, chainEnds("www", [2]chain{{loop: "a."}, ends}), probe.Fail, "leads back to a")
	judged(t, chainEnds("www", [2]chain{{long: true}, ends}), probe.Fail, "more than 8")

	judged(t, aaaaParity([]chain{ends, ends}), probe.Pass, "")
	judged(t, aaaaParity([]chain{empty, empty}), probe.Pass, "")
	judged(t, aaaaParity([]chain{ends, empty}), probe.Fail, "")
	judged(t, aaaaParity([]chain{ends, blank}), probe.Blocked, "")
	long := empty
	long.long = true
	judged(t, aaaaParity([]chain{ends, long}), probe.Blocked, "more than 8 CNAMEs")
}

func TestSpecial(t *testing.T) {
	allowed := []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16")}
	for _, public := range []string{"8.8.8.8", "193.0.14.129", "2606:4700::1", "10.20.1.1", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1"} {
		assert.Empty(t, special(netip.MustParseAddr(public), allowed), public)
	}
	for _, odd := range []string{"10.21.0.1", "127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254", "192.0.2.1", "198.51.100.7", "224.0.0.1", "255.255.255.255", "0.0.0.0", "100.64.0.1",
		"::", "::1", "fd00::1", "fe80::1", "2001:db8::1", "64:ff9b::1", "2002::1", "3fff::1", "ff02::1"} {
		assert.NotEmpty(t, special(netip.MustParseAddr(odd), allowed), odd)
	}
}

func TestClassify(t *testing.T) {
	rr := func(text string) dns.RR {
		parsed, err := dns.NewRR(text)
		require.NoError(t, err)
		return parsed
	}
	q := question{name: "www.drop.example.", qtype: dns.TypeA}
	msg := func(rcode int, authoritative bool, answer, ns []dns.RR) *reply {
		m := &dns.Msg{Answer: answer, Ns: ns}
		m.Rcode, m.Authoritative = rcode, authoritative
		return &reply{Msg: m}
	}
	a, cname := rr("WWW.drop.example. 60 A 203.0.113.80"), rr("www.drop.example. 60 CNAME Drop.Example.")
	cases := []struct {
		name  string
		reply *reply
		want  state
	}{
		{"found, in another case", msg(0, true, []dns.RR{a}, nil), found},
		{"CNAME", msg(0, true, []dns.RR{cname, rr("drop.example. 60 A 203.0.113.80")}, nil), alias},
		{"CNAME to a name that does not exist", msg(dns.RcodeNameError, true, []dns.RR{cname}, nil), alias},
		{"nothing", msg(0, true, nil, nil), nodata},
		{"NXDOMAIN", msg(dns.RcodeNameError, true, nil, nil), nxdomain},
		{"a name that was not asked for", msg(0, true, []dns.RR{rr("other.drop.example. 60 A 203.0.113.80")}, nil), nodata},
		{"referral", msg(0, false, nil, []dns.RR{rr("www.drop.example. 60 NS ns.x.")}), referred},
		{"referral upwards", msg(0, false, nil, []dns.RR{rr(". 60 NS a.root-servers.net.")}), broken},
		{"referral to itself", msg(0, false, nil, []dns.RR{rr("drop.example. 60 NS ns.x.")}), broken},
		{"referral sideways", msg(0, false, nil, []dns.RR{rr("api.drop.example. 60 NS ns.x.")}), broken},
		{"a cache's answer", msg(0, false, []dns.RR{a}, nil), broken},
		{"a cache's NXDOMAIN", msg(dns.RcodeNameError, false, nil, nil), broken},
		{"records with SERVFAIL", msg(dns.RcodeServerFailure, true, []dns.RR{a}, nil), broken},
		{"a CNAME with SERVFAIL", msg(dns.RcodeServerFailure, true, []dns.RR{cname}, nil), broken},
		{"records with NXDOMAIN", msg(dns.RcodeNameError, true, []dns.RR{a}, nil), nxdomain},
		{"two CNAMEs", msg(0, true, []dns.RR{cname, rr("www.drop.example. 60 CNAME old.example.")}, nil), broken},
		{"one CNAME twice", msg(0, true, []dns.RR{cname, cname}, nil), alias},
		{"SERVFAIL with AA", msg(dns.RcodeServerFailure, true, nil, nil), broken},
		{"REFUSED", msg(dns.RcodeRefused, false, nil, nil), broken},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			seen := classify("drop.example.", ns1, q, c.reply)
			assert.Equal(t, c.want, seen.state)
			assert.Equal(t, c.want == broken, seen.err != nil)
		})
	}
	withGlue := msg(0, false, nil, []dns.RR{rr("www.drop.example. 60 NS ns.www.drop.example."), rr("www.drop.example. 60 NS ns.elsewhere.test.")})
	withGlue.Extra = []dns.RR{rr("ns.www.drop.example. 60 A 203.0.113.7"), rr("ns.elsewhere.test. 60 A 203.0.113.66"), rr("other.drop.example. 60 A 203.0.113.66")}
	below := referral("drop.example.", "www.drop.example.", withGlue)
	assert.Equal(t, map[string][]netip.Addr{"ns.www.drop.example.": {netip.MustParseAddr("203.0.113.7")}}, below.glue, "glue from outside the server's zone is not trusted")
}

func TestSilence(t *testing.T) {
	q := question{server: netip.MustParseAddrPort("[2001:db8::53]:53"), name: "drop.example.", qtype: dns.TypeA}
	for class, cause := range map[string]error{
		"no-route": &net.OpError{Err: os.NewSyscallError("connect", syscall.ENETUNREACH)},
		"refused":  &net.OpError{Err: os.NewSyscallError("read", syscall.ECONNREFUSED)},
		"reset":    &net.OpError{Err: os.NewSyscallError("read", syscall.ECONNRESET)},
		"timeout":  &net.OpError{Err: os.ErrDeadlineExceeded},
		"network":  errors.New("something else"),
	} {
		var u *probe.Unknown
		require.ErrorAs(t, q.silence(t.Context(), cause), &u)
		assert.Equal(t, class, u.Class)
	}
	assert.ErrorContains(t, q.silence(t.Context(), syscall.ENETUNREACH), "IPv6 works; this is not the server's fault")
}

func TestTTLJudges(t *testing.T) {
	own := func(seen ...sighting) []ownLink { return []ownLink{{name: "drop.", qtype: "A", seen: seen}, {}} }
	judged(t, ttlAtMost(time.Minute, own(saw(ns1, 60), saw(ns2, 60))), probe.Pass, "")
	judged(t, ttlAtMost(time.Minute, own(saw(ns1, 60), saw(ns2, 61))), probe.Fail, "at most 60 s for drop A; got 61 s from ns2")
	judged(t, ttlAtMost(time.Minute, append(own(saw(ns1, 60)), ownLink{errs: []error{silent(ns2, "timeout").err}})), probe.Blocked, "")
	judged(t, ttlsAgree(own(saw(ns1, 60), saw(ns2, 60))), probe.Pass, "")
	judged(t, ttlsAgree(own(saw(ns1, 60), saw(ns2, 61))), probe.Fail, "61 s from ns2")

	missing := []string{"new"}
	judged(t, negativeTTLAtMost(time.Minute, missing, []sighting{sawSOA(ns1, 1, 60, 3600), sawSOA(ns2, 1, 3600, 60)}), probe.Pass, "")
	judged(t, negativeTTLAtMost(time.Minute, missing, []sighting{sawSOA(ns1, 1, 3600, 61)}), probe.Fail, "61 s (SOA TTL 3600, MINIMUM 61)")
	judged(t, negativeTTLAtMost(time.Minute, missing, []sighting{sawNothing(ns1, nodata)}), probe.Fail, "")
	judged(t, negativeTTLAtMost(time.Minute, missing, []sighting{silent(ns1, "timeout")}), probe.Blocked, "")

	cutover := time.Date(2026, 2, 23, 9, 0, 0, 0, time.UTC)
	l := ownLink{name: "drop.", qtype: "A", seen: []sighting{saw(ns1, 60)}}
	judged(t, worst(lowLongEnough(l, time.Minute, time.Hour, cutover.Add(-time.Hour), cutover)), probe.Pass, "")
	judged(t, worst(lowLongEnough(l, time.Minute, time.Hour, cutover.Add(-time.Hour+time.Second), cutover)), probe.Fail, "mends itself at 2026-02-23T09:00:01Z")
	l.seen = []sighting{saw(ns1, 3600)}
	judged(t, worst(lowLongEnough(l, time.Minute, time.Hour, time.Time{}, cutover)), probe.Fail, "at most 60 s")
	assert.True(t, existsAtAll(direct{[]sighting{saw(ns1, 60)}, []sighting{sawNothing(ns1, nodata)}}))
	assert.False(t, existsAtAll(direct{[]sighting{saw(ns1, 60), sawNothing(ns2, nxdomain)}, nil}))
	assert.False(t, existsAtAll(direct{}))
}
