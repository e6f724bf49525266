package httpprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/getdrop/launchgate/internal/probe"
)

// Login is a request that logs somebody in.
type Login struct {
	URL  string
	Type string                                // of the body
	Body func(context.Context) (string, error) // with the name and the password; nil where none is configured
}

// Refuses claims that a login is refused with 401 or 403 at every address of its host. What else is no success, such as 404 or 429, says nothing about the login. The
// answer is not kept: where it is a success, it has a session.
func Refuses(c *Client, l Login) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: l.URL, Source: "POST of the login"}
		const want = "401 or 403 to the login"
		if l.Body == nil {
			return evidence, &probe.Unknown{Class: "not-configured", Want: want, Got: "no body to send", From: "launch.yaml", Fix: "add it as a secret: reference"}
		}
		body, err := l.Body(ctx)
		if err != nil {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the body of the login", Got: err.Error(), Fix: "export it", Err: err}
		}
		target, err := parse(l.URL)
		if err != nil {
			return evidence, err
		}
		message := Message{Method: http.MethodPost, Header: http.Header{"Content-Type": {l.Type}}, Body: []byte(body), Most: MaxBody}
		all, err := probe.EveryAddress(ctx, c.Resolver, target.Hostname(), func(ctx context.Context, ip netip.Addr) probe.AtAddress {
			x := c.send(ctx, target, netip.AddrPortFrom(ip, port(target)), message)
			if x.err == nil {
				x.err = refused(x.status, want, l.URL+" at "+x.at.String())
			}
			return probe.AtAddress{Address: x.at.String(), Seen: x.status, Err: x.err}
		})
		if err != nil {
			return evidence, err
		}
		return evidence, probe.Worst(&evidence, all)
	}
}

func refused(status int, want, from string) error {
	got := fmt.Sprintf("%d %s", status, http.StatusText(status))
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return nil
	case status >= 200 && status < 300:
		return &probe.Unmet{Class: "http.login", Want: want, Got: got, From: from, Fix: "take the account out, and change what its password opens elsewhere"}
	}
	return &probe.Unknown{Class: "http.login", Want: want, Got: got + ", which says nothing about it", From: from, Fix: "name the request that the login page sends, with its Content-Type"}
}
