package sumsubprobe

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/sumsubtest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// What no output may show.
const (
	token     = "prd:token-of-the-test"
	sandboxed = "sbx:token-of-the-test"
	key       = "key-of-the-test"
	hookKey   = "webhook-key-of-the-test"
	fnr       = "13097248022"
	target    = "https://drop.example/api/kyc/webhook"
)

var address = netip.MustParseAddr("203.0.113.7")

func says(value string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return value, nil }
}

type world struct {
	server  *sumsubtest.Server
	account *Account
	web     *httpprobe.Client
}

func newWorld(t *testing.T) world {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	server := sumsubtest.New(t, sumsubtest.Config{Authority: authority, Address: address, Token: token, Sandbox: sandboxed, Key: key, Account: sumsubtest.Account{
		Levels:     []string{"basic"},
		Webhooks:   []sumsubtest.Webhook{{ID: "1", Target: target + "?token=" + hookKey, Types: []string{"applicantReviewed"}, SecretKey: hookKey}},
		Applicants: map[string]sumsubtest.Applicant{"a1": {Status: "completed", Answer: "GREEN", Level: "basic", Documents: []string{"ID_CARD"}, Reviewed: time.Now().Add(-time.Hour), NationalID: fnr}}}})
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	api := &jsonapi.Service{Name: "Sumsub", Base: "https://" + sumsubtest.Host, Network: network, Resolver: server, Key: "sumsub.token"}
	return world{server, &Account{API: api, Token: says(token), Key: says(key)}, &httpprobe.Client{Network: network, Resolver: server}}
}

func (w world) claims() map[string]probe.Claim {
	return map[string]probe.Claim{"account": w.account.InProduction(), "webhooks": w.account.WebhooksLeadTo(target, []string{"applicantReviewed"}),
		"check": w.account.Approved(Check{Applicant: "a1", TTL: 24 * time.Hour})}
}

// every makes all claims and looks for what none may show.
func every(t *testing.T, claims map[string]probe.Claim, want probe.Status) {
	t.Helper()
	for name, claim := range claims {
		r := probe.Run(t.Context(), name, claim)
		assert.Equal(t, want, r.Status, "%s: %s", name, r.Message())
		shown, err := json.Marshal(r)
		require.NoError(t, err)
		for _, secret := range []string{token, sandboxed, key, hookKey, fnr, "Nordmann"} {
			assert.NotContains(t, string(shown)+r.Message(), secret, name)
		}
	}
}

func TestSumsub(t *testing.T) {
	w := newWorld(t)
	clock := map[string]probe.Claim{"clock": ClockWithin(w.web, 30*time.Second)}
	every(t, w.claims(), probe.Pass)
	every(t, clock, probe.Pass)

	w.server.SetClock(40 * time.Second)
	every(t, w.claims(), probe.Pass)
	every(t, clock, probe.Fail)
	w.server.SetClock(-2 * time.Minute) // Sumsub refuses the calls, and the clock says why
	every(t, w.claims(), probe.Blocked)
	every(t, clock, probe.Fail)
	w.server.SetClock(0)

	asked := w.server.Asked()
	w.account.Token = says(sandboxed)
	every(t, w.claims(), probe.Fail)
	assert.Equal(t, asked, w.server.Asked(), "the sandbox was asked")
	w.account.Token = nil
	every(t, w.claims(), probe.Blocked)
	w.account.Token, w.account.Key = says(token), says("another-key")
	every(t, w.claims(), probe.Blocked)
	w.account.Key = says(key)

	w.server.Change(func(a *sumsubtest.Account) {
		a.Webhooks[0].Disabled = true
		p := a.Applicants["a1"]
		p.Answer = "RED"
		a.Applicants["a1"] = p
	})
	wrong := w.claims()
	delete(wrong, "account")
	every(t, wrong, probe.Fail)
	w.server.Change(func(a *sumsubtest.Account) { a.Levels = nil })
	every(t, map[string]probe.Claim{"no level": w.account.InProduction()}, probe.Fail)
	every(t, map[string]probe.Claim{"nobody": w.account.Approved(Check{Applicant: "a2", TTL: time.Hour})}, probe.Fail)
	every(t, map[string]probe.Claim{"not named": w.account.Approved(Check{TTL: time.Hour}), "no types": w.account.WebhooksLeadTo(target, nil), "a misspelt type": w.account.WebhooksLeadTo(target, []string{"applicantRevewed"})}, probe.Blocked)
}

// TestIncompleteAnswers has answers of 200 that lack what the API documents: they tell nothing.
func TestIncompleteAnswers(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	for _, answer := range []string{`{"items":[],"totalItems":60}`, `{"list":{}}`, `{"list":{"items":null}}`, `{"items":null}`, `null`, `[]`, `0`, `{"count":3}`, `{"list":{"items":[],"totalItems":60}}`, `{"list":{"items":[{}],"totalItems":1}}`} {
		account := answering(t, authority, answer)
		claims := map[string]probe.Claim{answer: account.InProduction(), answer + " of a person": account.Approved(Check{Applicant: "a1", TTL: time.Hour})}
		if answer != `{"list":{"items":[{}],"totalItems":1}}` { // a webhook that leads nowhere
			claims[answer+" of webhooks"] = account.WebhooksLeadTo(target, []string{"applicantReviewed"})
		}
		every(t, claims, probe.Blocked)
	}
}

// TestAListStandsUnderListOrAlone has the levels in either shape: Sumsub's own programs read both.
func TestAListStandsUnderListOrAlone(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	const levels = `{"items":[{"id":"l1","name":"basic-kyc-level"}],"totalItems":1}`
	every(t, map[string]probe.Claim{"alone": answering(t, authority, levels).InProduction(), "under list": answering(t, authority, `{"list":`+levels+`}`).InProduction()}, probe.Pass)
	every(t, map[string]probe.Claim{"none": answering(t, authority, `{"items":[],"totalItems":0}`).InProduction()}, probe.Fail)
}

// answering is an account at a Sumsub that answers everything with one text.
func answering(t *testing.T, authority *tlstest.Authority, answer string) *Account {
	t.Helper()
	server, err := servicetest.Start(authority, address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		servicetest.JSON(w, http.StatusOK, json.RawMessage(answer))
	}), sumsubtest.Host)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	api := &jsonapi.Service{Name: "Sumsub", Base: Production, Network: &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}, Resolver: server, Key: "sumsub.token"}
	return &Account{API: api, Token: says(token), Key: says(key)}
}

func TestOutages(t *testing.T) {
	w := newWorld(t)
	w.account.API.Patience = 100 * time.Millisecond
	for _, kind := range servicetest.Troubles {
		t.Run(string(kind), func(t *testing.T) {
			w.server.Fail(kind)
			every(t, w.claims(), probe.Blocked)
			if kind == servicetest.Denied || kind == servicetest.Empty { // it still says what time it is
				return
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			r := probe.Run(ctx, "clock", ClockWithin(w.web, 30*time.Second))
			assert.Equal(t, probe.Blocked, r.Status, r.Message())
			assert.Equal(t, 1, strings.Count(r.Message(), "want "), "one sentence: %s", r.Message())
		})
	}
}
