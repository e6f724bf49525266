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

// Message is a request to a service.
type Message struct {
	Method string // "" is GET
	URL    string
	Header http.Header
	Body   []byte
	Most   int64 // bytes of the answer; more is an error, because half of an answer tells nothing
}

// Ask makes one GET with headers of the caller's, for a probe that lets a service look; see Send.
func (c *Client) Ask(ctx context.Context, rawURL string, header http.Header, most int64) (*Answer, error) {
	return c.Send(ctx, Message{URL: rawURL, Header: header, Most: most})
}

// Send sends a request. No answer is shared or remembered and no redirect is followed; the first address of the host that
// answers is enough. What is no GET is sent to one address only: where that may have heard it, it is not said again.
func (c *Client) Send(ctx context.Context, m Message) (*Answer, error) {
	target, err := parse(m.URL)
	if err != nil {
		return nil, err
	}
	all := make([]netip.Addr, 1)
	if all[0], err = netip.ParseAddr(target.Hostname()); err != nil {
		if all, err = probe.EveryAddress(ctx, c.Resolver, target.Hostname(), func(_ context.Context, ip netip.Addr) netip.Addr { return ip }); err != nil {
			return nil, err
		}
	}
	var a *Answer
	for _, ip := range all {
		x := c.send(ctx, target, netip.AddrPortFrom(ip, port(target)), m)
		if a, err = x.heard(); err == nil || x.sent && m.Method != "" && m.Method != http.MethodGet {
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
	return c.fetch(ctx, target, netip.AddrPortFrom(ip, port(target)), header, most).heard()
}

// heard is the answer for a caller, whole.
func (x *exchange) heard() (*Answer, error) {
	switch {
	case x.err != nil:
		return nil, x.err
	case x.cut:
		return nil, x.unmet("http.size", "an answer that can be read", fmt.Sprintf("more than %d bytes", x.most), "")
	}
	return &Answer{Status: x.status, Header: x.header, Body: x.body}, nil
}
