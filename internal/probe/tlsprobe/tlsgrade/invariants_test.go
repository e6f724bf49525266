package tlsgrade

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

// pool is what made-up servers are made of.
type pool struct {
	authority *tlstest.Authority
	chains    []Chain // each with a good one for the same kind of key first
	bad       []Chain
}

func newPool(t testing.TB) pool {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	p := pool{authority: authority}
	issue := func(options ...tlstest.Option) Chain {
		cert, err := authority.Issue(append([]tlstest.Option{tlstest.Names("shop.example")}, options...)...)
		require.NoError(t, err)
		return chainOf(t, cert)
	}
	p.chains = []Chain{issue(), issue(tlstest.RSA(2048)), issue(tlstest.Ed25519())}
	revoked := issue()
	revoked.Stapled, err = authority.Staple(revoked.Certificates[0], ocsp.Revoked)
	require.NoError(t, err)
	p.bad = []Chain{issue(tlstest.RSA(1024)), issue(tlstest.Expired()), issue(tlstest.SelfSigned()), issue(tlstest.SHA1()), issue(tlstest.Names("elsewhere.example")), issue(tlstest.MissingIntermediate()), revoked}
	return p
}

// suites that servers choose, by the oldest and newest version that has them.
var suitePool = []struct {
	oldest, newest Version
	suite          Suite
	bad            bool
}{
	{TLS13, TLS13, Suite{Name: "AES128", Bits: 128, AEAD: true, BlockBits: 128, Exchange: Exchange{"ECDHE", "x25519", 255}}, false},
	{TLS13, TLS13, Suite{Name: "AES256", Bits: 256, AEAD: true, BlockBits: 128, Exchange: Exchange{"ECDHE", "secp384r1", 384}}, false},
	{TLS12, TLS12, Suite{Name: "ECDHE-GCM", Bits: 256, AEAD: true, BlockBits: 128, Exchange: Exchange{"ECDHE", "x25519", 255}}, false},
	{TLS12, TLS12, Suite{Name: "RSA-GCM", Bits: 128, AEAD: true, BlockBits: 128, Exchange: Exchange{Kind: "RSA"}}, false},
	{TLS10, TLS12, Suite{Name: "ECDHE-CBC", Bits: 128, BlockBits: 128, Exchange: Exchange{"ECDHE", "secp256r1", 256}}, false},
	{SSL3, TLS12, Suite{Name: "RSA-CBC", Bits: 256, BlockBits: 128, Exchange: Exchange{Kind: "RSA"}}, false},
	{SSL3, TLS12, Suite{Name: "DHE-2048", Bits: 128, BlockBits: 128, Exchange: Exchange{"DHE", "", 2048}}, false},
	{SSL3, TLS12, Suite{Name: "DHE-1024", Bits: 128, BlockBits: 128, Exchange: Exchange{"DHE", "", 1024}}, true},
	{SSL3, TLS12, Suite{Name: "DHE-768", Bits: 128, BlockBits: 128, Exchange: Exchange{"DHE", "", 768}}, true},
	{TLS10, TLS12, Suite{Name: "ECDHE-192", Bits: 128, BlockBits: 128, Exchange: Exchange{"ECDHE", "secp192r1", 192}}, true},
	{TLS10, TLS12, Suite{Name: "ECDHE-112", Bits: 128, BlockBits: 128, Exchange: Exchange{"ECDHE", "secp112r1", 112}}, true},
	{SSL3, TLS12, Suite{Name: "RSA-3DES", Bits: 168, BlockBits: 64, Exchange: Exchange{Kind: "RSA"}}, true},
	{SSL3, TLS12, Suite{Name: "RSA-RC4", Bits: 128, Stream: true, Exchange: Exchange{Kind: "RSA"}}, true},
	{SSL3, TLS12, Suite{Name: "RSA-DES", Bits: 56, BlockBits: 64, Exchange: Exchange{Kind: "RSA"}}, true},
	{SSL3, TLS12, Suite{Name: "RSA-NULL", Exchange: Exchange{Kind: "RSA"}}, true},
	{SSL3, TLS12, Suite{Name: "ADH", Bits: 128, BlockBits: 128, Anonymous: true, Exchange: Exchange{"DH", "", 2048}}, true},
	{SSL3, TLS12, Suite{Name: "EXPORT", Bits: 40, BlockBits: 64, Export: true, Exchange: Exchange{"RSA", "", 512}}, true},
	{SSL2, SSL2, Suite{Name: "SSL2", Bits: 128, Exchange: Exchange{Kind: "RSA"}}, true},
}

// flags are the questions that no suite answers, with the answer that does no harm.
var harmless = map[Question]Answer{AskCompression: Refused, AskInsecureReneg: Refused, AskRenegotiation: Accepted, AskHeartbleed: Refused, AskROBOT: Refused, AskPadding: Refused, AskEarlyCCS: Refused}

