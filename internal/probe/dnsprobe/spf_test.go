package dnsprobe

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

// Whatever passes everybody is found out, however it says so.
func TestSPFOpen(t *testing.T) {
	const fail, pass = probe.Fail, probe.Pass
	w := newWorld(t, 2)
	w.replaceEverywhere(t, `*.any.cloud.example. 60 A 127.0.0.2
113.0.203.25.ours.cloud.example. 60 A 127.0.0.2
open.cloud.example. 60 TXT "v=spf1 +all"
asked.cloud.example. 60 TXT "v=spf1 exists:%{ir}.any.cloud.example -all"
half.cloud.example. 60 TXT "v=spf1 ip4:128.0.0.0/2 ip4:192.0.0.0/2 -all"`)
	for i, c := range []struct {
		terms string
		want  probe.Status
		says  string
	}{
		{"+all", fail, "+all"}, {"all", fail, "+all"}, {"redirect=open.cloud.example", fail, "+all"}, {"include:open.cloud.example -all", fail, "+all"},
		{"?include:open.cloud.example -all", pass, ""}, {"-include:open.cloud.example -all", pass, ""}, {"-all include:open.cloud.example", pass, ""}, {"-all redirect=open.cloud.example", pass, ""},
		{"exists:lb.cloud.example -all", fail, "exists whoever sends"}, {"-exists:lb.cloud.example -all", pass, ""}, {"exists:gone.cloud.example -all", pass, ""},
		{"exists:%{i}.any.cloud.example -all", fail, "nobody's address"}, {"exists:%{l}.any.cloud.example -all", fail, "nobody's address"}, {"include:asked.cloud.example -all", fail, "nobody's address"},
		{"exists:%{ir}.ours.cloud.example -all", pass, ""}, {"exists:%{h}.any.cloud.example -all", fail, "nobody's address"}, {"include:%{o}.cloud.example -all", pass, ""},
		{"redirect=%{d1r}.any.cloud.example", pass, ""},
		{"ptr -all", fail, "+ptr"}, {"ptr:cloud.example -all", fail, "+ptr"}, {"-ptr -all", pass, ""},
		{"a/0 -all", fail, "a/0"}, {"mx/0 -all", fail, "mx/0"}, {"a//0 -all", fail, "a//0"}, {"mx:cloud.example/7 -all", fail, "mx"}, {"a/8 -all", pass, ""},
		{"ip4:0.0.0.0/0 -all", fail, "/0"}, {"ip6:::/0 -all", fail, "/0"}, {"ip6:2600::/12 -all", fail, "/12"}, {"ip6:2600::/13 -all", pass, ""},
		{"ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all", fail, "/1"}, {"include:half.cloud.example -all", fail, "/2"},
		{"ip4:10.0.0.0/8 ip4:12.0.0.0/8 -all", fail, "together"}, {"ip4:10.0.0.0/8 ip4:10.0.0.0/8 ip4:10.9.0.0/16 -all", pass, ""},
		{"ip6:2400::/13 ip6:2600::/13 -all", fail, "together"}, {"a/8 mx/8 -all", fail, "together"}, {"ip4:17.0.0.0/8 ip4:192.0.2.0/24 ip6:2a00::/16 -all", pass, ""},
	} {
		domain := fmt.Sprintf("t%d.drop.example", i)
		w.replaceEverywhere(t, fmt.Sprintf("%s. 60 A 203.0.113.1\n%[1]s. 60 MX 10 mail.cloud.example.\n%[1]s. 60 TXT \"v=spf1 %s\"", domain, c.terms))
		evidence, err := SPFNotOpen(w.zone(), domain)(t.Context())
		assert.Equal(t, c.want, probe.StatusOf(err), "%s: %v: %+v", c.terms, err, evidence.Observed)
		if c.says != "" {
			assert.ErrorContains(t, err, c.says, c.terms)
		}
	}
}

// Records that include each other over and over are looked up once each, and counted to the end.
func TestSPFThatBranches(t *testing.T) {
	w := newWorld(t, 2)
	var lines strings.Builder
	for i := range 30 {
		fmt.Fprintf(&lines, "b%d.cloud.example. 60 TXT \"v=spf1%s -all\"\n", i, strings.Repeat(fmt.Sprintf(" include:b%d.cloud.example", i+1), 9))
	}
	w.replaceEverywhere(t, lines.String()+`drop.example. 60 TXT "v=spf1 include:b20.cloud.example include:b0.cloud.example -all"
small.drop.example. 60 TXT "v=spf1 include:s1.cloud.example include:s1.cloud.example -all"
s1.cloud.example. 60 TXT "v=spf1 include:s2.cloud.example include:s2.cloud.example -all"
s2.cloud.example. 60 TXT "v=spf1 a:lb.cloud.example -all"`)
	z := w.zone()
	_, err := SPFWithinLimits(z, "drop.example")(t.Context())
	judged(t, err, probe.Fail, "1000000 look-ups")
	assert.Less(t, z.sent.Load(), int64(200))
	_, err = SPFNotOpen(w.zone(), "drop.example")(t.Context())
	judged(t, err, probe.Blocked, "cannot be read")
	evidence, err := SPFWithinLimits(w.zone(), "small.drop.example")(t.Context())
	judged(t, err, probe.Pass, "")
	assert.Equal(t, 10, evidence.Observed.(*spfWorst).LookUps, "2 × (1 + 2 × (1 + 1))")
}

// The sender is judged by the whole record, as a checker would, and by the whole grammar.
func TestSPFPasses(t *testing.T) {
	w := newWorld(t, 2)
	w.replaceEverywhere(t, `25.113.0.203.ours.cloud.example. 60 A 127.0.0.2
postmaster.ours.cloud.example. 60 A 127.0.0.2
drop.ours.cloud.example. 60 A 127.0.0.2
below.cloud.example. 60 TXT "v=spf1 exists:%{d1r}.ours.cloud.example ip4:203.0.113.25 -all"`)
	sender := netip.MustParseAddr("203.0.113.25")
	for i, c := range []struct {
		terms string
		want  probe.Status
	}{
		{"ip4:203.0.113.25 -all", probe.Pass}, {"include:below.cloud.example -all", probe.Pass}, {"redirect=below.cloud.example", probe.Pass}, {"mx:drop.example -all", probe.Pass},
		{"exists:%{ir}.ours.cloud.example -all", probe.Pass}, {"exists:%{l}.ours.cloud.example -all", probe.Pass}, {"exists:%{o2r1}.ours.cloud.example -all", probe.Fail}, {"exists:%{d2r}.ours.cloud.example -all", probe.Fail},
		{"?ip4:203.0.113.25 -all", probe.Fail}, {"~ip4:203.0.113.25 -all", probe.Fail}, {"~all", probe.Fail}, {"?all", probe.Fail}, {"", probe.Fail}, {"-ip4:203.0.113.25 +all", probe.Fail},
		{"ip4:203.0.113.25 a:192.0.2.1 -all", probe.Fail}, {"ip4:203.0.113.25 exists:%{t}.cloud.example -all", probe.Fail},
	} {
		domain := fmt.Sprintf("t%d.drop.example", i)
		w.replaceEverywhere(t, fmt.Sprintf("%s. 60 TXT \"v=spf1 %s\"", domain, c.terms))
		evidence, err := SPFPasses(w.zone(), domain, sender)(t.Context())
		assert.Equal(t, c.want, probe.StatusOf(err), "%s: %v: %+v", c.terms, err, evidence.Observed)
	}
}
