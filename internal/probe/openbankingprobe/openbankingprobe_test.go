package openbankingprobe

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/openbankingtest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

const (
	token   = "a-token-of-production"
	trying  = "a-token-of-the-sandbox"
	consent = "4e1b2c77-8a1d-4a44-9d55-0c6b7d1e2f30"
	account = "7c1d4f80-3b9e-4c6a-8f21-5a9d0b6e7c11"
	iban    = "NO9386011117947"
	other   = "NO8330001234567"
	product = "norwegian-domestic-credit-transfers"
	body    = `{"instructedAmount": {"currency": "NOK", "amount": "1.00"}, "creditorName": "Drop", "creditorAccount": {"iban": "` + other + `"}}`
)

// secrets are what no message and no evidence may have.
var secrets = []string{token, trying, consent, account, iban, other, "9f3a7c55-02d6", "1234.56"}

func value(v string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return v, nil }
}

// world is a provider with its sandbox below production's address, as many have it.
type world struct {
	live, sandbox *openbankingtest.Server
	*Provider
}

func start(t *testing.T) *world {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	until := time.Now().AddDate(0, 0, 38)
	w := &world{}
	w.live = openbankingtest.New(t, openbankingtest.Config{Authority: authority, Address: netip.MustParseAddr("203.0.113.153"),
		Base: "https://api.bank.example/psd2", Token: token,
		World: openbankingtest.World{
			Consents: map[string]openbankingtest.Consent{consent: {Status: "valid", ValidUntil: until.AddDate(0, 0, 60).Format(time.DateOnly),
				PerDay: 4, Account: account}},
			Balances: map[string]openbankingtest.Account{account: {IBAN: iban, Currency: "NOK"}}}})
	w.sandbox = openbankingtest.New(t, openbankingtest.Config{Authority: authority, Address: netip.MustParseAddr("203.0.113.154"),
		Base: "https://trial.bank.example/psd2", Token: trying,
		World: openbankingtest.World{Product: product, Course: []string{"ACTC", "ACSC"}}})
	network := &probe.Network{Connect: map[string]string{}, Roots: authority.Pool()}
	maps.Copy(network.Connect, w.live.Connect())
	maps.Copy(network.Connect, w.sandbox.Connect())
	api := func(server probe.Resolver, base, token string) *jsonapi.Service {
		s := &jsonapi.Service{Name: "the provider", Base: base, Network: network, Resolver: server,
			Key: "openbanking.token", Patience: 2 * time.Second}
		if token != "" {
			s.Token = value(token)
		}
		return s
	}
	file := filepath.Join(t.TempDir(), "contract.pdf")
	require.NoError(t, os.WriteFile(file, []byte("signed"), 0o600))
	w.Provider = &Provider{Name: "A Bank", Contract: Contract{File: file, SHA256: strings.Repeat("0", 64)},
		Live: api(w.live, "https://api.bank.example/psd2", token), Anyone: api(w.live, "https://api.bank.example/psd2", ""),
		Sandbox: api(w.sandbox, "https://trial.bank.example/psd2", trying),
		Consent: Consent{ID: value(consent), Account: value(account), Currency: "NOK", Until: until},
		Payment: Payment{Product: product, Body: body, Within: 20 * time.Second}}
	return w
}

// asks are the claims that ask the provider.
func (w *world) asks() map[string]probe.Claim {
	return map[string]probe.Claim{"credential": w.CredentialKnown(), "consent": w.ConsentHolds(), "balance": w.BalanceRead(),
		"payment": w.PaymentSettles()}
}

func (w *world) consent(change func(*openbankingtest.Consent)) {
	w.live.Change(func(world *openbankingtest.World) {
		c := world.Consents[consent]
		change(&c)
		world.Consents[consent] = c
	})
}

