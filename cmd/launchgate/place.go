package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
	"github.com/getdrop/launchgate/internal/target"
)

const minVersion = tls.VersionTLS12

// where says where a probe looks, for somebody without a launch.yaml.
type where struct {
	roots, resolvers, connect, private []string
	ca                                 string
}

// place is where a probe looks.
type place struct {
	launch *launch.Launch // nil without one
	zone   *dnsprobe.Zone
	tls    *tlsprobe.Observer
	web    *httpprobe.Client
}

func (w *where) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringSliceVar(&w.roots, "root", nil, "root server, ip or ip:port (default: the internet's)")
	cmd.PersistentFlags().StringSliceVar(&w.resolvers, "resolver", nil, "recursive resolver, ip or ip:port, with =REGION")
	cmd.PersistentFlags().StringSliceVar(&w.connect, "connect", nil, "ip:port=ip:port: connect to the second where the first is meant; nothing else is reached then")
	cmd.PersistentFlags().StringSliceVar(&w.private, "private", nil, "address range that may be answered although it is not public")
	cmd.PersistentFlags().StringVar(&w.ca, "ca", "", "PEM file of authorities to trust instead of the system's")
}

func (w *where) place(args []string) (*place, error) {
	l, err := launchIfNamed()
	if err != nil {
		return nil, err
	}
	if l != nil && (len(args) == 0 || len(w.roots)+len(w.resolvers)+len(w.connect)+len(w.private) == 0 && w.ca == "") {
		t := target.Of(l)
		return &place{launch: l, zone: t.Zone, tls: t.TLS, web: t.Web}, nil
	}
	if l != nil {
		return nil, fmt.Errorf("probe: want LAUNCH_CONFIG or flags that say where to look; got both; unset LAUNCH_CONFIG and LAUNCH_ENV, or leave the flags out")
	}
	domain := ""
	if len(args) > 0 {
		domain = args[0]
	}
	network, err := w.network()
	if err != nil {
		return nil, err
	}
	config, err := w.zone(domain, network)
	if err != nil {
		return nil, err
	}
	zone := dnsprobe.New(config)
	return &place{zone: zone, tls: &tlsprobe.Observer{Network: network, Resolver: zone}, web: &httpprobe.Client{Network: network, Resolver: zone}}, nil
}

func (w *where) network() (*probe.Network, error) {
	network := &probe.Network{Connect: map[string]string{}}
	for _, pair := range w.connect {
		from, to, _ := strings.Cut(pair, "=")
		for _, end := range []string{from, to} {
			if _, err := netip.ParseAddrPort(end); err != nil {
				return nil, fmt.Errorf("--connect %s: want ip:port=ip:port; got %w", pair, err)
			}
		}
		network.Connect[from] = to
	}
	if w.ca != "" {
		text, err := os.ReadFile(w.ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		network.Roots = x509.NewCertPool()
		if !network.Roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca %s: want PEM certificates; got none", w.ca)
		}
	}
	return network, nil
}

func (w *where) zone(domain string, network *probe.Network) (dnsprobe.Config, error) {
	c := dnsprobe.Config{Network: network, Domain: domain}
	for _, text := range w.roots {
		address, err := addrPort(text)
		if err != nil {
			return c, fmt.Errorf("--root: %w", err)
		}
		c.Roots = append(c.Roots, address)
	}
	regions := map[string]bool{}
	for _, text := range w.resolvers {
		text, region, _ := strings.Cut(text, "=")
		address, err := addrPort(text)
		if err != nil {
			return c, fmt.Errorf("--resolver: %w", err)
		}
		c.Resolvers = append(c.Resolvers, dnsprobe.Resolver{Addr: address, Name: text, Region: region})
		regions[region] = true
	}
	c.Regions = len(regions)
	for _, text := range w.private {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return c, fmt.Errorf("--private: %w", err)
		}
		c.Private = append(c.Private, prefix)
	}
	return c, nil
}

func addrPort(text string) (netip.AddrPort, error) {
	var h launch.HostAddr
	if err := h.UnmarshalText([]byte(text)); err != nil {
		return netip.AddrPort{}, err
	}
	return h.AddrPort(53), nil
}
