package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/internal/drill"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/database"
)

func drillCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "drill", Short: "Recover the database for practice, and leave the report that the gates read",
		Long: "Restores the database to a server of its own, compares it with the live one, removes the server, and writes a report to drill.dir.\n" +
			"LAUNCH_EXECUTE must repeat the launch's id; without it nothing is created. What a killed drill left is removed by the next one.\n" +
			"Exits 0 where the database came back as it must, 1 where it did not, 2 where nobody can tell, 3 for wrong usage.",
		Args: cobra.NoArgs, RunE: needsCommand}
	cmd.AddCommand(
		drillStep("restore", "Restore the newest backup", "restore the newest backup of %s to a server of its own, compare it, and remove it", func(ctx context.Context, d *drill.Drill) (any, error) {
			return d.Run(ctx, drillprobe.Restore)
		}),
		drillStep("pitr", "Restore to a point between two rows that it writes", "write two rows into launchgate_mark of %s, restore to a point between them on a server of its own, compare it, and remove it",
			func(ctx context.Context, d *drill.Drill) (any, error) { return d.Run(ctx, drillprobe.PITR) }),
		drillStep("mark", "Write a canary into the live database; run it before each backup", "count the rows of drill.tables in %s and write a row into its launchgate_mark", func(ctx context.Context, d *drill.Drill) (any, error) {
			return d.Mark(ctx)
		}),
		drillStep("sweep", "Remove what killed drills left", "remove the servers that killed drills of %s left", func(ctx context.Context, d *drill.Drill) (any, error) {
			return nil, d.Sweep(ctx)
		}))
	return cmd
}

func drillStep(use, short, would string, step func(context.Context, *drill.Drill) (any, error)) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		l, err := launch.FromEnv()
		if err != nil {
			return err
		}
		execute, err := procedure.Allowed(l.ID)
		if err != nil {
			return err
		}
		d := database.Drills(l)
		claim := func(context.Context) (probe.Evidence, error) {
			if !execute {
				return probe.Evidence{}, &probe.Unknown{Class: "rehearsed", Want: "the drill done", Got: "a rehearsal that would " + fmt.Sprintf(would, d.Want.Database), Fix: "nothing was changed; to do it, set " + procedure.ExecuteEnv + "=" + l.ID}
			}
			// An interrupt ends the drill, which then removes what it made: so it has the command's context, and the claim its own.
			made, err := drillOf(cmd.Context(), l, d, cmd.ErrOrStderr()) //nolint:contextcheck // see above
			if err != nil {
				return probe.Evidence{}, err
			}
			seen, err := step(cmd.Context(), made) //nolint:contextcheck // see above
			return probe.Evidence{Target: d.Want.Database, Observed: seen}, err
		}
		return conclude(cmd.OutOrStdout(), []probe.Result{probe.Run(context.WithoutCancel(cmd.Context()), "drill "+use, claim)}, false, nil)
	}}
}

// drillOf is the drill of a launch. It says on w what happens.
func drillOf(ctx context.Context, l *launch.Launch, reports *drillprobe.Drills, w io.Writer) (*drill.Drill, error) {
	if l.Drill.URL.IsZero() {
		return nil, &probe.Unknown{Class: "not-configured", Want: "the live database", Got: "no drill.url in launch.yaml", Fix: "add a connection string as a secret: reference"}
	}
	live, err := l.Drill.URL.Reveal(ctx)
	if err != nil {
		return nil, &probe.Unknown{Class: "not-configured", Want: "the connection string to the live database", Got: err.Error(), From: "drill.url", Fix: "export it", Err: err}
	}
	say := sayer(w)
	network := target.Of(l).Network
	d := &drill.Drill{Want: reports.Want, Kind: l.Drill.Source, Live: live, Dir: reports.Dir, State: l.Path(l.Drill.State), Say: say,
		Open: func(ctx context.Context, dsn string) (drill.Database, error) { return drill.Open(ctx, network, dsn) }}
	switch l.Drill.Source {
	case "dump":
		dumps := drill.NewDumps(l.Path(l.Drill.Dumps), live, "")
		if dumps.Named, err = namedServer(ctx, l, pgtest.NamedConfig{}); err != nil {
			return nil, &probe.Unknown{Class: "drill.server", Want: "a PostgreSQL server to restore to", Got: redact.String(err.Error()), From: pgtest.Variable, Fix: "see docs/adr/0013", Err: err}
		}
		d.Source = dumps
	case "base":
		if pgtest.IsNamed() {
			return nil, &probe.Unknown{Class: "drill.server", Want: "a PostgreSQL server that is thrown away: base backups and WAL are of a whole server", Got: "databases on one that others use", From: pgtest.Variable,
				Fix: "set it to local or docker"}
		}
		d.Source = drill.NewBase(l.Path(l.Drill.Base), l.Path(l.Drill.Archive), live, "")
	default:
		source := &drill.RDS{Account: cloud.Of(l).Account, Instance: l.Database.Instance, Launch: l.ID, Live: live, Subnets: l.Drill.Subnets, Groups: l.Drill.Groups, Lease: d.Lease(), Say: say, RTO: d.Want.RTO}
		if term.IsTerminal(int(os.Stderr.Fd())) {
			source.Still = say
		}
		d.Source = source
	}
	return d, nil
}

// sayer says what a long command is at, with the time, and without secrets.
func sayer(w io.Writer) func(format string, args ...any) {
	return func(format string, args ...any) {
		fmt.Fprintf(w, "%s %s\n", time.Now().Format("15:04:05"), redact.String(fmt.Sprintf(format, args...)))
	}
}
