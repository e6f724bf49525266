package rehearsal_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/rehearsal"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// BenchmarkFiveMillionRows rehearses with five million rows, and reports the memory of this process, which is not the server's.
func BenchmarkFiveMillionRows(b *testing.B) {
	server, err := pgtest.Start(b.Context(), pgtest.Config{Driver: pgtest.Quickest, Settings: rehearsal.Settings})
	require.NoError(b, err)
	defer func() { require.NoError(b, server.Close()) }()
	dir, w := b.TempDir(), good()
	for name, text := range w.files {
		require.NoError(b, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	script := filepath.Join(dir, "verify-migration.sh")
	require.NoError(b, os.WriteFile(script, []byte("psql -X -qAt -c 'SELECT 1/(SELECT count(*) FROM account WHERE phone IS NULL)' && exit 1; exit 0\n"), 0o600))
	set, err := migrations.Read(w.tool, dir)
	require.NoError(b, err)
	for b.Loop() {
		rec, err := rehearsal.Run(b.Context(), server, rehearsal.Plan{Launch: "size", Set: set, Applied: 1, LockWait: time.Second, Dir: dir, Timeout: time.Hour,
			Verify: []string{"bash", script}, Corruptions: []string{"nulls"},
			Data: rehearsal.Data{Rows: []rehearsal.Rows{{Table: "account", Rows: 1_000_000}, {Table: "payment", Rows: 4_000_000}}}})
		require.NoError(b, err)
		for _, s := range rec.Steps {
			b.Logf("%s %s %+v held %+v waited %+v", s.Name, s.Took, s.Failure, s.Held, s.Waited)
		}
		require.NotNil(b, rec.Step(record.Back))
		var usage syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
		b.ReportMetric(float64(usage.Maxrss)/1024, "MB-of-our-own")
		b.ReportMetric(float64(rec.Bytes)/(1<<20), "MB-of-data")
		b.ReportMetric(rec.Step(record.Up).Took.Seconds(), "s-up")
		b.ReportMetric(rec.Ended.Sub(rec.Began).Seconds(), "s-in-all")
	}
}
