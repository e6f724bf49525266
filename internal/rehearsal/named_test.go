package rehearsal_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/rehearsal"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// named are databases on a server that the user names.
func named(t *testing.T, dsn string) *pgtest.Named {
	t.Helper()
	n, err := pgtest.OpenNamed(t.Context(), dsn, pgtest.NamedConfig{Settings: map[string]string{"autovacuum": "off"}, Apart: func(context.Context, string, string) error { return nil }})
	return started.For(t, n, err)
}

// databases are the names of those that rehearsals made.
func databases(t *testing.T, dsn string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { assert.NoError(t, conn.Close(t.Context())) }()
	rows, err := conn.Query(t.Context(), "SELECT datname::text FROM pg_database WHERE datname LIKE 'launchgate%' OR datname LIKE 'rehearsal%' ORDER BY 1")
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return names
}

// TestOnANamedServer rehearses on a server that somebody else started, once a rehearsal there was killed in the middle.
func TestOnANamedServer(t *testing.T) {
	w := good()
	if dsn := os.Getenv(dies); dsn != "" {
		w.plan = func(p *rehearsal.Plan) {
			p.Progress = func(step string, _ time.Duration) func() {
				if step == record.Again {
					_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // what follows never runs
					select {}
				}
				return func() {}
			}
		}
		rehearse(t, named(t, dsn), w)
		return
	}
	server := postgres(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestOnANamedServer$")
	cmd.Env = append(os.Environ(), dies+"="+server.DSN())
	out, err := cmd.CombinedOutput()
	exit := (*exec.ExitError)(nil)
	require.ErrorAs(t, err, &exit, "%s", out)
	require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", out)
	left := databases(t, server.DSN())
	require.Len(t, left, 3, "%s", out)
	require.NoError(t, server.Until(t.Context(), "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory')"))

	n := named(t, server.DSN())
	assert.Empty(t, databases(t, server.DSN()), "the next rehearsal drops what the killed one left")
	t.Run("good", func(t *testing.T) {
		for name, w := range map[string]world{"golang-migrate": goodMigrate(), "goose": goodGoose(), "command": goodCommand(), "search_path": goodElsewhere()} {
			status, lines, rec := rehearse(t, n, w)
			for gate, s := range status {
				assert.Equal(t, probe.Pass, s, "%s: %s: %s", name, gate, lines[gate])
			}
			assert.Len(t, rec.Steps, 7, name)
		}
	})
	// One of each gate, of each tool, and those whose way leads over other sessions: what is left is the same statements on the same program.
	_ = redAtTheirGate(t, n, "not idempotent", "down destroys rows", "concurrent index left INVALID", "lock waits behind an open transaction", "dirty flag", "out of disk",
		"integrity script always succeeds", "integrity script fails on good data", "goose: fails in its second statement on the way down")
	for _, name := range databases(t, server.DSN()) {
		assert.Regexp(t, "^launchgate_[0-9a-f]{8}_rehearsal(_[a-z]+)?$", name, "and nothing beside them")
	}
	require.NoError(t, n.Close())
	assert.Empty(t, databases(t, server.DSN()))

	require.NoError(t, server.Exec(t.Context(), "CREATE ROLE scratch LOGIN CREATEDB PASSWORD 'scratch-password'"))
	dsn, err := url.Parse(server.DSN())
	require.NoError(t, err)
	dsn.User = url.UserPassword("scratch", "scratch-password")
	poor := named(t, dsn.String())
	_, err = rehearsal.Run(t.Context(), poor, rehearsal.Plan{Set: &migrations.Set{Tool: migrations.SQL}, Verify: []string{"true"}, Timeout: time.Minute})
	require.ErrorContains(t, err, "GRANT SET ON PARAMETER session_replication_role")
	if server.Major() >= 15 {
		require.NoError(t, server.Exec(t.Context(), "GRANT SET ON PARAMETER session_replication_role TO scratch"))
		status, lines, _ := rehearse(t, poor, good())
		for gate, s := range status {
			assert.Equal(t, probe.Pass, s, "%s: %s", gate, lines[gate])
		}
	}
}
