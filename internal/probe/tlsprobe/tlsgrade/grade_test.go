package tlsgrade

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

// good is what a server of today shows; it has A+.
func good(t testing.TB, options ...tlstest.Option) Observation {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	cert, err := authority.Issue(append([]tlstest.Option{tlstest.Names("shop.example")}, options...)...)
	require.NoError(t, err)
	o := Observation{Name: "shop.example", At: time.Now(), Roots: authority.Pool(), Chains: []Chain{chainOf(t, cert)},
		HSTS: HSTS{State: HSTSPresent, MaxAge: 2 * 365 * 24 * time.Hour}, Protocols: map[Version]Answer{SSL2: Refused, SSL3: Refused, TLS10: Refused, TLS11: Refused, TLS12: Accepted, TLS13: Accepted}}
	gcm := Suite{Version: TLS12, Name: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Bits: 128, AEAD: true, BlockBits: 128, Exchange: Exchange{"ECDHE", "x25519", 256}}
	strong := Suite{Version: TLS13, Name: "TLS_AES_256_GCM_SHA384", Bits: 256, AEAD: true, BlockBits: 128, Exchange: Exchange{"ECDHE", "x25519", 256}}
	o.Suites = []Suite{strong, gcm}
	for _, q := range append([]Question{AskSuitesNULL, AskSuitesAnonymous, AskSuitesExport, AskSuitesWeak, AskSuitesRC4, AskSuites64, AskSuitesDHE, AskSuitesStaticRSA, AskWeakCurves, AskMiddleCurves, AskCompression, AskInsecureReneg}, Vulnerabilities...) {
		o.Offers = append(o.Offers, Offer{Question: q, Answer: Refused})
	}
	for _, q := range []Question{AskSuites128, AskSuites256, AskSuitesAEAD, AskRenegotiation, AskFallbackSCSV} {
		o.Offers = append(o.Offers, Offer{Question: q, Answer: Accepted})
	}
	for _, client := range []string{"one", "two"} {
		o.Reference = append(o.Reference, Negotiated{Client: client, Modern: true, Answer: Accepted, Suite: gcm})
	}
	return o
}

func chainOf(t testing.TB, cert tls.Certificate) Chain {
	t.Helper()
	c := Chain{Raw: cert.Certificate}
	for _, der := range cert.Certificate {
		parsed, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		c.Certificates = append(c.Certificates, parsed)
	}
	return c
}

func answer(o *Observation, q Question, a Answer) {
	for i := range o.Offers {
		if o.Offers[i].Question == q {
			o.Offers[i].Answer = a
		}
	}
}

func version(v Version, a Answer) func(*Observation) {
	return func(o *Observation) { o.Protocols[v] = a }
}

func suite(s Suite) func(*Observation) {
	return func(o *Observation) { o.Suites = append(o.Suites, s) }
}

func offer(q Question, a Answer) func(*Observation) { return func(o *Observation) { answer(o, q, a) } }

