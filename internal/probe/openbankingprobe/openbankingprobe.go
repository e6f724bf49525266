// Package openbankingprobe claims things about open banking as the Berlin Group's NextGenPSD2 XS2A framework 1.3 has it: a provider is
// under contract and knows the launch's credential, a person's consent holds and shows a balance, and a payment settles in the
// provider's sandbox. It moves money nowhere else, and keeps neither account numbers nor amounts, ids of consents or of payments. It
// must import neither `testing` nor the gates.
package openbankingprobe

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// framework is where the rules come from: https://www.berlin-group.org/nextgenpsd2-downloads
const framework = "Berlin Group, NextGenPSD2 XS2A framework 1.3"

// patience bounds one observation.
const patience = 25 * time.Second

// Provider is the provider of open banking, as the launch uses it.
type Provider struct {
	Name     string           // empty: none is chosen
	Contract Contract         // with it
	Live     *jsonapi.Service // production, with the launch's token
	Anyone   *jsonapi.Service // production, without a token
	Sandbox  *jsonapi.Service
	Consent  Consent
	Payment  Payment

	balances probe.Memo[string, reading]
}

// Contract is the signed contract.
type Contract struct {
	File   string
	SHA256 string // 64 hex digits
}

// Consent is what a person consented to in production.
type Consent struct {
	ID, Account func(context.Context) (string, error) // nil: launch.yaml names none
	Currency    string                                // of a balance that the account must have
	Until       time.Time                             // when it must still hold
}

// Payment is the payment that is tried in the sandbox.
type Payment struct {
	Product  string
	Body     string // JSON
	Redirect string // empty: no TPP-Redirect-URI is sent
	Within   time.Duration
}

// Contracted claims that a provider is chosen, and that the contract with it is the file that was signed.
func (p *Provider) Contracted() probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: "openbanking.contract", Observed: map[string]string{"provider": p.Name}}
		if strings.TrimSpace(p.Name) == "" {
			return e, &probe.Unmet{Class: "openbanking.provider", Want: "the provider of open banking that the launch relies on", Got: "none",
				From: "openbanking.provider", Fix: "choose one, sign the contract, and name it in launch.yaml"}
		}
		if p.Contract.File == "" || p.Contract.SHA256 == "" {
			return e, &probe.Unknown{Class: "not-configured", Want: "the signed contract with " + p.Name,
				Got: "not both of openbanking.contract.file and sha256 in launch.yaml", Fix: "put the contract beside launch.yaml, and add them"}
		}
		text, err := os.ReadFile(p.Contract.File)
		if err != nil {
			return e, &probe.Unknown{Class: "not-configured", Want: "the signed contract with " + p.Name, Got: err.Error(),
				Fix: "put it where openbanking.contract.file says", Err: err}
		}
		sum := fmt.Sprintf("%x", sha256.Sum256(text))
		e.Observed = map[string]string{"provider": p.Name, "sha256": sum}
		if len(text) == 0 || sum != p.Contract.SHA256 {
			return e, &probe.Unmet{Class: "openbanking.contract", Want: "the contract with SHA-256 " + p.Contract.SHA256,
				Got: fmt.Sprintf("%d bytes with %s", len(text), sum), From: p.Contract.File,
				Fix: "find the file that was signed; a changed contract is signed again"}
		}
		return e, nil
	}
}

// Production claims that the API is production's by its address: no sandbox, whose answers look the same.
func (p *Provider) Production() probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: p.Live.Base, Source: framework, Observed: map[string]string{"base": p.Live.Base, "sandbox": p.Sandbox.Base}}
		return e, production(p.Live.Base, p.Sandbox.Base)
	}
}

func production(live, sandbox string) error {
	u, err := url.Parse(live)
	if live == "" || err != nil {
		return &probe.Unknown{Class: "not-configured", Want: "the address of the provider's production API",
			Got: "no openbanking.base in launch.yaml that can be read", Fix: "add it"}
	}
	unmet := &probe.Unmet{Class: "openbanking.sandbox", Want: "the provider's production API",
		Got: live + ", which openbanking.sandbox.base is too", From: "openbanking.base", Fix: "use the address and the token of production"}
	if same(u, sandbox) {
		return unmet
	}
	if word := probe.TestWord(u); word != "" {
		unmet.Got = fmt.Sprintf("%s, whose %q is one for tests", live, word)
		return unmet
	}
	return nil
}

// same says whether an address leads to the same API, however it is written.
func same(a *url.URL, other string) bool {
	b, err := url.Parse(other)
	if err != nil || other == "" {
		return false
	}
	plain := func(u *url.URL) string {
		return strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(u.Host), ":443"), ".") + strings.TrimRight(u.Path, "/")
	}
	return plain(a) == plain(b)
}

// CredentialKnown claims that the provider takes the launch's token: it looks for a consent that nobody has given, and finds none. The same
// with a token that nobody has issued is the negative control: a provider that refuses neither proves nothing.
func (p *Provider) CredentialKnown() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: p.Live.Base, Source: framework + ", message codes"}
		r := jsonapi.Request{Path: "/v1/consents/" + uuid(), Shown: "/v1/consents/{id}"}
		right, err := ask(ctx, p.Live, r, nil)
		if err != nil {
			return e, err
		}
		r.Header = http.Header{"Authorization": {"Bearer " + rand.Text()}}
		wrong, err := ask(ctx, p.Anyone, r, nil)
		e.Asked, e.Observed = []string{right.from}, map[string]said{"with the token": right, "with another": wrong}
		if err != nil && (!jsonapi.Refused(err) || wrong.Status != http.StatusUnauthorized) {
			return e, err
		}
		return e, judgeCredential(right, wrong)
	}
}

func judgeCredential(right, wrong said) error {
	const want = "no such consent, for one that nobody has given"
	refused := func(s said) bool { return s.Status == http.StatusUnauthorized || codes[s.Code] == newToken }
	switch {
	case refused(right):
		return right.wrong(want)
	case right.Code != "CONSENT_UNKNOWN" && right.Code != "RESOURCE_UNKNOWN" || right.Status < 400:
		return &probe.Unknown{Class: "openbanking.unproved", Want: want, Got: right.String(), From: right.from,
			Fix: "ask the provider what it means"}
	case !refused(wrong):
		return &probe.Unknown{Class: "openbanking.unproved", Want: "a refusal of a token that nobody has issued",
			Got: wrong.String() + ", so that the right token proves nothing", From: wrong.from, Fix: "ask the provider how it tells who asks"}
	}
	return nil
}
