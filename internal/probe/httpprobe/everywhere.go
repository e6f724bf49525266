package httpprobe

import (
	"context"
	"net/netip"
	"net/url"

	"github.com/getdrop/launchgate/internal/probe"
)

// answer is the evidence of one exchange: what is judged, and never a cookie's value or a body.
type answer struct {
	URL     string            `json:"url"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Bytes   int               `json:"body_bytes"`
}

// shown are the headers that go into the evidence.
var shown = []string{"Location", "Content-Type", "Cache-Control", "Age", "Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options"}

func (x *exchange) answer() any {
	if x.err != nil {
		return nil
	}
	a := answer{URL: x.url.String(), Status: x.status, Bytes: len(x.body), Headers: map[string]string{}}
	for _, name := range shown {
		for _, value := range x.header.Values(name) {
			if a.Headers[name] != "" {
				value = a.Headers[name] + " | " + value
			}
			a.Headers[name] = value
		}
	}
	return a
}

// everywhere is a claim about what a URL answers at every address of its host. No answer is judged by its error.
func (c *Client) everywhere(source, rawURL string, judge func(*exchange) error) probe.Claim {
	return c.eachAddress(source, rawURL, func(x *exchange) error {
		if x.err != nil {
			return x.err
		}
		return judge(x)
	})
}

// eachAddress is everywhere for a judge that looks at the failed exchanges too.
func (c *Client) eachAddress(source, rawURL string, judge func(*exchange) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: rawURL, Source: source}
		target, err := parse(rawURL)
		if err != nil {
			return evidence, err
		}
		all, err := c.getEverywhere(ctx, target)
		if err != nil {
			return evidence, err
		}
		results := make([]probe.AtAddress, len(all))
		for i, x := range all {
			results[i] = probe.AtAddress{Address: x.at.String(), Seen: x.answer(), Err: judge(x)}
		}
		return evidence, probe.Worst(&evidence, results)
	}
}

func (c *Client) getEverywhere(ctx context.Context, target *url.URL) ([]*exchange, error) {
	return probe.EveryAddress(ctx, c.Resolver, target.Hostname(), func(ctx context.Context, ip netip.Addr) *exchange {
		return c.get(ctx, target, ip)
	})
}

func parse(rawURL string) (*url.URL, error) {
	target, err := url.Parse(rawURL)
	if err != nil || target.Hostname() == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, &probe.Unknown{Class: "not-configured", Want: "an http or https URL", Got: rawURL}
	}
	if target.Path == "" {
		target.Path = "/"
	}
	return target, nil
}

// unmet is a failure of one exchange, which names the URL and the address.
func (x *exchange) unmet(class, want, got, fix string) error {
	return &probe.Unmet{Class: class, Want: want, Got: got, From: x.url.String() + " at " + x.at.String(), Fix: fix}
}
