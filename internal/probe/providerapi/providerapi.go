// Package providerapi asks the JSON APIs of providers that a launch relies on, such as those for monitoring. A provider that does not
// answer has told nothing: every error is a *probe.Unknown, never a verdict, whatever is wrong with the provider.
package providerapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/redact"
)

const (
	// maxAnswer bounds an answer in bytes.
	maxAnswer = 8 << 20
	// tries is how often a request is made that the provider asks to make again later.
	tries = 3
)

// API is one provider's API. It must not be copied once it is used.
type API struct {
	Web   *httpprobe.Client
	Name  string // of the provider, such as Better Stack
	Class string // what the classes of its errors begin with, such as betterstack
	Base  string // the URL that each path is appended to

	// Authorize gives the headers that each request carries; nil where anybody may ask. Its error says which secret is missing.
	Authorize func(context.Context) (http.Header, error)
}

// Refusal is an answer that is no success: what an Unknown of this package wraps where the provider answered.
type Refusal struct {
	Status int
	Body   []byte
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("%d with %.200q", r.Status, redact.Bytes(r.Body))
}

// Refused is the status of the answer that err is about; 0 where there was none, or it was a success.
func Refused(err error) int {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Status
	}
	return 0
}

// Bearer authorises with "Authorization: <scheme> <token>". A token that cannot be read blocks what needs it.
func Bearer(scheme, key string, token func(context.Context) (string, error)) func(context.Context) (http.Header, error) {
	return func(ctx context.Context) (http.Header, error) {
		if token == nil {
			return nil, &probe.Unknown{Class: "not-configured", Want: "a token", Got: "no " + key + " in launch.yaml", Fix: "create one with the provider, and add it as a secret: reference"}
		}
		value, err := token(ctx)
		if err != nil {
			return nil, &probe.Unknown{Class: "not-configured", Want: "the token " + key, Got: err.Error(), From: "launch.yaml", Fix: "see that the run has the secret", Err: err}
		}
		return http.Header{"Authorization": {scheme + value}}, nil
	}
}

// Get reads the answer to a GET.
func (a *API) Get(ctx context.Context, path string, into any) error {
	return a.call(ctx, httpprobe.Message{Method: http.MethodGet, URL: a.Base + path}, into)
}

// Post sends body as JSON and reads the answer.
func (a *API) Post(ctx context.Context, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return a.unknown("request", "a request that is no JSON: "+err.Error(), "")
	}
	return a.call(ctx, httpprobe.Message{Method: http.MethodPost, URL: a.Base + path, Body: text}, into)
}

func (a *API) call(ctx context.Context, m httpprobe.Message, into any) error {
	m.Most, m.Header = maxAnswer, http.Header{}
	if a.Authorize != nil {
		header, err := a.Authorize(ctx)
		if err != nil {
			return err
		}
		m.Header = header.Clone()
	}
	m.Header.Set("Accept", "application/json")
	if m.Body != nil {
		m.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	for try := 1; ; try++ {
		answer, err := a.Web.Send(ctx, m)
		if err != nil {
			return a.unreachable(err)
		}
		if busy := answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable; busy && try < tries {
			if pause, ok := RetryAfter(ctx, answer.Header); ok && probe.Wait(ctx, pause) == nil {
				continue
			}
		}
		return a.read(answer, m.URL, into)
	}
}

// read reads an answer, or says why there is nothing to read.
func (a *API) read(answer *httpprobe.Answer, url string, into any) error {
	refusal := &Refusal{answer.Status, answer.Body}
	fail := func(class, got, fix string) error {
		u := a.unknown(class, got, fix)
		u.From, u.Err = url, refusal
		return u
	}
	switch status := answer.Status; {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fail("denied", refusal.Error(), "see that the token is right, still good, and may read this")
	case status == http.StatusTooManyRequests:
		return fail("throttled", "429, too many requests", "run the gate again later")
	case status >= 500:
		return fail("error", fmt.Sprintf("%d, an error of the provider", status), "see the provider's own status page, and run the gate again")
	case status < 200 || status > 299:
		return fail("refused", refusal.Error(), "see the message, and what launch.yaml says about "+a.Name)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		u := a.unknown("no-json", fmt.Sprintf("no JSON that can be read: %.100q", redact.Bytes(answer.Body)), "see what answers there: a proxy, a log-in page?")
		u.From, u.Err = url, err
		return u
	}
	return nil
}

// unreachable explains a request without an answer. The cause is not wrapped: what is wrong with the provider must not read as
// wrong with the launch.
func (a *API) unreachable(err error) error {
	return a.unknown("unreachable", probe.Got(err, err.Error()), "see that this machine reaches the provider, and whether it is up")
}

func (a *API) unknown(class, got, fix string) *probe.Unknown {
	return &probe.Unknown{Class: a.Class + "." + class, Want: "an answer of " + a.Name, Got: got, From: a.Base, Fix: fix}
}

// RetryAfter reads the delay of a Retry-After header (RFC 9110 10.2.3) in seconds; providers send no dates. It is false where that is
// longer than maxPause, or than there is time for.
func RetryAfter(ctx context.Context, header http.Header) (time.Duration, bool) {
	const maxPause = 20 * time.Second
	seconds, err := strconv.Atoi(strings.TrimSpace(header.Get("Retry-After")))
	pause := time.Duration(seconds) * time.Second
	deadline, limited := ctx.Deadline()
	return pause, err == nil && seconds >= 0 && pause <= maxPause && (!limited || time.Until(deadline) > pause)
}
