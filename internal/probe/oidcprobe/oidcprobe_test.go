package oidcprobe

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/oidctest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

const (
	issuer   = "https://auth.bankid.no/auth/realms/prod"
	callback = "https://shop.example/api/auth/bankid/callback"
	secret   = "a planted secret of the client"
)

func value(v string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return v, nil }
}

// world is a provider that knows the client, and the client's view of it.
func world(t *testing.T, client Client) (*oidctest.Server, *Provider) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	address := netip.MustParseAddr("203.0.113.150")
	server := oidctest.New(t, oidctest.Config{Authority: authority, Address: address, Issuer: issuer, ClientID: "drop", Secret: secret, Callback: callback})
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	services := map[string]*jsonapi.Service{}
	api := func(base string) *jsonapi.Service {
		if services[base] == nil {
			services[base] = &jsonapi.Service{Name: "BankID", Base: base, Network: network, Resolver: server, Key: "bankid.client_secret"}
		}
		return services[base]
	}
	return server, New(issuer, client, &httpprobe.Client{Network: network, Resolver: server}, api, rand.Text)
}

func ours() Client {
	return Client{ID: value("drop"), Secret: value(secret), Callback: callback, Scopes: []string{"openid", "profile"}}
}

func claims(p *Provider) map[string]probe.Claim {
	return map[string]probe.Claim{"production": p.Production(), "document": p.Discovered(), "keys": p.KeysPublished(), "client": p.ClientKnown(), "callback": p.CallbackRegistered()}
}

func TestAgainstARealProvider(t *testing.T) {
	other := func(change func(*Client)) Client { c := ours(); change(&c); return c }
	for _, c := range []struct {
		name     string
		client   Client
		mistakes oidctest.Mistakes
		red      map[string]string // claim → class
	}{
		{"as it must be", ours(), oidctest.Mistakes{}, nil},
		{"another secret", other(func(c *Client) { c.Secret = value("another") }), oidctest.Mistakes{}, map[string]string{"client": "oidc.client"}},
		{"another client", other(func(c *Client) { c.ID = value("drop-test") }), oidctest.Mistakes{}, map[string]string{"client": "oidc.client", "callback": "oidc.callback"}},
		{"a callback with a slash", other(func(c *Client) { c.Callback += "/" }), oidctest.Mistakes{}, map[string]string{"callback": "oidc.callback"}},
		{"every callback is taken", ours(), oidctest.Mistakes{AnyCallback: true}, map[string]string{"callback": "oidc.any-callback"}},
		{"the code before the client", ours(), oidctest.Mistakes{CodeFirst: true}, map[string]string{"client": "oidc.unproved"}},
		{"an issuer with a slash", ours(), oidctest.Mistakes{Document: map[string]any{"issuer": issuer + "/"}}, map[string]string{"document": "oidc.issuer"}},
		{"without S256", ours(), oidctest.Mistakes{Document: map[string]any{"code_challenge_methods_supported": []string{"plain"}}}, map[string]string{"document": "oidc.discovery"}},
		{"without a scope", ours(), oidctest.Mistakes{Document: map[string]any{"scopes_supported": []string{"openid"}}}, map[string]string{"document": "oidc.discovery"}},
		{"symmetric signatures only", ours(), oidctest.Mistakes{Document: map[string]any{"id_token_signing_alg_values_supported": []string{"HS256", "none"}}}, map[string]string{"document": "oidc.discovery"}},
		{"keys over plain HTTP", ours(), oidctest.Mistakes{Document: map[string]any{"jwks_uri": "http://auth.bankid.no/certs"}}, map[string]string{"document": "oidc.discovery", "keys": "oidc.discovery"}},
		{"tokens of the test realm", ours(), oidctest.Mistakes{Document: map[string]any{"token_endpoint": "https://auth.bankid.no/auth/realms/current/token"}}, map[string]string{"document": "oidc.test-realm", "client": "!"}},
		{"no key", ours(), oidctest.Mistakes{Keys: []any{}}, map[string]string{"keys": "oidc.keys"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server, p := world(t, c.client)
			server.Err(c.mistakes)
			for name, claim := range claims(p) {
				r := probe.Run(t.Context(), name, claim)
				if c.red[name] != "!" { // red for a reason that is another claim's
					assert.Equal(t, c.red[name], r.Class, "%s: %s", name, r.Message())
				}
				assert.Equal(t, c.red[name] == "", r.Status == probe.Pass, "%s: %s", name, r.Message())
				text, err := json.Marshal(r)
				require.NoError(t, err)
				assert.NotContains(t, string(text)+r.Message(), secret)
			}
		})
	}
}

