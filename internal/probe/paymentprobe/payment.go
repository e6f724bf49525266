// Package paymentprobe claims that payments work with real money: a test payment with a real card was charged and given back. It
// reads Stripe's API (https://docs.stripe.com/api/charges/object, https://docs.stripe.com/api/refunds/object) and never moves money itself.
package paymentprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Header pins the version of the API whose shapes are read here.
func Header() http.Header { return http.Header{"Stripe-Version": {"2024-06-20"}} }

// Payment is the test payment: somebody paid with a real card in production, and gave it back.
type Payment struct {
	Charge   string // id, ch_… or py_…
	Refund   string // id, re_… or pyr_…
	Amount   int64  // in the smallest unit of the currency
	Currency string // ISO 4217 code
	MaxAge   time.Duration
	Now      func() time.Time // nil: the clock
}

// Test is what Stripe says of the test payment: the evidence.
type Test struct {
	Charge Charge `json:"charge"`
	Refund Refund `json:"refund"`
}

// Charge is a charge; what Stripe did not say is nil.
type Charge struct {
	ID       string  `json:"id"`
	Live     *bool   `json:"livemode"`
	Status   string  `json:"status"`
	Paid     bool    `json:"paid"`
	Captured bool    `json:"captured"`
	Amount   *int64  `json:"amount"`
	Took     *int64  `json:"amount_captured"`
	GaveBack *int64  `json:"amount_refunded"`
	Refunded bool    `json:"refunded"`
	Currency string  `json:"currency"`
	Created  *int64  `json:"created"`
	Disputed bool    `json:"disputed"`
	Method   *method `json:"payment_method_details"`
}

type method struct {
	Type string `json:"type"`
}

// Refund is a refund.
type Refund struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Charge   string `json:"charge"`
	Amount   *int64 `json:"amount"`
	Currency string `json:"currency"`
	Created  *int64 `json:"created"`
}

// Live claims that a key is one of live mode: what a test key sees is another world with the same shapes. From is where it stands.
func Live(from string, key func(context.Context) (string, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: from, Source: "https://docs.stripe.com/keys"}
		value, err := probe.Reveal(ctx, from, key)
		if err != nil {
			return evidence, err
		}
		return evidence, live(value, from)
	}
}

func live(key, from string) error {
	for _, prefix := range []string{"rk_live_", "sk_live_"} {
		if strings.HasPrefix(key, prefix) && len(key) > len(prefix) {
			return nil
		}
	}
	got := "one of another kind"
	if strings.HasPrefix(key, "rk_test_") || strings.HasPrefix(key, "sk_test_") {
		got = "one of test mode"
	}
	return &probe.Unmet{Class: "payment.test-mode", Want: "a key of live mode, rk_live_… or sk_live_…", Got: got, From: from, Fix: "use a key of live mode"}
}

// Takes claims that Stripe takes the key of an API, in live mode: it is asked for the account's balance, which changes nothing and of which nothing
// but the mode is read (https://docs.stripe.com/api/balance/balance_object).
func Takes(api *jsonapi.Service) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: api.Key, Source: "Stripe, balance"}
		var balance struct {
			Object string `json:"object"`
			Live   *bool  `json:"livemode"`
		}
		answer, err := api.Fetch(ctx, "/v1/balance", &balance)
		switch {
		case err != nil:
			return evidence, err
		case balance.Object != "balance" || balance.Live == nil:
			return evidence, answer.Incomplete("a balance and its mode")
		}
		evidence.Asked, evidence.Observed = []string{answer.From}, map[string]bool{"livemode": *balance.Live}
		if !*balance.Live {
			return evidence, &probe.Unmet{Class: "payment.test-mode", Want: "a key of live mode", Got: "one of test mode", From: answer.From, Fix: "use a key of live mode"}
		}
		return evidence, nil
	}
}

