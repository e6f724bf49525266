package drill

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

// TestInContainers restores to a server in a container, once a drill there was killed, which leaves a container until then.
func TestInContainers(t *testing.T) {
	started.OwnTemporary(t)
	livingWithBase(t)
	t.Setenv("DRILL_DRIVER", "docker")
	dir := t.TempDir()
	killed, _, output := play(t, dir, drillprobe.Restore, "asked")
	require.True(t, killed, output)
	containers, volumes := started.Containers(t)
	require.Len(t, containers, 1, output)
	_, code, output := play(t, dir, drillprobe.Restore, "")
	require.Zero(t, code, output)
	started.Gone(t, containers, volumes)
	containers, _ = started.Containers(t)
	assert.Empty(t, containers, "what was restored is removed: %s", output)
	_, err := drillprobe.Read(filepath.Join(dir, "drills"), "sandbox", drillprobe.Restore)
	require.NoError(t, err)
}
