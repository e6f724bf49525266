package dnsprobe

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

func signedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorldOf(t, dnstest.Config{Servers: 2, TLDServers: 2, Signed: true, Zones: []dnstest.Zone{{Origin: "drop.example.", Text: dropZone + "*.wild 60 A 203.0.113.80\n"}, {Origin: "cloud.example.", Text: cloudZone}}})
	w.config.TrustAnchor = []string{w.TrustAnchor()}
	w.config.WindowEnd = time.Now().AddDate(0, 0, 7)
	return w
}

// resign changes how one server signs our zone.
func resign(server int, change func(*dnstest.Signing)) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		require.NoError(t, w.Servers()[server].Resign("drop.example", change))
	}
}

func parentHas(lines string) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		for _, s := range w.Parents() {
			require.NoError(t, s.Replace(lines))
		}
	}
}

func withoutDS(t *testing.T, w *world) {
	t.Helper()
	for _, s := range w.Parents() {
		require.NoError(t, s.Remove("drop.example.", dns.TypeDS))
	}
}

func parentSigns(change func(*dnstest.Signing)) func(*testing.T, *world) {
	return func(t *testing.T, w *world) {
		t.Helper()
		for _, s := range w.Parents() {
			require.NoError(t, s.Resign("example", change))
		}
	}
}

