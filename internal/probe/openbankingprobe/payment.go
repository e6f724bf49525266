package openbankingprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// The states of a payment (ISO 20022, ExternalPaymentTransactionStatus1Code, as far as the framework uses it).
var (
	settled = []string{"ACSC", "ACCC"}
	refused = []string{"RJCT", "CANC"}
	pending = []string{"RCVD", "PDNG", "ACTC", "ACCP", "ACFC", "ACSP", "ACWC", "ACWP", "PATC", "PART"}
)

// nobody is the address of a person who is not there (RFC 5737): a payment must come with one.
const nobody = "192.0.2.1"

// slowest is the longest pause between two looks at a payment.
const slowest = time.Second

// tried is how a payment went: the evidence.
type tried struct {
	Product string   `json:"product"`
	Calls   []said   `json:"calls"`
	States  []string `json:"states"` // each as often as it was seen
}

// PaymentSettles claims that a payment that is made in the provider's sandbox settles there. It is never made where production is: links of
// the answer are not followed, and a sandbox that may be production is asked for nothing.
func (p *Provider) PaymentSettles() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: p.Sandbox.Base, Source: framework + ", Payment Initiation and Get Transaction Status"}
		if err := apart(p.Live.Base, p.Sandbox.Base); err != nil {
			return e, err
		}
		if p.Payment.Product == "" || p.Payment.Body == "" {
			return e, &probe.Unknown{Class: "not-configured", Want: "a payment to try in the sandbox",
				Got: "not both of openbanking.sandbox.product and payment in launch.yaml", Fix: "add them"}
		}
		t := tried{Product: p.Payment.Product}
		path, err := p.initiate(ctx, &t)
		if err == nil {
			err = p.follow(ctx, path, &t)
		}
		if len(t.Calls) > 0 {
			e.Asked = []string{t.Calls[0].from}
		}
		e.Observed = t
		return e, err
	}
}

// apart says why a sandbox may be production.
func apart(live, sandbox string) error {
	if live == "" || sandbox == "" {
		return &probe.Unknown{Class: "not-configured", Want: "the addresses of production and of the sandbox, to know that they are two",
			Got: "not both of openbanking.base and openbanking.sandbox.base in launch.yaml", Fix: "add them"}
	}
	if u, err := url.Parse(live); err != nil || same(u, sandbox) {
		return &probe.Unmet{Class: "openbanking.sandbox", Want: "a sandbox to try a payment in",
			Got: "production's address, where nothing was tried", From: "openbanking.sandbox.base", Fix: "use the sandbox's address and token"}
	}
	return nil
}

// initiate makes the payment, and returns the path under which it is seen.
func (p *Provider) initiate(ctx context.Context, t *tried) (string, error) {
	var made struct {
		ID    string `json:"paymentId"`
		State string `json:"transactionStatus"`
	}
	header := http.Header{"PSU-IP-Address": {nobody}}
	if p.Payment.Redirect != "" {
		header.Set("TPP-Redirect-URI", p.Payment.Redirect)
	}
	base := "/v1/payments/" + url.PathEscape(p.Payment.Product)
	s, err := ask(ctx, p.Sandbox, jsonapi.Request{Method: http.MethodPost, Path: base, JSON: json.RawMessage(p.Payment.Body),
		Header: header}, &made)
	t.Calls = append(t.Calls, s)
	if err != nil {
		return "", err
	}
	if _, err := t.judge(s, made.State, http.StatusCreated); err != nil {
		return "", err
	}
	if made.ID == "" {
		return "", &probe.Unknown{Class: "openbanking.incomplete", Want: "a payment", Got: "one without a paymentId", From: s.from,
			Fix: "see whether the API has changed"}
	}
	return base + "/" + url.PathEscape(made.ID) + "/status", nil
}

// follow looks until the payment is settled or refused, or the time is over.
func (p *Provider) follow(ctx context.Context, path string, t *tried) error {
	r := jsonapi.Request{Path: path, Shown: "/v1/payments/" + url.PathEscape(p.Payment.Product) + "/{id}/status"}
	found, err := probe.Await(ctx, p.Payment.Within, slowest, func(ctx context.Context) (bool, error) {
		var now struct {
			State string `json:"transactionStatus"`
		}
		s, err := ask(ctx, p.Sandbox, r, &now)
		t.Calls = append(t.Calls, s)
		if err != nil {
			return false, err
		}
		return t.judge(s, now.State, http.StatusOK)
	})
	if found || err != nil {
		return err
	}
	last := t.Calls[len(t.Calls)-1]
	return &probe.Unknown{Class: "openbanking.pending", Want: "a payment that is settled within " + p.Payment.Within.String(),
		Got: "one that is still " + t.States[len(t.States)-1], From: last.from,
		Fix: "have the sandbox authorise by itself, as its documentation says how, or give it more time in openbanking.sandbox.within"}
}

// judge says whether a payment is settled. A rejection may carry the error that it is for; nothing else may carry one.
func (t *tried) judge(s said, state string, status int) (bool, error) {
	const want = "a payment that is settled"
	if s.Status == status && slices.Contains(refused, state) {
		t.States = append(t.States, state)
		got := "one that is " + state
		if s.Code != "" {
			got += " for " + s.Code
		}
		return false, &probe.Unmet{Class: "openbanking.payment", Want: want, Got: got, From: s.from, Fix: newPayment}
	}
	if err := s.is(status, want); err != nil {
		return false, err
	}
	if !slices.Contains(settled, state) && !slices.Contains(pending, state) {
		return false, &probe.Unknown{Class: "openbanking.status", Want: want,
			Got: fmt.Sprintf("the transactionStatus %s, which is none of the framework's", clean(word, state)), From: s.from,
			Fix: "ask the provider what it means"}
	}
	t.States = append(t.States, state)
	return slices.Contains(settled, state), nil
}
