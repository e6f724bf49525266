package dnsprobe

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

// ed25519Key is one that can be read.
const ed25519Key = `"v=DKIM1; k=ed25519; p=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="`

const goodMail = `drop.example. 60 TXT "v=spf1 ip4:203.0.113.25 -all"
s1._domainkey.drop.example. 60 TXT ` + ed25519Key + `
_dmarc.drop.example. 60 TXT "v=DMARC1; p=reject; rua=mailto:dmarc@drop.example"
_mta-sts.drop.example. 60 TXT "v=STSv1; id=1"
_smtp._tls.drop.example. 60 TXT "v=TLSRPTv1; rua=mailto:tls@drop.example"`

// Nothing that cannot be read, or is not there, passes: what is not named holds.
func TestMailInTheWorld(t *testing.T) {
	const fail, warn, blocked, na = probe.Fail, probe.Warn, probe.Blocked, probe.NA
	for _, c := range []struct {
		name, lines string
		want        map[string]probe.Status // by the beginning of the line's name
	}{
		{"good", "", nil},
		{"no SPF", `drop.example. 60 TXT "other"`, map[string]probe.Status{"SPF-01": fail, "SPF-02": fail, "SPF-03": fail, "SPF-04": fail, "SPF-05": warn, "SPF-06": fail}},
		{"SPF that cannot be read", `drop.example. 60 TXT "v=spf1 ipv4:203.0.113.25 -all"`, map[string]probe.Status{"SPF-02": fail, "SPF-03": blocked, "SPF-04": blocked, "SPF-05": blocked, "SPF-06": fail}},
		{"SPF that cannot be read below", "drop.example. 60 TXT \"v=spf1 include:x.cloud.example -all\"\nx.cloud.example. 60 TXT \"v=spf1 x -all\"", map[string]probe.Status{"SPF-02": fail, "SPF-03": blocked, "SPF-04": blocked, "SPF-06": fail}},
		{"SPF that cannot be read behind redirect", "drop.example. 60 TXT \"v=spf1 redirect=x.cloud.example\"\nx.cloud.example. 60 TXT \"v=spf1 x -all\"",
			map[string]probe.Status{"SPF-02": fail, "SPF-03": blocked, "SPF-04": blocked, "SPF-05": blocked, "SPF-06": fail}},
		{"SPF in a circle", `drop.example. 60 TXT "v=spf1 include:drop.example -all"`, map[string]probe.Status{"SPF-02": fail, "SPF-03": fail, "SPF-06": fail}},
		{"SPF for everybody below", "drop.example. 60 TXT \"v=spf1 include:x.cloud.example -all\"\nx.cloud.example. 60 TXT \"v=spf1 +all\"", map[string]probe.Status{"SPF-04": fail}},
		{"no DKIM key", "s1._domainkey.drop.example. 60 TXT \"other\"", map[string]probe.Status{"DKM-01": fail, "DKM-02 DKIM key is strong": fail, "DKM-02 DKIM key is good": warn, "DKM-03": warn}},
		{"DKIM for testing", `s1._domainkey.drop.example. 60 TXT "v=DKIM1; t=y; k=ed25519; p=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="`, map[string]probe.Status{"DKM-03": warn}},
		{"no DMARC", `_dmarc.drop.example. 60 TXT "other"`, map[string]probe.Status{"DMC-01": fail, "DMC-02 DMARC protects": fail, "DMC-02 DMARC for all mail": warn, "DMC-03": warn}},
		{"DMARC of none", `_dmarc.drop.example. 60 TXT "v=DMARC1; p=none; pct=50"`, map[string]probe.Status{"DMC-02 DMARC protects": fail, "DMC-02 DMARC for all mail": warn, "DMC-03": warn}},
		{"the null MX", "drop.example. 60 MX 0 .", map[string]probe.Status{"MX-01": na, "MX-02": na, "MTS": na, "TLR": na}},
		{"an MX that is not there", "drop.example. 60 MX 10 x.cloud.example.", map[string]probe.Status{"MX-01": fail}},
		{"an MX that is an alias", "drop.example. 60 MX 10 x.cloud.example.\nx.cloud.example. 60 CNAME mail.cloud.example.", map[string]probe.Status{"MX-02": warn}},
		{"an MX that differs between others' servers", "drop.example. 60 MX 10 many.cloud.example.", nil},
		{"DMARC without a policy", `_dmarc.drop.example. 60 TXT "v=DMARC1; rua=mailto:dmarc@drop.example"`, map[string]probe.Status{"DMC-01": fail, "DMC-02 DMARC protects": fail}},
		{"DMARC with a misspelt policy", `_dmarc.drop.example. 60 TXT "v=DMARC1; p=rejct; rua=mailto:dmarc@drop.example"`, map[string]probe.Status{"DMC-01": fail, "DMC-02 DMARC protects": fail}},
		{"DMARC with a misspelt policy for subdomains", `_dmarc.drop.example. 60 TXT "v=DMARC1; p=reject; sp=rejct; rua=mailto:dmarc@drop.example"`, map[string]probe.Status{"DMC-01": fail, "DMC-02 DMARC protects": fail}},
		{"neither MTA-STS nor TLS-RPT", "_mta-sts.drop.example. 60 TXT \"v=STSv1; id=\"\n_smtp._tls.drop.example. 60 TXT \"x\"", map[string]probe.Status{"MTS": warn, "TLR": warn}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.replaceEverywhere(t, goodMail)
			must(t)(w.Servers()[0].Replace("many.cloud.example. 60 A 203.0.113.7"))
			must(t)(w.second().Replace("many.cloud.example. 60 A 203.0.113.8"))
			if c.lines != "" {
				w.replaceEverywhere(t, c.lines)
			}
			w.config.Mail = Mail{Selectors: []string{"s1"}, Senders: []netip.Addr{netip.MustParseAddr("203.0.113.25")}}
			for _, n := range ofMail(w.zone()) {
				if n.Name == "PTR-01 has a name: 203.0.113.25" { // there is no reverse zone here
					continue
				}
				got := probe.Advise(t.Context(), n.Name, n.Claim)
				if n.Must {
					got = probe.Run(t.Context(), n.Name, n.Claim)
				}
				if got.Measured == blocked {
					got.Status = blocked
				}
				want := probe.Pass
				for name, status := range c.want {
					if len(n.Name) >= len(name) && n.Name[:len(name)] == name {
						want = status
					}
				}
				assert.Equal(t, want, got.Status, "%s: %s", n.Name, got.Message())
			}
		})
	}
}

