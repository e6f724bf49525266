package drill

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

// livingWithBase is a live database that children restore a base backup of.
func livingWithBase(t *testing.T) {
	t.Helper()
	live, base := living(t, true), t.TempDir()
	require.NoError(t, live.BaseBackup(t.Context(), filepath.Join(base, "monday")))
	require.NoError(t, live.Archived(t.Context()))
	t.Setenv("DRILL_LIVE", live.DSN())
	t.Setenv("DRILL_BASE", base)
	t.Setenv("DRILL_ARCHIVE", live.ArchiveDir())
}

// TestAKilledRestoreLeavesNoServer is TestAKilledDrillLeavesNothing for PostgreSQL on this machine: no process and no folder is left.
func TestAKilledRestoreLeavesNoServer(t *testing.T) {
	temporary := started.OwnTemporary(t)
	livingWithBase(t)
	before := serversIn(t, temporary)
	require.Len(t, before, 1)
	for _, processes := range before {
		require.Positive(t, processes, "this test must see processes")
	}
	for _, kind := range []string{drillprobe.Restore, drillprobe.PITR} {
		for _, point := range []string{"noted", "marked", "asking", "asked", "restored", "looked", "removed", "reported"} {
			if point == "marked" && kind == drillprobe.Restore {
				continue
			}
			t.Run(kind+"/"+point, func(t *testing.T) {
				dir := t.TempDir()
				killed, _, output := play(t, dir, kind, point)
				require.True(t, killed, "the first drill must die at %q: %s", point, output)
				_, code, output := play(t, dir, kind, "")
				assert.Zero(t, code, output)
				assert.Equal(t, before, serversIn(t, temporary), output)
				_, err := drillprobe.Read(filepath.Join(dir, "drills"), "sandbox", kind)
				assert.NoError(t, err)
			})
		}
	}
}

// serversIn are the folders of servers below a folder, and how many processes work on them.
func serversIn(t *testing.T, dir string) map[string]int {
	t.Helper()
	found := map[string]int{}
	folders, err := filepath.Glob(filepath.Join(dir, "*", "pg-*"))
	require.NoError(t, err)
	for _, folder := range folders {
		found[folder] = 0
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, process := range processes {
		text, err := os.ReadFile(process)
		if err != nil {
			continue // it has ended
		}
		if _, at, ok := strings.Cut(string(text), dir); ok && strings.Contains(string(text), "postgres") {
			folder := strings.Join(strings.SplitN(at, "/", 4)[:3], "/")
			found[dir+folder]++
		}
	}
	return found
}
