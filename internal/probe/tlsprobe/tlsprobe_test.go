package tlsprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
)

const name = "getdrop.example"

var launch = time.Now().AddDate(0, 0, 5)

// names is a resolver that knows what it is told.
type names map[string][]netip.Addr

func (n names) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	if addresses, ok := n[name]; ok {
		return addresses, nil
	}
	return nil, errors.New("no such name: " + name)
}

// world is a number of servers that stand for public addresses of one name.
type world struct {
	authority *tlstest.Authority
	servers   []*tlstest.Server
	observer  *Observer
}

var public = []netip.Addr{netip.MustParseAddr("203.0.113.80"), netip.MustParseAddr("203.0.113.81"), netip.MustParseAddr("2001:db8:80::80")}

func newWorld(t *testing.T, servers int) *world {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	w := &world{authority: authority}
	connect := map[string]string{}
	for i := range servers {
		w.servers = append(w.servers, tlstest.NewServer(t, tlstest.Silent))
		connect[netip.AddrPortFrom(public[i], 443).String()] = w.servers[i].Addr
	}
	w.observer = &Observer{Network: &probe.Network{Connect: connect, Roots: authority.Pool()}, Resolver: names{name: public[:servers]}}
	w.serve(t, w.config(t))
	return w
}

// config is what a good server has, with a leaf of the given options.
func (w *world) config(t *testing.T, options ...tlstest.Option) *tls.Config {
	t.Helper()
	return configOf(t, w.authority, options...)
}

func configOf(t *testing.T, authority *tlstest.Authority, options ...tlstest.Option) *tls.Config {
	t.Helper()
	cert, err := authority.Issue(append([]tlstest.Option{tlstest.Names(name, "*."+name)}, options...)...)
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
}

func (w *world) serve(t *testing.T, config *tls.Config) {
	t.Helper()
	for _, s := range w.servers {
		s.Handle(tlstest.Serve(config))
	}
}

func run(t *testing.T, claim probe.Claim) probe.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return probe.Run(ctx, "claim", claim)
}

// red asserts how a claim ended, and that its one line says all of the parts.
func red(t *testing.T, r probe.Result, status probe.Status, class string, parts ...string) {
	t.Helper()
	assert.Equal(t, status, r.Status, r.Message())
	assert.Equal(t, class, r.Class, r.Message())
	for _, part := range parts {
		assert.Contains(t, r.Message(), part)
	}
	assert.NotContains(t, r.Message(), "\n")
}

func green(t *testing.T, r probe.Result) {
	t.Helper()
	assert.Equal(t, probe.Pass, r.Status, r.Message())
	assert.NotEmpty(t, r.Evidence.Asked)
}

func TestValidFor(t *testing.T) {
	other, err := tlstest.NewAuthority()
	require.NoError(t, err)
	now := time.Now()
	for title, c := range map[string]struct {
		authority *tlstest.Authority // nil: the trusted one
		options   []tlstest.Option
		class     string // empty: green
		parts     []string
	}{
		"good":                  {},
		"rsa":                   {options: []tlstest.Option{tlstest.RSA(2048)}},
		"rsa, too short":        {options: []tlstest.Option{tlstest.RSA(1024)}, class: "tls.weak-key", parts: []string{"an RSA key of 1024 bits", "2048"}},
		"expired":               {options: []tlstest.Option{tlstest.Expired()}, class: "tls.expired", parts: []string{"one that expired 20", "24 hours ago", "renew it"}},
		"not yet valid":         {options: []tlstest.Option{tlstest.NotYetValid()}, class: "tls.not-yet-valid", parts: []string{"not valid before 20", "in 23 hours"}},
		"ends before launch":    {options: []tlstest.Option{tlstest.Valid(now.Add(-time.Hour), now.AddDate(0, 0, 3))}, class: "tls.expired", parts: []string{"before the launch"}},
		"wrong name":            {options: []tlstest.Option{tlstest.Names("shop.example")}, class: "tls.name", parts: []string{"one for shop.example, which does not cover " + name}},
		"wildcard without apex": {options: []tlstest.Option{tlstest.Names("*." + name)}, class: "tls.name", parts: []string{"one for *." + name}},
		"self-signed":           {options: []tlstest.Option{tlstest.SelfSigned()}, class: "tls.self-signed", parts: []string{"a self-signed one", "public authority"}},
		"unknown authority":     {authority: other, class: "tls.untrusted", parts: []string{`issued by "Sandbox Root", an authority that is not trusted`}},
		"incomplete":            {options: []tlstest.Option{tlstest.MissingIntermediate()}, class: "tls.incomplete", parts: []string{`intermediate "Sandbox Intermediate", which the server does not send`, "serve the full chain"}},
		"sha1":                  {options: []tlstest.Option{tlstest.SHA1()}, class: "tls.sha1", parts: []string{"signed with ECDSA-SHA1", "SHA-256"}},
		"expired, other name, self-signed": {options: []tlstest.Option{tlstest.SelfSigned(), tlstest.Expired(), tlstest.Names("shop.example")}, class: "tls.self-signed",
			parts: []string{"a self-signed one, and one that expired", ", and one for shop.example"}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 3)
			if c.authority == nil {
				c.authority = w.authority
			}
			// Only one address is wrong: the claim covers every one.
			w.servers[2].Handle(tlstest.Serve(configOf(t, c.authority, c.options...)))
			r := run(t, ValidFor(w.observer, name, launch))
			if c.class == "" {
				green(t, r)
				return
			}
			red(t, r, probe.Fail, c.class, append(c.parts, "from [2001:db8:80::80]:443")...)
			seen, ok := r.Evidence.Observed.([]probe.AtAddress)
			require.True(t, ok)
			require.Len(t, seen, 3)
			assert.Equal(t, []probe.Status{probe.Pass, probe.Pass, probe.Fail}, []probe.Status{seen[0].Status, seen[1].Status, seen[2].Status})
		})
	}
}

