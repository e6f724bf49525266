package oidcprobe

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// reaction is how a provider met a request to log in and come back to a callback.
type reaction struct {
	Callback string `json:"callback"`
	Status   int    `json:"status"`
	To       string `json:"to,omitempty"`    // host and path of a redirect
	Error    string `json:"error,omitempty"` // that the redirect back carries
	back     bool   // the redirect leads to the callback
	err      error
}

// CallbackRegistered claims that the provider sends people back to the launch's callback and to no other: with the callback it goes on to
// the login, and with one that is almost the same, or somebody else's, it refuses (the negative control).
func (p *Provider) CallbackRegistered() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		e := probe.Evidence{Target: p.client.Callback, Source: redirects}
		d, err := p.document(ctx)
		if err != nil {
			return e, err
		}
		id, err := probe.Reveal(ctx, "bankid.client_id", p.client.ID)
		if err != nil {
			return e, err
		}
		others, err := almost(p.client.Callback)
		if err != nil {
			return e, err
		}
		right := p.login(ctx, d, id, p.client.Callback)
		wrong := make([]reaction, len(others))
		for i, other := range others {
			wrong[i] = p.login(ctx, d, id, other)
		}
		e.Observed = append([]reaction{right}, wrong...)
		return e, judgeCallback(right, wrong, d.Authorization)
	}
}

// almost are callbacks that differ from the right one in what is easily mistaken, and in everything.
func almost(callback string) ([]string, error) {
	u, err := url.Parse(callback)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, &probe.Unknown{Class: "not-configured", Want: "the callback, with https", Got: fmt.Sprintf("%q", callback), From: "bankid.callback", Fix: "correct it"}
	}
	slash, host, path := *u, *u, *u
	if slash.Path = strings.TrimSuffix(u.Path, "/"); slash.Path == u.Path {
		slash.Path += "/"
	}
	host.Host = "not-" + u.Host
	path.Path += "-not"
	return []string{slash.String(), host.String(), path.String()}, nil
}

// login asks for a login. No redirect is followed.
func (p *Provider) login(ctx context.Context, d *document, id, callback string) reaction {
	challenge := sha256.Sum256([]byte(p.random() + p.random()))
	query := url.Values{"client_id": {id}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {strings.Join(p.client.Scopes, " ")}, "state": {p.random()}, "nonce": {p.random()},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"}}
	separator := "?"
	if strings.Contains(d.Authorization, "?") {
		separator = "&"
	}
	return p.follow(ctx, d, d.Authorization+separator+query.Encode(), callback)
}

// follow opens the address of a request to log in.
func (p *Provider) follow(ctx context.Context, d *document, address, callback string) reaction {
	r := reaction{Callback: callback}
	answer, err := p.web.Ask(ctx, address, http.Header{"Accept": {"text/html"}}, 1<<20)
	if err != nil {
		r.err = unanswered(err, d.Authorization)
		return r
	}
	r.Status = answer.Status
	if to, err := url.Parse(answer.Header.Get("Location")); err == nil && answer.Status >= 300 && answer.Status < 400 {
		r.To = to.Host + to.Path
		want, _ := url.Parse(callback) // it was made from one that parses
		r.back = to.Host == want.Host && to.Path == want.Path
		if code := to.Query().Get("error"); code != "" {
			r.Error = code
		}
	}
	return r
}

// unanswered is why there is no answer, without the query, in which the client's id is. It says nothing about the callback, whatever it is.
func unanswered(err error, from string) error {
	return &probe.Unknown{Class: "oidc.unreachable", Want: "an answer to a request to log in", Got: probe.Got(err, "no answer"), From: from, Fix: "see whether this machine reaches the provider"}
}

func judgeCallback(right reaction, wrong []reaction, from string) error {
	const register = "have the provider register exactly this callback for the client"
	want := "the login, for " + right.Callback
	got := fmt.Sprintf("status %d", right.Status)
	switch {
	case right.err != nil:
		return right.err
	case right.back && right.Error != "":
		return &probe.Unmet{Class: "oidc.callback", Want: want, Got: fmt.Sprintf("a redirect with the error %q", right.Error), From: from, Fix: "see what the client may ask for: scopes, the code flow, PKCE"}
	case right.back:
		return &probe.Unknown{Class: "oidc.callback", Want: want, Got: "a redirect back without a login", From: from, Fix: "see what the provider does"}
	case right.refused(reaction{}):
		return &probe.Unmet{Class: "oidc.callback", Want: want, Got: got, From: from, Fix: register + "; a slash at its end makes it another one"}
	case right.Status != http.StatusOK && !right.redirect():
		return &probe.Unknown{Class: "oidc.callback", Want: want, Got: got, From: from, Fix: "see the provider's status page, and run the gate again"}
	}
	for _, w := range wrong {
		want := "a refusal of " + w.Callback + ", which is not the launch's"
		switch {
		case w.err != nil:
			return w.err
		case w.refused(right):
		case w.back || w.redirect() && w.To == right.To:
			return &probe.Unmet{Class: "oidc.any-callback", Want: want, Got: fmt.Sprintf("status %d to %s", w.Status, w.To), From: from, Fix: "have the provider register the one callback, without wildcards: anybody can have the codes sent to them"}
		default:
			return &probe.Unknown{Class: "oidc.unproved", Want: want, Got: fmt.Sprintf("status %d, so that the answer for the right one proves nothing", w.Status), From: from, Fix: "see what the provider answers to both"}
		}
	}
	return nil
}

func (r reaction) redirect() bool { return r.Status >= 300 && r.Status < 400 }

// refused says whether the callback was refused: by status, or by a page of the provider's own for errors.
func (r reaction) refused(right reaction) bool {
	if r.redirect() {
		return !r.back && r.Error != "" && r.To != right.To
	}
	return r.Status >= 400 && r.Status < 500 && r.Status != http.StatusTooManyRequests && r.Status != http.StatusRequestTimeout
}