func TestAgainstAProvider(t *testing.T) {
	course := func(states ...string) func(*world) {
		return func(w *world) {
			w.sandbox.Change(func(s *openbankingtest.World) { s.Course, s.Reason = states, "PAYMENT_FAILED" })
		}
	}
	in := func(change func(*openbankingtest.Consent)) func(*world) {
		return func(w *world) { w.consent(change) }
	}
	both := map[string]string{"consent": "openbanking.consent", "balance": "openbanking.refused"}
	only := func(claim, class string) map[string]string { return map[string]string{claim: class} }
	for _, c := range []struct {
		name    string
		change  func(*world)
		red     map[string]string // claim → class
		blocked bool
	}{
		{"as it must be", func(*world) {}, nil, false},
		{"expired", in(func(c *openbankingtest.Consent) { c.Status = "expired" }), both, false},
		{"revoked", in(func(c *openbankingtest.Consent) { c.Status = "revokedByPsu" }), both, false},
		{"one of two has authorised", in(func(c *openbankingtest.Consent) { c.Status = "partiallyAuthorised" }), both, false},
		{"nobody has authorised", in(func(c *openbankingtest.Consent) { c.Status = "received" }), both, false},
		{"ends too soon", func(w *world) {
			w.consent(func(c *openbankingtest.Consent) { c.ValidUntil = w.Consent.Until.Format(time.DateOnly) })
		}, only("consent", "openbanking.consent-ends"), false},
		{"good once", in(func(c *openbankingtest.Consent) { c.Once = true }), only("consent", "openbanking.consent"), false},
		{"another's consent", func(w *world) { w.Consent.ID = value("another-consent-of-the-test") },
			map[string]string{"consent": "openbanking.refused", "balance": "openbanking.refused"}, false},
		{"another account", func(w *world) { w.Consent.Account = value("another-account-of-the-test") },
			only("balance", "openbanking.refused"), false},
		{"euros", func(w *world) {
			w.live.Change(func(s *openbankingtest.World) {
				s.Balances[account] = openbankingtest.Account{IBAN: iban, Currency: "EUR"}
			})
		}, only("balance", "openbanking.currency"), false},
		{"no balance", func(w *world) {
			w.live.Change(func(s *openbankingtest.World) { s.Balances[account] = openbankingtest.Account{IBAN: iban} })
		}, only("balance", "openbanking.empty"), true},
		{"an account number for a currency", func(w *world) {
			w.live.Change(func(s *openbankingtest.World) {
				s.Balances[account] = openbankingtest.Account{IBAN: iban, Currency: iban}
			})
		}, only("balance", "openbanking.currency"), false},
		{"read too often", func(w *world) { w.live.Change(func(s *openbankingtest.World) { s.Exceeded = true }) },
			only("balance", "openbanking.exceeded"), true},
		{"every token is taken", func(w *world) { w.live.Change(func(s *openbankingtest.World) { s.AnyToken = true }) },
			only("credential", "openbanking.unproved"), true},
		{"another token", func(w *world) { w.Live.Token = value("a-token-of-last-year") },
			map[string]string{"credential": "openbanking.refused", "consent": "openbanking.refused", "balance": "openbanking.refused"}, false},
		{"no token", func(w *world) { w.Live.Token = nil }, map[string]string{"credential": "not-configured", "consent": "not-configured",
			"balance": "not-configured"}, true},
		{"no consent", func(w *world) { w.Consent.ID = nil }, map[string]string{"consent": "not-configured", "balance": "not-configured"}, true},
		{"rejected", course("RCVD", "RJCT"), only("payment", "openbanking.payment"), false},
		{"cancelled", course("CANC"), only("payment", "openbanking.payment"), false},
		{"a status nobody knows", course("RCVD", "DONE"), only("payment", "openbanking.status"), true},
		{"still received", func(w *world) { course("RCVD")(w); w.Payment.Within = time.Millisecond },
			only("payment", "openbanking.pending"), true},
		{"no status", func(w *world) {
			w.sandbox.Change(func(s *openbankingtest.World) { s.Status = map[string]any{"fundsAvailable": true} })
		}, only("payment", "openbanking.status"), true},
		{"settled, with an error", func(w *world) {
			w.sandbox.Change(func(s *openbankingtest.World) {
				s.Status = map[string]any{"transactionStatus": "ACSC",
					"tppMessages": []map[string]string{{"category": "ERROR", "code": "STATUS_INVALID", "text": iban}}}
			})
		}, only("payment", "openbanking.answer"), true},
		{"settled, with a warning", func(w *world) {
			w.sandbox.Change(func(s *openbankingtest.World) {
				s.Status = map[string]any{"transactionStatus": "ACCC",
					"tppMessages": []map[string]string{{"category": "WARNING", "code": "WARNING", "text": iban}}}
			})
		}, nil, false},
		{"a code that is an account number", func(w *world) {
			w.sandbox.Change(func(s *openbankingtest.World) {
				s.Status = map[string]any{"tppMessages": []map[string]string{{"category": "ERROR", "code": iban}}}
			})
		}, only("payment", "openbanking.answer"), true},
		{"another product", func(w *world) { w.Payment.Product = "sepa-credit-transfers" }, only("payment", "openbanking.refused"), false},
		{"half a payment", func(w *world) { w.Payment.Body = `{"creditorAccount": {"iban": "` + other + `"}}` },
			only("payment", "openbanking.answer"), true},
		{"no payment", func(w *world) { w.Payment.Body = "" }, only("payment", "not-configured"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := start(t)
			c.change(w)
			for name, claim := range w.asks() {
				r := probe.Run(t.Context(), name, claim)
				assert.Equal(t, c.red[name], r.Class, "%s: %s", name, r.Message())
				want := probe.Fail
				if c.blocked {
					want = probe.Blocked
				}
				if c.red[name] == "" {
					want = probe.Pass
				}
				assert.Equal(t, want, r.Status, "%s: %s", name, r.Message())
				text, err := json.Marshal(r)
				require.NoError(t, err)
				for _, secret := range secrets {
					assert.NotContains(t, string(text)+r.Message(), secret, name)
				}
			}
		})
	}
}