func TestIncompleteOnOneAddressNamesTheIntermediate(t *testing.T) {
	w := newWorld(t, 2)
	w.servers[1].Handle(tlstest.Serve(w.config(t, tlstest.MissingIntermediate())))
	red(t, run(t, ValidFor(w.observer, name, launch)), probe.Fail, "tls.incomplete",
		`the leaf verifies only with intermediate "Sandbox Intermediate", which the server does not send`, "from 203.0.113.81:443")
}

func TestAStapledRevocationCounts(t *testing.T) {
	for title, options := range map[string][]tlstest.Option{"whole chain": nil, "leaf only": {tlstest.MissingIntermediate()}} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t, 2)
			config := w.config(t, options...)
			response, err := w.authority.Staple(config.Certificates[0].Leaf, ocsp.Revoked)
			require.NoError(t, err)
			config.Certificates[0].OCSPStaple = response
			w.servers[1].Handle(tlstest.Serve(config))
			red(t, run(t, ValidFor(w.observer, name, launch)), probe.Fail, "tls.revoked", "one that was revoked 20", "issued again", "from 203.0.113.81:443")
		})
	}
	w := newWorld(t, 1)
	config := w.config(t)
	response, err := w.authority.Staple(config.Certificates[0].Leaf, ocsp.Good)
	require.NoError(t, err)
	config.Certificates[0].OCSPStaple = response
	w.servers[0].Handle(tlstest.Serve(config))
	green(t, run(t, ValidFor(w.observer, name, launch)))
}

func TestAnIntermediateCanEndBeforeItsLeaf(t *testing.T) {
	authority, err := tlstest.NewAuthority() // whose intermediate lasts ten years
	require.NoError(t, err)
	cert, err := authority.Issue(tlstest.Names(name), tlstest.Valid(time.Now().Add(-time.Hour), time.Now().AddDate(12, 0, 0)))
	require.NoError(t, err)
	intermediate, err := x509.ParseCertificate(cert.Certificate[1])
	require.NoError(t, err)
	chain := []*x509.Certificate{cert.Leaf, intermediate}
	w := wanted{name: name, roots: authority.Pool(), now: time.Now(), at: time.Now().AddDate(9, 0, 0)}
	assert.Nil(t, w.judge(chain, nil))
	w.at = time.Now().AddDate(11, 0, 0)
	unmet := w.judge(chain, nil)
	require.NotNil(t, unmet)
	assert.Equal(t, "tls.expired", unmet.Class)
	assert.Contains(t, unmet.Got, `a chain whose certificate "Sandbox Intermediate" is valid from`)
	assert.Contains(t, unmet.Got, "at the launch")
	w.at = time.Now().AddDate(-1, 0, 0)
	assert.Nil(t, w.judge(chain, nil), "after the launch, now is what counts")
	assert.Equal(t, "tls.untrusted", w.judge(nil, nil).Class)
}

