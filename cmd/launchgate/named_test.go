package main

import (
	"io"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
	"github.com/getdrop/launchgate/internal/rehearsal"
)

// TestNamedServer rehearses, and restores a dump, on a server that the user names, and on none of the launch's own.
func TestNamedServer(t *testing.T) {
	temporary := os.TempDir()
	started.OwnTemporary(t) // and so a cluster of its own: those that are copied from one template have one identifier
	scratch, err := pgtest.Start(t.Context(), pgtest.Config{Driver: "local", Settings: rehearsal.Settings})
	scratch = started.For(t, scratch, err)
	t.Setenv("TMPDIR", temporary)
	s, err := sandbox.Start(sandbox.Config{Dir: filepath.Join(t.TempDir(), "sandbox"), Base: filepath.Join(root, "launch.yaml")})
	s = started.For(t, s, err)
	own := ownDSN(t, s.Dir)
	rehearse := func(dsn string, env ...string) said {
		t.Helper()
		out := command(t, t.TempDir(), append(append(s.Env(), "DRILL_DATABASE_URL="+own, "LAUNCHGATE_POSTGRES=secret:env:SCRATCH_DATABASE_URL", "SCRATCH_DATABASE_URL="+dsn), env...), "rehearse", "migration")
		assert.NotContains(t, out.stdout+out.stderr, password(t, scratch))
		return out
	}
	nothingIsLeft := func() {
		t.Helper()
		require.NoError(t, scratch.Until(t.Context(), "SELECT 1 / (SELECT (NOT EXISTS (SELECT FROM pg_database WHERE datname LIKE 'launchgate%'))::int) = 1"))
	}

	out := rehearse(scratch.DSN())
	require.Zero(t, out.code, "%s%s", out.stdout, out.stderr)
	nothingIsLeft()
	record, err := os.ReadFile(filepath.Join(s.Dir, "rehearsal.json"))
	require.NoError(t, err)

	for name, tt := range map[string]struct{ dsn, want string }{
		"the launch's own": {own, "database.sql.dsn itself, or a copy of it"},
		"nobody there":     {strings.Replace(scratch.DSN(), scratch.Addr(), "127.0.0.1:1", 1), "want a connection to the server"},
		"no URL":           {"host=127.0.0.1 user=postgres dbname=postgres", "want postgres://user:password@host:port/database"},
	} {
		out := rehearse(tt.dsn)
		assert.Equal(t, 2, out.code, "%s: %s", name, out.stdout)
		assert.Contains(t, out.stderr, tt.want, name)
	}
	require.NoError(t, scratch.Exec(t.Context(), "ALTER SYSTEM SET autovacuum = on"))
	require.NoError(t, scratch.Exec(t.Context(), "SELECT pg_reload_conf()"))
	require.NoError(t, scratch.Until(t.Context(), "SELECT current_setting('autovacuum') = 'on'"))
	out = rehearse(scratch.DSN())
	assert.Equal(t, 2, out.code)
	assert.Contains(t, out.stderr, "want a server with autovacuum = off; got on")
	out = rehearse(scratch.DSN(), "DRILL_DATABASE_URL=postgres://drill:correct-horse@127.0.0.1:1/drop")
	assert.Equal(t, 2, out.code)
	assert.Contains(t, out.stderr, "it cannot be compared with drill.url")
	out = rehearse("", "LAUNCHGATE_POSTGRES=secret:env:NOT_SET_AT_ALL")
	assert.Equal(t, 2, out.code)
	assert.Contains(t, out.stderr, "want the environment variable NOT_SET_AT_ALL; got none")
	now, err := os.ReadFile(filepath.Join(s.Dir, "rehearsal.json"))
	require.NoError(t, err)
	assert.Equal(t, record, now, "who is refused writes nothing")
	nothingIsLeft()
}

// TestABaseBackupIsAWholeServer restores none of them to a database of a server that is named.
func TestABaseBackupIsAWholeServer(t *testing.T) {
	t.Setenv("DRILL_URL", "postgres://drill:correct-horse@127.0.0.1:1/drop")
	t.Setenv("SCRATCH_DSN", "postgres://scratch:battery-staple@127.0.0.1:1/postgres")
	t.Setenv(pgtest.Variable, "secret:env:SCRATCH_DSN")
	l := &launch.Launch{ID: "drop-1", Drill: launch.Drill{Source: "base"}}
	require.NoError(t, l.Drill.URL.UnmarshalText([]byte("secret:env:DRILL_URL")))
	_, err := drillOf(t.Context(), l, &drillprobe.Drills{}, io.Discard)
	require.ErrorContains(t, err, "base backups and WAL are of a whole server")
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
	l.Drill.Source = "dump" // which gets as far as to look for that server
	_, err = drillOf(t.Context(), l, &drillprobe.Drills{}, io.Discard)
	require.ErrorContains(t, err, "want a connection to the server that LAUNCHGATE_POSTGRES names")
	assert.NotContains(t, err.Error(), "battery-staple")
}

// ownDSN leads to the sandbox's database, by the tunnel that launch.yaml has.
func ownDSN(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "database", "dsn"))
	require.NoError(t, err)
	u, err := url.Parse(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	text, err = os.ReadFile(filepath.Join(dir, "environments", "sandbox.yaml"))
	require.NoError(t, err)
	found := regexp.MustCompile(`tunnel: "?([0-9.:]+)`).FindSubmatch(text)
	require.NotNil(t, found)
	u.Host, u.RawQuery = string(found[1]), "sslmode=require"
	return u.String()
}
