package dnsprobe

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestReadIssuer(t *testing.T) {
	long := strings.Repeat("a", 63)
	for value, want := range map[string]*issuer{
		"ca.example":                   {domain: "ca.example"},
		"  ca.example\t":               {domain: "ca.example"},
		"CA.Example":                   {domain: "CA.Example"},
		"ca.example;":                  {domain: "ca.example"},
		"ca.example; \t":               {domain: "ca.example"},
		"ca1-a--b.example":             {domain: "ca1-a--b.example"},
		long + ".example":              {domain: long + ".example"},
		"":                             {},
		" \t":                          {},
		";":                            {},
		" ; ":                          {},
		"; a=b":                        {parameters: []parameter{{"a", "b"}}},
		"ca.example;a=":                {domain: "ca.example", parameters: []parameter{{"a", ""}}},
		"ca.example ; a = b ;c=d=e\t":  {domain: "ca.example", parameters: []parameter{{"a", "b"}, {"c", "d=e"}}},
		"ca.example; account=1; x-1=2": {domain: "ca.example", parameters: []parameter{{"account", "1"}, {"x-1", "2"}}},
		// Nobody's permission.
		"%%%%%":                   nil, // RFC 8659 4.2
		"ca.example.":             nil,
		".example":                nil,
		"ca..example":             nil,
		"-ca.example":             nil,
		"ca-.example":             nil,
		"ca_1.example":            nil,
		"ca.example other.ca":     nil,
		"ca.example, other.ca":    nil,
		"ca.example a=b":          nil,
		"ca.example; a":           nil,
		"ca.example; =b":          nil,
		"ca.example; a=b;":        nil, // a parameter must follow
		"ca.example;;":            nil,
		"ca.example; a=b c":       nil,
		"ca.example; a-=b":        nil,
		"ca.example; a=b\n":       nil,
		"ca.example\n":            nil,
		"bücher.example":          nil,
		"ca.example; a=ü":         nil,
		"ca.example\x00":          nil,
		"\"ca.example\"":          nil,
		"letsencrypt.org; a=\xff": nil,
	} {
		got, err := readIssuer(value)
		if want == nil {
			assert.Error(t, err, "%q", value)
		} else if assert.NoError(t, err, "%q", value) {
			assert.Equal(t, *want, got, "%q", value)
		}
	}
}

// caaOf is a climb over levels that are given from the lowest to the highest, each as one server or ns1 and ns2 show it:
// records in master-file format without name and type, "" for none, "!" for SERVFAIL, "?" for silence.
func caaOf(t *testing.T, name string, levels ...[]string) climb {
	t.Helper()
	c := climb{name: name}
	at := "www.drop.example."
	for _, level := range levels {
		l := link{name: at}
		for i, text := range level {
			l.seen = append(l.seen, sawCAA(t, []server{ns1, ns2}[i], at, text))
		}
		c.levels = append(c.levels, chain{name: at, qtype: dns.TypeCAA, links: []link{l}})
		_, at, _ = strings.Cut(at, ".")
	}
	return c
}

func sawCAA(t *testing.T, s server, at, text string) sighting {
	t.Helper()
	switch text {
	case "":
		return sawNothing(s, nodata)
	case "!":
		return lameServer(s)
	case "?":
		return silent(s, "timeout")
	}
	m := &dns.Msg{}
	m.SetQuestion(at, dns.TypeCAA)
	m.Response, m.Authoritative = true, true
	for _, line := range strings.Split(text, "\n") {
		rr, err := dns.NewRR(at + " 60 CAA " + line)
		require.NoError(t, err)
		m.Answer = append(m.Answer, rr)
	}
	return classify("example.", s, question{name: at, qtype: dns.TypeCAA}, &reply{Msg: m})
}

func alone(text string) []string { return []string{text} }