func TestTransport(t *testing.T) {
	for title, c := range map[string]struct {
		handler tlstest.Handler // nil: nobody listens
		class   string
		part    string
	}{
		"silent":     {tlstest.Silent, "tls.silent", "accepted the connection and said nothing for 3 s"},
		"closed":     {tlstest.CloseAfterHello, "tls.closed", "a connection closed after the ClientHello"},
		"reset":      {tlstest.ResetAfterHello, "reset", "connection reset after the ClientHello"},
		"plain text": {tlstest.PlainText, "tls.plaintext", `plain text on the TLS port: "HTTP/1.1 400 Bad Request"`},
		"refused":    {nil, "refused", "connection refused"},
		"alert": {tlstest.Serve(&tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return nil, errors.New("unknown name")
		}}), "tls.alert", "a TLS alert, tls: "},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			if c.handler == nil {
				w.observer.Network.Connect["203.0.113.80:443"] = "127.0.0.1:1"
			} else {
				w.servers[0].Handle(c.handler)
			}
			started := time.Now()
			r := run(t, ValidFor(w.observer, name, launch))
			red(t, r, probe.Fail, c.class, c.part, "from 203.0.113.80:443")
			assert.Less(t, time.Since(started), Timeout+2*time.Second)
			seen, ok := r.Evidence.Observed.([]probe.AtAddress)
			require.True(t, ok)
			assert.Equal(t, probe.Pass, seen[1].Status, "a broken address hides nobody else's result")
		})
	}
}

// A certificate is judged although the server speaks nothing that is any good.
func TestServerWithOldSuitesOnly(t *testing.T) {
	for suite, says := range map[uint16]string{tls.TLS_RSA_WITH_AES_128_CBC_SHA: "", tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA: "got 3DES (64-bit blocks) accepted"} {
		w := newWorld(t, 1)
		config := w.config(t, tlstest.RSA(2048))
		config.MaxVersion, config.CipherSuites = tls.VersionTLS12, []uint16{suite}
		w.serve(t, config)
		green(t, run(t, ValidFor(w.observer, name, launch)))
		assert.Contains(t, run(t, ProtocolFloor(w.observer, name, tls.VersionTLS12)).Message(), says)
	}
}

// A server may insist on a protocol that it knows (RFC 7301 3.2), as every browser names one.
func TestServerThatNeedsALPN(t *testing.T) {
	w := newWorld(t, 1)
	config := w.config(t)
	config.NextProtos = []string{"http/1.1"}
	w.serve(t, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if len(hello.SupportedProtos) == 0 {
			return nil, errors.New("no protocol named")
		}
		return config, nil
	}})
	green(t, run(t, ValidFor(w.observer, name, launch)))
	green(t, run(t, ProtocolFloor(w.observer, name, tls.VersionTLS12)))
	conn, err := Dial(t.Context(), w.observer.Network, "203.0.113.80:443", name)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestNobodyCanTell(t *testing.T) {
	w := newWorld(t, 1)
	w.observer.Resolver = names{name: {public[0], public[1]}, "empty.example": {}}
	t.Run("address outside the environment", func(t *testing.T) {
		red(t, run(t, ValidFor(w.observer, name, launch)), probe.Blocked, "sealed", "203.0.113.81:443")
	})
	t.Run("name without address", func(t *testing.T) {
		red(t, run(t, ValidFor(w.observer, "empty.example", launch)), probe.Blocked, "dns", "want the addresses of empty.example; got none")
	})
	t.Run("name that does not resolve", func(t *testing.T) {
		for _, claim := range []probe.Claim{
			ValidFor(w.observer, "gone.example", launch), WildcardCovers(w.observer, "*.gone.example", launch), SameCertificate(w.observer, "gone.example"),
			OutlivesLaunch(w.observer, "gone.example", Lifetime{Launch: launch}), ProtocolFloor(w.observer, "gone.example", tls.VersionTLS12),
		} {
			red(t, run(t, claim), probe.Blocked, "dns", "want the addresses of gone.example; got no such name")
		}
	})
	t.Run("resolver's own verdict does not become ours", func(t *testing.T) {
		w.observer.Resolver = failing{&probe.Unmet{Class: "dns.absent", Want: "an address", Got: "NXDOMAIN"}}
		red(t, run(t, ValidFor(w.observer, name, launch)), probe.Blocked, "dns", "NXDOMAIN")
	})
	t.Run("wrong question", func(t *testing.T) {
		red(t, run(t, WildcardCovers(w.observer, name, launch)), probe.Blocked, "not-configured")
		red(t, run(t, ProtocolFloor(w.observer, name, tls.VersionTLS10)), probe.Blocked, "not-configured")
		red(t, run(t, OutlivesLaunch(w.observer, name, Lifetime{})), probe.Blocked, "not-configured")
	})
}

