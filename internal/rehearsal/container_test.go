package rehearsal_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/rehearsal"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// dies has the test's own process end where the rehearsal is half-way.
const dies = "REHEARSAL_DIES"

// TestInContainers rehearses on a server in a container, once a rehearsal there was killed, which leaves a container until then.
func TestInContainers(t *testing.T) {
	dying := os.Getenv(dies) != ""
	var containers, volumes []string
	if !dying {
		started.OwnTemporary(t)
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestInContainers$")
		cmd.Env = append(os.Environ(), dies+"=1")
		out, err := cmd.CombinedOutput()
		exit := (*exec.ExitError)(nil)
		require.ErrorAs(t, err, &exit, "%s", out)
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", out)
		containers, volumes = started.Containers(t)
		require.Len(t, containers, 1, "%s", out)
	}
	w := good()
	w.plan = func(p *rehearsal.Plan) {
		p.Progress = func(step string, _ time.Duration) func() {
			if dying && step == record.Up {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // what follows never runs
				select {}
			}
			return func() {}
		}
	}
	t.Run("again", func(t *testing.T) {
		server, err := pgtest.Start(t.Context(), pgtest.Config{Driver: "docker", Settings: rehearsal.Settings})
		server = started.For(t, server, err)
		status, lines, rec := rehearse(t, server, w)
		for gate, s := range status {
			assert.Equal(t, probe.Pass, s, "%s: %s", gate, lines[gate])
		}
		assert.Len(t, rec.Steps, 7)
		blind := good()
		blind.verify = "exit 0\n"
		status, lines, _ = rehearse(t, server, blind)
		assert.Equal(t, probe.Fail, status["IntegrityScript"])
		assert.Contains(t, lines["IntegrityScript"], "exit code 0 on all 4 corrupted copies")
		started.Gone(t, containers, volumes)
		containers, volumes = started.Containers(t)
		require.Len(t, containers, 1)
	})
	started.Gone(t, containers, volumes)
}
