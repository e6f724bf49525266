package main

import (
	"crypto/x509"
	"encoding"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/target"
)

// where says where a probe looks, for somebody without a launch.yaml.
type where struct {
	roots, resolvers, connect, private []string
	ca                                 string
}

func (w *where) flags(cmd *cobra.Command) {
	cmd.PersistentFlags().StringSliceVar(&w.roots, "root", nil, "root server, ip or ip:port (default: the internet's)")
	cmd.PersistentFlags().StringSliceVar(&w.resolvers, "resolver", nil, "recursive resolver, ip or ip:port, with =REGION, with @PREFIX for an EDNS client subnet")
	cmd.PersistentFlags().StringSliceVar(&w.connect, "connect", nil, "ip:port=ip:port: connect to the second where the first is meant; nothing else is reached then")
	cmd.PersistentFlags().StringSliceVar(&w.private, "private", nil, "address range that may be answered although it is not public")
	cmd.PersistentFlags().StringVar(&w.ca, "ca", "", "PEM file of authorities to trust instead of the system's")
}

// launchOf is the launch of the environment; where it names none, what the flags say. more: other flags say something too.
func (w *where) launchOf(more bool) (l *launch.Launch, named bool, err error) {
	named = os.Getenv("LAUNCH_CONFIG") != "" || os.Getenv("LAUNCH_ENV") != ""
	flags := more || len(w.roots)+len(w.resolvers)+len(w.connect)+len(w.private) > 0 || w.ca != ""
	switch {
	case named && flags:
		return nil, named, errors.New("probe: want LAUNCH_CONFIG and LAUNCH_ENV, or flags that say where to look; got both; unset the variables, or leave the flags out")
	case named:
		l, err = launch.FromEnv()
	default:
		l, err = w.launch()
	}
	return l, named, err
}

// targets are what the launch looks at.
func (w *where) targets() (*target.Targets, error) {
	l, _, err := w.launchOf(false)
	if err != nil {
		return nil, err
	}
	return w.targetsOf(l)
}

func (w *where) targetsOf(l *launch.Launch) (*target.Targets, error) {
	t := target.New(l)
	if w.ca != "" && t.Network.Roots.Equal(x509.NewCertPool()) {
		return nil, fmt.Errorf("--ca %s: want a PEM file of certificate authorities; got none that can be read", w.ca)
	}
	return t, nil
}

// launch is as much of a launch as the flags say: where things are, and nothing about what they must be. The error has
// every bad value, a line each; what could be read is in the launch then too.
func (w *where) launch() (*launch.Launch, error) {
	l := &launch.Launch{Network: launch.Network{Connect: map[launch.HostPort]launch.HostPort{}}, TLS: launch.TLS{CAFile: w.ca},
		Web: launch.Web{PlainHTTPPort: 80}, Health: launch.Health{StatusPath: "data.status", StatusOK: "ok", VersionPath: "data.version"}} // as launch.yaml where it says nothing
	var problems []error
	for _, text := range w.roots {
		var root launch.HostAddr
		problems = append(problems, read(&root, "--root", text, "ip or ip:port"))
		l.DNS.Roots = append(l.DNS.Roots, root)
	}
	regions := map[string]bool{}
	for _, text := range w.resolvers {
		r, err := resolverOf(text)
		problems = append(problems, err)
		l.DNS.Resolvers = append(l.DNS.Resolvers, r)
		regions[r.Region] = true
	}
	l.DNS.Regions = len(regions)
	for _, text := range w.connect {
		var from, to launch.HostPort
		meant, instead, _ := strings.Cut(text, "=")
		problems = append(problems, read(&from, "--connect", meant, "ip:port=ip:port"), read(&to, "--connect", instead, "ip:port=ip:port"))
		l.Network.Connect[from] = to
	}
	for _, text := range w.private {
		var prefix launch.Prefix
		problems = append(problems, read(&prefix, "--private", text, "an address range such as 192.0.2.0/24"))
		l.Network.Private = append(l.Network.Private, prefix)
	}
	return l, errors.Join(problems...)
}

// resolverOf reads a resolver: its address, with =REGION, with @SUBNET.
func resolverOf(text string) (launch.DNSResolver, error) {
	place, subnet, tailored := strings.Cut(text, "@")
	address, region, _ := strings.Cut(place, "=")
	r := launch.DNSResolver{Name: address, Region: region}
	err := read(&r.Address, "--resolver", address, "ip or ip:port, with =REGION, with @SUBNET")
	if tailored {
		err = errors.Join(err, read(&r.Subnet, "--resolver", subnet, "after @ a client subnet such as 198.51.100.0/24"))
	}
	return r, err
}

// read reads a text of the command line as launch.yaml's own.
func read(into encoding.TextUnmarshaler, name, text, want string) error {
	if err := into.UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("%s: want %s; got %q", name, want, text)
	}
	return nil
}