// PaidAndRefunded claims that the test payment was charged in live mode and given back in full, and that this is not long ago.
func PaidAndRefunded(api *jsonapi.Service, p Payment) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: "test payment " + p.Charge, Source: "Stripe, charges and refunds"}
		if p.Charge == "" || p.Refund == "" || p.Amount <= 0 || p.Currency == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the ids of the test payment and its refund, the amount and the currency", Got: "not all of payments.test in launch.yaml",
				Fix: "pay with a real card in production, give it back, and add them"}
		}
		var t Test
		for _, object := range []struct {
			path string
			into any
		}{{"/v1/charges/" + url.PathEscape(p.Charge), &t.Charge}, {"/v1/refunds/" + url.PathEscape(p.Refund), &t.Refund}} {
			answer, err := api.Get(ctx, object.path, object.into)
			switch {
			case err != nil:
				return evidence, err
			case answer.Status == http.StatusNotFound:
				return evidence, &probe.Unmet{Class: "payment.missing", Want: "the test payment and its refund", Got: "no such object in the mode of the key", From: answer.From, Fix: "correct payments.test, or pay with a real card in live mode"}
			case answer.Status != http.StatusOK:
				return evidence, answer.Unexpected()
			}
			evidence.Asked = append(evidence.Asked, answer.From)
		}
		evidence.Observed = t
		now := time.Now
		if p.Now != nil {
			now = p.Now
		}
		return evidence, refunded(t, p, now())
	}
}

// refunded names all that is wrong at once. What was not said is unknown, and never taken for right.
func refunded(t Test, p Payment, now time.Time) error {
	want := fmt.Sprintf("%d %s charged with a real card and given back within the last %s", p.Amount, strings.ToUpper(p.Currency), p.MaxAge)
	c, r := t.Charge, t.Refund
	if c.ID != p.Charge || r.ID != p.Refund || c.Live == nil || c.Amount == nil || c.Took == nil || c.GaveBack == nil || c.Created == nil || r.Amount == nil || r.Created == nil || c.Status == "" || r.Status == "" {
		return &probe.Unknown{Class: "payment.incomplete", Want: want, Got: "an answer that leaves out what decides", From: "Stripe", Fix: "see whether the API has changed"}
	}
	card := c.Method != nil && c.Method.Type == "card"
	var wrong []string
	for _, check := range []struct {
		wrong bool
		what  string
	}{
		{!*c.Live, "a payment of test mode"},
		{c.Status != "succeeded" || !c.Paid, "charge " + c.Status},
		{!c.Captured || *c.Took != p.Amount, fmt.Sprintf("%d captured", *c.Took)},
		{*c.Amount != p.Amount || !strings.EqualFold(c.Currency, p.Currency), fmt.Sprintf("%d %s charged", *c.Amount, c.Currency)},
		{!card, "a payment without a card"},
		{c.Disputed, "a disputed payment"},
		{r.Charge != c.ID, "a refund of another charge"},
		{r.Status != "succeeded", "refund " + r.Status},
		{*r.Amount != p.Amount || !strings.EqualFold(r.Currency, p.Currency), fmt.Sprintf("%d %s given back", *r.Amount, r.Currency)},
		{!c.Refunded || *c.GaveBack != p.Amount, fmt.Sprintf("%d given back in all", *c.GaveBack)},
		{old(*c.Created, p.MaxAge, now), "charged at " + time.Unix(*c.Created, 0).UTC().Format(time.RFC3339)},
		{old(*r.Created, p.MaxAge, now), "given back at " + time.Unix(*r.Created, 0).UTC().Format(time.RFC3339)},
		{*r.Created < *c.Created, "a refund from before the charge"},
	} {
		if check.wrong {
			wrong = append(wrong, check.what)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &probe.Unmet{Class: "payment.test", Want: want, Got: strings.Join(wrong, ", "), From: "Stripe", Fix: "wait for a refund under way; otherwise pay with a real card in production again, and give it back"}
}

// old is also what is from the future.
func old(created int64, most time.Duration, now time.Time) bool {
	age := now.Sub(time.Unix(created, 0))
	return age > most || age < -5*time.Minute
}