const wrongDigest = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func TestDNSSEC(t *testing.T) {
	const pass, fail, na, blocked = probe.Pass, probe.Fail, probe.NA, probe.Blocked
	type statuses struct{ keys, signatures, outlive, planned probe.Status }
	now := time.Now()
	for title, c := range map[string]struct {
		change func(*testing.T, *world)
		want   statuses
		part   string
	}{
		"healthy":                   {func(*testing.T, *world) {}, statuses{pass, pass, pass, pass}, ""},
		"a zone edited after":       {func(t *testing.T, w *world) { w.replaceEverywhere(t, "drop.example. 60 A 203.0.113.81") }, statuses{pass, pass, pass, pass}, ""},
		"expired on one server":     {resign(1, func(s *dnstest.Signing) { s.Expiration = now.Add(-time.Hour) }), statuses{fail, fail, fail, pass}, "valid from"},
		"begins tomorrow":           {resign(0, func(s *dnstest.Signing) { s.Inception = now.Add(24 * time.Hour) }), statuses{fail, fail, fail, pass}, "valid from"},
		"unsigned on one server":    {resign(1, func(s *dnstest.Signing) { s.Unsigned = true }), statuses{fail, fail, fail, pass}, "no signature"},
		"by a key it does not have": {resign(1, func(s *dnstest.Signing) { s.OtherKey = true }), statuses{pass, fail, fail, pass}, "which the zone does not have"},
		"A without a signature":     {resign(0, func(s *dnstest.Signing) { s.Without = []uint16{dns.TypeA} }), statuses{pass, fail, fail, pass}, "no signature over"},
		"false denials":             {resign(0, func(s *dnstest.Signing) { s.Denies = true }), statuses{pass, fail, fail, pass}, "do not prove"},
		"ends before the launch":    {resign(0, func(s *dnstest.Signing) { s.Expiration = now.AddDate(0, 0, 3) }), statuses{pass, pass, fail, pass}, "ends"},
		"ends before it, but is renewed": {func(t *testing.T, w *world) {
			w.config.Resign = 24 * time.Hour
			resign(0, func(s *dnstest.Signing) { s.Expiration = now.AddDate(0, 0, 3) })(t, w)
		}, statuses{pass, pass, pass, pass}, ""},
		"was to be renewed, and is not any more": {func(t *testing.T, w *world) {
			w.config.Resign = 24 * time.Hour
			resign(0, func(s *dnstest.Signing) { s.Inception, s.Expiration = now.AddDate(0, 0, -3), now.AddDate(0, 0, 3) })(t, w)
		}, statuses{pass, pass, fail, pass}, "ends"},
		"a DS for another key":            {parentHas("drop.example. 3600 IN DS 1 13 2 " + wrongDigest), statuses{fail, fail, fail, pass}, "no key that the DS"},
		"no DS":                           {withoutDS, statuses{na, na, na, fail}, ""},
		"a DS that no validator knows":    {parentHas("drop.example. 3600 IN DS 1 200 2 " + wrongDigest), statuses{na, na, na, fail}, ""},
		"the parent's signatures expired": {parentSigns(func(s *dnstest.Signing) { s.Expiration = now.Add(-time.Hour) }), statuses{fail, fail, fail, fail}, "valid from"},
		"the parent denies nothing": {func(t *testing.T, w *world) {
			withoutDS(t, w)
			parentSigns(func(s *dnstest.Signing) { s.Without = []uint16{dns.TypeNSEC} })(t, w)
		}, statuses{fail, fail, fail, fail}, "no signature over"},
		"no anchor":            {func(_ *testing.T, w *world) { w.config.TrustAnchor = nil }, statuses{blocked, blocked, blocked, blocked}, "trust anchor"},
		"no anchor, and no DS": {func(t *testing.T, w *world) { w.config.TrustAnchor = nil; withoutDS(t, w) }, statuses{na, na, na, fail}, ""},
		"no anchor, and nobody denies the DS": {func(t *testing.T, w *world) {
			w.config.TrustAnchor = nil
			withoutDS(t, w)
			parentSigns(func(s *dnstest.Signing) { s.OtherKey = true })(t, w)
		}, statuses{blocked, blocked, blocked, blocked}, "trust anchor"},
		"a DS at one server of the parent": {func(t *testing.T, w *world) { require.NoError(t, w.Parents()[0].Remove("drop.example.", dns.TypeDS)) }, statuses{fail, fail, fail, fail}, "no DS from ns1.nic.example"},
		"another DS at one server of the parent": {func(t *testing.T, w *world) {
			require.NoError(t, w.Parents()[1].Replace("drop.example. 3600 IN DS 1 13 2 "+wrongDigest))
		}, statuses{fail, fail, fail, fail}, "DS 1 13 2 AAAAAAAA… from ns2.nic.example"},
		"a wrong DS with SHA-256 beside SHA-1": {func(t *testing.T, w *world) {
			key := keyOf(t, w)
			parentHas("drop.example. 3600 IN DS "+fmt.Sprint(key.KeyTag())+" 13 2 "+wrongDigest+"\n"+key.ToDS(dns.SHA1).String())(t, w)
		}, statuses{fail, fail, fail, pass}, "no key that the DS"},
		"a DS with SHA-1 alone": {func(t *testing.T, w *world) { parentHas(keyOf(t, w).ToDS(dns.SHA1).String())(t, w) }, statuses{pass, pass, pass, pass}, ""},
		"a DS for Ed448":        {parentHas("drop.example. 3600 IN DS 1 16 2 " + wrongDigest), statuses{blocked, blocked, blocked, blocked}, "cannot be verified here"},
		"another anchor":        {func(_ *testing.T, w *world) { w.config.TrustAnchor = ianaAnchors }, statuses{fail, fail, fail, fail}, "no key that the DS"},
		"a dead server": {func(_ *testing.T, w *world) {
			w.second().Set(func(b *dnstest.Behaviour) { b.SilentUDP, b.SilentTCP = true, true })
		}, statuses{blocked, blocked, blocked, pass}, "no answer"},
		"out of a wildcard":                 {func(_ *testing.T, w *world) { w.records = append(w.records, Record{Name: "a.wild.drop.example"}) }, statuses{pass, pass, pass, pass}, ""},
		"nobody's name, but for a wildcard": {resign(0, func(s *dnstest.Signing) { s.Scant = true }), statuses{pass, fail, fail, pass}, "nor a wildcard"},
		"absent, but for a wildcard": {func(t *testing.T, w *world) {
			w.records = append(w.records, Record{Name: "not.there.drop.example"})
			resign(0, func(s *dnstest.Signing) { s.Scant = true })(t, w)
		}, statuses{pass, fail, fail, pass}, "nor a wildcard"},
		"no AAAA at the wildcard": {func(t *testing.T, w *world) {
			w.records = append(w.records, Record{Name: "a.wild.drop.example"})
			w.replaceEverywhere(t, "0.wild.drop.example. 60 A 203.0.113.80")
			resign(1, func(s *dnstest.Signing) { s.Scant = true })(t, w)
		}, statuses{pass, fail, fail, pass}, "the absence of AAAA"},
		"a CNAME to a name that is absent": {func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "www.drop.example. 60 CNAME not.there.drop.example.")
			resign(0, func(s *dnstest.Signing) { s.Scant = true })(t, w)
		}, statuses{pass, fail, fail, pass}, "nor a wildcard"},
		"CNAMEs in a circle": {func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "www.drop.example. 60 CNAME a.drop.example.\na.drop.example. 60 CNAME www.drop.example.")
		}, statuses{pass, pass, pass, pass}, ""},
		"a DNAME": {func(t *testing.T, w *world) {
			w.replaceEverywhere(t, "old.drop.example. 60 DNAME drop.example.")
			w.records = append(w.records, Record{Name: "www.old.drop.example"})
		}, statuses{pass, pass, pass, pass}, ""},
		"a name that is absent": {func(_ *testing.T, w *world) { w.records = append(w.records, Record{Name: "not.there.drop.example"}) }, statuses{pass, pass, pass, pass}, ""},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := signedWorld(t)
			c.change(t, w)
			z := w.zone()
			got := run(t, []Named{{"keys", true, KeysMatchDS(z)}, {"signatures", true, SignaturesVerify(z, w.records...)}, {"outlive", true, SignaturesOutlive(z, w.records...)}, {"planned", true, SignedAsPlanned(z, true)}})
			assert.Equal(t, c.want, statuses{got[0].Status, got[1].Status, got[2].Status, got[3].Status}, "%s\n%s\n%s\n%s", got[0].Message(), got[1].Message(), got[2].Message(), got[3].Message())
			if c.part != "" {
				assert.Contains(t, got[0].Message()+got[1].Message()+got[2].Message(), c.part)
			}
		})
	}
}

