package tlsgrade

import (
	"crypto/tls"
	"crypto/x509"
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
	for _, q := range []Question{AskSuitesNULL, AskSuitesAnonymous, AskSuitesExport, AskSuitesWeak, AskSuitesRC4, AskSuites64, AskSuitesDHE, AskSuitesStaticRSA, AskWeakCurves, AskMiddleCurves, AskCompression, AskInsecureReneg, AskHeartbleed,
		AskSSL3CBC, AskEarlyCCS, AskROBOT, AskPadding} {
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

// onlyVersion makes the server one of a single version, with all its suites there; of none, it has none.
func onlyVersion(o *Observation, v Version) {
	for _, other := range Versions {
		o.Protocols[other] = yes(other == v)
	}
	for i := range o.Suites {
		o.Suites[i].Version = v
	}
	for i := range o.Reference {
		o.Reference[i].Suite.Version = v
	}
	if v == 0 {
		o.Suites, o.Reference = nil, nil
	}
}

// onlySuite makes the server one of a single suite.
func onlySuite(o *Observation, s Suite) {
	o.Suites = []Suite{s}
	for i := range o.Reference {
		o.Reference[i].Suite = s
	}
	for q := range classes {
		answer(o, q, Refused)
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
		"SSL 3.0, stream": {func(o *Observation) { version(SSL3, Accepted)(o); s := rc4; s.Version = SSL3; suite(s)(o) }, "B", "ssl3"},
		"SSL 3.0, and nobody knows whether with CBC": {func(o *Observation) { version(SSL3, Accepted)(o); answer(o, AskSSL3CBC, Unknown) }, "", ""},
		"SSL 3.0, CBC": {func(o *Observation) { version(SSL3, Accepted)(o); s := des3; s.Version = SSL3; suite(s)(o) }, "C", "poodle"},
		"SSL 3.0 at best": {func(o *Observation) {
			onlyVersion(o, SSL3)
		}, "F", "ssl3-best"},
		"TLS 1.0": {version(TLS10, Accepted), "B", "tls1.0"},
		"TLS 1.1": {version(TLS11, Accepted), "B", "tls1.1"},
		"TLS 1.1 at best": {func(o *Observation) {
			onlyVersion(o, TLS11)
		}, "C", "no-tls1.2"},
		"no TLS 1.3":         {func(o *Observation) { onlyVersion(o, TLS12) }, "A-", "no-tls1.3"},
		"TLS 1.3 alone":      {func(o *Observation) { onlyVersion(o, TLS13) }, "A+", ""},
		"NULL":               {offer(AskSuitesNULL, Accepted), "F", "null"},
		"anonymous":          {offer(AskSuitesAnonymous, Accepted), "F", "anonymous"},
		"export":             {offer(AskSuitesExport, Accepted), "F", "export"},
		"DES":                {offer(AskSuitesWeak, Accepted), "F", "weak-cipher"},
		"RC4 offered":        {offer(AskSuitesRC4, Accepted), "B", "rc4"},
		"RC4 negotiated":     {func(o *Observation) { answer(o, AskSuitesRC4, Accepted); negotiated(rc4)(o) }, "C", "rc4-modern"},
		"RC4 only":           {func(o *Observation) { onlyVersion(o, TLS12); onlySuite(o, rc4) }, "F", "rc4-only"},
		"3DES offered":       {func(o *Observation) { answer(o, AskSuites64, Accepted); suite(des3)(o) }, "A+", ""},
		"3DES negotiated":    {negotiated(des3), "C", "64-bit-blocks"},
		"no forward secrecy": {negotiated(static), "B", "no-forward-secrecy"},
		"no AEAD": {func(o *Observation) {
			answer(o, AskSuitesAEAD, Refused)
			onlyVersion(o, TLS12)
			cbc := o.Suites[0]
			cbc.AEAD = false
			onlySuite(o, cbc)
		}, "B", "no-aead"},
		"DHE 4096":                  {suite(dhe(4096)), "A+", ""},
		"DHE 2048":                  {suite(dhe(2048)), "A+", ""},
		"DHE 2047":                  {suite(dhe(2047)), "B", "dh-weak"},
		"DHE 1024":                  {suite(dhe(1024)), "B", "dh-weak"},
		"DHE 1023":                  {suite(dhe(1023)), "F", "dh-broken"},
		"curve of 224":              {suite(curve(224)), "A+", ""},
		"curve of 192":              {suite(curve(192)), "B", "curve-weak"},
		"curve of 112":              {suite(curve(112)), "F", "curve-broken"},
		"compression":               {offer(AskCompression, Accepted), "C", "crime"},
		"insecure renegotiation":    {offer(AskInsecureReneg, Accepted), "F", "insecure-renegotiation"},
		"no RFC 5746":               {offer(AskRenegotiation, Refused), "A-", "no-secure-renegotiation"},
		"Heartbleed":                {offer(AskHeartbleed, Accepted), "F", "heartbleed"},
		"HSTS of half a year":       {seconds(15552000), "A+", ""},
		"HSTS a second short":       {seconds(15551999), "A", "hsts-short"},
		"HSTS absent":               {func(o *Observation) { o.HSTS = HSTS{State: HSTSAbsent} }, "A", "hsts-absent"},
		"HSTS unknown":              {func(o *Observation) { o.HSTS = HSTS{State: HSTSUnknown} }, "", ""},
		"HSTS invalid":              {func(o *Observation) { o.HSTS = HSTS{State: HSTSInvalid} }, "A-", "hsts-invalid"},
		"HSTS off":                  {func(o *Observation) { o.HSTS = HSTS{State: HSTSDisabled} }, "A-", "hsts-disabled"},
		"another name":              {func(o *Observation) { o.Name = "elsewhere.example" }, "M", "name-mismatch"},
		"expired":                   {func(o *Observation) { o.At = o.At.AddDate(1, 0, 0) }, "T", "expired"},
		"not yet valid":             {func(o *Observation) { o.At = o.At.AddDate(-1, 0, 0) }, "T", "not-yet-valid"},
		"nobody trusts it":          {func(o *Observation) { o.Roots = x509.NewCertPool() }, "T", "untrusted"},
		"untrusted and SSL 2.0":     {func(o *Observation) { o.Roots = x509.NewCertPool(); version(SSL2, Accepted)(o) }, "F", "ssl2"},
		"untrusted and TLS 1.0":     {func(o *Observation) { o.Roots = x509.NewCertPool(); version(TLS10, Accepted)(o) }, "T", "untrusted"},
		"a version nobody can tell": {version(TLS10, Unknown), "", ""},
		"a version nobody asked":    {func(o *Observation) { delete(o.Protocols, SSL2) }, "", ""},
		"a class nobody can tell":   {offer(AskSuitesRC4, Unknown), "", ""},
		"a browser nobody can tell, where static RSA is taken": {func(o *Observation) { suite(static)(o); o.Reference[0].Answer = Unknown }, "", ""},
		"a browser nobody can tell, where all is well":         {func(o *Observation) { o.Reference[0].Answer = Unknown }, "A+", ""},
		"RC4 only, and TLS 1.0 nobody can tell":                {func(o *Observation) { onlyVersion(o, TLS12); onlySuite(o, rc4); o.Protocols[TLS10] = Unknown }, "", ""},
		"a browser nobody can tell, which may get RC4": {func(o *Observation) {
			version(TLS11, Accepted)(o)
			answer(o, AskSuitesRC4, Accepted)
			o.Reference[0].Answer = Unknown
		}, "", ""},
		"a browser nobody can tell, which may get 3DES":          {func(o *Observation) { version(TLS11, Accepted)(o); suite(des3)(o); o.Reference[0].Answer = Unknown }, "", ""},
		"a browser nobody can tell, and the others are declined": {func(o *Observation) { o.Reference[0].Answer, o.Reference[1].Answer = Unknown, Refused }, "", ""},
		"all browsers are declined":                              {func(o *Observation) { o.Reference[0].Answer, o.Reference[1].Answer = Refused, Refused }, "B", "no-forward-secrecy"},
		"no browser was asked, and RC4 may be what they get":     {func(o *Observation) { o.Reference = nil; answer(o, AskSuitesRC4, Accepted) }, "", ""},
		"no browser was asked":                                   {func(o *Observation) { o.Reference = nil }, "", ""},
		"RC4 nobody can tell, but B anyway":                      {func(o *Observation) { answer(o, AskSuitesRC4, Unknown); version(TLS11, Accepted)(o) }, "B", "tls1.1"},
		"RC4 seen in spite of its refusal":                       {negotiated(rc4), "C", "rc4-modern"},
		"RC4 seen in a suite":                                    {suite(rc4), "B", "rc4"},
		"NULL seen in spite of its refusal":                      {suite(Suite{Version: TLS12, Name: "TLS_RSA_WITH_NULL_SHA", Exchange: Exchange{Kind: "RSA"}}), "F", "null"},
		"a version seen in spite of its refusal":                 {func(o *Observation) { s := static; s.Version, s.AEAD = TLS10, false; suite(s)(o) }, "B", "tls1.0"},
		"a suite nobody knows":                                   {suite(Suite{Version: TLS12, ID: 0xdada, Name: "suite 0xdada", Strange: true}), "", ""},
		"DHE that nobody saw":                                    {offer(AskSuitesDHE, Accepted), "", ""},
		"weak curves that nobody saw":                            {offer(AskWeakCurves, Accepted), "", ""},
		"DHE lost in one version":                                {func(o *Observation) { suite(dhe(2048))(o); answer(o, AskSuitesDHE, Unknown) }, "", ""},
		"a lost hello for a certificate":                         {func(o *Observation) { o.Unasked = []string{"RSA certificates"} }, "", ""},
		"a lost hello for a certificate, and B anyway":           {func(o *Observation) { o.Unasked = []string{"RSA certificates"}; version(TLS11, Accepted)(o) }, "", ""},
		"a lost hello for a certificate, and F anyway":           {func(o *Observation) { o.Unasked = []string{"RSA certificates"}; version(SSL2, Accepted)(o) }, "F", "ssl2"},
		"no HTTP on the port":                                    {func(o *Observation) { o.HSTS = HSTS{State: HSTSNoHTTP} }, "A", "hsts-no-http"},
		"HSTS unknown, but B anyway":                             {func(o *Observation) { o.HSTS = HSTS{}; version(TLS11, Accepted)(o) }, "B", "tls1.1"},
		"another name, and untrusted":                            {func(o *Observation) { o.Name, o.Roots = "elsewhere.example", x509.NewCertPool() }, "T", "untrusted"},
		"another name, and TLS 1.0":                              {func(o *Observation) { o.Name = "elsewhere.example"; version(TLS10, Accepted)(o) }, "M", "name-mismatch"},
		"a name nobody checked, and TLS 1.0":                     {func(o *Observation) { o.Name = ""; version(TLS10, Accepted)(o) }, "", ""},
		"ROBOT":                                                  {offer(AskROBOT, Accepted), "F", "robot"},
		"early ChangeCipherSpec":                                 {offer(AskEarlyCCS, Accepted), "F", "ccs-injection"},
		"a padding oracle":                                       {offer(AskPadding, Accepted), "F", "padding-oracle"},
		"ROBOT was asked and nobody can tell":                    {offer(AskROBOT, Unknown), "", ""},
		"DROWN":                                                  {suite(Suite{Version: SSL2, Name: "SSL_CK_RC4_128", Bits: 128, Exchange: Exchange{Kind: "RSA"}}), "F", "drown"},
		"FREAK":                                                  {suite(Suite{Version: TLS12, Name: "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", Bits: 40, Export: true, Exchange: Exchange{Kind: "RSA", Bits: 512}}), "F", "freak"},
		"Logjam":                                                 {suite(Suite{Version: TLS12, Name: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", Bits: 40, Export: true, Exchange: Exchange{Kind: "DHE", Bits: 512}}), "F", "logjam"},
		"unknown, but F anyway":                                  {func(o *Observation) { version(TLS10, Unknown)(o); version(SSL2, Accepted)(o) }, "F", "ssl2"},
		"no version at all":                                      {func(o *Observation) { onlyVersion(o, 0) }, "", ""},
		"no suite":                                               {func(o *Observation) { o.Suites, o.Reference = nil, nil }, "", ""},
		"no certificate":                                         {func(o *Observation) { o.Chains = nil }, "", ""},
		"DHE of unknown size":                                    {suite(dhe(0)), "", ""},
		"ECDHE of unknown size":                                  {suite(curve(0)), "", ""},
		"no name to check":                                       {func(o *Observation) { o.Name = "" }, "", ""},
		"an empty chain beside one":                              {func(o *Observation) { o.Chains = append(o.Chains, Chain{}) }, "", ""},
		"a certificate nobody parses":                            {func(o *Observation) { o.Chains[0].Err = "x509: …" }, "", ""},
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
	for title, change := range map[string]func(*Observation){
		"untrusted": func(o *Observation) { o.Roots = x509.NewCertPool() }, "another name": func(o *Observation) { o.Name = "elsewhere.example" },
		"no name": func(o *Observation) { o.Name = "" }, "SHA-1": func(o *Observation) { o.Chains = good(t, tlstest.SHA1()).Chains },
	} {
		o := good(t)
		change(&o)
		assert.Equal(t, "A+", Of(o).IgnoringTrust, title)
	}
	o := good(t)
	version(TLS11, Accepted)(&o)
	version(TLS10, Unknown)(&o)
	g := Of(o)
	assert.Equal(t, []string{"", "B"}, []string{g.Grade, g.Best})
	assert.Equal(t, "no grade, B at best, and nobody knows whether TLS 1.0 is accepted: TLS 1.1 is accepted (B)", g.String())
	onlyVersion(&o, TLS11)
	for q := range classes {
		answer(&o, q, Refused)
	}
	for i := range o.Suites {
		o.Suites[i].AEAD = false
	}
	o.Reference = good(t).Reference
	for i := range o.Reference {
		o.Reference[i].Answer = Unknown
	}
	version(TLS12, Unknown)(&o)
	g = Of(o)
	assert.NotContains(t, ids(g), "no-aead", "TLS 1.2 may have it")
	o = good(t)
	o.Roots = x509.NewCertPool()
	answer(&o, AskSuitesRC4, Unknown)
	assert.Equal(t, []string{"T", ""}, []string{Of(o).Grade, Of(o).IgnoringTrust}, "RC4 would not change T")
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