// server is the whole truth about a made-up server.
type server struct {
	suites   []Suite
	chains   []Chain
	browsers []Negotiated
	flags    map[Question]Answer
	hsts     HSTS
	name     string
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

func (p pool) server(r *rand.Rand) server {
	s := server{flags: maps.Clone(harmless), name: "shop.example", chains: []Chain{pick(r, p.chains)}}
	versions := []Version{pick(r, Versions[1:])}
	for range r.IntN(3) {
		versions = append(versions, pick(r, Versions))
	}
	most := 1 + r.IntN(6)
	for _, v := range versions {
		for range most {
			if from := pick(r, suitePool); v >= from.oldest && v <= from.newest && (!from.bad || r.IntN(3) == 0) {
				s.take(v, from.suite)
			}
		}
	}
	if r.IntN(4) == 0 {
		s.chains = append(s.chains, pick(r, append(p.bad, p.chains...)))
	}
	for q, a := range s.flags {
		if r.IntN(12) == 0 {
			s.flags[q] = not(a)
		}
	}
	s.hsts = pick(r, []HSTS{{State: HSTSPresent, MaxAge: 365 * 24 * time.Hour}, {State: HSTSPresent, MaxAge: 365 * 24 * time.Hour}, {State: HSTSPresent, MaxAge: time.Hour}, {State: HSTSAbsent}, {State: HSTSInvalid}, {State: HSTSDisabled}, {State: HSTSNoHTTP}})
	for i, client := range []string{"one", "two", "old"} {
		b := Negotiated{Client: client, Modern: i < 2, Answer: Refused}
		for range 3 {
			if len(s.suites) > 0 && b.Answer == Refused {
				if got := pick(r, s.suites); got.Version != SSL2 && got.Bits >= 112 && !got.Anonymous {
					b.Answer, b.Suite = Accepted, got
				}
			}
		}
		s.browsers = append(s.browsers, b)
	}
	return s
}

func (s *server) take(v Version, suite Suite) {
	if suite.Version = v; !slices.Contains(s.suites, suite) {
		s.suites = append(s.suites, suite)
	}
}

func (s *server) accepts(v Version) bool {
	return slices.ContainsFunc(s.suites, func(suite Suite) bool { return suite.Version == v })
}

// observed is what a scanner sees of it that loses nothing.
func (p pool) observed(s server) Observation {
	o := Observation{Name: s.name, At: time.Now(), Roots: p.authority.Pool(), Protocols: map[Version]Answer{}, Suites: slices.Clone(s.suites), Chains: slices.Clone(s.chains),
		Reference: slices.Clone(s.browsers), HSTS: s.hsts}
	for _, v := range Versions {
		o.Protocols[v] = yes(s.accepts(v))
	}
	for _, q := range slices.Sorted(maps.Keys(s.flags)) {
		o.Offers = append(o.Offers, Offer{Question: q, Answer: s.flags[q]})
	}
	for _, q := range slices.Sorted(maps.Keys(classes)) {
		o.Offers = append(o.Offers, Offer{Question: q, Answer: yes(slices.ContainsFunc(o.Suites, func(s Suite) bool { return s.Version != SSL2 && classes[q](s) }))})
	}
	return o
}

// lose takes one thing away that the scanner knew of the server.
func (s server) lose(r *rand.Rand, o *Observation) {
	switch r.IntN(10) {
	case 9:
		o.Unasked = []string{"certificates with RSA"}
		o.Chains = o.Chains[:min(len(o.Chains), 1)]
	case 0: // hellos about a class of suites, with what they had shown
		i := r.IntN(len(o.Offers))
		q := o.Offers[i].Question
		o.Offers[i].Answer = Unknown
		if has := classes[q]; has != nil {
			own := func(s Suite, other Question) bool { return other != q && classes[other](s) } // sizes have hellos of their own
			forget(o, func(s Suite) bool {
				return s.Version != SSL2 && has(s) && !own(s, AskSuitesDHE) && !own(s, AskWeakCurves)
			})
		}
	case 1:
		i := r.IntN(len(o.Offers))
		o.Offers = slices.Delete(slices.Clone(o.Offers), i, i+1)
	case 2: // all hellos in a version: the classes are known of the others
		v := pick(r, Versions)
		o.Protocols[v] = Unknown
		forget(o, func(s Suite) bool { return s.Version == v })
		for i, offer := range o.Offers {
			if has := classes[offer.Question]; has != nil && offer.Answer == Accepted {
				o.Offers[i].Answer = yes(slices.ContainsFunc(s.suites, func(s Suite) bool { return s.Version != SSL2 && o.Protocols[s.Version] == Accepted && has(s) }))
			}
			if v == SSL3 && offer.Question == AskSSL3CBC {
				o.Offers[i].Answer = Unknown
			}
		}
	case 3:
		for i := range o.Suites {
			if o.Suites[i].Exchange.ForwardSecret() && r.IntN(2) == 0 {
				o.Suites[i].Exchange.Bits = 0
			}
		}
	case 4:
		if len(o.Reference) > 0 {
			o.Reference[r.IntN(len(o.Reference))] = Negotiated{Client: "lost", Modern: true}
		}
	case 5:
		o.HSTS = HSTS{State: pick(r, []HSTSState{HSTSUnknown, ""})}
	case 6:
		if len(o.Chains) > 0 {
			o.Chains[r.IntN(len(o.Chains))] = pick(r, []Chain{{}, {Err: "x509: …"}})
		}
	case 7:
		o.Name = ""
	case 8:
		o.Reference, o.Chains = nil, nil
	}
}

// forget drops the suites; a browser that got one is lost.
func forget(o *Observation, which func(Suite) bool) {
	o.Suites = slices.DeleteFunc(slices.Clone(o.Suites), which)
	for i, r := range o.Reference {
		if r.Answer == Accepted && which(r.Suite) {
			o.Reference[i] = Negotiated{Client: r.Client, Modern: r.Modern}
		}
	}
}

// worsen makes the server worse. It says whether it did.
func (p pool) worsen(r *rand.Rand, s *server) bool {
	var versions []Version
	modern := s.accepts(TLS12) || s.accepts(TLS13)
	for _, v := range Versions {
		if s.accepts(v) {
			versions = append(versions, v)
		}
	}
	switch r.IntN(5) {
	case 0: // a bad suite, in a version that is there; a browser may get it
		from, v := pick(r, suitePool), pick(r, versions)
		// For who has RC4 only, what is merely weak is an improvement.
		if sound := slices.ContainsFunc(s.suites, func(s Suite) bool { return s.Version != SSL2 && !s.rc4() && s.Bits > 0 }); !from.bad || !sound || v < from.oldest || v > from.newest {
			return false
		}
		s.take(v, from.suite)
	case 1: // an old version, beside a modern one
		v, from := pick(r, Versions[:4]), pick(r, suitePool)
		if !modern || v < from.oldest || v > from.newest || s.accepts(v) || !slices.ContainsFunc(s.suites, func(s Suite) bool { return s.AEAD }) {
			return false
		}
		s.take(v, from.suite)
	case 2:
		s.chains = append(slices.Clone(s.chains), pick(r, p.bad))
	case 3:
		q := pick(r, slices.Sorted(maps.Keys(harmless)))
		s.flags = maps.Clone(s.flags)
		s.flags[q] = not(harmless[q])
	case 4:
		s.hsts = HSTS{State: HSTSDisabled}
	}
	return true
}

// whole asserts what holds of every grade.
func whole(t *testing.T, g Grade) {
	t.Helper()
	assert.Equal(t, g.Grade == "", len(g.Blocked) > 0, "%v", g)
	if g.Grade == "" {
		assert.False(t, g.AtLeast("F"))
		return
	}
	assert.Equal(t, g.Grade, g.Best)
	worst := order[0]
	for _, r := range g.Reasons {
		assert.NotEmpty(t, r.ID)
		assert.True(t, r.Fix != "" || r.Cap == "" || r.Cap == "A", "%s says what to change", r.ID)
		if r.Cap != "" {
			worst = order[max(Rank(worst), Rank(r.Cap))]
		}
	}
	assert.Equal(t, worst, g.Grade, "%s", g)
	if g.IgnoringTrust != "" {
		assert.LessOrEqual(t, Rank(g.IgnoringTrust), Rank(g.Grade))
	}
	if g.Score.Cipher > 0 {
		assert.LessOrEqual(t, Rank(g.Score.letter()), max(Rank(g.Grade), Rank("A")), "%v", g)
	}
	if g.Grade != "F" {
		assert.Equal(t, "A", g.Score.letter(), "what is no F has 80 points: %v of %v", g.Grade, g.Score)
	}
}

func FuzzInvariants(f *testing.F) {
	p := newPool(f)
	for i := range uint64(1000) {
		f.Add(i, i*i)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		s := p.server(r)
		o := p.observed(s)
		before := Of(o)
		whole(t, before)
		if len(s.suites) == 0 {
			assert.Empty(t, before.Grade)
			return
		}
		assert.NotEmpty(t, before.Grade, "all is known: %v", before.Blocked)
		assert.NotEmpty(t, before.IgnoringTrust)

		// What is lost never changes a grade that is still given.
		partial := o
		for range 1 + r.IntN(5) {
			s.lose(r, &partial)
			after := Of(partial)
			whole(t, after)
			if after.Best != "" { // some version is accepted
				assert.LessOrEqual(t, Rank(after.Best), Rank(before.Best), "with all that is known: %s\nwith less: %s", before, after)
			}
			if after.Grade != "" {
				assert.Equal(t, before.Grade, after.Grade, "with all that is known: %s\nwith less: %s\n%+v", before, after, partial)
			}
			if after.IgnoringTrust != "" {
				assert.Equal(t, before.IgnoringTrust, after.IgnoringTrust, "with all that is known: %s\nwith less: %s", before, after)
			}
		}

		// What is made worse never gets a better grade.
		worse := s
		for range 1 + r.IntN(4) {
			if !p.worsen(r, &worse) {
				continue
			}
			after := Of(p.observed(worse))
			whole(t, after)
			assert.LessOrEqual(t, Rank(before.Grade), Rank(after.Grade), "%s\nthen %s", before, after)
			assert.LessOrEqual(t, Rank(before.IgnoringTrust), Rank(after.IgnoringTrust), "ignoring trust: %s\nthen %s", before, after)
			before = after
		}
	})
}
