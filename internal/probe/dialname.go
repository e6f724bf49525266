package probe

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// DialName connects to the first address of a name ("name:port") that takes connections. It is the DialContext of clients
// whose counterpart has a name, such as an API.
func (n *Network) DialName(ctx context.Context, resolver Resolver, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil { // an address is its own
		return n.DialContext(ctx, network, address)
	}
	addresses, err := resolver.Addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, a := range addresses {
		conn, err := n.DialContext(ctx, network, net.JoinHostPort(a.String(), port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(append(errs, errors.New("no address of "+host+" takes connections"))...)
}
