package httpprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/getdrop/launchgate/internal/probe"
)

// Answer is what a service said.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Ask makes one GET with headers of the caller's, for a probe that lets a service look. No answer is shared or remembered
// and no redirect is followed; the first address of the host that answers is enough. A body of more than most bytes is an
// error, because half of one tells nothing.
func (c *Client) Ask(ctx context.Context, rawURL string, header http.Header, most int64) (*Answer, error) {
	target, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	all, err := probe.EveryAddress(ctx, c.Resolver, target.Hostname(), func(_ context.Context, ip netip.Addr) netip.Addr { return ip })
	if err != nil {
		return nil, err
	}
	var a *Answer
	for _, ip := range all {
		if a, err = c.AskAt(ctx, rawURL, ip, header, most); err == nil {
			break
		}
	}
	return a, err
}

// AskAt is Ask at one address of the URL's host.
func (c *Client) AskAt(ctx context.Context, rawURL string, ip netip.Addr, header http.Header, most int64) (*Answer, error) {
	target, err := parse(rawURL)
	if err != nil {
		return nil, err
	}
	x := c.fetch(ctx, target, netip.AddrPortFrom(ip, port(target)), header, most)
	switch {
	case x.err != nil:
		return nil, x.err
	case x.cut:
		return nil, x.unmet("http.size", "an answer that can be read", fmt.Sprintf("more than %d bytes", most), "")
	}
	return &Answer{Status: x.status, Header: x.header, Body: x.body}, nil
}
