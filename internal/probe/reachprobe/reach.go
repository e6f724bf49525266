// Package reachprobe claims that something which only our own machines may reach is not reached from outside. It opens
// connections and says nothing over them.
package reachprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/getdrop/launchgate/internal/probe"
)

// Internet is the vantage of a machine outside that may open connections to any address and port on the internet.
const Internet = "internet"

// Outside is where the attempt is made from, and how.
type Outside struct {
	Network  *probe.Network
	Resolver probe.Resolver
	Vantage  string // Internet, or another word for a place from where nothing can be told
}

// Attempt is one attempt to connect.
type Attempt struct {
	Address string `json:"address"`
	Private bool   `json:"private_address"` // no address of the internet
	Ended   string `json:"ended"`           // connected, timed out, refused, unreachable, or what else went wrong
}

// NotReached claims that no address of an endpoint ("host:port") takes a connection from the internet. From within the network that
// the endpoint is in, nobody can tell.
func NotReached(from Outside, endpoint func(context.Context) (string, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "TCP connect"}
		if from.Vantage != Internet {
			got := from.Vantage
			if got == "" {
				got = "no database.vantage in launch.yaml"
			}
			return evidence, &probe.Unknown{Class: "reach.vantage", Want: "an attempt to connect from the internet", Got: got,
				Fix: "run this gate on a machine outside of the VPC and set database.vantage to internet there"}
		}
		address, err := endpoint(ctx)
		evidence.Target = address
		if err != nil {
			return evidence, err
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return evidence, err
		}
		ips, err := from.Resolver.Addresses(ctx, host)
		if err != nil {
			return evidence, &probe.Unknown{Class: "reach.name", Want: "the addresses of " + host, Got: err.Error(), Err: err, Fix: "see whether the endpoint's name is in the public DNS"}
		}
		var attempts []Attempt
		for _, ip := range ips {
			to := net.JoinHostPort(ip.Unmap().String(), port)
			conn, err := from.Network.DialContext(ctx, "tcp", to)
			if conn != nil {
				_ = conn.Close() // nothing was said over it
			}
			if ctx.Err() != nil {
				return evidence, context.Cause(ctx) // an attempt that we broke off ourselves did not time out
			}
			attempts = append(attempts, Attempt{Address: to, Private: ip.Unmap().IsPrivate(), Ended: ending(err)})
		}
		evidence.Observed = attempts
		return evidence, judge(attempts, address)
	}
}

const connected, timedOut, refused, unreachable = "connected", "timed out", "refused", "unreachable"

func ending(err error) string {
	var timeout net.Error
	switch {
	case err == nil:
		return connected
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return unreachable
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return timedOut
	}
	return err.Error()
}

// judge: a connection to a public address is the proof that the endpoint is open. One to a private address is the proof that we
// are not outside, or that the address is another machine's here; a machine without a way to a public address proves nothing.
func judge(attempts []Attempt, endpoint string) error {
	want := endpoint + " out of reach from the internet"
	var open, blank []string
	for _, a := range attempts {
		said := a.Address + " " + a.Ended
		switch {
		case a.Ended == timedOut, a.Ended == refused, a.Private && a.Ended == unreachable:
		case a.Ended == connected && !a.Private:
			open = append(open, said)
		default:
			blank = append(blank, said)
		}
	}
	switch {
	case len(open) > 0:
		return &probe.Unmet{Class: "reach.open", Want: want, Got: strings.Join(open, ", "), From: "here", Fix: "close the security group and turn public access off"}
	case len(blank) > 0 || len(attempts) == 0:
		return &probe.Unknown{Class: "reach.vantage", Want: want, Got: fmt.Sprintf("%d attempts: %s", len(attempts), strings.Join(blank, ", ")), From: "here",
			Fix: "run this gate on a machine on the internet, outside of the VPC, that reaches public addresses"}
	}
	return nil
}

// Endpoint is a host and a port as one text.
func Endpoint(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }
