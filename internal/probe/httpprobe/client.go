// Package httpprobe makes claims about what a web site answers over HTTP and HTTPS on every address it has: redirects,
// headers, the health document, the landing page. It must import neither `testing` nor the gates, and it runs no script
// of a page.
package httpprobe

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

// The bounds of one request.
const (
	// Timeout is how long a server may keep silent after it accepted the connection and heard the request.
	Timeout = 5 * time.Second
	// MaxBody is how much of a body is read, in bytes.
	MaxBody = 1 << 20

	flightTime = probe.ConnectTimeout + tlsprobe.Timeout + 2*Timeout
)

// Client asks web servers. Claims made with the same Client share their requests: one for each URL and address, whenever
// it is asked for. Make a new Client to look again. It must not be copied.
type Client struct {
	Network  *probe.Network
	Resolver probe.Resolver

	seen probe.Memo[*exchange]
}

// exchange is one GET and its answer, redirects not followed.
type exchange struct {
	url    *url.URL
	at     netip.AddrPort
	status int
	header http.Header
	body   []byte
	cut    bool  // the body is longer than MaxBody
	err    error // why there is no answer: *probe.Unmet or *probe.Unknown
}

// get asks one address for a URL, once for all claims.
func (c *Client) get(ctx context.Context, target *url.URL, ip netip.Addr) *exchange {
	at := netip.AddrPortFrom(ip, port(target))
	x, err := c.seen.Do(ctx, "GET "+target.String()+" at "+at.String(), flightTime, func(ctx context.Context) *exchange {
		return c.fetch(ctx, target, at)
	})
	if err != nil {
		return &exchange{url: target, at: at, err: err}
	}
	return x
}

func port(target *url.URL) uint16 {
	if n, err := strconv.ParseUint(target.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	if target.Scheme == "https" {
		return 443
	}
	return 80
}

func (c *Client) fetch(ctx context.Context, target *url.URL, at netip.AddrPort) *exchange {
	x := &exchange{url: target, at: at}
	address := at.String()
	from := fmt.Sprintf("%s at %s", target, address)
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			conn, err := c.Network.DialContext(ctx, network, address)
			if err != nil {
				return nil, probe.Unreached(err, from)
			}
			return conn, nil
		},
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := tlsprobe.Dial(ctx, c.Network, address, target.Hostname())
			if err != nil {
				return nil, err
			}
			return conn, nil
		},
		DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: Timeout, MaxResponseHeaderBytes: 64 << 10,
		TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, // HTTP/1.1 only: one request, one connection
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		x.err = &probe.Unknown{Class: "not-configured", Want: "a URL", Got: err.Error(), From: target.String(), Err: err}
		return x
	}
	request.Header.Set("User-Agent", "launchgate")
	response, err := transport.RoundTrip(request)
	if err != nil {
		x.err = unanswered(ctx, err, from)
		return x
	}
	defer response.Body.Close()
	// A body that trickles is bounded too.
	defer time.AfterFunc(Timeout, func() { cancel(errEndless) }).Stop()
	body, err := io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	if err != nil {
		x.err = unanswered(ctx, err, from)
		return x
	}
	x.cut = len(body) > MaxBody
	x.status, x.header, x.body = response.StatusCode, response.Header, body[:min(len(body), MaxBody)]
	return x
}

var errEndless = errors.New("a body that did not end in time")

// unanswered explains a request without an answer. What went wrong before the request was sent is explained already.
func unanswered(ctx context.Context, err error, from string) error {
	var unmet *probe.Unmet
	var unknown *probe.Unknown
	var timeout net.Error
	const want = "an HTTP answer"
	switch {
	case errors.As(err, &unmet), errors.As(err, &unknown):
		return err
	case errors.Is(context.Cause(ctx), errEndless):
		return &probe.Unmet{Class: "http.silent", Want: want, Got: fmt.Sprintf("a body that did not end within %.0f s", Timeout.Seconds()), From: from, Fix: "see whether the server hangs"}
	case ctx.Err() != nil:
		return &probe.Unknown{Class: "timeout", Want: want, Got: "none within the time for one request", From: from, Err: context.Cause(ctx)}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &probe.Unmet{Class: "http.silent", Want: want, Got: fmt.Sprintf("a server that accepted the connection and said nothing for %.0f s", Timeout.Seconds()), From: from,
			Fix: "see whether the server hangs"}
	}
	if reached := probe.Unreached(err, from); errors.As(reached, &unmet) {
		return reached
	}
	return &probe.Unmet{Class: "http.malformed", Want: want, Got: err.Error(), From: from, Fix: "see what really listens there"}
}
