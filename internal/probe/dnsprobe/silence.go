package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/getdrop/launchgate/internal/probe"
)

// silence explains why there is no reply, and whose it is.
func (q question) silence(ctx context.Context, err error) error {
	var known *probe.Unknown
	if errors.As(err, &known) || errors.As(context.Cause(ctx), &known) {
		return known
	}
	u := &probe.Unknown{Want: "an answer to " + q.String() + " over " + q.transport(), From: q.server.String(), Err: err}
	switch {
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		u.Class, u.Got = "no-route", "no route from this machine"
		u.Fix = "run where " + family(q.server.Addr()) + " works; this is not the server's fault"
	case errors.Is(err, syscall.ECONNREFUSED):
		u.Class, u.Got, u.Fix = "refused", "connection refused", "start the name server there, or take the address out of the DNS"
	case errors.Is(err, errMalformed):
		u.Class, u.Got, u.Fix = "malformed", err.Error(), "see what answers on that address"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		u.Class, u.Got, u.Fix = "timeout", fmt.Sprintf("no answer within %s", patience), "see whether the server is up and lets port 53 through"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		u.Class, u.Got, u.Fix = "reset", "the connection was closed without an answer", "see why the server closes connections"
	default:
		u.Class, u.Got = "network", err.Error()
	}
	return u
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func family(addr netip.Addr) string {
	if addr.Unmap().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// unanswered puts the server's name and this very question on the reason why there is no answer: a dead server's reason
// comes from the first question that it left open.
func (q question) unanswered(from string, err error) error {
	var shared *probe.Unknown
	if !errors.As(err, &shared) {
		return err
	}
	own := *shared
	own.From = from
	if own.Class != "dns.truncated" {
		own.Want = "an answer to " + q.String() + " over " + q.transport()
	}
	return &own
}
