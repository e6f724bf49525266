package globalping

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Start has probes look something up and returns the measurement's id.
func (c *Client) Start(ctx context.Context, q Query) (string, error) {
	body, err := json.Marshal(q.request())
	if err != nil {
		return "", unknown("globalping.malformed", err.Error(), err)
	}
	answer, err := c.exchange(ctx, http.MethodPost, "/v1/measurements", body, "")
	if err != nil {
		return "", err
	}
	if answer.status != http.StatusAccepted {
		return "", answer.refusal()
	}
	var created struct{ ID string }
	if err := json.Unmarshal(answer.body, &created); err != nil || created.ID == "" {
		return "", answer.malformed(err)
	}
	return created.ID, nil
}

// request is a measurement as the service wants it asked for.
func (q Query) request() map[string]any {
	request := map[string]any{"type": "dns", "target": q.Name, "measurementOptions": map[string]any{"query": map[string]any{"type": q.Type}}}
	switch {
	case q.Like != "":
		request["locations"] = q.Like
		return request
	case len(q.Location) == 2:
		request["locations"] = []any{map[string]any{"country": q.Location}}
	default:
		request["locations"] = []any{map[string]any{"magic": q.Location}}
	}
	request["limit"] = max(1, q.Probes)
	return request
}

// Await waits until a measurement has ended, or for as long as one may take, and returns what is there then.
func (c *Client) Await(ctx context.Context, id string) (*Measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last *Measurement
	etag, misses := "", 0
	for {
		if err := sleep(ctx, pause); err != nil {
			return last, onlyIfNothing(last, err)
		}
		answer, err := c.exchange(ctx, http.MethodGet, "/v1/measurements/"+url.PathEscape(id), nil, etag)
		switch {
		case err != nil || answer.status >= 500:
			if misses++; misses == 3 || ctx.Err() != nil {
				return last, onlyIfNothing(last, cmp.Or(err, answer.refusal()))
			}
			continue
		case answer.status == http.StatusTooManyRequests:
			until, _ := ctx.Deadline()
			if wait := answer.retryAfter(); !answer.at.Add(wait).Before(until) || sleep(ctx, wait) != nil {
				return last, onlyIfNothing(last, answer.refusal())
			}
			continue
		case answer.status == http.StatusNotModified && last != nil:
			misses = 0
			continue
		case answer.status != http.StatusOK:
			return nil, answer.refusal()
		}
		misses = 0
		m := &Measurement{Received: answer.at}
		if err := json.Unmarshal(answer.body, m); err != nil || m.Status == "" {
			return nil, answer.malformed(err)
		}
		last, etag = m, answer.header.Get("ETag")
		if m.Status != InProgress {
			return m, nil
		}
	}
}

// onlyIfNothing keeps a reason where there is no measurement to judge by. One that has begun to come tells by itself which probes are missing.
func onlyIfNothing(m *Measurement, err error) error {
	if m != nil {
		return nil
	}
	return err
}

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

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return unknown("timeout", "a measurement that does not end", context.Cause(ctx))
	}
}
