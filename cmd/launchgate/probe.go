package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/verdict"
)

// one is a probe that makes a single claim.
func one(name string, claim probe.Claim) []dnsprobe.Named {
	return []dnsprobe.Named{{Name: name, Must: true, Claim: claim}}
}

// probes are what can be asked from the command line.
var probes = []struct {
	use, short string
	args       cobra.PositionalArgs
	claims     func(t *target.Targets, args []string) ([]dnsprobe.Named, error)
}{
	{"dns [domain]", "every assertion about a zone; without a domain, about the launch's", cobra.MaximumNArgs(1), zone},
	{"cert name", "the certificate is valid for the name, on every address", cobra.ExactArgs(1), func(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
		return one("certificate", tlsprobe.ValidFor(t.TLS, args[0], time.Time{})), nil
	}},
	{"expiry name days", "the certificate lasts so many days more", cobra.ExactArgs(2), func(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
		days, err := strconv.Atoi(args[1])
		if err != nil || days < 0 {
			return nil, fmt.Errorf("probe expiry: want a number of days; got %q", args[1])
		}
		return one("expiry", tlsprobe.OutlivesLaunch(t.TLS, args[0], tlsprobe.Lifetime{Launch: time.Now(), Days: days})), nil
	}},
	{"floor name", "old TLS versions and broken ciphers are refused", cobra.ExactArgs(1), func(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
		return one("protocol floor", tlsprobe.ProtocolFloor(t.TLS, args[0], t.MinVersion())), nil
	}},
	{"redirect http-url", "plain HTTP leads to HTTPS with path and query", cobra.ExactArgs(1), func(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
		return one("redirect", httpprobe.RedirectsToHTTPS(t.Web, args[0])), nil
	}},
	{"hsts https-url", "Strict-Transport-Security as the launch wants it, else as hstspreload.org asks for", cobra.ExactArgs(1), func(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
		age := cmp.Or(t.Launch.TLS.HSTSMinAge.D(), 365*24*time.Hour)
		return one("hsts", httpprobe.SendsHSTS(t.Web, args[0], httpprobe.HSTS{MaxAge: age, IncludeSubDomains: true, Preload: true})), nil
	}},
	{"preload domain", "the domain is eligible for the browsers' HSTS preload list", cobra.ExactArgs(1), preload},
	{"page https-url text", "the page shows a text", cobra.ExactArgs(2), func(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
		return one("page", httpprobe.Shows(t.Web, args[0], args[1])), nil
	}},
	{"headers https-url", "the page carries security headers and loads nothing over plain HTTP", cobra.ExactArgs(1), func(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
		return append(one("headers", httpprobe.SecurityHeaders(t.Web, args[0])), one("mixed content", httpprobe.NoMixedContent(t.Web, args[0]))...), nil
	}},
	{"health https-url version", "the health document says ok and the version, on every address", cobra.ExactArgs(2), func(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
		return one("health", httpprobe.HealthIs(t.Web, args[0], t.Health(args[1]))), nil
	}},
}

// zone are the assertions about a zone, with the launch's records where it is the launch's own.
func zone(t *target.Targets, args []string) ([]dnsprobe.Named, error) {
	l := *t.Launch
	if len(args) == 1 {
		var domain launch.Domain
		if err := read(&domain, "probe dns", args[0], "a host name such as example.com"); err != nil {
			return nil, err
		}
		if domain != l.DNS.Domain { // another zone: where to look is all that the launch says about it
			l.DNS = launch.DNS{Domain: domain, Roots: l.DNS.Roots, Resolvers: l.DNS.Resolvers, Regions: l.DNS.Regions}
			t = target.New(&l)
		}
	}
	if l.DNS.Domain == "" {
		return nil, fmt.Errorf("probe dns: want a domain, or LAUNCH_CONFIG and LAUNCH_ENV; got neither")
	}
	var before *dnsprobe.Snapshot
	if l.DNS.RollbackFile != "" {
		before = dnsprobe.ReadSnapshot(l.Path(l.DNS.RollbackFile), string(l.DNS.Domain))
	}
	return dnsprobe.Assertions(t.Zone, t.Records(), before), nil
}

func probeCommand() *cobra.Command {
	var asJSON bool
	var timeout time.Duration
	var w where
	cmd := &cobra.Command{Use: "probe", Short: "Make one claim from the command line and print its evidence",
		Long: "Looks where LAUNCH_CONFIG and LAUNCH_ENV say; where they are not set, at the internet, or where the flags say.\n" +
			"Exits 0 where all claims hold, 1 where one is wrong, 2 where one cannot be told, 3 for wrong usage.",
		Args: cobra.NoArgs, RunE: needsCommand}
	for _, p := range probes {
		cmd.AddCommand(&cobra.Command{Use: p.use, Short: p.short, Args: p.args, RunE: func(cmd *cobra.Command, args []string) error {
			t, err := w.targets()
			if err != nil {
				return err
			}
			claims, err := p.claims(t, args)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			results := makeAll(ctx, claims)
			if err := printResults(cmd.OutOrStdout(), results, asJSON); err != nil {
				return err
			}
			if code := codeOf(results); code != verdict.ExitGo {
				return exit{code: code}
			}
			return nil
		}})
	}
	cmd.AddCommand(tlsCommand(&w, &asJSON, &timeout))
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print one JSON object a claim, with its evidence")
	cmd.PersistentFlags().DurationVar(&timeout, "timeout", 30*time.Second, "deadline for all of it")
	w.flags(cmd)
	return cmd
}

// makeAll makes all claims at the same time and returns their results in order.
func makeAll(ctx context.Context, claims []dnsprobe.Named) []probe.Result {
	results := make([]probe.Result, len(claims))
	var all sync.WaitGroup
	for i, c := range claims {
		all.Go(func() {
			run := probe.Run
			if !c.Must {
				run = probe.Advise
			}
			results[i] = run(ctx, c.Name, c.Claim)
		})
	}
	all.Wait()
	return results
}

func printResults(w io.Writer, results []probe.Result, asJSON bool) error {
	for _, r := range results {
		if asJSON {
			line, err := json.Marshal(r)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s\n", redact.JSON(line))
			continue
		}
		fmt.Fprintf(w, "%-7s %s", r.Status, r.Name)
		if r.Status != probe.Pass {
			fmt.Fprintf(w, ": %q", redact.String(r.Message())) // quoted: what a server sent must not steer a terminal
		}
		fmt.Fprintln(w)
	}
	return nil
}

// codeOf is the exit code for some results. Where nothing was checked, nothing holds.
func codeOf(results []probe.Result) int {
	seen := map[probe.Status]bool{}
	for _, r := range results {
		seen[r.Status] = true
	}
	switch {
	case seen[probe.Fail]:
		return verdict.ExitNoGo
	case seen[probe.Blocked] || !seen[probe.Pass]:
		return verdict.ExitNotMeasured
	default:
		return verdict.ExitGo
	}
}
