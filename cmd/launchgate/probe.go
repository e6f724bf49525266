package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
	"github.com/getdrop/launchgate/internal/target"
)

// named is one claim to make.
type named struct {
	name  string
	must  bool
	claim probe.Claim
}

// one is a probe that makes a single claim.
func one(name string, claim probe.Claim) []named { return []named{{name, true, claim}} }

// probes are what can be asked from the command line.
var probes = []struct {
	use, short string
	args       int
	claims     func(at *place, args []string) ([]named, error)
}{
	{"dns [domain]", "every assertion about a zone; without a domain, about the launch's", -1, func(at *place, args []string) ([]named, error) { return at.dns(args) }},
	{"cert name", "the certificate is valid for the name, on every address", 1, func(at *place, args []string) ([]named, error) {
		return one("certificate", tlsprobe.ValidFor(at.tls, args[0], time.Time{})), nil
	}},
	{"expiry name days", "the certificate lasts so many days more", 2, func(at *place, args []string) ([]named, error) {
		days, err := strconv.Atoi(args[1])
		if err != nil {
			return nil, fmt.Errorf("want a number of days; got %q", args[1])
		}
		return one("expiry", tlsprobe.OutlivesLaunch(at.tls, args[0], tlsprobe.Lifetime{Launch: time.Now(), Days: days})), nil
	}},
	{"floor name", "TLS 1.1 and older and broken ciphers are refused", 1, func(at *place, args []string) ([]named, error) {
		return one("protocol floor", tlsprobe.ProtocolFloor(at.tls, args[0], minVersion)), nil
	}},
	{"redirect http-url", "plain HTTP leads to HTTPS with path and query", 1, func(at *place, args []string) ([]named, error) {
		return one("redirect", httpprobe.RedirectsToHTTPS(at.web, args[0])), nil
	}},
	{"hsts https-url", "Strict-Transport-Security as hstspreload.org asks for", 1, func(at *place, args []string) ([]named, error) {
		return one("hsts", httpprobe.SendsHSTS(at.web, args[0], httpprobe.HSTS{MaxAge: 365 * 24 * time.Hour, IncludeSubDomains: true, Preload: true})), nil
	}},
	{"page https-url text", "the page shows a text", 2, func(at *place, args []string) ([]named, error) {
		return one("page", httpprobe.Shows(at.web, args[0], args[1])), nil
	}},
	{"headers https-url", "the page carries security headers and loads nothing over plain HTTP", 1, func(at *place, args []string) ([]named, error) {
		return append(one("headers", httpprobe.SecurityHeaders(at.web, args[0])), one("mixed content", httpprobe.NoMixedContent(at.web, args[0]))...), nil
	}},
	{"health https-url version", "the health document says ok and the version, on every address", 2, func(at *place, args []string) ([]named, error) {
		want := httpprobe.Health{StatusPath: "data.status", StatusOK: "ok", VersionPath: "data.version", Version: args[1]}
		if at.launch != nil {
			want = target.Of(at.launch).Health(args[1])
		}
		return one("health", httpprobe.HealthIs(at.web, args[0], want)), nil
	}},
}

func probeCommand() *cobra.Command {
	var asJSON bool
	var timeout time.Duration
	var w where
	cmd := &cobra.Command{Use: "probe", Short: "Make one claim from the command line and print its evidence",
		Long: "Looks where LAUNCH_CONFIG and LAUNCH_ENV say; where they are not set, at the internet, or where the flags say.\n" +
			"Exits 0 where all claims hold, 1 where one is wrong, 2 where one cannot be told, 3 for wrong usage."}
	for _, p := range probes {
		args := cobra.ExactArgs(p.args)
		if p.args < 0 {
			args = cobra.MaximumNArgs(1)
		}
		cmd.AddCommand(&cobra.Command{Use: p.use, Short: p.short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
			at, err := w.place(args)
			if err != nil {
				return err
			}
			claims, err := p.claims(at, args)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return printResults(cmd.OutOrStdout(), makeAll(ctx, claims), asJSON)
		}})
	}
	cmd.PersistentFlags().BoolVar(&asJSON, "json", false, "print one JSON object a claim, with its evidence")
	cmd.PersistentFlags().DurationVar(&timeout, "timeout", 30*time.Second, "deadline for all of it")
	w.flags(cmd)
	return cmd
}

// makeAll makes all claims at the same time and returns their results in order.
func makeAll(ctx context.Context, claims []named) []probe.Result {
	results := make([]chan probe.Result, len(claims))
	for i, c := range claims {
		results[i] = make(chan probe.Result, 1)
		go func() {
			r := probe.Run(ctx, c.name, c.claim)
			if !c.must && r.Status != probe.Pass && r.Status != probe.NA {
				r.Status = probe.Warn
			}
			results[i] <- r
		}()
	}
	var all []probe.Result
	for _, r := range results {
		all = append(all, <-r)
	}
	return all
}

func printResults(w io.Writer, results []probe.Result, asJSON bool) error {
	code, held := 0, 0
	for _, r := range results {
		switch r.Status {
		case probe.Pass:
			held++
		case probe.Fail:
			code = 1
		case probe.Blocked:
			if code == 0 {
				code = 2
			}
		case probe.Warn, probe.NA:
		}
		if asJSON {
			line, err := json.Marshal(r)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%s\n", line)
			continue
		}
		fmt.Fprintf(w, "%-7s %-6s %s", r.Status, r.Assertion, r.Name)
		if r.Status != probe.Pass {
			fmt.Fprintf(w, ": %q", r.Message())
		}
		fmt.Fprintln(w)
	}
	if code == 0 && held == 0 {
		code = 2 // nothing was checked, so nothing holds
	}
	if code != 0 {
		return exit{code}
	}
	return nil
}

// launchIfNamed loads the launch that the environment names, or none where it names none.
func launchIfNamed() (*launch.Launch, error) {
	if os.Getenv("LAUNCH_CONFIG") == "" && os.Getenv("LAUNCH_ENV") == "" {
		return nil, nil //nolint:nilnil // no launch is a fine answer here: the flags say where to look
	}
	return launch.FromEnv()
}

// dns are the assertions about a zone, with the launch's records where it is the launch's zone.
func (at *place) dns(args []string) ([]named, error) {
	var records []dnsprobe.Record
	var snapshot *dnsprobe.Snapshot
	if at.launch != nil && (len(args) == 0 || args[0] == string(at.launch.DNS.Domain)) {
		records = target.Of(at.launch).Records()
		snapshot = dnsprobe.ReadSnapshot(at.launch.Path(at.launch.DNS.RollbackFile), string(at.launch.DNS.Domain))
	} else if len(args) == 0 {
		return nil, fmt.Errorf("probe dns: want a domain, or LAUNCH_CONFIG and LAUNCH_ENV; got neither")
	}
	var all []named
	for _, a := range dnsprobe.Assertions(at.zone, records, snapshot) {
		all = append(all, named{a.Name, a.Must, a.Claim})
	}
	return all, nil
}
