package drill

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

// living starts a live database with a ledger, and a canary of some hours ago.
func living(t *testing.T, archive bool) *pgtest.Server {
	t.Helper()
	s, err := pgtest.Start(t.Context(), pgtest.Config{Driver: "local", Archive: archive})
	s = started.For(t, s, err)
	require.NoError(t, s.Exec(t.Context(), Schema+"; CREATE TABLE ledger (id bigserial PRIMARY KEY, amount numeric, at timestamptz DEFAULT now(), note text); INSERT INTO ledger (amount) SELECT i * 1.01 FROM generate_series(1, 500) i"))
	live, err := Open(t.Context(), &probe.Network{}, s.DSN())
	require.NoError(t, err)
	_, err = live.Mark(t.Context(), "drop", []drillprobe.Table{ledger})
	require.NoError(t, err)
	require.NoError(t, live.Close(t.Context()))
	require.NoError(t, s.Exec(t.Context(), "UPDATE launchgate_mark SET made = made - interval '16 hours'; INSERT INTO ledger (amount) VALUES (1000)"))
	return s
}

func drillOf(t *testing.T, live *pgtest.Server, source Source) *Drill {
	t.Helper()
	d, _ := onPaper(t.TempDir())
	d.Source, d.Live, d.Kind = source, live.DSN(), "base"
	d.Open = func(ctx context.Context, dsn string) (Database, error) { return Open(ctx, &probe.Network{}, dsn) }
	return d
}

func TestDumps(t *testing.T) {
	live := living(t, false)
	good := filepath.Join(t.TempDir(), "drop.dump")
	require.NoError(t, live.Dump(t.Context(), good))
	whole, err := os.ReadFile(good)
	require.NoError(t, err)
	require.NoError(t, live.Exec(t.Context(), "UPDATE ledger SET amount = amount + 1 WHERE id = 7"))
	later := filepath.Join(t.TempDir(), "later.dump")
	require.NoError(t, live.Dump(t.Context(), later))
	changed, err := os.ReadFile(later)
	require.NoError(t, err)
	require.NoError(t, live.Exec(t.Context(), "UPDATE ledger SET amount = amount - 1 WHERE id = 7; DELETE FROM ledger WHERE id = 8"))
	require.NoError(t, os.Remove(later))
	require.NoError(t, live.Dump(t.Context(), later))
	fewer, err := os.ReadFile(later)
	require.NoError(t, err)
	for name, test := range map[string]struct {
		text   []byte
		live   string // run on the live database once it was dumped
		change func(*Drill)
		status probe.Status
		said   string
	}{
		"whole":               {text: whole, status: probe.Pass},
		"another amount":      {text: changed, status: probe.Fail, said: "got other contents"},
		"a row less":          {text: fewer, status: probe.Fail, said: "want 500 rows up to id 500 in the restored table ledger; got 499"},
		"empty":               {text: []byte{}, status: probe.Fail, said: "no dump"},
		"cut off in its head": {text: whole[:20], status: probe.Fail, said: "no dump"},
		"cut off":             {text: whole[:len(whole)-100], status: probe.Fail, said: "loads without an error"},
		"statements":          {text: []byte("CREATE TABLE ledger (id int);"), status: probe.Fail, said: "no dump"},
		"of another database": {text: []byte(strings.Replace(string(whole), "postgres", "postgrez", 1)), status: probe.Fail, said: `one of "postgrez"`},
		"of a twin":           {text: whole, live: "UPDATE launchgate_mark SET id = 'twin'", status: probe.Fail, said: "which the live database has not"},
		"a row was changed":   {text: whole, live: `UPDATE launchgate_mark SET figures = replace(figures, '"rows":500', '"rows":499')`, status: probe.Fail, said: "which the live database has not"},
		"old":                 {text: whole, change: func(d *Drill) { d.Want.RPO = 15 * time.Hour }, status: probe.Blocked, said: "a canary no more than 15h"},
		"slow":                {text: whole, change: func(d *Drill) { d.Want.RTO = 10 * time.Millisecond; d.Want.LogRPO = time.Minute }, status: probe.Fail, said: "want the database back within 10ms"},
		"a new table": {text: whole, change: func(d *Drill) {
			d.Want.Tables = []drillprobe.Table{{Name: "rates", Key: "id", Columns: []string{"id"}}}
		}, status: probe.Blocked, said: "figures of rates"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "drop.dump"), test.text, 0o644))
			if test.live != "" {
				require.NoError(t, live.Exec(t.Context(), "CREATE TABLE kept AS TABLE launchgate_mark; "+test.live))
				t.Cleanup(func() {
					assert.NoError(t, live.Exec(context.Background(), "TRUNCATE launchgate_mark; INSERT INTO launchgate_mark TABLE kept; DROP TABLE kept"))
				})
			}
			d := drillOf(t, live, NewDumps(dir, live.DSN(), "local"))
			if test.change != nil {
				test.change(d)
			}
			report, err := d.Run(t.Context(), drillprobe.Restore)
			require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
			if test.said != "" {
				assert.ErrorContains(t, err, test.said)
				return
			}
			require.NotNil(t, report)
			assert.Equal(t, int64(500), report.Tables[0].Restored.Rows, "what was written after the canary is not counted")
			assert.Equal(t, "drop.dump", report.Backup.ID)
			assert.WithinDuration(t, time.Now(), report.Backup.Made, zones)
		})
	}
	t.Run("on a named server", func(t *testing.T) {
		other, err := pgtest.Start(t.Context(), pgtest.Config{Driver: "local"})
		other = started.For(t, other, err)
		for text, want := range map[string]probe.Status{string(whole): probe.Pass, string(fewer): probe.Fail, string(whole[:len(whole)-100]): probe.Fail} {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "drop.dump"), []byte(text), 0o600))
			dumps := NewDumps(dir, live.DSN(), "")
			dumps.Named, err = pgtest.OpenNamed(t.Context(), other.DSN(), pgtest.NamedConfig{Apart: func(context.Context, string, string) error { return nil }})
			require.NoError(t, err)
			_, err := drillOf(t, live, dumps).Run(t.Context(), drillprobe.Restore)
			assert.Equal(t, want, probe.StatusOf(err), "%v", err)
			require.NoError(t, other.Exec(t.Context(), "SELECT 1 / (SELECT (count(*) = 0)::int FROM pg_database WHERE datname LIKE 'launchgate%')"), "nothing is left")
		}
	})
	t.Run("no point", func(t *testing.T) {
		_, err := drillOf(t, live, NewDumps(filepath.Dir(good), live.DSN(), "local")).Run(t.Context(), drillprobe.PITR)
		assert.Equal(t, probe.Blocked, probe.StatusOf(err))
		assert.ErrorContains(t, err, "got dumps")
	})
	t.Run("none", func(t *testing.T) {
		_, err := drillOf(t, live, NewDumps(t.TempDir(), live.DSN(), "local")).Run(t.Context(), drillprobe.Restore)
		assert.Equal(t, probe.Fail, probe.StatusOf(err))
	})
	t.Run("no folder", func(t *testing.T) {
		_, err := drillOf(t, live, NewDumps(filepath.Join(t.TempDir(), "none"), live.DSN(), "local")).Run(t.Context(), drillprobe.Restore)
		assert.Equal(t, probe.Blocked, probe.StatusOf(err))
	})
}