// The examples of RFC 8659 4, and what they leave open.
func TestCAAPermits(t *testing.T) {
	const other = `0 issue "other.example"`
	ours := Issuance{CAs: []string{"ca1.example.net", "CA2.example.org"}}
	for _, c := range []struct {
		what, name string
		levels     [][]string
		want       probe.Status
		says       string
	}{
		{"4.2: one authority", "www.drop.example", [][]string{alone(`0 issue "ca1.example.net"`)}, probe.Pass, ""},
		{"4.2: both authorities", "www.drop.example", [][]string{alone("0 issue \"ca1.example.net\"\n" + other)}, probe.Pass, ""},
		{"4.2: an authority with a parameter", "www.drop.example", [][]string{alone(`0 issue "ca1.example.net; account=230123"`)}, probe.Pass, ""},
		{"4.2: nobody", "www.drop.example", [][]string{alone(`0 issue ";"`)}, probe.Fail, `got 0 issue ";" at www.drop.example`},
		{"4.2: malformed", "www.drop.example", [][]string{alone(`0 issue "%%%%%"`)}, probe.Fail, ""},
		{"4.2: nobody adds nothing to somebody", "www.drop.example", [][]string{alone("0 issue \";\"\n0 issue \"ca1.example.net\"")}, probe.Pass, ""},
		{"4.2: malformed beside somebody else", "www.drop.example", [][]string{alone("0 issue \"ca1.example.net.\"\n" + other)}, probe.Fail, "other.example"},
		{"another name of the authority", "www.drop.example", [][]string{alone(`0 issue "ca2.example.org"`)}, probe.Pass, ""},
		{"letter case", "www.drop.example", [][]string{alone(`0 ISSUE "Ca1.Example.Net"`)}, probe.Pass, ""},
		{"somebody else", "www.drop.example", [][]string{alone(other)}, probe.Fail, "add the authority there"},
		{"a name below ours is somebody else", "www.drop.example", [][]string{alone(`0 issue "x.ca1.example.net"`)}, probe.Fail, ""},
		{"4.3: issuewild says nothing about a name", "www.drop.example", [][]string{alone("0 issuewild \"other.example\"\n0 issue \"ca1.example.net\"")}, probe.Pass, ""},
		{"4.3: issuewild alone leaves names open", "www.drop.example", [][]string{alone(`0 issuewild ";"`)}, probe.Pass, ""},
		{"4.3: issuewild for a wildcard", "*.www.drop.example", [][]string{alone("0 issuewild \"ca1.example.net\"\n" + other)}, probe.Pass, ""},
		{"4.3: issuewild goes before issue", "*.www.drop.example", [][]string{alone("0 issue \"ca1.example.net\"\n0 issuewild \"other.example\"")}, probe.Fail, "issuewild"},
		{"4.3: issuewild forbids", "*.www.drop.example", [][]string{alone("0 issue \"ca1.example.net\"\n0 issuewild \";\"")}, probe.Fail, ""},
		{"4.3: a malformed issuewild forbids", "*.www.drop.example", [][]string{alone("0 issue \"ca1.example.net\"\n0 issuewild \"%\"")}, probe.Fail, ""},
		{"4.3: issue where there is no issuewild", "*.www.drop.example", [][]string{alone(`0 issue "ca1.example.net"`)}, probe.Pass, ""},
		{"4.3: issue of somebody else", "*.www.drop.example", [][]string{alone(other)}, probe.Fail, ""},
		{"4.4: iodef restricts nobody", "www.drop.example", [][]string{alone(`0 iodef "mailto:security@drop.example"`)}, probe.Pass, ""},
		{"issuemail and issuevmc restrict nobody", "www.drop.example", [][]string{alone("0 issuemail \";\"\n0 issuevmc \"other.example\"")}, probe.Pass, ""},
		{"4.5: a tag nobody knows restricts nobody", "www.drop.example", [][]string{alone(`0 tbs "Unknown"`)}, probe.Pass, ""},
		{"3: the closest set counts", "www.drop.example", [][]string{alone(`0 issue "ca1.example.net"`), alone(other)}, probe.Pass, ""},
		{"3: the closest set counts, not the better one", "www.drop.example", [][]string{alone(other), alone(`0 issue "ca1.example.net"`)}, probe.Fail, ""},
		{"3: climb", "www.drop.example", [][]string{alone(""), alone(""), alone(other)}, probe.Fail, "at example from"},
		{"3: nothing anywhere", "www.drop.example", [][]string{alone(""), alone(""), alone("")}, probe.Pass, ""},
		{"servers differ", "www.drop.example", [][]string{{`0 issue "ca1.example.net"`, other}}, probe.Fail, "ns2.drop.example"},
		{"one server sends the look-up on to somebody else's set", "www.drop.example", [][]string{{`0 issue "ca1.example.net"`, ""}, alone(other)}, probe.Fail, "at drop.example"},
		{"SERVFAIL is no permission", "www.drop.example", [][]string{{"!", `0 issue "ca1.example.net"`}}, probe.Fail, ""},
		{"silence is no permission", "www.drop.example", [][]string{{"?", ""}, alone(`0 issue "ca1.example.net"`)}, probe.Blocked, ""},
		{"silence hides what is below it only", "www.drop.example", [][]string{alone(`0 issue "ca1.example.net"`), alone("?")}, probe.Pass, ""},
		{"silence everywhere", "www.drop.example", [][]string{alone("?"), alone("?")}, probe.Blocked, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := ours.caaPermits(caaOf(t, c.name, c.levels...))
			judged(t, err, c.want, c.says)
		})
	}
	_, err := Issuance{}.caaPermits(caaOf(t, "www.drop.example", alone("")))
	judged(t, err, probe.Blocked, "tls.ca")
}

