package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Network is the one way probes reach the world. The zero value is the internet with the system's certificate
// authorities. It is safe for concurrent use and must not be copied.
type Network struct {
	// Connect sends a connection for one "ip:port" to another, as curl's --connect-to does: how a sandbox on loopback
	// stands in for public addresses. A network with a Connect map is sealed: what is neither in the map nor a
	// loopback address is refused, so that a sandbox run can never leave the machine.
	Connect map[string]string

	// Roots are the certificate authorities to trust; nil means the system's.
	Roots *x509.CertPool

	// PerHost bounds the connections that are open to one "ip:port" at a time; 0 means 16.
	PerHost int

	mu    sync.Mutex
	slots map[string]chan struct{}
}

// ErrSealed is the cause when a sealed network refuses an address that its Connect map does not name.
var ErrSealed = errors.New("the address is not in network.connect, and a run with network.connect reaches nothing else")

// ConnectTimeout bounds the wait for one TCP connection.
const ConnectTimeout = 3 * time.Second

// DialContext opens a connection to address ("ip:port"; names are not resolved here) for network "tcp" or "udp".
// It waits for a free slot of that address, and the slot is given back when the connection is closed.
func (n *Network) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	target, err := n.route(address)
	if err != nil {
		return nil, err
	}
	slot := n.slot(network + " " + target)
	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for one of %d connections to %s: %w", cap(slot), address, context.Cause(ctx))
	}
	dialer := net.Dialer{Timeout: ConnectTimeout}
	conn, err := dialer.DialContext(ctx, network, target)
	if err != nil {
		<-slot
		return nil, err
	}
	return &slotted{Conn: conn, release: sync.OnceFunc(func() { <-slot })}, nil
}

func (n *Network) route(address string) (string, error) {
	host, err := netip.ParseAddrPort(address)
	if err != nil {
		return "", fmt.Errorf("a probe dials addresses, not names: %q", address)
	}
	if to, mapped := n.Connect[address]; mapped {
		return to, nil
	}
	if len(n.Connect) > 0 && !host.Addr().IsLoopback() {
		return "", &Unknown{Class: "sealed", Want: "an address of this environment", Got: address, From: "network.connect",
			Fix: ErrSealed.Error(), Err: ErrSealed}
	}
	return address, nil
}

func (n *Network) slot(target string) chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.slots == nil {
		n.slots = map[string]chan struct{}{}
	}
	if n.slots[target] == nil {
		size := n.PerHost
		if size <= 0 {
			size = 16
		}
		n.slots[target] = make(chan struct{}, size)
	}
	return n.slots[target]
}

// slotted gives its slot back when it is closed.
type slotted struct {
	net.Conn
	release func()
}

func (s *slotted) Close() error {
	defer s.release()
	return s.Conn.Close()
}

// Resolver turns a host name into all its addresses, IPv4 and IPv6. An empty answer is an error.
type Resolver interface {
	Addresses(ctx context.Context, name string) ([]netip.Addr, error)
}
