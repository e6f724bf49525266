package main

import (
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/stream"
)

// TestALostTerminalEndsNoRun: a connection that breaks, or a pager that is closed, must not leave a rollback half-way.
func TestALostTerminalEndsNoRun(t *testing.T) {
	t.Cleanup(func() { signal.Reset(syscall.SIGHUP, syscall.SIGPIPE) })
	page := exec.Command("sh", "-c", `kill -HUP $PPID; kill -PIPE $PPID; echo '{"Action":"start","Package":"p"}'; echo '{"Action":"pass","Package":"p"}'`)
	s, err := play(page, exec.Command("cat"), filepath.Join(t.TempDir(), "stream.json"), func(stream.Test) {})
	require.NoError(t, err)
	assert.Empty(t, s.Damage)
	assert.Len(t, s.Packages, 1)
}