type failing struct{ err error }

func (f failing) Addresses(context.Context, string) ([]netip.Addr, error) { return nil, f.err }

func TestWorstIsWhatWasMeasured(t *testing.T) {
	w := newWorld(t, 1)
	w.observer.Resolver = names{name: {public[1], public[0]}}
	w.serve(t, w.config(t, tlstest.Expired()))
	red(t, run(t, ValidFor(w.observer, name, launch)), probe.Fail, "tls.expired", "from 203.0.113.80:443 (2 of 2 addresses are red)")
}

func TestSameCertificate(t *testing.T) {
	w := newWorld(t, 3)
	green(t, run(t, SameCertificate(w.observer, name)))

	w = newWorld(t, 3)
	w.servers[0].Handle(tlstest.Serve(w.config(t, tlstest.Serial(0xbad))))
	red(t, run(t, SameCertificate(w.observer, name)), probe.Fail, "tls.different", "as 203.0.113.81:443 sends it", "got serial bad, valid to 20", "from 203.0.113.80:443", "roll the certificate out")

	w = newWorld(t, 2)
	w.servers[0].Handle(tlstest.CloseAfterHello)
	red(t, run(t, SameCertificate(w.observer, name)), probe.Fail, "tls.closed", "203.0.113.80:443")
}

func TestWildcardCovers(t *testing.T) {
	w := newWorld(t, 2)
	green(t, run(t, WildcardCovers(w.observer, "*."+name, launch)))

	w.servers[1].Handle(tlstest.Serve(w.config(t, tlstest.Names(name, "www."+name))))
	red(t, run(t, WildcardCovers(w.observer, "*."+name, launch)), probe.Fail, "tls.name", "want a trusted certificate for launchgate-", "one for "+name+", www."+name+", which does not cover launchgate-", "from 203.0.113.81:443")
}

func TestOneHandshakeForAllClaims(t *testing.T) {
	w := newWorld(t, 2)
	done := make(chan probe.Result)
	const claims = 8
	for i := range claims {
		claim := ValidFor(w.observer, name, launch)
		if i%2 == 0 {
			claim = SameCertificate(w.observer, name)
		}
		go func() { done <- probe.Run(t.Context(), fmt.Sprint(i), claim) }()
	}
	for range claims {
		green(t, <-done)
	}
	assert.Equal(t, 1, w.servers[0].Connections())
	assert.Equal(t, 1, w.servers[1].Connections())
}

func TestAnImpatientClaimSpoilsNothing(t *testing.T) {
	w := newWorld(t, 1)
	begun, goOn := make(chan bool), make(chan bool)
	good := w.config(t)
	w.servers[0].Handle(tlstest.Serve(&tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		begun <- true
		<-goOn
		return good, nil
	}}))
	impatient, cancel := context.WithCancel(t.Context())
	result := make(chan probe.Result)
	go func() { result <- probe.Run(impatient, "impatient", ValidFor(w.observer, name, launch)) }()
	<-begun
	cancel()
	r := <-result
	assert.Equal(t, probe.Blocked, r.Status)
	close(goOn)
	green(t, run(t, ValidFor(w.observer, name, launch)))
	assert.Equal(t, 1, w.servers[0].Connections())
}

func TestDial(t *testing.T) {
	w := newWorld(t, 1)
	conn, err := Dial(t.Context(), w.observer.Network, "203.0.113.80:443", name)
	require.NoError(t, err)
	require.NoError(t, conn.Close())

	w.serve(t, w.config(t, tlstest.Expired()))
	_, err = Dial(t.Context(), w.observer.Network, "203.0.113.80:443", name)
	var unmet *probe.Unmet
	require.ErrorAs(t, err, &unmet)
	assert.Equal(t, "tls.expired", unmet.Class)
	assert.Equal(t, "203.0.113.80:443", unmet.From)
}
