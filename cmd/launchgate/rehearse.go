package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/rehearsalprobe"
	"github.com/getdrop/launchgate/internal/rehearsal"
	"github.com/getdrop/launchgate/internal/target/database"
	"github.com/getdrop/launchgate/internal/verdict"
)

func rehearseCommand() *cobra.Command {
	parent := &cobra.Command{Use: "rehearse", Short: "Try what the launch will do on something that is thrown away", Args: cobra.NoArgs, RunE: needsCommand}
	parent.AddCommand(&cobra.Command{Use: "migration", Short: "up, up again, down, up, with production's data, on a PostgreSQL of production's version", Args: cobra.NoArgs,
		Long: "Starts a PostgreSQL server of migration.postgres, fills it as migration.data says, migrates it there and back, and writes what it\n" +
			"saw to migration.record, which the gates of TMinus3/Migration read. Exits 0 where all of it holds, 1 where something does not, 2 where\n" +
			"it could not be rehearsed. Nothing but that server is migrated, and nothing is left of it. LAUNCHGATE_POSTGRES says where it runs: docker,\n" +
			"local, or a secret: reference to a server on which databases are made and dropped (docs/migration-rehearsal.md).",
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := launch.FromEnv()
			if err != nil {
				return err
			}
			red, err := rehearseMigration(cmd.Context(), cmd.OutOrStdout(), l)
			switch {
			case err != nil:
				return exit{code: verdict.ExitNotMeasured, err: fmt.Errorf("rehearse migration: %w", err)}
			case red:
				return exit{code: verdict.ExitNoGo}
			}
			return nil
		}})
	return parent
}

func rehearseMigration(ctx context.Context, w io.Writer, l *launch.Launch) (red bool, err error) {
	plan, err := rehearsalPlan(l)
	if err != nil {
		return false, err
	}
	if l.Migration.Postgres == 0 {
		return false, errors.New("want the major version of production's PostgreSQL; got no migration.postgres in launch.yaml; add it")
	}
	server, end, err := rehearsalServer(ctx, l)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, end()) }()
	if server.Major() != l.Migration.Postgres {
		return false, fmt.Errorf("want PostgreSQL %d, which production has; got %d: the wrong major version proves nothing", l.Migration.Postgres, server.Major())
	}
	plan.Progress = progress(w)
	rec, err := rehearsal.Run(ctx, server, plan)
	if err != nil {
		return false, err
	}
	r := database.Migration(l)
	if err := rec.Write(r.File); err != nil {
		return false, err
	}
	fmt.Fprintf(w, "written to %s\n", r.File)
	return sayRehearsed(ctx, w, l, r), nil
}

// rehearsalServer is the server to rehearse on, and how what is left there is removed. After it the environment names no other.
func rehearsalServer(ctx context.Context, l *launch.Launch) (s rehearsal.Server, end func() error, err error) {
	named, err := namedServer(ctx, l, pgtest.NamedConfig{Major: l.Migration.Postgres, Settings: map[string]string{"autovacuum": rehearsal.Settings["autovacuum"]}})
	if err != nil {
		return nil, nil, err
	}
	if err := forgetDatabases(); err != nil {
		return nil, nil, err
	}
	if named != nil {
		return named, named.Close, nil
	}
	started, err := pgtest.Start(ctx, pgtest.Config{Major: l.Migration.Postgres, Settings: rehearsal.Settings})
	if err != nil {
		return nil, nil, fmt.Errorf("PostgreSQL %d, which production has: %w", l.Migration.Postgres, err)
	}
	return started, started.Close, nil
}

// rehearsalPlan is what launch.yaml says about the migration.
func rehearsalPlan(l *launch.Launch) (rehearsal.Plan, error) {
	m, r := l.Migration, database.Migration(l)
	if !m.Enabled || r.Dir == "" {
		return rehearsal.Plan{}, errors.New("want a migration; got migration.enabled false, or no migration.dir in launch.yaml")
	}
	set, err := migrations.Read(m.Tool, r.Dir)
	if err != nil {
		return rehearsal.Plan{}, err
	}
	p := rehearsal.Plan{Launch: l.ID, Set: set, Words: r.Words, Up: m.Up, Down: m.Down, Applied: r.Applied, Verify: m.Verify, Script: rehearsalprobe.ScriptHash(r.Script),
		Corruptions: m.Corruptions, ForwardOnly: m.ForwardOnly, LockWait: m.LockWait.D(), Dir: l.Dir, Timeout: m.Timeout.D()}
	for _, t := range m.Rows {
		p.Data.Rows = append(p.Data.Rows, rehearsal.Rows{Table: t.Table, Rows: int64(t.Rows)})
	}
	if m.Data.Dump != "" {
		p.Data.Dump = l.Path(m.Data.Dump)
	}
	if m.Data.Script != "" {
		p.Data.Script = l.Path(m.Data.Script)
	}
	return p, nil
}

// forgetDatabases takes from the environment what would lead a command to another database than the one that is thrown away.
func forgetDatabases() error {
	var errs []error
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "PG") || strings.HasSuffix(name, "DATABASE_URL") || name == "GOOSE_DBSTRING" {
			errs = append(errs, os.Unsetenv(name))
		}
	}
	return errors.Join(errs...)
}

// sayRehearsed judges the record as the gates do, a line each.
func sayRehearsed(ctx context.Context, w io.Writer, l *launch.Launch, r *rehearsalprobe.Rehearsal) (red bool) {
	type line struct {
		gate  string
		claim probe.Claim
	}
	lines := []line{{"StagingTimed", r.Sound()}, {"StagingTimed", r.Unedited()}, {"StagingTimed", r.Timed()}, {"StagingTimed", r.Sized()}}
	if !l.Migration.ForwardOnly {
		lines = append(lines, line{"Down", r.HasDown()}, line{"Down", r.Reversible()})
	}
	lines = append(lines, line{"Idempotent", r.Repeatable()}, line{"IntegrityScript", r.Verified()})
	for _, line := range lines {
		result := probe.Run(ctx, line.gate, line.claim)
		red = red || result.Status != probe.Pass && result.Status != probe.NA
		fmt.Fprintf(w, "%-8s %-16s %s\n", result.Status, line.gate, cmp.Or(result.Message(), "holds"))
	}
	return red
}

// progress says when a step begins and how long it took; on a terminal it counts meanwhile, against what a step like it took before.
func progress(w io.Writer) func(string, time.Duration) func() {
	live := term.IsTerminal(int(os.Stdout.Fd()))
	return func(step string, expected time.Duration) func() {
		began, stop, ended := time.Now(), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			ticker := time.NewTicker(time.Second)
			defer ticker.Stop()
			for live {
				select {
				case <-stop:
					return
				case <-ticker.C:
					fmt.Fprintf(w, "\r\x1b[K%s … %s%s", step, time.Since(began).Round(time.Second), left(expected-time.Since(began), expected))
				}
			}
		}()
		return func() {
			close(stop)
			<-ended
			if live {
				fmt.Fprint(w, "\r\x1b[K")
			}
			fmt.Fprintf(w, "%-34s %s\n", step, time.Since(began).Round(10*time.Millisecond))
		}
	}
}

func left(rest, expected time.Duration) string {
	if expected == 0 || rest < 0 {
		return ""
	}
	return fmt.Sprintf(", about %s left", rest.Round(time.Second))
}
