package openbankingprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// given is what decides of a consent. Whose accounts it is about is not read.
type given struct {
	Status     string `json:"consentStatus"`
	ValidUntil string `json:"validUntil"` // a day, which is the last one
	Recurring  *bool  `json:"recurringIndicator"`
	PerDay     *int   `json:"frequencyPerDay"`
	LastAction string `json:"lastActionDate,omitempty"`
}

var (
	word = regexp.MustCompile(`^[A-Za-z]{1,30}$`)
	day  = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`)
)

// ConsentHolds claims that the consent is valid, which it is only after strong customer authentication, that it still is when it must be,
// and that it is one for more than a single access. No account is read.
func (p *Provider) ConsentHolds() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: "openbanking.consent", Source: framework + ", Get Consent"}
		id, err := probe.Reveal(ctx, "openbanking.consent.id", p.Consent.ID)
		if err != nil {
			return e, err
		}
		var g given
		s, err := ask(ctx, p.Live, jsonapi.Request{Path: "/v1/consents/" + url.PathEscape(id), Shown: "/v1/consents/{id}"}, &g)
		e.Asked = []string{s.from}
		if err == nil {
			err = s.is(http.StatusOK, "the consent")
		}
		if err != nil {
			e.Observed = s
			return e, err
		}
		g.Status, g.ValidUntil = clean(word, g.Status), clean(day, g.ValidUntil)
		if g.LastAction != "" {
			g.LastAction = clean(day, g.LastAction)
		}
		e.Observed = struct {
			given
			said
		}{g, s}
		return e, judgeConsent(g, p.Consent.Until, s.from)
	}
}

// over are the states of a consent that shows nothing, or nothing any more.
var over = []string{"received", "rejected", "partiallyAuthorised", "revokedByPsu", "expired", "terminatedByTpp"}

func judgeConsent(g given, until time.Time, from string) error {
	want := "a consent that is valid beyond " + until.UTC().Format(time.DateOnly)
	unmet := func(class, got string) error {
		return &probe.Unmet{Class: "openbanking." + class, Want: want, Got: got, From: from, Fix: newConsent}
	}
	unknown := func(got string) error {
		return &probe.Unknown{Class: "openbanking.incomplete", Want: want, Got: got, From: from, Fix: "see whether the API has changed"}
	}
	last, err := time.Parse(time.DateOnly, g.ValidUntil)
	switch {
	case slices.Contains(over, g.Status):
		return unmet("consent", "one that is "+g.Status)
	case g.Status != "valid":
		return unknown("the consentStatus " + g.Status + ", which is none of the framework's")
	case err != nil:
		return unknown("one without a validUntil that can be read")
	case g.Recurring == nil || g.PerDay == nil:
		return unknown("one without recurringIndicator or frequencyPerDay")
	case !last.After(until):
		return unmet("consent-ends", "one that is valid until "+g.ValidUntil)
	case !*g.Recurring:
		return unmet("consent", "one for a single access")
	case *g.PerDay < 1:
		return unmet("consent", fmt.Sprintf("one for %d accesses a day", *g.PerDay))
	}
	return nil
}

// Balance is a balance without its amount.
type Balance struct {
	Type     string `json:"type"`
	Currency string `json:"currency"`
}

// reading is the one look at an account.
type reading struct {
	said
	Balances []Balance `json:"balances"`
}

// BalanceRead claims that the account shows a balance in the launch's currency. The balances are read once in a run: a consent is good for
// so many a day without its owner, frequencyPerDay. PSU-IP-Address would say that the owner asks, which is not so.
func (p *Provider) BalanceRead() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: "openbanking.consent.account", Source: framework + ", Read Balance"}
		r, err := p.balances.Try(ctx, "balances", patience, p.read)
		e.Asked, e.Observed = []string{r.from}, r
		if err != nil {
			return e, err
		}
		return e, judgeBalances(r, p.Consent.Currency)
	}
}

var (
	amount   = regexp.MustCompile(`^-?[0-9]{1,14}(\.[0-9]{1,3})?$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
)

func (p *Provider) read(ctx context.Context) (reading, error) {
	var r reading
	id, err := probe.Reveal(ctx, "openbanking.consent.id", p.Consent.ID)
	if err != nil {
		return r, err
	}
	account, err := probe.Reveal(ctx, "openbanking.consent.account", p.Consent.Account)
	if err != nil {
		return r, err
	}
	var answer struct {
		Balances []struct {
			Type   string `json:"balanceType"`
			Amount struct {
				Currency string `json:"currency"`
				Amount   string `json:"amount"`
			} `json:"balanceAmount"`
		} `json:"balances"`
	}
	r.said, err = ask(ctx, p.Live, jsonapi.Request{Path: "/v1/accounts/" + url.PathEscape(account) + "/balances",
		Shown: "/v1/accounts/{id}/balances", Header: http.Header{"Consent-ID": {id}}}, &answer)
	if err == nil {
		err = r.is(http.StatusOK, "the account's balances")
	}
	for _, b := range answer.Balances {
		r.Balances = append(r.Balances, Balance{clean(word, b.Type), clean(currency, b.Amount.Currency)})
		if err == nil && !amount.MatchString(b.Amount.Amount) {
			err = &probe.Unknown{Class: "openbanking.incomplete", Want: "balances with amounts", Got: "one without an amount that can be read",
				From: r.from, Fix: "see whether the API has changed"}
		}
	}
	return r, err
}

func judgeBalances(r reading, currency string) error {
	want := "a balance in " + currency
	if len(r.Balances) == 0 {
		return &probe.Unknown{Class: "openbanking.empty", Want: want, Got: "no balance at all", From: r.from,
			Fix: "see whether the consent is about balances, and of this account"}
	}
	if slices.ContainsFunc(r.Balances, func(b Balance) bool { return b.Currency == currency }) {
		return nil
	}
	return &probe.Unmet{Class: "openbanking.currency", Want: want,
		Got: fmt.Sprintf("%d of them, the first in %s", len(r.Balances), r.Balances[0].Currency), From: r.from,
		Fix: "let a person with a Norwegian account consent, and store the new ids"}
}
