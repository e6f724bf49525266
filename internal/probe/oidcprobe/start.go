package oidcprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// start is what the application's redirect to the provider says: the evidence. Of what only the two of them may know it has no more than that it is there.
type start struct {
	Status   int    `json:"status"`
	To       string `json:"to"` // host and path
	Callback string `json:"redirect_uri"`
	Response string `json:"response_type"`
	Scope    string `json:"scope"`
	State    bool   `json:"state"`
	Bound    bool   `json:"nonce_or_pkce"`
	Pushed   bool   `json:"pushed"` // RFC 9126

	client, state, address string
}

// ApplicationSends claims that the application's own address for logging in sends people to the provider with the launch's client and callback, each time with
// another state, and that the provider takes them in (OpenID Connect Core 3.1.2.1). Nobody logs in.
func (p *Provider) ApplicationSends(address string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: address, Source: "OpenID Connect Core 1.0, 3.1.2.1; RFC 9700 2.1.1, 4.7.1"}
		d, err := p.document(ctx)
		if err != nil {
			return e, err
		}
		id, err := probe.Reveal(ctx, "bankid.client_id", p.client.ID)
		if err != nil {
			return e, err
		}
		var starts [2]start
		for i := range starts {
			if starts[i], err = p.start(ctx, address); err != nil {
				return e, err
			}
		}
		e.Observed = map[string]any{"starts": starts}
		if err := p.judgeStarts(starts, d, id, address); err != nil {
			return e, err
		}
		r := p.follow(ctx, d, starts[1].address, p.client.Callback)
		e.Observed = map[string]any{"starts": starts, "provider": r}
		return e, judgeCallback(r, nil, d.Authorization)
	}
}

func (p *Provider) start(ctx context.Context, address string) (start, error) {
	answer, err := p.web.Ask(ctx, address, http.Header{"Accept": {"text/html"}}, 1<<20)
	if err != nil {
		return start{}, err
	}
	s := start{Status: answer.Status, address: answer.Header.Get("Location")}
	to, err := url.Parse(s.address)
	if err != nil || s.address == "" || s.Status < 300 || s.Status > 399 {
		s.address = ""
		return s, nil
	}
	q := to.Query()
	s.To, s.Callback, s.Response, s.Scope = to.Scheme+"://"+to.Host+to.Path, q.Get("redirect_uri"), q.Get("response_type"), q.Get("scope")
	s.client, s.state, s.Pushed = q.Get("client_id"), q.Get("state"), q.Has("request_uri")
	s.State, s.Bound = s.state != "", q.Get("nonce") != "" || q.Get("code_challenge") != "" && q.Get("code_challenge_method") == "S256"
	return s, nil
}

func (p *Provider) judgeStarts(starts [2]start, d *document, id, from string) error {
	want := "a redirect to " + d.Authorization + " with the launch's client and its callback " + p.client.Callback
	bad := func(got, fix string) error {
		return &probe.Unmet{Class: "oidc.start", Want: want, Got: got, From: from, Fix: fix}
	}
	endpoint, _, _ := strings.Cut(d.Authorization, "?")
	const configure = "see with which issuer, client and callback the application runs"
	for _, s := range starts {
		scopes := strings.Fields(s.Scope)
		missing := slices.DeleteFunc(slices.Clone(p.client.Scopes), func(scope string) bool { return slices.Contains(scopes, scope) })
		switch {
		case s.Status == http.StatusTooManyRequests || s.Status >= 500:
			return &probe.Unknown{Class: "oidc.start", Want: want, Got: fmt.Sprintf("status %d", s.Status), From: from, Fix: "see the application's logs"}
		case s.address == "":
			return bad(fmt.Sprintf("status %d, which leads nowhere", s.Status), "correct bankid.start, or see the application's logs")
		case s.To != endpoint:
			return bad("one to "+s.To, configure)
		case s.client != id:
			return bad("one with another client", configure)
		case s.Pushed && s.Callback == "":
			return &probe.Unknown{Class: "oidc.start", Want: want, Got: "a pushed request, in which nobody else can see the callback", From: from, Fix: "let a person log in"}
		case s.Callback != p.client.Callback:
			return bad("one with the callback "+s.Callback, configure)
		case s.Response != "code":
			return bad(fmt.Sprintf("one with the response type %q", s.Response), "have the application ask for a code")
		case len(missing) > 0:
			return bad("one without the scopes "+strings.Join(missing, " "), "see which scopes the application asks for")
		case !s.State || !s.Bound:
			return bad("one without a state, or with neither nonce nor S256", "bind the answer to the person who asked: anybody's could be slipped in")
		}
	}
	if starts[0].state == starts[1].state {
		return bad("the same state twice", "make a new one for each login, and see that no cache keeps the redirect")
	}
	return nil
}
