package globalping

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// answer is what the service said.
type answer struct {
	status int
	header http.Header
	body   []byte
	at     time.Time
}

const maxBody = 4 << 20

func (c *Client) exchange(ctx context.Context, method, path string, body []byte, etag string) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+Host+path, bytes.NewReader(body))
	if err != nil {
		return nil, unknown("globalping.malformed", err.Error(), err)
	}
	request.Header.Set("User-Agent", "launchgate (https://github.com/getdrop/launchgate)")
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	if c.Token != nil {
		token, err := c.Token(ctx)
		if err != nil {
			return nil, &probe.Unknown{Class: "not-configured", Want: "the token for " + Host, Got: err.Error(), From: "dns.globalping.token", Err: err}
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := c.client().Do(request)
	if err != nil {
		return nil, unreached(ctx, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, unreached(ctx, err)
	case len(text) > maxBody:
		return nil, unknown("globalping.malformed", fmt.Sprintf("an answer of more than %d bytes", maxBody), nil)
	}
	return &answer{response.StatusCode, response.Header, text, time.Now()}, nil
}

func unreached(ctx context.Context, err error) error {
	var known *probe.Unknown
	switch {
	case errors.As(err, &known):
		return known
	case ctx.Err() != nil:
		return unknown("timeout", "no answer in time", context.Cause(ctx))
	default:
		return unknown("globalping.unreachable", err.Error(), err)
	}
}

func unknown(class, got string, err error) *probe.Unknown {
	return &probe.Unknown{Class: class, Want: "a measurement by probes around the world", Got: got, From: Host, Err: err,
		Fix: "try again later, or leave dns.globalping out"}
}

// refusal says why the service did not do what it was asked, and until when.
func (a *answer) refusal() error {
	if a == nil {
		return nil
	}
	var said struct {
		Error struct{ Type, Message string }
	}
	if json.Unmarshal(a.body, &said) != nil || said.Error.Message == "" {
		said.Error.Message = "and a body that is not the service's"
	}
	u := unknown("globalping.refused", fmt.Sprintf("HTTP status %d, %s", a.status, said.Error.Message), nil)
	switch {
	case a.status == http.StatusTooManyRequests:
		u.Class, u.Got = "globalping.limit", "the limit of measurements is used up"
		if wait := a.retryAfter(); wait > 0 {
			u.Got += " until " + a.at.Add(wait).UTC().Truncate(time.Second).Format(time.RFC3339)
		}
		u.Fix = "wait until then, ask fewer probes, or set dns.globalping.token"
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		u.Fix = "correct dns.globalping.token"
	case a.status == http.StatusUnprocessableEntity || a.status == http.StatusBadRequest:
		u.Fix = "correct dns.globalping.locations"
	case a.status >= 500:
		u.Class = "globalping.down"
	}
	return u
}

func (a *answer) malformed(err error) error {
	return unknown("globalping.malformed", fmt.Sprintf("HTTP status %d with a body that is not what the service documents", a.status), err)
}

// retryAfter is how long the service wants to be left alone.
func (a *answer) retryAfter() time.Duration {
	for _, header := range []string{"Retry-After", "X-RateLimit-Reset"} {
		if n, err := strconv.Atoi(a.header.Get(header)); err == nil && n >= 0 {
			return time.Duration(n) * time.Second
		}
	}
	return 0
}
