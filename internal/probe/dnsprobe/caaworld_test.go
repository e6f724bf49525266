package dnsprobe

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

const (
	caOurs  = `drop.example. 60 CAA 0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01"`
	caOther = `60 CAA 0 issue "other.example"`
)

// newCAAWorld is a world whose zone allows the authority that is planned.
func newCAAWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 2)
	w.replaceEverywhere(t, caOurs)
	w.config.Issuance = Issuance{Names: []string{"drop.example", "www.drop.example", "*.drop.example"}, CAs: []string{"ca.example"},
		Account: "https://ca.example/acct/1", Validation: "dns-01"}
	return w
}

// Every claim about CAA is seen red and green on real servers, each change in its own world. What is not named holds.
func TestCAAInTheWorld(t *testing.T) {
	parent := func(t *testing.T, w *world, lines string) { must(t)(w.Parents()[0].Replace(lines)) }
	without := func(t *testing.T, w *world) {
		for _, s := range w.Servers() {
			must(t)(s.Remove("drop.example.", dns.TypeCAA))
		}
	}
	for _, c := range []struct {
		name   string
		change func(t *testing.T, w *world)
		want   map[string]probe.Status
		says   string
	}{
		{"nothing broken", func(*testing.T, *world) {}, nil, ""},
		{"no CAA at all", without, map[string]probe.Status{"CAA-05": probe.NA}, ""},
		{"CAA of the top-level domain", func(t *testing.T, w *world) { without(t, w); parent(t, w, "example. "+caOther) },
			map[string]probe.Status{"CAA-01": probe.Fail, "CAA-02": probe.Fail, "CAA-05": probe.NA}, "at example from"},
		{"CAA of the root has no say", func(t *testing.T, w *world) { without(t, w); must(t)(w.Root().Replace(". " + caOther)) }, map[string]probe.Status{"CAA-05": probe.NA}, ""},
		{"another authority", func(t *testing.T, w *world) { w.replaceEverywhere(t, "drop.example. "+caOther) },
			map[string]probe.Status{"CAA-01": probe.Fail, "CAA-02": probe.Fail, "CAA-05": probe.NA}, `got 0 issue "other.example" at drop.example from ns1.drop.example`},
		{"another authority at one server", func(t *testing.T, w *world) { must(t)(w.second().Replace("drop.example. " + caOther)) },
			map[string]probe.Status{"CAA-01": probe.Fail, "CAA-02": probe.Fail, "CAA-04": probe.Fail}, "from ns2.drop.example"},
		{"no CAA at one server", func(t *testing.T, w *world) { must(t)(w.second().Remove("drop.example.", dns.TypeCAA)) },
			map[string]probe.Status{"CAA-04": probe.Fail}, "no such record from ns2.drop.example"},
		{"www for another authority", func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "www.drop.example. "+caOther)
			for _, s := range w.Servers() {
				must(t)(s.Remove("www.drop.example.", dns.TypeCNAME))
			}
		}, map[string]probe.Status{"CAA-01": probe.Fail}, "at www.drop.example from"},
		{"the CAA at a CNAME's target counts", func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "www.drop.example. 60 CNAME lb.cloud.example.\nlb.cloud.example. "+caOther)
		}, map[string]probe.Status{"CAA-01": probe.Fail}, "at lb.cloud.example from"},
		{"the climb leaves a CNAME's target", func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "www.drop.example. 60 CNAME lb.cloud.example.\ncloud.example. "+caOther)
		}, nil, ""},
		{"the CAA at a DNAME's target counts", func(t *testing.T, w *world) {
			w.config.Issuance.Names = []string{"shop.old.drop.example"}
			w.replaceEverywhere(t, "old.drop.example. 60 DNAME cloud.example.\nshop.cloud.example. "+caOther)
		}, map[string]probe.Status{"CAA-01": probe.Fail, "CAA-05": probe.NA}, "at shop.cloud.example from"},
		{"wildcards for another authority", func(t *testing.T, w *world) {
			w.replaceEverywhere(t, caOurs+"\ndrop.example. 60 CAA 0 issuewild \"other.example\"")
		}, map[string]probe.Status{"CAA-02": probe.Fail}, "issuewild"},
		{"a critical tag that nobody knows", func(t *testing.T, w *world) {
			w.replaceEverywhere(t, caOurs+"\ndrop.example. 60 CAA 128 tbs \"Unknown\"")
		}, map[string]probe.Status{"CAA-03": probe.Fail}, `flag 128 and tag "tbs" at drop.example`},
		{"SERVFAIL for CAA at one server", func(_ *testing.T, w *world) {
			w.second().Set(func(b *dnstest.Behaviour) { b.FailType = dns.TypeCAA })
		}, map[string]probe.Status{"CAA-01": probe.Fail, "CAA-02": probe.Fail, "CAA-03": probe.Fail, "CAA-04": probe.Fail, "CAA-05": probe.Fail}, "SERVFAIL"},
		{"SERVFAIL for CAA at the top-level domain", func(t *testing.T, w *world) {
			without(t, w)
			w.Parents()[0].Set(func(b *dnstest.Behaviour) { b.FailType = dns.TypeCAA })
		}, map[string]probe.Status{"CAA-01": probe.Fail, "CAA-02": probe.Fail, "CAA-03": probe.Fail, "CAA-04": probe.Fail, "CAA-05": probe.Fail}, "SERVFAIL"},
		{"SERVFAIL for CAA at a top-level domain that is not asked", func(_ *testing.T, w *world) {
			w.Parents()[0].Set(func(b *dnstest.Behaviour) { b.FailType = dns.TypeCAA })
		}, nil, ""},
		{"one server silent", silentUDP, map[string]probe.Status{"CAA-01": probe.Blocked, "CAA-02": probe.Blocked, "CAA-03": probe.Blocked, "CAA-04": probe.Fail, "CAA-05": probe.Blocked}, "ns2.drop.example"},
		{"CNAMEs in a circle", func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "www.drop.example. 60 CNAME a.drop.example.\na.drop.example. 60 CNAME www.drop.example.")
		}, map[string]probe.Status{"CAA-01": probe.Fail, "CAA-03": probe.Fail, "CAA-04": probe.Fail, "CAA-05": probe.Fail}, "leads back to www.drop.example"},
		{"another account", func(_ *testing.T, w *world) { w.config.Issuance.Account = "https://ca.example/acct/2" },
			map[string]probe.Status{"CAA-05": probe.Fail}, "accounturi=https://ca.example/acct/1"},
		{"another method", func(_ *testing.T, w *world) { w.config.Issuance.Validation = "http-01" }, map[string]probe.Status{"CAA-05": probe.Fail}, "validationmethods=dns-01"},
		{"no account given", func(_ *testing.T, w *world) { w.config.Issuance.Account = "" }, map[string]probe.Status{"CAA-05": probe.Blocked}, "tls.acme_account"},
		{"no authority given", func(_ *testing.T, w *world) { w.config.Issuance.CAs = nil },
			map[string]probe.Status{"CAA-01": probe.Blocked, "CAA-02": probe.Blocked, "CAA-05": probe.Blocked}, "set it to the name that the authority documents"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newCAAWorld(t)
			c.change(t, w)
			got := map[string]probe.Status{}
			said := ""
			for _, r := range run(t, ofCertificates(w.zone())) {
				if was, seen := got[r.Assertion]; !seen || was == probe.Pass { // several names
					got[r.Assertion] = r.Status
				}
				said += r.Message() + "\n"
			}
			for _, id := range []string{"CAA-01", "CAA-02", "CAA-03", "CAA-04", "CAA-05"} {
				if _, judged := got[id]; !judged {
					continue // no wildcard is planned
				}
				want, named := c.want[id]
				if !named {
					want = probe.Pass
				}
				assert.Equal(t, want, got[id], "%s\n%s", id, said)
			}
			assert.Contains(t, said, c.says)
		})
	}
}