func TestCAANotes(t *testing.T) {
	ours := Issuance{CAs: []string{"ca.example"}}
	notes, err := ours.caaPermits(caaOf(t, "www.drop.example", alone("0 issue \"CA.example; Account=1; accounturi=x\"\n0 issue \"a b\""), alone("")))
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{
		"CA.example has capitals: some authorities compare their name letter by letter",
		`issue at www.drop.example allows nobody: "a b" is no authority's name`,
		"parameter Account of CA.example: its meaning is the authority's own, and one that does not know it may refuse to issue",
	}, notes)
	notes, err = ours.caaPermits(caaOf(t, "www.drop.example", alone("")))
	require.NoError(t, err)
	assert.Equal(t, []string{"without a CAA record every authority may issue for www.drop.example"}, notes)
	_, err = caaIsThere(caaOf(t, "www.drop.example", alone("")))
	judged(t, err, probe.Fail, "a CAA record for www.drop.example; got none")
	_, err = caaIsThere(caaOf(t, "www.drop.example", alone(""), alone(`0 issue ";"`)))
	judged(t, err, probe.Pass, "")
	_, err = caaIsThere(caaOf(t, "www.drop.example", alone("?"), alone("")))
	judged(t, err, probe.Blocked, "")
}

func TestUnknownCritical(t *testing.T) {
	for text, want := range map[string]probe.Status{
		`128 tbs "Unknown"`:             probe.Fail, // RFC 8659 4.5
		`129 tbs "Unknown"`:             probe.Fail,
		`128 issues "ca.example"`:       probe.Fail,
		`0 tbs "Unknown"`:               probe.Pass,
		`1 tbs "Unknown"`:               probe.Pass,
		`127 tbs "Unknown"`:             probe.Pass,
		`128 issue "ca.example"`:        probe.Pass,
		`128 IssueWild "ca.example"`:    probe.Pass,
		`128 iodef "mailto:a@b.c"`:      probe.Pass,
		`128 issuemail "ca.example"`:    probe.Pass,
		`128 issuevmc ";"`:              probe.Pass,
		`128 contactemail "a@b.c"`:      probe.Pass,
		"0 issue \"a\"\n128 auth \"x\"": probe.Fail,
	} {
		_, err := noUnknownCritical(caaOf(t, "www.drop.example", alone(""), alone(text), alone(`128 tbs "not relevant"`)))
		judged(t, err, want, "")
	}
	notes, err := noUnknownCritical(caaOf(t, "www.drop.example", alone("128 issuemail \";\"\n1 tbs \"x\"")))
	require.NoError(t, err)
	assert.Equal(t, []string{"issuemail is critical: an authority that does not support it refuses to issue", "tbs has flag 1: Let's Encrypt takes it for the critical flag, which is 128"}, notes)
	_, err = noUnknownCritical(caaOf(t, "www.drop.example", []string{"", "?"}, alone("")))
	judged(t, err, probe.Blocked, "")
}