// Resolvers take the keys from one server and the signatures from another.
func TestDNSSECWithSeveralKeys(t *testing.T) {
	const pass, fail = probe.Pass, probe.Fail
	for title, c := range map[string]struct {
		exchanged bool // each server has the keys of both
		providers int
		want      []probe.Status
		says      string
	}{
		"each server has a key of its own":    {false, 1, []probe.Status{fail, fail}, "from ns2.drop.example"},
		"so have those of two providers":      {false, 2, []probe.Status{pass, fail}, "which the zone does not have, with the keys"},
		"each signs with its own of two":      {true, 1, []probe.Status{pass, pass}, ""},
		"two providers have exchanged theirs": {true, 2, []probe.Status{pass, pass}, ""},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := signedWorld(t)
			w.config.Providers = c.providers
			first := keyOf(t, w)
			second, err := w.second().Rekey("drop.example")
			require.NoError(t, err)
			parentHas(first.ToDS(dns.SHA256).String()+"\n"+second.ToDS(dns.SHA256).String())(t, w)
			if c.exchanged {
				w.replaceEverywhere(t, first.String()+"\n"+second.String())
			}
			z := w.zone()
			got := run(t, []Named{{"keys", true, KeysMatchDS(z)}, {"signatures", true, SignaturesVerify(z, w.records...)}})
			said := got[0].Message() + "\n" + got[1].Message()
			assert.Equal(t, c.want, []probe.Status{got[0].Status, got[1].Status}, said)
			assert.Contains(t, said, c.says)
		})
	}
}

// A launch name can be in a zone of its own, on the same servers or on others.
func TestDNSSECOfAZoneBelow(t *testing.T) {
	same := func(t *testing.T) *world {
		w := newWorldOf(t, dnstest.Config{Signed: true, Zones: []dnstest.Zone{{Origin: "drop.example.", Text: dropZone}, {Origin: "cloud.example.", Text: cloudZone}, {Origin: "app.drop.example.", Text: "@ 60 A 203.0.113.80\n"}}})
		w.replaceEverywhere(t, "go.drop.example. 60 CNAME app.drop.example.")
		w.records = append(w.records, Record{Name: "app.drop.example"}, Record{Name: "go.drop.example"})
		return w
	}
	others := func(t *testing.T) *world {
		w := signedWorld(t)
		w.config.Domain = "example"
		return w
	}
	broken := func(zone string) func(*testing.T, *world) {
		return func(t *testing.T, w *world) {
			for _, s := range w.Servers() {
				require.NoError(t, s.Resign(zone, func(s *dnstest.Signing) { s.OtherKey = true }))
			}
		}
	}
	for title, c := range map[string]struct {
		world  func(*testing.T) *world
		change func(*testing.T, *world)
		want   probe.Status
		says   string
	}{
		"on the same servers":         {same, func(*testing.T, *world) {}, probe.Pass, ""},
		"on the same servers, broken": {same, broken("app.drop.example"), probe.Fail, "app.drop.example"},
		"on the same servers, not signed": {same, func(t *testing.T, w *world) {
			for _, s := range w.Servers() {
				require.NoError(t, s.Remove("app.drop.example.", dns.TypeDS))
				require.NoError(t, s.Remove("app.drop.example.", dns.TypeDNSKEY))
				require.NoError(t, s.Resign("app.drop.example", func(s *dnstest.Signing) { s.Unsigned = true }))
			}
		}, probe.Pass, ""},
		"on the same servers, not signed, with a DS": {same, func(t *testing.T, w *world) {
			for _, s := range w.Servers() {
				require.NoError(t, s.Resign("app.drop.example", func(s *dnstest.Signing) { s.Unsigned = true }))
			}
		}, probe.Fail, "no signature over app.drop.example"},
		"on others":                      {others, func(*testing.T, *world) {}, probe.Pass, ""},
		"on others, broken":              {others, broken("drop.example"), probe.Fail, "from ns1.drop.example"},
		"on others, without DS":          {others, withoutDS, probe.Pass, ""},
		"on others, and the DS is wrong": {others, parentHas("drop.example. 3600 IN DS 1 13 2 " + wrongDigest), probe.Fail, "no key that the DS"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := c.world(t)
			w.config.TrustAnchor = []string{w.TrustAnchor()}
			c.change(t, w)
			r := run(t, []Named{{"signatures", true, SignaturesVerify(w.zone(), w.records...)}})[0]
			assert.Equal(t, c.want, r.Status, r.Message())
			assert.Contains(t, r.Message(), c.says)
		})
	}
}