func TestBaseAndWAL(t *testing.T) {
	live := living(t, true)
	dir := t.TempDir()
	require.NoError(t, live.BaseBackup(t.Context(), filepath.Join(dir, "monday")))
	require.NoError(t, live.Archived(t.Context()))
	source := func(archive string) *Base { return NewBase(dir, archive, live.DSN(), "local") }

	weekly := drillOf(t, live, source(live.ArchiveDir()))
	label := filepath.Join(dir, "monday", "backup_label")
	text, err := os.ReadFile(label)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(label, begun.ReplaceAll(text, []byte("START TIME: "+time.Now().AddDate(0, 0, -6).UTC().Format("2006-01-02 15:04:05")+" CET")), 0o600))
	report, err := weekly.Run(t.Context(), drillprobe.Restore) // the WAL of six days makes it as young as its canary
	require.NoError(t, err)
	assert.Equal(t, "monday", report.Backup.ID)
	report, err = drillOf(t, live, source(live.ArchiveDir())).Run(t.Context(), drillprobe.PITR)
	require.NoError(t, err)
	assert.True(t, report.Canary.Found)
	assert.False(t, report.After.Found)
	assert.Equal(t, int64(501), report.Tables[0].Restored.Rows)
	t.Logf("back after %s", report.Verified.Sub(report.Began))

	// A backup that another program made has no settings that are good here.
	for _, file := range []string{"launchgate_password", "postgresql.conf", "pg_hba.conf", "pg_ident.conf"} {
		require.NoError(t, os.Remove(filepath.Join(dir, "monday", file)))
	}
	_, err = drillOf(t, live, source(live.ArchiveDir())).Run(t.Context(), drillprobe.PITR)
	require.NoError(t, err)

	for range 3 { // so that there is a segment between the backup and the point
		require.NoError(t, live.Exec(t.Context(), "INSERT INTO ledger (amount) VALUES (1)"))
		require.NoError(t, live.Archived(t.Context()))
	}
	segments, err := filepath.Glob(filepath.Join(live.ArchiveDir(), "????????????????????????"))
	require.NoError(t, err)
	lost := segments[len(segments)-2]
	require.NoError(t, os.Rename(lost, lost+".lost"))
	for _, kind := range []string{drillprobe.PITR, drillprobe.Restore} {
		_, err = drillOf(t, live, source(live.ArchiveDir())).Run(t.Context(), kind)
		assert.Equal(t, probe.Fail, probe.StatusOf(err), "%v", err)
		assert.ErrorContains(t, err, "got no "+filepath.Base(lost))
	}
	require.NoError(t, os.Rename(lost+".lost", lost))

	stuck := drillOf(t, live, source(t.TempDir())) // nothing is shipped there
	stuck.Want.LogRPO = 100 * time.Millisecond
	_, err = stuck.Run(t.Context(), drillprobe.PITR)
	assert.Equal(t, probe.Fail, probe.StatusOf(err), "%v", err)
	assert.ErrorContains(t, err, "see whether the log is shipped")
	require.NoError(t, os.Remove(filepath.Join(dir, "monday", "backup_label")))
	_, err = drillOf(t, live, source(live.ArchiveDir())).Run(t.Context(), drillprobe.Restore)
	assert.Equal(t, probe.Fail, probe.StatusOf(err), "%v", err)
	assert.ErrorContains(t, err, "backup_label")
}
