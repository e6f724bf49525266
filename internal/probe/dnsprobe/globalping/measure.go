package globalping

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/getdrop/launchgate/internal/probe"
)

// Start has probes look something up, or get it, and returns the measurement's id.
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
	if q.Path != "" {
		request["type"] = "http"
		request["measurementOptions"] = map[string]any{"protocol": "HTTPS", "request": map[string]any{"method": "GET", "path": q.Path}}
	}
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
		if err := probe.Wait(ctx, pause); err != nil {
			return last, onlyIfNothing(last, unknown("timeout", "a measurement that does not end", err))
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
			if wait := answer.retryAfter(); !answer.at.Add(wait).Before(until) || probe.Wait(ctx, wait) != nil {
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