// An authority must not issue where the look-up does not verify (BR 3.2.2.8.1).
func TestCAAVerifies(t *testing.T) {
	for title, c := range map[string]struct {
		change func(*testing.T, *world)
		want   probe.Status
		says   string
	}{
		"healthy":                 {func(*testing.T, *world) {}, probe.Pass, ""},
		"a chain that is broken":  {parentHas("drop.example. 3600 IN DS 1 13 2 " + wrongDigest), probe.Fail, "no key that the DS"},
		"CAA without a signature": {resign(1, func(s *dnstest.Signing) { s.Without = []uint16{dns.TypeCAA} }), probe.Fail, "no signature over"},
		"no CAA, and nobody says so": {func(t *testing.T, w *world) {
			for _, s := range w.Servers() {
				must(t)(s.Remove("drop.example.", dns.TypeCAA))
			}
			resign(0, func(s *dnstest.Signing) { s.Denies = true })(t, w)
		}, probe.Fail, "the absence of CAA"},
		"a CNAME into a zone that is broken": {func(t *testing.T, w *world) {
			for _, s := range w.Servers() {
				must(t)(s.Resign("cloud.example", func(s *dnstest.Signing) { s.OtherKey = true }))
			}
		}, probe.Fail, "lb.cloud.example"},
		"no DS": {withoutDS, probe.Pass, ""},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := signedWorld(t)
			w.replaceEverywhere(t, caOurs)
			w.config.Issuance = Issuance{Names: []string{"drop.example", "api.drop.example"}, CAs: []string{"ca.example"}}
			c.change(t, w)
			r := run(t, []Named{{"answered", true, CAAAnswered(w.zone())}})[0]
			assert.Equal(t, c.want, r.Status, r.Message())
			assert.Contains(t, r.Message(), c.says)
		})
	}
}