// What a dead server has is not known, and the others' word is enough for mail; two that differ are a failure.
func TestMailOfServersThatDiffer(t *testing.T) {
	w := newWorld(t, 2)
	w.replaceEverywhere(t, goodMail)
	must(t)(w.second().Replace(`drop.example. 60 TXT "v=spf1 -all"`))
	_, err := OneSPF(w.zone(), "drop.example")(t.Context())
	judged(t, err, probe.Fail, "from every server")
	must(t)(w.second().Remove("drop.example.", dns.TypeTXT))
	_, err = OneSPF(w.zone(), "drop.example")(t.Context())
	judged(t, err, probe.Fail, "from every server")
}

// A record of the domain's own ends the search for a policy, whether it has a good one or not.
func TestDMARCOfOneself(t *testing.T) {
	w := newWorld(t, 2)
	w.replaceEverywhere(t, `_dmarc.app.drop.example. 60 TXT "v=DMARC1; rua=mailto:dmarc@drop.example"`)
	w.config.Mail = Mail{Domain: "app.drop.example"}
	_, err := DMARCProtects(w.zone())(t.Context())
	judged(t, err, probe.Fail, "got none")
	w.replaceEverywhere(t, "_dmarc.app.drop.example. 60 TXT \"v=DMARC1; p=reject\"\n_dmarc.drop.example. 60 TXT \"v=DMARC1; p=none\"")
	_, err = DMARCProtects(w.zone())(t.Context())
	judged(t, err, probe.Pass, "")
	w.config.Mail = Mail{Domain: "web.drop.example"} // the organization's counts
	_, err = DMARCProtects(w.zone())(t.Context())
	judged(t, err, probe.Fail, "got none")
	w.replaceEverywhere(t, `_dmarc.drop.example. 60 TXT "v=DMARC1; p=rejct"`)
	_, err = OneDMARC(w.zone())(t.Context())
	judged(t, err, probe.Fail, "counts as p=none")
}

