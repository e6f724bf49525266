package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
)

// AtAddress is what one address of a name showed, and how a claim judged it: the evidence of a claim that covers every
// address of a name.
type AtAddress struct {
	Address string `json:"address"` // "ip:port"
	Status  Status `json:"status"`
	Problem string `json:"problem,omitempty"`
	Seen    any    `json:"seen,omitempty"`

	Err error `json:"-"` // nil where the claim holds at this address
}

// EveryAddress looks at all addresses of a name at the same time and returns what was seen in the order of the
// addresses. It fails, as Unknown, where the name has no address: an empty list must never pass.
func EveryAddress[T any](ctx context.Context, resolver Resolver, name string, look func(context.Context, netip.Addr) T) ([]T, error) {
	addresses, err := resolver.Addresses(ctx, name)
	want := "the addresses of " + name
	var unknown *Unknown
	switch {
	case errors.As(err, &unknown):
		return nil, err
	case err != nil:
		// The cause is not wrapped: the resolver's own Unmet is the DNS gates' business and must not read as ours.
		return nil, &Unknown{Class: "dns", Want: want, Got: err.Error(), Fix: "mend the DNS first; see the DNS gates"}
	case len(addresses) == 0:
		return nil, &Unknown{Class: "dns", Want: want, Got: "none", Fix: "mend the DNS first; see the DNS gates"}
	}
	seen := make([]T, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		all.Go(func() { seen[i] = look(ctx, address) })
	}
	all.Wait()
	return seen, nil
}

// Worst puts the addresses into the evidence and returns the worst of their errors: what was measured and is wrong
// before what nobody can tell; that there was nothing to judge only where it is so at every address. The message names
// the address and counts the others.
func Worst(evidence *Evidence, addresses []AtAddress) error {
	var worst, nothing error
	bad, judged := 0, 0
	for i := range addresses {
		a := &addresses[i]
		a.Status = StatusOf(a.Err)
		evidence.Asked = append(evidence.Asked, a.Address+"/tcp")
		if a.Status != NA {
			judged++
		}
		if a.Err == nil {
			continue
		}
		a.Problem = a.Err.Error()
		if a.Status == NA {
			nothing = a.Err
			continue
		}
		bad++
		if worst == nil || StatusOf(worst) == Blocked && a.Status == Fail {
			worst = a.Err
		}
	}
	evidence.Observed = addresses
	if judged == 0 {
		return cmp.Or(nothing, error(&Unknown{Class: "nothing-checked", Want: "an address to look at", Got: "none"}))
	}
	if bad < 2 {
		return worst
	}
	others := fmt.Sprintf(" (%d of %d addresses are red)", bad, len(addresses))
	var unmet *Unmet
	var unknown *Unknown
	switch {
	case errors.As(worst, &unmet):
		also := *unmet
		also.From += others
		return &also
	case errors.As(worst, &unknown):
		also := *unknown
		also.From += others
		return &also
	default:
		return worst
	}
}

// Unreached explains why a connection to address was not made or broke off. Refused or reset is Unmet, because it was
// measured that nobody serves there; silence and a missing route are Unknown, because it can be our side of the road.
func Unreached(err error, address string) error {
	want := "a server that takes connections"
	var unknown *Unknown
	var slow net.Error
	switch {
	case errors.As(err, &unknown):
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		return &Unmet{Class: "refused", Want: want, Got: "connection refused", From: address,
			Fix: "start the server there, open the port, or take the address out of the DNS"}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return &Unmet{Class: "reset", Want: want, Got: "connection reset", From: address,
			Fix: "see the logs of the server and of what stands in front of it"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return &Unmet{Class: "closed", Want: want, Got: "a connection that was closed without an answer", From: address,
			Fix: "see the logs of the server and of what stands in front of it"}
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return &Unknown{Class: "unreachable", Want: want, Got: "no route from this machine", From: address, Err: err,
			Fix: "run from a machine that has a route, IPv6 included"}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		return &Unknown{Class: "timeout", Want: want, Got: "no connection in time", From: address, Err: err,
			Fix: "see whether a firewall on the way drops packets"}
	default:
		return &Unknown{Class: "network", Want: want, Got: err.Error(), From: address, Err: err}
	}
}