// A certificate can be for a name outside the zone, and its name can live in a zone below.
func TestCAAOfOtherZones(t *testing.T) {
	w := newCAAWorld(t)
	child := dnstest.NewServer(t, "child", netip.MustParseAddr("203.0.113.200"))
	must(t)(child.AddZone("app.drop.example.", "$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns A 203.0.113.200\nsite A 203.0.113.80\n@ CAA 0 issue \"child.example\""))
	connect := w.Connect()
	for from, to := range child.Connect() {
		connect[from] = to
	}
	w.replaceEverywhere(t, "app.drop.example. 60 NS ns.app.drop.example.\nns.app.drop.example. 60 A 203.0.113.200\ncloud.example. 60 CAA 0 issue \"cloud.example\"")
	w.config.Network = &probe.Network{Connect: connect}
	z := w.zone()
	for name, at := range map[string]string{"site.app.drop.example": "child.example\" at app.drop.example", "lb.cloud.example": "cloud.example\" at cloud.example", "nobody.example": ""} {
		_, err := CAAPermits(z, name)(t.Context())
		if at == "" {
			assert.NoError(t, err)
			continue
		}
		judged(t, err, probe.Fail, at)
	}
}

// What is asked for CAA costs a question a name and server, and above the zone none where the zone has CAA.
func TestCAACosts(t *testing.T) {
	w := newCAAWorld(t)
	z := w.zone()
	_, err := ServersAuthoritative(z)(t.Context())
	assert.NoError(t, err)
	_, err = KeysMatchDS(z)(t.Context())
	assert.Equal(t, probe.NA, probe.StatusOf(err), "that nobody vouches for the zone is known: %v", err)
	sent, above := z.sent.Load(), w.Parents()[0].Queries()
	healthy(t, run(t, ofCertificates(z)))
	assert.Equal(t, int64(2*4), z.sent.Load()-sent, "two names at four addresses")
	assert.Equal(t, above, w.Parents()[0].Queries())
}