func TestAProviderInTroubleIsNoVerdict(t *testing.T) {
	for _, kind := range servicetest.Troubles {
		if kind == servicetest.Empty {
			continue // a discovery document that says nothing was measured, and is wrong
		}
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server, p := world(t, ours())
			server.Fail(kind)
			for name, claim := range claims(p) {
				if name == "production" {
					continue // it looks at launch.yaml alone
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				r := probe.Run(ctx, name, claim)
				cancel()
				assert.Equal(t, probe.Blocked, r.Status, "%s: %s", name, r.Message())
			}
		})
	}
}

func TestJudgeIssuer(t *testing.T) {
	for address, class := range map[string]string{
		issuer: "", "https://auth.current.bankid.no/auth/realms/current": "oidc.test-realm", "https://auth.bankid.no/auth/realms/preprod": "oidc.test-realm",
		"https://login.test.example/": "oidc.test-realm", "https://latest.example/contest": "", "http://auth.bankid.no/auth/realms/prod": "oidc.issuer", "": "oidc.issuer",
	} {
		assert.Equal(t, class, classOf(judgeIssuer(address)), address)
	}
}

func TestJudgeKeys(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	strong, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	raw := func(k jose.JSONWebKey) json.RawMessage {
		text, err := k.MarshalJSON()
		require.NoError(t, err)
		return text
	}
	good := raw(jose.JSONWebKey{Key: &curve.PublicKey, KeyID: "1", Use: "sig"})
	for name, c := range map[string]struct {
		keys  []json.RawMessage
		class string
	}{
		"good":                             {[]json.RawMessage{good}, ""},
		"beside an odd one":                {[]json.RawMessage{[]byte(`{"kty":"LMS"}`), good}, ""},
		"none":                             {nil, "oidc.keys"},
		"too small":                        {[]json.RawMessage{raw(jose.JSONWebKey{Key: &small.PublicKey, KeyID: "1"})}, "oidc.keys"},
		"without a kid":                    {[]json.RawMessage{raw(jose.JSONWebKey{Key: &curve.PublicKey})}, "oidc.keys"},
		"for encryption":                   {[]json.RawMessage{raw(jose.JSONWebKey{Key: &curve.PublicKey, KeyID: "1", Use: "enc"})}, "oidc.keys"},
		"a private one":                    {[]json.RawMessage{good, raw(jose.JSONWebKey{Key: curve, KeyID: "2"})}, "oidc.private-key"},
		"a shared secret":                  {[]json.RawMessage{good, raw(jose.JSONWebKey{Key: []byte(secret), KeyID: "3"})}, "oidc.private-key"},
		"for encryption, by its algorithm": {[]json.RawMessage{raw(jose.JSONWebKey{Key: &strong.PublicKey, KeyID: "1", Algorithm: "RSA-OAEP"})}, "oidc.keys"},
		// RFC 7518 6.3.2: of a private key only d must be there
		"a private one without primes": {[]json.RawMessage{good, []byte(strings.Replace(string(raw(jose.JSONWebKey{Key: &strong.PublicKey, KeyID: "2"})), "{", `{"d":"Aw",`, 1))}, "oidc.private-key"},
		"a private one of no kind":     {[]json.RawMessage{good, []byte(`{"kty":"AKP","kid":"5","priv":"AA","d":"AA"}`)}, "oidc.private-key"},
		"of no kind we know":           {[]json.RawMessage{[]byte(`{"kty":"LMS"}`)}, "oidc.keys"},
	} {
		seen, err := judgeKeys(c.keys, "jwks")
		assert.Equal(t, c.class, classOf(err), name)
		assert.NotContains(t, fmt.Sprint(seen, err), secret)
	}
}