func TestAProviderInTroubleIsNoVerdict(t *testing.T) {
	for _, kind := range servicetest.Troubles {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := start(t)
			w.Live.Patience, w.Sandbox.Patience, w.Anyone.Patience = 200*time.Millisecond, 200*time.Millisecond, 200*time.Millisecond
			w.live.Fail(kind)
			w.sandbox.Fail(kind)
			for name, claim := range w.asks() {
				r := probe.Run(t.Context(), name, claim)
				assert.Equal(t, probe.Blocked, r.Status, "%s: %s", name, r.Message())
			}
		})
	}
}

func TestAnAccountIsReadOnceInARun(t *testing.T) {
	w := start(t)
	w.consent(func(c *openbankingtest.Consent) { c.PerDay = 1 }) // PSU-IP-Address would make it as many as anybody likes
	for range 3 {
		r := probe.Run(t.Context(), "", w.BalanceRead())
		assert.Equal(t, probe.Pass, r.Status, r.Message())
	}
	reads := slices.DeleteFunc(w.live.Asked(), func(call string) bool { return !strings.HasSuffix(call, "/balances") })
	assert.Len(t, reads, 1)
	r := probe.Run(t.Context(), "", start(t).BalanceRead())
	assert.Equal(t, probe.Pass, r.Status, "another run, another bank: %s", r.Message())
}

func TestNoPaymentIsTriedWhereProductionIs(t *testing.T) {
	for _, sandbox := range []string{"https://api.bank.example/psd2", "https://API.bank.example:443/psd2/", "https://api.bank.example./psd2",
		"https://user@api.bank.example/psd2?x"} {
		w := start(t)
		w.Sandbox.Base = sandbox
		r := probe.Run(t.Context(), "", w.PaymentSettles())
		assert.Equal(t, probe.Fail, r.Status, sandbox)
		assert.Equal(t, "openbanking.sandbox", r.Class, r.Message())
		assert.Equal(t, probe.Fail, probe.Run(t.Context(), "", w.Production()).Status, sandbox)
		assert.Empty(t, w.live.Asked())
		assert.Empty(t, w.sandbox.Asked())
	}
	w := start(t)
	w.Live.Base = ""
	r := probe.Run(t.Context(), "", w.PaymentSettles())
	assert.Equal(t, probe.Blocked, r.Status, "nobody knows where production is")
	assert.Empty(t, w.sandbox.Asked())
}

func TestProduction(t *testing.T) {
	for base, class := range map[string]string{
		"https://api.bank.example": "", "https://api.bank.example/psd2": "", "https://sandbox.bank.example": "openbanking.sandbox",
		"https://api.bank.example/sandbox": "openbanking.sandbox",
		"https://api.preprod.bank.example": "openbanking.sandbox", "": "not-configured",
	} {
		assert.Equal(t, class, classOf(production(base, "https://api.bank.example/trial")), base)
	}
	require.NoError(t, production("https://api.bank.example", ""), "without a sandbox there is nothing to compare with")
}

