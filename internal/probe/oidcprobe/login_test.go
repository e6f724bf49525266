package oidcprobe

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/redact"
)

const (
	digest   = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	national = "13097248022" // of nobody
)

// success is a log-in with a real BankID of an hour ago.
func success() map[string]any {
	return map[string]any{"event": "auth_success", "id": "c0ffee", "at": time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), "iss": issuer,
		"aud": "drop", "acr": "urn:bankid:bid;LOA=4", "amr": "BID",
		"version": "1.0.0", "image": digest}
}

// application is one that says so of its newest log-in to whoever has the token, and what must be true of it.
func application(t *testing.T, body string) (*servicetest.Service, Login) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Header.Get("Authorization") != "Bearer "+secret {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(body)) // the client judges
	})
	server, err := servicetest.Start(authority, netip.MustParseAddr("203.0.113.80"), handler, "shop.example")
	server = started.For(t, server, err)
	api := &jsonapi.Service{Name: "the application", Base: "https://shop.example",
		Network: &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}, Resolver: server, Key: "bankid.login.token",
		Token: value(secret), Patience: 2 * time.Second}
	return server, Login{API: api, Path: "/api/internal/login", MinLOA: 4, Version: "1.0.0", Digest: digest, MaxAge: 7 * 24 * time.Hour}
}

func telling(t *testing.T, login any) string {
	t.Helper()
	text, err := json.Marshal(map[string]any{"login": login})
	require.NoError(t, err)
	return string(text)
}

func TestLoggedIn(t *testing.T) {
	with := func(key string, value any) map[string]any {
		login := success()
		login[key] = value
		return login
	}
	ago := func(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }
	for name, c := range map[string]struct {
		login any
		class string
		want  probe.Status
	}{
		"as it must be":              {success(), "", probe.Pass},
		"lists":                      {with("aud", []string{"drop"}), "", probe.Pass},
		"amr as a list":              {with("amr", []string{"bid", "bid-otp"}), "", probe.Pass},
		"amr with commas":            {with("amr", "bid, bid-mfa"), "", probe.Pass},
		"without an image":           {with("image", ""), "", probe.Pass},
		"nobody":                     {nil, "oidc.login", probe.Fail},
		"a failure":                  {with("event", "auth_failure"), "oidc.login-event", probe.Fail},
		"a mock":                     {with("iss", "https://shop.example/mock"), "oidc.login-issuer", probe.Fail},
		"the realm for tests":        {with("iss", "https://auth.current.bankid.no/auth/realms/current"), "oidc.login-issuer", probe.Fail},
		"an issuer with a slash":     {with("iss", issuer+"/"), "oidc.login-issuer", probe.Fail},
		"another client":             {with("aud", "drop-test"), "oidc.login-client", probe.Fail},
		"two clients":                {with("aud", []string{"drop", "drop-test"}), "oidc.login-client", probe.Fail},
		"level 3":                    {with("acr", "urn:bankid:bid;LOA=3"), "oidc.login-level", probe.Fail},
		"a mock's acr":               {with("acr", "mock;LOA=4"), "oidc.login-level", probe.Fail},
		"another's acr":              {with("acr", "idporten-loa-high"), "oidc.login-level", probe.Fail},
		"a method nobody knows":      {with("acr", "urn:bankid:new;LOA=4"), "oidc.login-method", probe.Blocked},
		"a mock's amr":               {with("amr", []string{"pwd"}), "oidc.login-method", probe.Fail},
		"eight days ago":             {with("at", ago(8*24*time.Hour)), "oidc.login-old", probe.Fail},
		"tomorrow":                   {with("at", ago(-24*time.Hour)), "oidc.login-old", probe.Fail},
		"another version":            {with("version", "0.9.0"), "oidc.login-version", probe.Fail},
		"another image":              {with("image", "sha256:00"), "oidc.login-version", probe.Fail},
		"a national id":              {with("sub", national), "oidc.national-id", probe.Fail},
		"a national id as a number":  {with("sub", 13097248022), "oidc.national-id", probe.Fail},
		"a national id in two parts": {with("name", "Kari 130972-48022"), "oidc.national-id", probe.Fail},
		"no time":                    {with("at", nil), "oidc.login-incomplete", probe.Blocked},
		"no version":                 {with("version", ""), "oidc.login-incomplete", probe.Blocked},
		"no audience":                {with("aud", []string{}), "oidc.login-incomplete", probe.Blocked},
		"a time that is none":        {with("at", "yesterday"), "api.malformed", probe.Blocked},
		"a list":                     {[]any{success()}, "api.malformed", probe.Blocked},
		"an empty one":               {map[string]any{}, "oidc.login-incomplete", probe.Blocked},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, p := world(t, ours())
			_, login := application(t, telling(t, c.login))
			r := probe.Run(t.Context(), name, p.LoggedIn(login))
			assert.Equal(t, c.class, r.Class, r.Message())
			assert.Equal(t, c.want, r.Status, r.Message())
			text, err := json.Marshal(r)
			require.NoError(t, err)
			for _, hidden := range []string{national, "130972", "Kari", secret, `"drop"`, "c0ffee"} {
				assert.NotContains(t, string(text)+r.Message(), hidden)
			}
		})
	}
}

func TestANationalIDIsKeptOutOfWhatFollows(t *testing.T) {
	_, p := world(t, ours())
	const other = "010190-12057" // of nobody
	require.True(t, checked(strings.ReplaceAll(other, "-", "")))
	_, login := application(t, `{"message":"no such person: 0\u00310190-12057"}`)
	login.API.Token = value("another") // the refusal has it
	r := probe.Run(t.Context(), "", p.LoggedIn(login))
	assert.Equal(t, "oidc.national-id", r.Class, r.Message())
	assert.NotContains(t, redact.String("seen: "+other), other)
}

func TestAnApplicationInTroubleIsNoVerdict(t *testing.T) {
	for _, kind := range servicetest.Troubles {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			_, p := world(t, ours())
			server, login := application(t, telling(t, success()))
			login.API.Patience = 200 * time.Millisecond
			server.Fail(kind)
			r := probe.Run(t.Context(), "", p.LoggedIn(login))
			assert.Equal(t, probe.Blocked, r.Status, r.Message())
		})
	}
	_, p := world(t, ours())
	server, login := application(t, telling(t, success()))
	for name, change := range map[string]func(*Login){"no path": func(l *Login) { l.Path = "" },
		"no token": func(l *Login) { l.API.Token = nil }} {
		l := login
		change(&l)
		r := probe.Run(t.Context(), name, p.LoggedIn(l))
		assert.Equal(t, "not-configured", r.Class, r.Message())
	}
	assert.Empty(t, server.Asked())
}

func TestNumbersIn(t *testing.T) {
	for text, want := range map[string]int{
		national: 1, "130972 48022": 1, "130972-48022": 1, "130972.48022": 1, "123456 130972-48022": 1, "x" + national + "x": 1,
		national + "," + national: 2,
		"13097248023":             0, "13097248032": 0, "1" + national: 0, national + "0": 0, "130972--48022": 0, "1309724802": 0, "1767262509123": 0, "": 0,
		"130972-": 0,
	} {
		assert.Len(t, numbersIn(text), want, text)
	}
}
