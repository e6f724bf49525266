package oidcprobe

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/getdrop/launchgate/internal/probe"
)

// Production claims that the issuer is no test realm: those of BankID are `current` and `preprod`.
func (p *Provider) Production() probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: p.issuer, Source: "https://developer.bankid.no/bankid-with-biometrics/environments/", Observed: map[string]string{"issuer": p.issuer}}
		return e, judgeIssuer(p.issuer)
	}
}

func judgeIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return &probe.Unmet{Class: "oidc.issuer", Want: "an issuer with https", Got: fmt.Sprintf("%q", issuer), From: "bankid.issuer", Fix: "correct it"}
	}
	if word := probe.TestWord(u); word != "" {
		return &probe.Unmet{Class: "oidc.test-realm", Want: "the production realm", Got: fmt.Sprintf("%s, whose %q is one for tests", issuer, word), From: "bankid.issuer",
			Fix: "use the production issuer and the credentials that belong to it"}
	}
	return nil
}

// Discovered claims that the discovery document is the issuer's own, and offers what the launch's client needs: the code flow with
// S256 (RFC 7636), its scopes, and signatures that everybody can check.
func (p *Provider) Discovered() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: p.issuer, Source: discovery}
		d, err := p.document(ctx)
		if err != nil {
			return e, err
		}
		e.Observed = d
		return e, judgeDocument(d, p.issuer, p.client.Scopes)
	}
}

func judgeDocument(d *document, issuer string, scopes []string) error {
	unmet := func(class, want, got, fix string) error {
		return &probe.Unmet{Class: "oidc." + class, Want: want, Got: got, From: issuer + "/.well-known/openid-configuration", Fix: fix}
	}
	if d.Issuer != issuer {
		return unmet("issuer", "the issuer "+issuer+", letter by letter", fmt.Sprintf("%q", d.Issuer), "correct bankid.issuer: tokens of another issuer are refused")
	}
	for _, endpoint := range []struct{ name, address string }{{"authorization_endpoint", d.Authorization}, {"token_endpoint", d.Token}, {"jwks_uri", d.Keys}} {
		u, err := url.Parse(endpoint.address)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			return unmet("discovery", endpoint.name+" with https", fmt.Sprintf("%q", endpoint.address), "ask the provider")
		}
		if word := probe.TestWord(u); word != "" {
			return unmet("test-realm", "the "+endpoint.name+" of the production realm", fmt.Sprintf("%s, whose %q is one for tests", endpoint.address, word), "ask the provider")
		}
	}
	for _, need := range []struct {
		name string
		has  []string
		want []string
	}{
		{"response_types_supported", d.Responses, []string{"code"}}, {"code_challenge_methods_supported", d.Challenges, []string{"S256"}}, {"scopes_supported", d.Scopes, append([]string{"openid"}, scopes...)},
	} {
		for _, want := range need.want {
			if !slices.Contains(need.has, want) {
				return unmet("discovery", want+" in "+need.name, fmt.Sprintf("%v", need.has), "ask the provider, or correct launch.yaml")
			}
		}
	}
	if len(d.Grants) > 0 && !slices.Contains(d.Grants, "authorization_code") { // the default has it
		return unmet("discovery", "authorization_code in grant_types_supported", fmt.Sprintf("%v", d.Grants), "ask the provider")
	}
	if !slices.ContainsFunc(d.Algorithms, asymmetric) {
		return unmet("discovery", "an algorithm with a public key in id_token_signing_alg_values_supported", fmt.Sprintf("%v", d.Algorithms), "ask the provider")
	}
	return nil
}

var signs = regexp.MustCompile(`^([RPE]S[0-9]|Ed)`) // RSA-OAEP encrypts

func asymmetric(algorithm string) bool {
	return signs.MatchString(algorithm)
}

// KeysPublished claims that the provider publishes a key that signatures of its tokens can be checked with, and no private one.
func (p *Provider) KeysPublished() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: p.issuer, Source: "RFC 7517 4 and 5"}
		d, err := p.document(ctx)
		if err != nil {
			return e, err
		}
		e.Target = d.Keys
		raw, err := p.keys(ctx, d)
		if err != nil {
			return e, err
		}
		seen, err := judgeKeys(raw, d.Keys)
		e.Observed = seen
		return e, err
	}
}

// key is the evidence of one key: never the key itself.
type key struct {
	ID        string `json:"kid"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	Bits      int    `json:"bits"`
	Trouble   string `json:"trouble,omitempty"`
}

func judgeKeys(raw []json.RawMessage, from string) ([]key, error) {
	var seen []key
	good := 0
	for _, text := range raw {
		var members map[string]json.RawMessage // private parts are looked for in keys of any kind, and whatever else is missing there
		if err := json.Unmarshal(text, &members); err == nil && slices.ContainsFunc([]string{"d", "k", "p", "q", "priv"}, func(name string) bool { return members[name] != nil }) {
			return append(seen, key{Trouble: "private, or a shared secret"}), &probe.Unmet{Class: "oidc.private-key", Want: "public keys only", Got: "one that is not, with the kid " + string(members["kid"]), From: from,
				Fix: "tell the provider now: whoever has read it can sign tokens"}
		}
		var k jose.JSONWebKey
		if err := k.UnmarshalJSON(text); err != nil {
			seen = append(seen, key{Trouble: "of a kind that is not known here"})
			continue
		}
		one := key{ID: k.KeyID, Use: k.Use, Algorithm: k.Algorithm}
		one.Bits = bits(k.Key)
		switch {
		case k.Use != "" && k.Use != "sig", k.Algorithm != "" && !asymmetric(k.Algorithm):
		case k.KeyID == "":
			one.Trouble = "without a kid"
		case one.Bits < 2048 && isRSA(k.Key) || one.Bits < 256:
			one.Trouble = "too small"
		default:
			good++
		}
		seen = append(seen, one)
	}
	if good == 0 {
		return seen, &probe.Unmet{Class: "oidc.keys", Want: "a key for signatures, with a kid, of 2048 bits for RSA or 256 at least", Got: fmt.Sprintf("%d keys, none of them good", len(raw)), From: from, Fix: "see the evidence, and ask the provider"}
	}
	return seen, nil
}

func isRSA(k any) bool { _, is := k.(*rsa.PublicKey); return is }

func bits(k any) int {
	switch k := k.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen()
	case *ecdsa.PublicKey:
		return k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return 256
	default:
		return 0
	}
}