// A launch that wants mail must have exchangers; one that wants none need not.
func TestMailThatIsWanted(t *testing.T) {
	w := newWorld(t, 2)
	for _, none := range []string{"no MX", "the null MX"} {
		if none == "the null MX" {
			w.replaceEverywhere(t, "drop.example. 60 MX 0 .")
		} else {
			for _, s := range w.Servers() {
				must(t)(s.Remove("drop.example.", dns.TypeMX))
			}
		}
		w.config.Mail = Mail{}
		_, err := ExchangersHaveAddresses(w.zone())(t.Context())
		judged(t, err, probe.NA, "takes no mail")
		w.config.Mail.Inbound = true
		_, err = ExchangersHaveAddresses(w.zone())(t.Context())
		judged(t, err, probe.Fail, "publish the MX records")
	}
	_, err := MXIs(w.zone(), []string{"0 ."})(t.Context())
	judged(t, err, probe.Pass, "")
}

// What others' servers do not answer nobody can tell; what ours do not answer is our fault.
func TestMailOfLameServers(t *testing.T) {
	lame := func(zone string) *world {
		w := newWorld(t, 2)
		w.replaceEverywhere(t, "drop.example. 60 TXT \"v=spf1 include:spf.cloud.example a:lb.cloud.example -all\"\nspf.cloud.example. 60 TXT \"v=spf1 -all\"")
		for _, s := range w.Servers() {
			must(t)(s.RemoveZone(zone))
		}
		return w
	}
	others := lame("cloud.example.").zone()
	for _, claim := range []probe.Claim{SPFReads(others, "drop.example"), SPFWithinLimits(others, "drop.example"), SPFNotOpen(others, "drop.example"), ExchangersHaveAddresses(others), OneSPF(others, "spf.cloud.example")} {
		_, err := claim(t.Context())
		judged(t, err, probe.Blocked, "REFUSED")
	}
	_, err := SPFEnds(others, "drop.example")(t.Context())
	judged(t, err, probe.Pass, "")
	ours := lame("drop.example.").zone()
	for _, claim := range []probe.Claim{OneSPF(ours, "drop.example"), SPFReads(ours, "drop.example"), OneDMARC(ours), ExchangersHaveAddresses(ours), DKIMKeyIsThere(ours, "s1")} {
		_, err := claim(t.Context())
		judged(t, err, probe.Fail, "REFUSED")
	}
}

// Of a record of others' that differs between their servers nobody can tell which one counts.
func TestMailOfOthersThatDiffers(t *testing.T) {
	w := newWorld(t, 2)
	w.replaceEverywhere(t, "drop.example. 60 TXT \"v=spf1 include:spf.cloud.example -all\"\nspf.cloud.example. 60 TXT \"v=spf1 -all\"")
	must(t)(w.second().Replace(`spf.cloud.example. 60 TXT "v=spf1 ?all"`))
	_, err := SPFReads(w.zone(), "drop.example")(t.Context())
	judged(t, err, probe.Blocked, "from every server")
}

// The sizes of RSA keys that verifiers take, and should.
func TestDKIMKeySizes(t *testing.T) {
	w := newWorld(t, 2)
	for bits, want := range map[uint][2]probe.Status{512: {probe.Fail, probe.Fail}, 1024: {probe.Pass, probe.Fail}, 2048: {probe.Pass, probe.Pass}, 4096: {probe.Pass, probe.Pass}, 8192: {probe.Pass, probe.Fail}} {
		modulus := new(big.Int).SetBit(big.NewInt(1), int(bits)-1, 1)
		p := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: modulus, E: 65537}))
		text := `"v=DKIM1; p="`
		for part := range slices.Chunk([]byte(p), 200) {
			text += ` "` + string(part) + `"`
		}
		w.replaceEverywhere(t, "s1._domainkey.drop.example. 60 TXT "+text)
		_, err := DKIMKeyIsStrong(w.zone(), "s1")(t.Context())
		judged(t, err, want[0], "")
		_, err = DKIMKeyIsGood(w.zone(), "s1")(t.Context())
		judged(t, err, want[1], "")
	}
}