func dhe(bits int) Suite {
	return Suite{Version: TLS12, Name: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", Bits: 128, AEAD: true, BlockBits: 128, Exchange: Exchange{"DHE", "", bits}}
}

func curve(bits int) Suite {
	return Suite{Version: TLS12, Name: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Bits: 128, AEAD: true, BlockBits: 128, Exchange: Exchange{"ECDHE", "c", bits}}
}

func seconds(n int) func(*Observation) {
	return func(o *Observation) { o.HSTS.MaxAge = time.Duration(n) * time.Second }
}

func negotiated(s Suite) func(*Observation) {
	return func(o *Observation) { o.Reference[1].Suite = s; o.Suites = append(o.Suites, s) }
}

func TestRules(t *testing.T) {
	rc4 := Suite{Version: TLS12, Name: "TLS_RSA_WITH_RC4_128_SHA", Bits: 128, Stream: true, Exchange: Exchange{Kind: "RSA"}}
	des3 := Suite{Version: TLS12, Name: "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", Bits: 168, BlockBits: 64, Exchange: Exchange{"ECDHE", "x25519", 256}}
	static := Suite{Version: TLS12, Name: "TLS_RSA_WITH_AES_128_GCM_SHA256", Bits: 128, AEAD: true, BlockBits: 128, Exchange: Exchange{Kind: "RSA"}}
	for title, c := range map[string]struct {
		change func(*Observation)
		want   string
		reason string
	}{
		"good":            {func(*Observation) {}, "A+", ""},
		"SSL 2.0":         {version(SSL2, Accepted), "F", "ssl2"},
		"SSL 3.0, stream": {version(SSL3, Accepted), "B", "ssl3"},
		"SSL 3.0, CBC":    {func(o *Observation) { version(SSL3, Accepted)(o); s := des3; s.Version = SSL3; suite(s)(o) }, "C", "poodle"},
		"SSL 3.0 at best": {func(o *Observation) {
			o.Protocols[SSL3], o.Protocols[TLS12], o.Protocols[TLS13] = Accepted, Refused, Refused
		}, "F", "ssl3-best"},
		"TLS 1.0": {version(TLS10, Accepted), "B", "tls1.0"},
		"TLS 1.1": {version(TLS11, Accepted), "B", "tls1.1"},
		"TLS 1.1 at best": {func(o *Observation) {
			o.Protocols[TLS11], o.Protocols[TLS12], o.Protocols[TLS13] = Accepted, Refused, Refused
		}, "C", "no-tls1.2"},
		"no TLS 1.3":         {version(TLS13, Refused), "A-", "no-tls1.3"},
		"TLS 1.3 alone":      {version(TLS12, Refused), "A+", ""},
		"NULL":               {offer(AskSuitesNULL, Accepted), "F", "null"},
		"anonymous":          {offer(AskSuitesAnonymous, Accepted), "F", "anonymous"},
		"export":             {offer(AskSuitesExport, Accepted), "F", "export"},
		"DES":                {offer(AskSuitesWeak, Accepted), "F", "weak-cipher"},
		"RC4 offered":        {offer(AskSuitesRC4, Accepted), "B", "rc4"},
		"RC4 negotiated":     {func(o *Observation) { answer(o, AskSuitesRC4, Accepted); negotiated(rc4)(o) }, "C", "rc4-modern"},
		"RC4 only":           {func(o *Observation) { o.Suites = []Suite{rc4} }, "F", "rc4-only"},
		"3DES offered":       {func(o *Observation) { answer(o, AskSuites64, Accepted); suite(des3)(o) }, "A+", ""},
		"3DES negotiated":    {negotiated(des3), "C", "64-bit-blocks"},
		"no forward secrecy": {negotiated(static), "B", "no-forward-secrecy"},
		"no AEAD": {func(o *Observation) {
			answer(o, AskSuitesAEAD, Refused)
			for i := range o.Suites {
				o.Suites[i].AEAD = false
			}
		}, "B", "no-aead"},
		"DHE 4096":                    {suite(dhe(4096)), "A+", ""},
		"DHE 2048":                    {suite(dhe(2048)), "A+", ""},
		"DHE 2047":                    {suite(dhe(2047)), "B", "dh-weak"},
		"DHE 1024":                    {suite(dhe(1024)), "B", "dh-weak"},
		"DHE 1023":                    {suite(dhe(1023)), "F", "dh-broken"},
		"curve of 224":                {suite(curve(224)), "A+", ""},
		"curve of 192":                {suite(curve(192)), "B", "curve-weak"},
		"curve of 112":                {suite(curve(112)), "F", "curve-broken"},
		"compression":                 {offer(AskCompression, Accepted), "C", "compression"},
		"insecure renegotiation":      {offer(AskInsecureReneg, Accepted), "F", "insecure-renegotiation"},
		"no RFC 5746":                 {offer(AskRenegotiation, Refused), "A-", "no-secure-renegotiation"},
		"Heartbleed":                  {offer(AskHeartbleed, Accepted), "F", "vulnerable"},
		"early ChangeCipherSpec":      {offer(AskEarlyCCS, Accepted), "F", "vulnerable"},
		"ROBOT":                       {offer(AskROBOT, Accepted), "F", "vulnerable"},
		"padding oracle":              {offer(AskPadding, Accepted), "F", "vulnerable"},
		"ROBOT, nobody can tell":      {offer(AskROBOT, Unknown), "", ""},
		"HSTS of half a year":         {seconds(15552000), "A+", ""},
		"HSTS a second short":         {seconds(15551999), "A", "hsts-short"},
		"HSTS absent":                 {func(o *Observation) { o.HSTS = HSTS{State: HSTSAbsent} }, "A", "hsts-absent"},
		"HSTS unknown":                {func(o *Observation) { o.HSTS = HSTS{State: HSTSUnknown, Reason: "reset"} }, "", "hsts-unknown"},
		"HSTS invalid":                {func(o *Observation) { o.HSTS = HSTS{State: HSTSInvalid} }, "A-", "hsts-invalid"},
		"HSTS off":                    {func(o *Observation) { o.HSTS = HSTS{State: HSTSDisabled} }, "A-", "hsts-disabled"},
		"another name":                {func(o *Observation) { o.Name = "elsewhere.example" }, "T", "name-mismatch"},
		"expired":                     {func(o *Observation) { o.At = o.At.AddDate(1, 0, 0) }, "T", "expired"},
		"not yet valid":               {func(o *Observation) { o.At = o.At.AddDate(-1, 0, 0) }, "T", "not-yet-valid"},
		"nobody trusts it":            {func(o *Observation) { o.Roots = x509.NewCertPool() }, "T", "untrusted"},
		"untrusted and SSL 2.0":       {func(o *Observation) { o.Roots = x509.NewCertPool(); version(SSL2, Accepted)(o) }, "F", "ssl2"},
		"untrusted and TLS 1.0":       {func(o *Observation) { o.Roots = x509.NewCertPool(); version(TLS10, Accepted)(o) }, "T", "untrusted"},
		"a version nobody can tell":   {version(TLS10, Unknown), "", ""},
		"a version nobody asked":      {func(o *Observation) { delete(o.Protocols, SSL2) }, "", ""},
		"a class nobody can tell":     {offer(AskSuitesRC4, Unknown), "", ""},
		"a browser nobody can tell":   {func(o *Observation) { o.Reference[0].Answer = Unknown }, "", ""},
		"unknown, but F anyway":       {func(o *Observation) { version(TLS10, Unknown)(o); version(SSL2, Accepted)(o) }, "F", "ssl2"},
		"no version at all":           {func(o *Observation) { o.Protocols[TLS12], o.Protocols[TLS13] = Refused, Refused }, "", ""},
		"no suite":                    {func(o *Observation) { o.Suites = nil }, "", ""},
		"no certificate":              {func(o *Observation) { o.Chains = nil }, "", ""},
		"a certificate nobody parses": {func(o *Observation) { o.Chains[0].Err = "x509: …" }, "", ""},
	} {
		t.Run(title, func(t *testing.T) {
			o := good(t)
			c.change(&o)
			g := Of(o)
			assert.Equal(t, c.want, g.Grade, "%s", g)
			assert.Equal(t, c.want == "", len(g.Blocked) > 0, "%v", g.Blocked)
			if c.reason != "" {
				assert.True(t, slices.ContainsFunc(g.Reasons, func(r Reason) bool { return r.ID == c.reason }), "%s", g)
			}
			assert.Equal(t, c.want == "A+" || c.want == "A", g.AtLeast("A"))
			assert.Equal(t, c.want == "A+", g.AtLeast("A+"))
		})
	}
	trust := good(t)
	trust.Roots = x509.NewCertPool()
	assert.Equal(t, "A+", Of(trust).IgnoringTrust)
}

func TestIncompleteChainIsATrustIssue(t *testing.T) {
	o := good(t)
	alone := o.Chains[0]
	alone.Certificates, alone.Raw = alone.Certificates[:1], alone.Raw[:1]
	o.Chains = append(o.Chains, alone)
	g := Of(o)
	assert.Equal(t, []string{"B", "A+"}, []string{g.Grade, g.IgnoringTrust}, "%s", g)
	o.Chains = o.Chains[1:]
	assert.Equal(t, "T", Of(o).Grade, "nobody has the intermediate")
}

// changes are weaknesses and blanks; each alone or with others must never make a grade better.
var changes = []func(*Observation){
	version(SSL2, Accepted), version(SSL3, Accepted), version(TLS10, Accepted), version(TLS11, Accepted), version(TLS13, Refused), version(SSL2, Unknown), version(TLS10, Unknown),
	offer(AskSuitesNULL, Accepted), offer(AskSuitesAnonymous, Accepted), offer(AskSuitesRC4, Accepted), offer(AskSuitesRC4, Unknown), offer(AskCompression, Accepted), offer(AskCompression, Unknown),
	offer(AskRenegotiation, Refused), offer(AskHeartbleed, Accepted), offer(AskHeartbleed, Unknown), suite(dhe(1024)), suite(dhe(768)), suite(curve(192)), seconds(1),
	func(o *Observation) { o.HSTS.State = HSTSDisabled }, func(o *Observation) { o.Name = "elsewhere.example" }, func(o *Observation) { o.At = o.At.AddDate(1, 0, 0) },
	func(o *Observation) { o.Roots = x509.NewCertPool() }, func(o *Observation) { o.Reference[0].Answer = Unknown },
}

func FuzzNoChangeForTheWorseIsForTheBetter(f *testing.F) {
	base := good(f)
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		o := base
		o.Protocols, o.Offers, o.Suites, o.Reference = maps.Clone(base.Protocols), slices.Clone(base.Offers), slices.Clone(base.Suites), slices.Clone(base.Reference)
		before := Of(o)
		for range 1 + r.IntN(4) {
			changes[r.IntN(len(changes))](&o)
			after := Of(o)
			// No grade is neither better nor worse, but it never turns into anything better than F.
			if before.Grade != "" && after.Grade != "" {
				assert.LessOrEqual(t, Rank(before.Grade), Rank(after.Grade), "%s then %s", before, after)
			}
			before = after
		}
	})
}