// What is asked for is all that the launch and mail need, in the zone, each once.
func TestSignedQuestions(t *testing.T) {
	z := New(Config{Domain: "drop.example", Mail: Mail{Selectors: []string{"s1"}, ReturnPath: "bounce.drop.example"}, Issuance: Issuance{Names: []string{"*.shop.drop.example", "elsewhere.example"}}})
	var got []string
	for _, q := range z.signedQuestions([]Record{{Name: "drop.example"}, {Name: "www.drop.example"}}) {
		got = append(got, strings.Replace(q.String(), z.random, "RANDOM", 1))
	}
	assert.ElementsMatch(t, []string{"drop.example SOA", "drop.example NS", "RANDOM.drop.example A", "_dmarc.drop.example TXT", "s1._domainkey.drop.example TXT",
		"drop.example MX", "drop.example TXT", "bounce.drop.example MX", "bounce.drop.example TXT", "drop.example A", "drop.example AAAA", "www.drop.example A", "www.drop.example AAAA",
		"drop.example CAA", "www.drop.example CAA", "shop.drop.example CAA"}, got)
}

func TestModern(t *testing.T) {
	const ds = "drop.example. 60 DS 1 13 2 " + wrongDigest
	assert.NoError(t, modern([]dns.RR{record(t, ds), record(t, "drop.example. 60 DS 1 13 1 "+wrongDigest[:40])}, ""))
	judged(t, modern([]dns.RR{record(t, "drop.example. 60 DS 1 13 1 "+wrongDigest[:40])}, "the parent"), probe.Fail, "no DS with SHA-256")
	judged(t, modern([]dns.RR{record(t, "drop.example. 60 DS 1 7 2 "+wrongDigest)}, "the parent"), probe.Fail, "RSASHA1-NSEC3-SHA1 of a DS")
	judged(t, modern([]dns.RR{record(t, "drop.example. 60 DNSKEY 256 3 5 AQAB")}, "ns1"), probe.Fail, "RSASHA1 of a DNSKEY from ns1")
	judged(t, modern([]dns.RR{record(t, "drop.example. 60 RRSIG A 12 2 60 20300101000000 20260101000000 1 drop.example. AAAA")}, "ns1"), probe.Fail, "ECC-GOST of a RRSIG")
	assert.NoError(t, modern([]dns.RR{record(t, "drop.example. 60 DNSKEY 256 3 13 AQAB")}, "ns1"))
}

// What is signed, or has a salt, at one server is seen whichever comes first.
func TestDNSSECRecommendationsAtEachServer(t *testing.T) {
	for i := range 2 {
		w := signedWorld(t)
		withoutDS(t, w)
		require.NoError(t, w.Servers()[i].Remove("drop.example.", dns.TypeDNSKEY))
		r := run(t, []Named{{"vouched", true, VouchedFor(w.zone())}})[0]
		assert.Equal(t, probe.Fail, r.Status, r.Message())
		w = signedWorld(t)
		require.NoError(t, w.Servers()[i].Replace("drop.example. 60 NSEC3PARAM 1 0 10 AB"))
		r = run(t, []Named{{"nsec3", true, PlainNSEC3(w.zone())}})[0]
		assert.Equal(t, probe.Fail, r.Status, r.Message())
		assert.Contains(t, r.Message(), "10 iterations")
	}
}

