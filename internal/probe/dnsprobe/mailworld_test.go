package dnsprobe

import (
	"net/netip"
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
		{"neither MTA-STS nor TLS-RPT", "_mta-sts.drop.example. 60 TXT \"v=STSv1; id=\"\n_smtp._tls.drop.example. 60 TXT \"x\"", map[string]probe.Status{"MTS": warn, "TLR": warn}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			w.replaceEverywhere(t, goodMail)
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
