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

// probing is what all probes have in common: where they look, for how long, and how they say what they saw.
type probing struct {
	where   *where
	asJSON  bool
	timeout time.Duration
}

func probeCommand() *cobra.Command {
	var w where
	all := &probing{where: &w}
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
			ctx, cancel := context.WithTimeout(cmd.Context(), all.timeout)
			defer cancel()
			return conclude(cmd.OutOrStdout(), makeAll(ctx, claims), all.asJSON, func(r probe.Result) any { return r })
		}})
	}
	cmd.AddCommand(zoneCommand(all), tlsCommand(all))
	cmd.PersistentFlags().BoolVar(&all.asJSON, "json", false, "print one JSON object a claim, with its evidence")
	cmd.PersistentFlags().DurationVar(&all.timeout, "timeout", 30*time.Second, "deadline for all of it")
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

// conclude prints the results and ends with their exit code. shape is what is printed of one as JSON.
func conclude(w io.Writer, results []probe.Result, asJSON bool, shape func(probe.Result) any) error {
	for _, r := range results {
		if asJSON {
			line, err := json.Marshal(shape(r))
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s\n", redact.JSON(line))
			continue
		}
		fmt.Fprintf(w, "%-7s %s", shown(r), r.Name)
		if later := r.Guarantee(r.Started); later != "" {
			fmt.Fprintf(w, ": %s", later)
		}
		if r.Status != probe.Pass {
			fmt.Fprintf(w, ": %q", redact.String(r.Message())) // quoted: what a server sent must not steer a terminal
		}
		fmt.Fprintln(w)
	}
	if code := codeOf(results); code != verdict.ExitGo {
		return exit{code: code}
	}
	return nil
}

// shown is the status that people see: of a recommendation too that nobody can tell.
func shown(r probe.Result) probe.Status {
	if r.Measured == probe.Blocked {
		return probe.Blocked
	}
	return r.Status
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