// A server that refers to others says nothing about the DS.
func TestOwnWord(t *testing.T) {
	says := func(who string, ns ...string) answered {
		m := &dns.Msg{}
		for _, text := range ns {
			m.Ns = append(m.Ns, record(t, text))
		}
		return answered{who, &reply{Msg: m}}
	}
	between, itself := says("a", "co.example. 60 NS ns.example."), says("b", "drop.co.example. 60 NS ns.example.")
	denies := says("c", "co.example. 60 SOA ns h 1 1 1 1 1", "drop.co.example. 60 NSEC e.co.example. NS")
	assert.Equal(t, []answered{denies}, ownWord([]answered{between, denies, itself}, "example.", "drop.co.example."))
	assert.Equal(t, []answered{between, itself}, ownWord([]answered{between, itself}, "example.", "drop.co.example."))
	assert.Empty(t, ownWord(nil, "example.", "drop.co.example."))
}

// keyOf is our zone's key.
func keyOf(t *testing.T, w *world) *dns.DNSKEY {
	t.Helper()
	z := w.zone()
	d, err := z.delegation(t.Context(), nil)
	require.NoError(t, err)
	r, _, err := z.anySigned(t.Context(), d, z.apex, dns.TypeDNSKEY)
	require.NoError(t, err)
	return section(r.Answer, z.apex, dns.TypeDNSKEY)[0].(*dns.DNSKEY)
}

func TestDNSSECNotPlanned(t *testing.T) {
	w := newWorld(t, 2)
	w.config.TrustAnchor = ianaAnchors
	got := run(t, []Named{{"planned", true, SignedAsPlanned(w.zone(), false)}})[0]
	assert.Equal(t, probe.Fail, got.Status, "an unsigned root is not what the anchor vouches for: %s", got.Message())
	signed := signedWorld(t)
	got = run(t, []Named{{"planned", true, SignedAsPlanned(signed.zone(), false)}})[0]
	assert.Equal(t, probe.Fail, got.Status)
	assert.Contains(t, got.Message(), "set dns.dnssec.signed to true")
	withoutDS(t, signed)
	got = run(t, []Named{{"planned", true, SignedAsPlanned(signed.zone(), false)}})[0]
	assert.Equal(t, probe.Pass, got.Status, got.Message())
	recommended := run(t, []Named{{"vouched", true, VouchedFor(signed.zone())}, {"modern", true, ModernAlgorithms(signedWorld(t).zone())}, {"nsec3", true, PlainNSEC3(signedWorld(t).zone())}})
	assert.Equal(t, []probe.Status{probe.Fail, probe.Pass, probe.NA}, []probe.Status{recommended[0].Status, recommended[1].Status, recommended[2].Status}, recommended[0].Message()+recommended[1].Message()+recommended[2].Message())
}

// The servers of example have co.example too, and refer past it, as those of uk and co.uk do.
func TestDNSSECWithAZoneBetween(t *testing.T) {
	in := dnstest.New(t, dnstest.Config{Signed: true, Zones: []dnstest.Zone{{Origin: "example."}, {Origin: "co.example."}, {Origin: "drop.co.example.", Text: "@ 60 A 203.0.113.80\n"}}})
	config := Config{Network: &probe.Network{Connect: in.Connect()}, Domain: "drop.co.example", Roots: in.Roots(), TrustAnchor: []string{in.TrustAnchor()}}
	z := New(config)
	got := run(t, []Named{{"planned", true, SignedAsPlanned(z, true)}, {"signatures", true, SignaturesVerify(z, Record{Name: "drop.co.example"})}})
	assert.Equal(t, []probe.Status{probe.Pass, probe.Pass}, []probe.Status{got[0].Status, got[1].Status}, got[0].Message()+got[1].Message())
	for _, s := range in.Servers() {
		require.NoError(t, s.Resign("co.example", func(s *dnstest.Signing) { s.OtherKey = true }))
	}
	assert.Equal(t, probe.Fail, run(t, []Named{{"planned", true, SignedAsPlanned(New(config), true)}})[0].Status)
}
