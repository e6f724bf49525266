package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/target"
)

func zoneCommand(p *probing) *cobra.Command {
	var f zoneFlags
	cmd := &cobra.Command{Use: "dns [domain]", Short: "Make every assertion about a zone; without a domain, about the launch's", Args: cobra.MaximumNArgs(1),
		Long: "Makes every assertion about a zone that there is something to judge by: without --record none about launch names, without\n" +
			"--resolver none about propagation, without --snapshot none about the rollback. With LAUNCH_CONFIG and LAUNCH_ENV and without a\n" +
			"domain, launch.yaml says it all. --json prints one object an assertion: zone, assertion, status (PASS, FAIL, WARN, NA, BLOCKED), want,\n" +
			"got, who, eta (when it mends itself, or null) and more.\n\n" +
			"Exits 0 where all assertions hold, 1 where one is wrong, 2 where one cannot be told, 3 for wrong usage. A recommendation that is\n" +
			"not followed is WARN, and one that cannot be told BLOCKED; neither changes the exit code.",
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := zoneTargets(p.where, &f, args)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), p.timeout)
			defer cancel()
			zone := string(t.Launch.DNS.Domain)
			return conclude(cmd.OutOrStdout(), makeAll(ctx, zoneClaims(t)), p.asJSON, func(r probe.Result) any { return zoneLineOf(zone, r) })
		}}
	f.flags(cmd)
	cmd.AddCommand(watchCommand(p, &f))
	return cmd
}

// zoneClaims are the assertions about a zone, with the launch's records where there are any.
func zoneClaims(t *target.Targets) []dnsprobe.Named {
	return dnsprobe.Assertions(t.Zone, t.Records(), before(t))
}

// before is the zone as it was before the change; nil where nobody names a file with it.
func before(t *target.Targets) *dnsprobe.Snapshot {
	if t.Launch.DNS.RollbackFile == "" {
		return nil
	}
	return dnsprobe.ReadSnapshot(t.Launch.Path(t.Launch.DNS.RollbackFile), string(t.Launch.DNS.Domain))
}

// zoneTargets are what the launch or the flags say about a zone.
func zoneTargets(w *where, f *zoneFlags, args []string) (*target.Targets, error) {
	var domain launch.Domain
	var problems []error
	if len(args) == 1 {
		problems = append(problems, read(&domain, "probe dns", args[0], "a host name such as example.com"))
	}
	l, named, err := w.launchOf(f.given())
	problems = append(problems, err)
	switch {
	case l == nil:
	case named && domain != "" && domain != l.DNS.Domain: // another zone: where to look is all that the launch says about it
		other := *l
		other.DNS = launch.DNS{Domain: domain, Roots: l.DNS.Roots, Resolvers: l.DNS.Resolvers, Regions: l.DNS.Regions,
			DNSSEC: launch.DNSSEC{TrustAnchor: l.DNS.DNSSEC.TrustAnchor}}
		other.Schedule = launch.Schedule{}
		other.TLS, other.Mail = launch.TLS{CAFile: l.TLS.CAFile}, launch.Mail{}
		l = &other
	case !named:
		l.DNS.Domain = domain
		problems = append(problems, f.fill(l))
		if len(args) == 0 {
			problems = append(problems, errors.New("probe dns: want a domain, or LAUNCH_CONFIG and LAUNCH_ENV; got neither"))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return w.targetsOf(l)
}

// zoneLine is one assertion about a zone, as others read it.
type zoneLine struct {
	Zone      string         `json:"zone"`
	Assertion string         `json:"assertion"`
	Status    probe.Status   `json:"status"`
	Want      string         `json:"want"`
	Got       string         `json:"got"`
	Who       string         `json:"who"`
	ETA       *time.Time     `json:"eta"` // when it mends itself; null where it will not, or where there is nothing to mend
	Name      string         `json:"name"`
	Class     string         `json:"class,omitempty"`
	Fix       string         `json:"fix,omitempty"`
	Started   time.Time      `json:"started"`
	Took      time.Duration  `json:"took_ns"`
	Evidence  probe.Evidence `json:"evidence"`
}

// zoneLineOf derives the line from a result. One that holds says what was wanted and who was asked too.
func zoneLineOf(zone string, r probe.Result) zoneLine {
	id, what, _ := strings.Cut(r.Name, " ") // dnsprobe names each assertion by its id
	l := zoneLine{Zone: zone, Assertion: id, Status: shown(r), Want: r.Want, Got: r.Got, Who: r.From, ETA: r.Until,
		Name: r.Name, Class: r.Class, Fix: r.Fix, Started: r.Started, Took: r.Took, Evidence: r.Evidence}
	if l.Want == "" {
		l.Want = what
	}
	if r.Status == probe.Pass {
		l.Got = "as wanted"
		if later := r.Guarantee(r.Started); later != "" {
			l.Got += "; " + later
		}
	}
	if l.Who == "" {
		l.Who = strings.Join(r.Evidence.Asked, ", ")
	}
	return l
}
