package procedure

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/redact"
)

func command(t *testing.T, script string) (Command, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "run.sh"), []byte("#!/bin/sh\n"+script), 0o700))
	var out bytes.Buffer
	return Command{Args: []string{"./run.sh", "a b"}, Dir: dir, Version: "1.4.2", Launch: "drop-2026", Timeout: 10 * time.Second, Output: &out}, &out
}

func TestACommandKnowsVersionAndLaunch(t *testing.T) {
	c, out := command(t, `echo "$LAUNCH_VERSION $LAUNCH_ID $1 $#"; pwd`)
	require.NoError(t, c.Run(t.Context()))
	assert.Equal(t, "1.4.2 drop-2026 a b 1\n"+c.Dir+"\n", out.String())
}

func TestACommandThatFailsSaysWhy(t *testing.T) {
	require.NoError(t, redact.Register("PASSWORD", "hunter2-secret"))
	c, out := command(t, "echo connecting with hunter2-secret; echo no such cluster >&2; exit 3")
	err := c.Run(t.Context())
	assert.Equal(t, "command.failed", class(err))
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, "no such cluster")
	assert.NotContains(t, out.String()+err.Error(), "hunter2")
}

func TestACommandThatHangsIsKilledWithItsChildren(t *testing.T) {
	c, _ := command(t, "sleep 300 & echo $! > child; wait")
	c.Timeout = 300 * time.Millisecond
	err := c.Run(t.Context())
	assert.Equal(t, "command.timeout", class(err))
	text, readErr := os.ReadFile(filepath.Join(c.Dir, "child"))
	require.NoError(t, readErr)
	pid, readErr := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, readErr)
	assert.Eventually(t, func() bool { return gone(pid) }, 5*time.Second, 10*time.Millisecond)
}

// gone says whether a process has ended; one that nobody has waited for yet counts.
func gone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestTheEndOfTheRunIsNotTheCommandsFailure(t *testing.T) {
	c, _ := command(t, "sleep 300")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	err := c.Run(ctx)
	require.ErrorIs(t, err, context.Canceled)
	assert.ErrorContains(t, err, "the run was ended")
}

func TestACommandMayLeaveADaemonBehind(t *testing.T) {
	c, _ := command(t, "sleep 5 & echo $! > child")
	require.NoError(t, c.Run(t.Context()))
	text, err := os.ReadFile(filepath.Join(c.Dir, "child"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL), "it was not killed with the group")
}

func TestAMissingProgramIsFoundOutBeforeItIsNeeded(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plain"), []byte("x"), 0o600))
	for want, args := range map[string][]string{
		"no arguments":                      {},
		"program ./rollback.sh":             {"./rollback.sh"},
		"permission denied":                 {"./plain"},
		"program no-such-program-anywhere":  {"no-such-program-anywhere"},
		"the script scripts/rollback.sh; g": {"sh", "scripts/rollback.sh", "production"},
	} {
		err := Command{Args: args, Dir: dir, Timeout: time.Second}.Run(t.Context())
		require.ErrorContains(t, err, want)
		assert.Equal(t, "command.missing", class(err), want)
	}
	path, err := Command{Args: []string{"sh", "-c", "true"}, Dir: dir}.Find()
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(path))
}

func TestLongOutputIsPassedOnAndItsEndKept(t *testing.T) {
	c, out := command(t, "head -c 200000 /dev/zero | tr '\\0' x; echo; echo the end; exit 1")
	err := c.Run(t.Context())
	assert.ErrorContains(t, err, "the end")
	assert.Less(t, len(err.Error()), 3000)
	assert.Len(t, strings.ReplaceAll(out.String(), "\n", ""), 200007)
}