func TestJudgeClient(t *testing.T) {
	grant, client := said{400, "invalid_grant"}, said{401, "invalid_client"}
	for _, c := range []struct {
		right, wrong said
		class        string
	}{
		{grant, client, ""}, {grant, said{400, "unauthorized_client"}, ""}, {grant, said{401, ""}, ""},
		{client, client, "oidc.client"}, {said{400, "invalid_client"}, client, "oidc.client"}, {said{400, "unauthorized_client"}, client, "oidc.client"}, {said{401, ""}, client, "oidc.client"},
		{grant, grant, "oidc.unproved"}, {grant, said{500, ""}, "oidc.unproved"},
		{said{200, ""}, client, "oidc.client"}, {said{400, "invalid_request"}, client, "oidc.client"}, {said{200, "invalid_grant"}, client, "oidc.client"},
	} {
		err := judgeClient(c.right, c.wrong, "token")
		assert.Equal(t, c.class, classOf(err), "%v %v", c.right, c.wrong)
	}
	assert.Equal(t, probe.Blocked, probe.StatusOf(judgeClient(said{200, ""}, client, "token")), "an answer that means neither")
	assert.Equal(t, probe.Fail, probe.StatusOf(judgeClient(client, client, "token")))
}

func TestJudgeCallback(t *testing.T) {
	login, page, refused := reaction{Status: 302, To: "auth/login"}, reaction{Status: 200}, reaction{Status: 400}
	for name, c := range map[string]struct {
		right reaction
		wrong reaction
		class string
		want  probe.Status
	}{
		"as it must be":              {login, refused, "", probe.Pass},
		"a page":                     {page, refused, "", probe.Pass},
		"a page for errors":          {login, reaction{Status: 302, To: "auth/error", Error: "invalid_request"}, "", probe.Pass},
		"not registered":             {refused, refused, "oidc.callback", probe.Fail},
		"refused on the way back":    {reaction{Status: 302, To: "shop/callback", back: true, Error: "invalid_scope"}, refused, "oidc.callback", probe.Fail},
		"back without a login":       {reaction{Status: 302, To: "shop/callback", back: true}, refused, "oidc.callback", probe.Blocked},
		"every callback":             {login, login, "oidc.any-callback", probe.Fail},
		"an error to the wrong one":  {login, reaction{Status: 302, To: "not-shop/callback", back: true, Error: "invalid_request"}, "oidc.any-callback", probe.Fail},
		"the same page for both":     {page, page, "oidc.unproved", probe.Blocked},
		"another page for the wrong": {login, page, "oidc.unproved", probe.Blocked},
		"too many requests":          {login, reaction{Status: 429}, "oidc.unproved", probe.Blocked},
		"too many from the start":    {reaction{Status: 429}, refused, "oidc.callback", probe.Blocked},
		"down":                       {reaction{Status: 503}, refused, "oidc.callback", probe.Blocked},
		"silent for the wrong one":   {login, reaction{err: &probe.Unknown{Class: "timeout"}}, "timeout", probe.Blocked},
	} {
		err := judgeCallback(c.right, []reaction{refused, c.wrong}, "auth")
		assert.Equal(t, c.class, classOf(err), name)
		assert.Equal(t, c.want, probe.StatusOf(err), name)
	}
}

func TestAlmost(t *testing.T) {
	all, err := almost(callback)
	require.NoError(t, err)
	assert.Equal(t, []string{callback + "/", "https://not-shop.example/api/auth/bankid/callback", callback + "-not"}, all)
	all, err = almost(callback + "/")
	require.NoError(t, err)
	assert.Equal(t, callback, all[0])
	assert.False(t, slices.ContainsFunc(all, func(s string) bool { return s == callback+"/" }))
	_, err = almost("http://shop.example/callback")
	assert.Equal(t, "not-configured", classOf(err))
}

func TestWithoutCredentialsNothingIsKnown(t *testing.T) {
	_, p := world(t, Client{Callback: callback, Scopes: []string{"openid"}})
	for _, claim := range []probe.Claim{p.ClientKnown(), p.CallbackRegistered()} {
		r := probe.Run(t.Context(), "", claim)
		assert.Equal(t, probe.Blocked, r.Status)
		assert.Contains(t, r.Message(), "launch.yaml")
	}
}

func classOf(err error) string {
	if err == nil {
		return ""
	}
	return probe.Run(context.Background(), "", func(context.Context) (probe.Evidence, error) { return probe.Evidence{}, err }).Class
}
