package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/probe/certlint"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/verdict"
)

// endpoint is what the command line names: a host, a port, and the name to ask for there.
type endpoint struct {
	host       string
	port       uint16
	serverName string
}

func parseEndpoint(text, serverName string) (endpoint, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), "443"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/ ") {
		return endpoint{}, fmt.Errorf("probe tls grade: want HOST or HOST:PORT; got %q", text)
	}
	e := endpoint{host: host, port: uint16(n), serverName: serverName}
	if _, err := netip.ParseAddr(host); err != nil && serverName == "" {
		e.serverName = host
	}
	if e.serverName == "" {
		return endpoint{}, fmt.Errorf("probe tls grade: want --servername with an address; got none for %s", host)
	}
	return e, nil
}

// addresses are where the endpoint is. A name is resolved as every probe does it; localhost is this machine (RFC 6761 6.3).
func (e endpoint) addresses(ctx context.Context, t *target.Targets) ([]netip.Addr, error) {
	if e.host == "localhost" {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
	}
	if address, err := netip.ParseAddr(e.host); err == nil {
		return []netip.Addr{address}, nil
	}
	return t.Zone.Addresses(ctx, e.host)
}

// gradeReport is what --json prints: the worst endpoint's object, with all of them below.
type gradeReport struct {
	tlsprobe.Graded
	ServerName string            `json:"servername"`
	Endpoints  []tlsprobe.Graded `json:"endpoints,omitempty"`

	Lints map[string][]certlint.Lint `json:"lints,omitempty"` // what each certificate has wrong by its authority's rules, by its SHA-256
}

func tlsCommand(p *probing) *cobra.Command {
	parent := &cobra.Command{Use: "tls", Short: "TLS of an endpoint that need not be public", Args: cobra.NoArgs, RunE: needsCommand}
	var serverName string
	var connections int
	grade := &cobra.Command{Use: "grade host:port", Short: "the grade by the SSL Server Rating Guide, on every address",
		Long: "Exits 0 where it could grade, whatever the grade, 2 where it could not, 3 for wrong usage.", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := parseEndpoint(args[0], serverName)
			if err != nil {
				return err
			}
			if connections < 1 {
				return fmt.Errorf("--connections: want at least 1; got %d", connections)
			}
			t, err := p.where.targets()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), p.timeout)
			defer cancel()
			r := gradeAll(ctx, t, e, connections)
			if err := printReport(cmd.OutOrStdout(), r, p.asJSON); err != nil {
				return err
			}
			if r.Blocked != "" {
				return exit{code: verdict.ExitNotMeasured}
			}
			return nil
		}}
	grade.Flags().StringVar(&serverName, "servername", "", "name to ask for and to verify (default: the host, where it is a name)")
	grade.Flags().IntVar(&connections, "connections", 8, "connections that are open at a time")
	parent.AddCommand(grade)
	return parent
}

func gradeAll(ctx context.Context, t *target.Targets, e endpoint, connections int) gradeReport {
	addresses, err := e.addresses(ctx, t)
	if err != nil {
		return gradeReport{Graded: tlsprobe.Graded{Blocked: err.Error()}, ServerName: e.serverName}
	}
	t.TLS.Connections = connections
	all := make([]tlsprobe.Graded, len(addresses))
	for i, address := range addresses {
		all[i] = t.TLS.Grade(ctx, netip.AddrPortFrom(address, e.port).String(), e.serverName, time.Time{})
	}
	worst := slices.MaxFunc(all, func(a, b tlsprobe.Graded) int { return a.Compare(b) })
	r := gradeReport{Graded: worst, ServerName: e.serverName}
	if len(all) > 1 {
		r.Endpoints = all
	}
	return r
}

// lint reads every certificate. The grade rests on none of that.
func (r *gradeReport) lint() {
	r.Lints = map[string][]certlint.Lint{}
	for _, endpoint := range slices.Concat(r.Endpoints, []tlsprobe.Graded{r.Graded}) {
		for _, chain := range endpoint.Certificates {
			for _, c := range chain.Certificates {
				if _, done := r.Lints[c.SHA256]; !done {
					r.Lints[c.SHA256] = certlint.Of(c.DER)
				}
			}
		}
	}
}

func printReport(w io.Writer, r gradeReport, asJSON bool) error {
	if asJSON {
		r.lint()
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\n", redact.JSON(line))
		return nil
	}
	if r.Blocked != "" {
		fmt.Fprintf(w, "no grade for %s (%s at best): %q\n", r.ServerName, cmp.Or(r.Best, "cannot tell"), r.Blocked)
	} else {
		fmt.Fprintf(w, "%s  %s at %s (rules %s; score: protocol %d, key exchange %d, cipher %d; ignoring trust: %s)\n", r.Grade.Grade, r.ServerName, r.Address, r.Rules,
			r.Score.Protocol, r.Score.KeyExchange, r.Score.Cipher, cmp.Or(r.IgnoringTrust, "cannot tell"))
	}
	for _, reason := range r.Reasons {
		fmt.Fprintf(w, "  %-3s %-24s %q; %s\n", reason.Cap, reason.ID, reason.What, reason.Fix)
	}
	return nil
}
