package sumsubprobe

import (
	"context"
	"encoding/json"
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
		Webhooks:   []sumsubtest.Webhook{{ID: "1", Target: target + "?token=" + hookKey, Types: []string{"applicantReviewed"}, SecretKey: hookKey}},
		Applicants: map[string]sumsubtest.Applicant{"a1": {Status: "completed", Answer: "GREEN", Level: "basic", Reviewed: time.Now().Add(-time.Hour), NationalID: fnr}}}})
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
	clock := map[string]probe.Claim{"clock": ClockWithin(w.web, "https://"+sumsubtest.Host, 30*time.Second)}
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
	every(t, map[string]probe.Claim{"nobody": w.account.Approved(Check{Applicant: "a2", TTL: time.Hour})}, probe.Fail)
	every(t, map[string]probe.Claim{"not named": w.account.Approved(Check{TTL: time.Hour}), "no types": w.account.WebhooksLeadTo(target, nil)}, probe.Blocked)
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
			r := probe.Run(ctx, "clock", ClockWithin(w.web, "https://"+sumsubtest.Host, 30*time.Second))
			assert.Equal(t, probe.Blocked, r.Status, r.Message())
			assert.Equal(t, 1, strings.Count(r.Message(), "want "), "one sentence: %s", r.Message())
		})
	}
}
