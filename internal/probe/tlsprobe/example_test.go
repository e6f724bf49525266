package tlsprobe_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"time"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

// one is a resolver that knows one address.
type one string

func (o one) Addresses(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr(string(o))}, nil
}

func ExampleValidFor() {
	authority, err := tlstest.NewAuthority()
	if err != nil {
		panic(err)
	}
	cert, err := authority.Issue(tlstest.Names("*.getdrop.example"))
	if err != nil {
		panic(err)
	}
	server, err := tlstest.StartServer(tlstest.Serve(&tls.Config{Certificates: []tls.Certificate{cert}}))
	if err != nil {
		panic(err)
	}
	defer server.Close()

	observer := &tlsprobe.Observer{
		Network:  &probe.Network{Connect: map[string]string{"203.0.113.80:443": server.Addr}, Roots: authority.Pool()},
		Resolver: one("203.0.113.80"),
	}
	result := probe.Run(context.Background(), "certificate", tlsprobe.ValidFor(observer, "getdrop.example", time.Time{}))
	fmt.Println(result.Status, result.Class)
	fmt.Println(result.Message())
	// Output:
	// FAIL tls.name
	// want a trusted certificate for getdrop.example, valid now; got one for *.getdrop.example, which does not cover getdrop.example from 203.0.113.80:443; issue it for this name too, or send the right one for this SNI
}