func TestCAAAnswered(t *testing.T) {
	const ours = `0 issue "ca.example"`
	for _, c := range []struct {
		levels [][]string
		want   probe.Status
		says   string
	}{
		{[][]string{{"", ""}, {ours, ours}}, probe.Pass, ""},
		{[][]string{{"", ""}, {"", ""}}, probe.Pass, ""},
		{[][]string{{"", "!"}, {ours, ours}}, probe.Fail, "type CAA"},
		{[][]string{{"", "?"}, {ours, ours}}, probe.Fail, "type CAA"},
		{[][]string{{"", ""}, {ours, ""}}, probe.Fail, "ns2.drop.example"},
		{[][]string{{ours, ours}, {"!", "!"}}, probe.Pass, ""},
		{[][]string{{"!", "!"}, {ours, ours}}, probe.Fail, ""},
	} {
		_, err := caaAnswered(caaOf(t, "www.drop.example", c.levels...))
		judged(t, err, c.want, c.says)
	}
	gone := caaOf(t, "www.drop.example", []string{"", ""})
	gone.levels[0].links[0].seen[1].state = nxdomain
	_, err := caaAnswered(gone)
	judged(t, err, probe.Pass, "")
	gone.levels[0].links[0].seen[0] = sawCNAME(ns1, "drop.example.")
	_, err = caaAnswered(gone)
	judged(t, err, probe.Pass, "")
	gone.levels[0].links[0].seen[1] = silent(ns2, "no-route")
	_, err = caaAnswered(gone)
	judged(t, err, probe.Blocked, "")
	gone.levels[0].links[0].seen[1] = refersTo(ns2, "ns9.")
	_, err = caaAnswered(gone)
	judged(t, err, probe.Fail, "a referral to drop.example")
	gone.levels[0].loop = "www.drop.example."
	_, err = caaAnswered(gone)
	judged(t, err, probe.Fail, "")
}

