// Package httpprobe makes claims about what a web site answers over HTTP and HTTPS on every address it has: redirects,
// headers, the health document, the landing page. It must import neither `testing` nor the gates, and it runs no script
// of a page.
package httpprobe

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
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

	seen probe.Memo[string, *exchange]
}

// exchange is one GET and its answer, redirects not followed.
type exchange struct {
	url    *url.URL
	at     netip.AddrPort
	status int
	header http.Header
	body   []byte
	most   int64 // bytes of the body that are read
	cut    bool  // the body is longer than that
	err    error // why there is no answer: *probe.Unmet or *probe.Unknown
	sent   bool  // the server may have heard the request
}

// get asks one address for a URL, once for all claims.
func (c *Client) get(ctx context.Context, target *url.URL, ip netip.Addr) *exchange {
	at := netip.AddrPortFrom(ip, port(target))
	x, err := c.seen.Do(ctx, "GET "+target.String()+" at "+at.String(), flightTime, func(ctx context.Context) *exchange {
		return c.fetch(ctx, target, at, nil, MaxBody)
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

// fetch speaks HTTP/1.1 itself: one connection, one request, no redirect, no retry, and errors that say what happened.
// It sends the given headers too, and reads no more than most bytes of the body.
func (c *Client) fetch(ctx context.Context, target *url.URL, at netip.AddrPort, header http.Header, most int64) *exchange {
	return c.send(ctx, target, at, Message{Header: header, Most: most})
}

// send is fetch for any method, and with a body.
func (c *Client) send(ctx context.Context, target *url.URL, at netip.AddrPort, m Message) *exchange {
	x := &exchange{url: target, at: at, most: m.Most}
	conn, err := c.connect(ctx, target, at.String())
	if err != nil {
		x.err = err
		return x
	}
	defer func() { _ = conn.Close() }()                                              // all was said, whatever the close says
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })() // a closed connection needs no deadline

	request, err := http.NewRequestWithContext(ctx, m.Method, target.String(), bytes.NewReader(m.Body)) // no method is GET
	if err != nil {
		x.err = &probe.Unknown{Class: "not-configured", Want: "a URL", Got: err.Error(), From: target.String(), Err: err}
		return x
	}
	maps.Copy(request.Header, m.Header)
	request.Header.Set("User-Agent", "launchgate")
	request.Header.Set("Accept-Encoding", "identity") // without it any coding is welcome (RFC 9110 12.5.3)
	request.Close = true
	x.sent = true
	if err := x.exchange(ctx, conn, request); err != nil {
		x.err = unanswered(ctx, err, target.String()+" at "+at.String())
	}
	return x
}

func (c *Client) connect(ctx context.Context, target *url.URL, address string) (net.Conn, error) {
	if target.Scheme != "https" {
		conn, err := c.Network.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, probe.Unreached(err, target.String()+" at "+address)
		}
		return conn, nil
	}
	conn, err := tlsprobe.Dial(ctx, c.Network, address, target.Hostname())
	if err != nil {
		return nil, err // not conn, which would be a nil inside an interface
	}
	return conn, nil
}

// exchange sends the request and reads the answer. Head and body have Timeout each.
func (x *exchange) exchange(ctx context.Context, conn net.Conn, request *http.Request) error {
	const maxHead = 64 << 10
	if err := extend(ctx, conn); err != nil {
		return err
	}
	if err := request.Write(conn); err != nil {
		return err
	}
	limited := &io.LimitedReader{R: conn, N: maxHead}
	response, err := final(bufio.NewReader(limited), request)
	switch {
	case err != nil && limited.N <= 0:
		return fmt.Errorf("a head of more than %d bytes", maxHead)
	case err != nil:
		return err
	}
	limited.N += 2 * x.most                      // chunks need room too
	defer func() { _ = response.Body.Close() }() // the connection is closed next
	if err := extend(ctx, conn); err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, x.most+1))
	if err != nil {
		return &brokenBody{err}
	}
	x.cut = int64(len(body)) > x.most
	x.status, x.header, x.body = response.StatusCode, response.Header, body[:min(int64(len(body)), x.most)]
	return nil
}

// extend gives the counterpart Timeout from now, unless the request's own time is up.
func extend(ctx context.Context, conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(Timeout)); err != nil {
		return err
	}
	return ctx.Err() // looked at after the deadline was set, so that an end in between is not missed
}

// final passes informational answers over, such as 103 Early Hints (RFC 9110 15.2).
func final(reader *bufio.Reader, request *http.Request) (*http.Response, error) {
	for range 5 {
		response, err := http.ReadResponse(reader, request)
		if err != nil || response.StatusCode >= 200 || response.StatusCode == http.StatusSwitchingProtocols {
			return response, err
		}
	}
	return nil, errors.New("informational answers only")
}

// brokenBody says that the head of the answer had come.
type brokenBody struct{ error }

func (b *brokenBody) Unwrap() error { return b.error }

// unanswered explains a request without a whole answer, after the connection stood.
func unanswered(ctx context.Context, err error, from string) error {
	var body *brokenBody
	var timeout net.Error
	var alert *net.OpError
	var reached *probe.Unmet
	inBody := errors.As(err, &body)
	unmet := &probe.Unmet{Class: "http.malformed", Want: "an HTTP answer", Got: err.Error(), From: from, Fix: "see what really listens there"}
	switch {
	case ctx.Err() != nil:
		return &probe.Unknown{Class: "timeout", Want: unmet.Want, Got: "none within the time for one request", From: from, Err: context.Cause(ctx)}
	case errors.As(err, &timeout) && timeout.Timeout():
		unmet.Class, unmet.Fix = "http.silent", "see whether the server hangs"
		unmet.Got = fmt.Sprintf("a server that accepted the connection and said nothing for %.0f s", Timeout.Seconds())
		if inBody {
			unmet.Got = fmt.Sprintf("a body that did not end within %.0f s", Timeout.Seconds())
		}
	case errors.As(err, &alert) && alert.Op == "remote error": // after the handshake, as TLS 1.3 asks for a client certificate
		unmet.Class, unmet.Got, unmet.Fix = "tls.alert", "a TLS alert, "+alert.Err.Error(), "see the server's TLS configuration"
	case errors.As(probe.Unreached(err, from), &reached):
		unmet.Class, unmet.Got, unmet.Fix = reached.Class, reached.Got, reached.Fix
		if inBody {
			unmet.Got = "an answer that breaks off in the middle of its body"
		}
	}
	return unmet
}
