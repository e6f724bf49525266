package globalping

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Start has probes look something up, or get it, and returns the measurement's id.
func (c *Client) Start(ctx context.Context, q Query) (string, error) {
	answer, err := c.api.Do(ctx, jsonapi.Request{Method: http.MethodPost, Path: "/v1/measurements", JSON: q.request()})
	if err != nil {
		return "", err
	}
	if answer.Status != http.StatusAccepted {
		return "", answer.Unexpected()
	}
	var created struct{ ID string }
	if err := answer.Read(&created); err != nil {
		return "", err
	}
	if created.ID == "" {
		return "", answer.Incomplete("the measurement's id")
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
	header, misses := http.Header{}, 0
	for {
		if err := probe.Wait(ctx, pause); err != nil {
			return last, onlyIfNothing(last, &probe.Unknown{Class: "timeout", Want: "a measurement by probes around the world", Got: "one that does not end", From: Base, Err: err,
				Fix: "try again later, or leave dns.globalping out"})
		}
		answer, err := c.api.Do(ctx, jsonapi.Request{Path: "/v1/measurements/" + url.PathEscape(id), Header: header})
		switch {
		case err != nil && (answer == nil || answer.Status >= 500): // it may pass
			if misses++; misses == 3 || ctx.Err() != nil {
				return last, onlyIfNothing(last, err)
			}
			continue
		case err != nil:
			return last, onlyIfNothing(last, err)
		case answer.Status == http.StatusNotModified && last != nil:
			misses = 0
			continue
		case answer.Status != http.StatusOK:
			return nil, answer.Unexpected()
		}
		misses = 0
		m := &Measurement{Received: time.Now()}
		if err := answer.Read(m); err != nil {
			return nil, err
		}
		if m.Status == "" {
			return nil, answer.Incomplete("the measurement's status")
		}
		last = m
		if m.Status != InProgress {
			return m, nil
		}
		if tag := answer.Header.Get("ETag"); tag != "" {
			header = http.Header{"If-None-Match": {tag}}
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
