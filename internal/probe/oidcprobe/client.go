package oidcprobe

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// said is what a token endpoint answered.
type said struct {
	Status int    `json:"status"`
	Error  string `json:"error"`
}

// ClientKnown claims that the provider knows the launch's client and takes its secret: a code that nobody has issued is then
// invalid_grant (RFC 6749 5.2). The same with another secret is the negative control: a provider that looks at the code first proves nothing.
func (p *Provider) ClientKnown() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: p.issuer, Source: errorCodes}
		d, err := p.document(ctx)
		if err != nil {
			return e, err
		}
		e.Target = d.Token
		id, err := probe.Reveal(ctx, "bankid.client_id", p.client.ID)
		if err != nil {
			return e, err
		}
		secret, err := probe.Reveal(ctx, "bankid.client_secret", p.client.Secret)
		if err != nil {
			return e, err
		}
		right, err := p.exchange(ctx, d, id, secret)
		if err != nil {
			return e, err
		}
		wrong, err := p.exchange(ctx, d, id, p.random())
		e.Observed = map[string]said{"with the secret": right, "with another": wrong}
		if err != nil {
			return e, err
		}
		return e, judgeClient(right, wrong, d.Token)
	}
}

// exchange asks for tokens with a code that nobody has issued.
func (p *Provider) exchange(ctx context.Context, d *document, id, secret string) (said, error) {
	service, path, err := p.service(d.Token)
	if err != nil {
		return said{}, err
	}
	r := jsonapi.Request{Method: http.MethodPost, Path: path, Header: http.Header{},
		Form: map[string]string{"grant_type": "authorization_code", "code": p.random(), "redirect_uri": p.client.Callback, "code_verifier": p.random() + p.random()}}
	if len(d.Methods) == 0 || slices.Contains(d.Methods, "client_secret_basic") {
		pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret) // RFC 6749 2.3.1
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	} else {
		r.Form["client_id"], r.Form["client_secret"] = id, secret
	}
	answer, err := service.Do(ctx, r)
	if answer == nil || err != nil && answer.Status != http.StatusUnauthorized {
		return said{}, err
	}
	s := said{Status: answer.Status}
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(answer.Body, &body) == nil && known(body.Error) { // whatever else stands there may repeat what was sent
		s.Error = body.Error
	}
	return s, nil
}

// known are the error codes of RFC 6749 5.2.
func known(code string) bool {
	return slices.Contains([]string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}, code)
}

func judgeClient(right, wrong said, from string) error {
	const want = "invalid_grant, for a code that nobody has issued"
	got := fmt.Sprintf("status %d with the error %q", right.Status, right.Error)
	refused := func(s said) bool {
		return s.Error == "invalid_client" || s.Error == "unauthorized_client" || s.Status == http.StatusUnauthorized && s.Error == ""
	}
	switch {
	case refused(right):
		return &probe.Unmet{Class: "oidc.client", Want: want, Got: got, From: from, Fix: "use the production client's id and secret, and see with the provider that it is there"}
	case right.Error != "invalid_grant" || right.Status != http.StatusBadRequest:
		return &probe.Unknown{Class: "oidc.client", Want: want, Got: got, From: from, Fix: "ask the provider what it means"}
	case !refused(wrong):
		return &probe.Unknown{Class: "oidc.unproved", Want: "invalid_client, with a secret that is wrong", Got: fmt.Sprintf("status %d with the error %q, so that the right secret proves nothing", wrong.Status, wrong.Error), From: from,
			Fix: "this provider looks at the code before the client: let a person log in"}
	}
	return nil
}