// The examples of RFC 8657, and what they leave open.
func TestCAABindsToUs(t *testing.T) {
	const account = "https://example.net/account/1234"
	both := Issuance{CAs: []string{"example.net"}, Account: account, Validation: "dns-01"}
	neither := Issuance{CAs: both.CAs}
	issue := func(values ...string) string {
		return `0 issue "example.net; ` + strings.Join(values, "\"\n0 issue \"example.net; ") + `"`
	}
	for _, c := range []struct {
		what string
		plan Issuance
		text string
		want probe.Status
		says string
	}{
		{"no parameter", both, `0 issue "example.net"`, probe.NA, ""},
		{"another parameter", both, issue("a=b"), probe.NA, ""},
		{"no CAA", both, "", probe.NA, ""},
		{"somebody else's parameter", both, `0 issue "other.example; accounturi=x"`, probe.NA, ""},
		{"our account", both, issue("accounturi=" + account), probe.Pass, ""},
		{"one of two accounts", both, issue("accounturi=https://example.net/account/2345", "accounturi="+account), probe.Pass, ""},
		{"another account", both, issue("accounturi=https://example.net/account/2345"), probe.Fail, "accounturi=https://example.net/account/2345 at www.drop.example"},
		{"an account in other letters", both, issue("accounturi=HTTPS://example.net/account/1234"), probe.Fail, ""},
		{"a tag in other letters", both, issue("AccountURI=x"), probe.Fail, ""},
		{"two accounts in one property", both, issue("accounturi=" + account + "; accounturi=" + account), probe.Fail, "accounturi 2 times"},
		{"bound to nothing", both, issue("accounturi="), probe.Fail, ""},
		{"another account, and a property for all", both, issue("accounturi=x") + "\n0 issue \"example.net\"", probe.Pass, ""},
		{"our account is not known", neither, issue("accounturi=" + account), probe.Blocked, "tls.acme_account"},
		{"our method", both, issue("validationmethods=xyz-01,dns-01"), probe.Pass, ""},
		{"another method", both, issue("validationmethods=http-01,ca-foo"), probe.Fail, "validationmethods=http-01,ca-foo"},
		{"no method", both, issue("validationmethods="), probe.Fail, ""},
		{"malformed methods", both, issue("validationmethods=dns-01,"), probe.Fail, ""},
		{"methods with a blank", both, issue("validationmethods=dns-01,http_01"), probe.Fail, ""},
		{"methods twice", both, issue("validationmethods=dns-01; validationmethods=dns-01"), probe.Fail, "2 times"},
		{"our method is not known", neither, issue("validationmethods=dns-01"), probe.Blocked, "tls.validation"},
		{"account and method", both, issue("accounturi=" + account + "; validationmethods=dns-01"), probe.Pass, ""},
		{"account of one and method of the other", both, issue("accounturi="+account+"; validationmethods=http-01", "accounturi=x; validationmethods=dns-01"), probe.Fail, ""},
		{"no authority", Issuance{}, "", probe.Blocked, "tls.ca"},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := c.plan.caaBindsToUs(caaOf(t, "www.drop.example", alone(c.text)))
			judged(t, err, c.want, c.says)
		})
	}
	_, err := both.caaBindsToUs(caaOf(t, "*.www.drop.example", alone("0 issue \"example.net\"\n0 issuewild \"example.net; accounturi=x\"")))
	judged(t, err, probe.Fail, "")
	_, err = both.caaBindsToUs(caaOf(t, "www.drop.example", []string{"?", issue("accounturi=" + account)}))
	judged(t, err, probe.Blocked, "")
}

func TestUpwards(t *testing.T) {
	assert.Equal(t, []string{"www.drop.co.uk.", "drop.co.uk.", "co.uk.", "uk."}, upwards("www.drop.co.uk."))
	assert.Equal(t, []string{"uk."}, upwards("uk."))
	assert.Empty(t, upwards("."))
}

func FuzzCAA(f *testing.F) {
	for _, value := range []string{"ca.example", ";", "%%%%%", "ca.example; account=230123", "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01,http-01",
		" ca.example ; a = b ", "ca.example; a=b;", "; a=b", "a-.b", "ca.example;;;;;;", "\xff;=", "ca.example; validationmethods=,,"} {
		f.Add(uint8(0), "issue", value)
		f.Add(uint8(128), "issueWild", value)
	}
	f.Add(uint8(128), "tbs", "Unknown")
	f.Fuzz(func(t *testing.T, flag uint8, tag, value string) {
		set := caaSet{at: "drop.example.", records: []*dns.CAA{{Hdr: dns.RR_Header{Name: "drop.example.", Rrtype: dns.TypeCAA}, Flag: flag, Tag: tag, Value: value}}}
		plan := Issuance{CAs: []string{"ca.example"}, Account: "https://ca.example/acct/1", Validation: "dns-01"}
		i, err := readIssuer(value)
		for _, wildcard := range []bool{false, true} {
			allowing, _ := set.allowing(wildcard, plan.CAs)
			if len(allowing) > 0 {
				assert.NoError(t, err)
				assert.True(t, strings.EqualFold(i.domain, "ca.example"))
				assert.Contains(t, strings.ToLower(value), "ca.example")
			}
			if len(allowing) > 0 && plan.bindsToUs("drop.example", set, allowing) == nil && strings.Contains(strings.ToLower(value), "accounturi") {
				assert.Contains(t, value, plan.Account)
			}
		}
		if err == nil && i.domain != "" && len(i.domain) <= 253 {
			_, is := dns.IsDomainName(i.domain)
			assert.True(t, is || len(i.domain) > 63, "%q", i.domain)
		}
		unknown, _ := set.critical()
		assert.False(t, len(unknown) > 0 && flag < 128)
		_ = set.String()
	})
}