func TestContracted(t *testing.T) {
	w := start(t)
	assert.Equal(t, "openbanking.contract", probe.Run(t.Context(), "", w.Contracted()).Class)
	text, err := os.ReadFile(w.Contract.File)
	require.NoError(t, err)
	w.Contract.SHA256 = fmt.Sprintf("%x", sha256.Sum256(text))
	r := probe.Run(t.Context(), "", w.Contracted())
	assert.Equal(t, probe.Pass, r.Status, r.Message())
	w.Name = " "
	assert.Equal(t, probe.Fail, probe.Run(t.Context(), "", w.Contracted()).Status, "nobody is named")
	w.Name = "A Bank"
	require.NoError(t, os.WriteFile(w.Contract.File, nil, 0o600))
	w.Contract.SHA256 = fmt.Sprintf("%x", sha256.Sum256(nil))
	assert.Equal(t, probe.Fail, probe.Run(t.Context(), "", w.Contracted()).Status, "an empty file is no contract")
	w.Contract.File += ".gone"
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", w.Contracted()).Status)
	w.Contract.File = ""
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", w.Contracted()).Status)
}

func TestJudgeConsent(t *testing.T) {
	yes, four, none := true, 4, 0
	until := time.Date(2027, 2, 18, 9, 0, 0, 0, time.UTC)
	good := given{Status: "valid", ValidUntil: "2027-02-19", Recurring: &yes, PerDay: &four}
	with := func(change func(*given)) given { g := good; change(&g); return g }
	for name, c := range map[string]struct {
		given given
		want  probe.Status
	}{
		"good":                {good, probe.Pass},
		"on the day":          {with(func(g *given) { g.ValidUntil = "2027-02-18" }), probe.Fail},
		"for ever":            {with(func(g *given) { g.ValidUntil = "9999-12-31" }), probe.Pass},
		"no day":              {with(func(g *given) { g.ValidUntil = "2027-02-30" }), probe.Blocked},
		"never said":          {with(func(g *given) { g.ValidUntil = "" }), probe.Blocked},
		"another word":        {with(func(g *given) { g.Status = "VALID" }), probe.Blocked},
		"how often, not said": {with(func(g *given) { g.PerDay = nil }), probe.Blocked},
		"recurring, not said": {with(func(g *given) { g.Recurring = nil }), probe.Blocked},
		"never":               {with(func(g *given) { g.PerDay = &none }), probe.Fail},
		"ended by us":         {with(func(g *given) { g.Status = "terminatedByTpp" }), probe.Fail},
	} {
		assert.Equal(t, c.want, probe.StatusOf(judgeConsent(c.given, until, "bank")), name)
	}
}

func TestJudgeCredential(t *testing.T) {
	unknown, refused := said{Status: 403, Code: "CONSENT_UNKNOWN"}, said{Status: 401, Code: "TOKEN_UNKNOWN"}
	for name, c := range map[string]struct {
		right, wrong said
		want         probe.Status
	}{
		"known":                 {unknown, refused, probe.Pass},
		"known by its path":     {said{Status: 404, Code: "RESOURCE_UNKNOWN"}, said{Status: 401}, probe.Pass},
		"refused":               {refused, refused, probe.Fail},
		"a role it has not":     {said{Status: 401, Code: "ROLE_INVALID"}, refused, probe.Fail},
		"anybody":               {unknown, unknown, probe.Blocked},
		"a consent":             {said{Status: 200}, refused, probe.Blocked},
		"a contradiction":       {said{Status: 200, Code: "CONSENT_UNKNOWN"}, refused, probe.Blocked},
		"another word":          {said{Status: 400, Code: "FORMAT_ERROR"}, refused, probe.Blocked},
		"down for the wrong":    {unknown, said{Status: 503}, probe.Blocked},
		"a page for the wrong":  {unknown, said{Status: 404}, probe.Blocked},
		"not found, says it so": {said{Status: 404}, refused, probe.Blocked},
	} {
		assert.Equal(t, c.want, probe.StatusOf(judgeCredential(c.right, c.wrong)), name)
	}
}

func classOf(err error) string {
	if err == nil {
		return ""
	}
	return probe.Run(context.Background(), "", func(context.Context) (probe.Evidence, error) { return probe.Evidence{}, err }).Class
}
