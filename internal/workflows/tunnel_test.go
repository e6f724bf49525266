package workflows

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/launch"
)

// TestMain lets the test binary be run again as the `aws` of a scene.
func TestMain(m *testing.M) {
	if how := os.Getenv("FAKE_AWS"); how != "" {
		os.Exit(fakeAWS(how, os.Args[1:]))
	}
	os.Exit(m.Run())
}

// fakeAWS is `aws ssm start-session`: it forwards connections, refuses, or never gets there. All hosts are this machine.
func fakeAWS(how string, args []string) int {
	given := map[string]string{}
	for i := 2; i+1 < len(args); i += 2 {
		given[args[i]] = args[i+1]
	}
	var p struct{ Host, PortNumber, LocalPortNumber []string }
	err := json.Unmarshal([]byte(given["--parameters"]), &p)
	if args[0] != "ssm" || args[1] != "start-session" || given["--document-name"] != "AWS-StartPortForwardingSessionToRemoteHost" || given["--target"] != "i-0123456789abcdef0" || err != nil || p.Host[0] != "db.example.com" {
		fmt.Println("wrong usage:", args, err)
		return 2
	}
	switch how {
	case "denies":
		fmt.Println("An error occurred (AccessDeniedException) when calling the StartSession operation")
		return 254
	case "hangs":
		fmt.Println("Starting session with SessionId: runner-1")
		<-time.After(time.Minute)
		return 0
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+p.LocalPortNumber[0])
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for {
		near, err := listener.Accept()
		if err != nil {
			return 1
		}
		go func() {
			defer near.Close()
			far, err := net.Dial("tcp", "127.0.0.1:"+p.PortNumber[0])
			if err != nil {
				return
			}
			defer far.Close()
			go func() { _, _ = io.Copy(far, near) }() // ends with its connection
			_, _ = io.Copy(near, far)
		}()
	}
}

// tunnels is a machine with some programs on it, and what was said there.
type tunnels struct {
	dir, path string
}

func newTunnels(t *testing.T, programs ...string) *tunnels {
	t.Helper()
	s := &tunnels{dir: t.TempDir()}
	bin := filepath.Join(s.dir, "bin")
	require.NoError(t, os.Mkdir(bin, 0o700))
	for _, name := range programs {
		require.NoError(t, os.Symlink(os.Args[0], filepath.Join(bin, name)))
	}
	for _, name := range []string{"bash", "env", "mkdir", "rm", "setsid", "sleep", "tail"} { // and no aws of this machine's own
		path, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(path, filepath.Join(bin, name)))
	}
	s.path = bin
	t.Cleanup(func() { _, _ = s.run(t, "", "", "close") })
	return s
}

func (s *tunnels) run(t *testing.T, aws, stdin string, args ...string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(launch.Root(), ".github", "tunnel.sh"), args...)
	cmd.Env = []string{"PATH=" + s.path, "RUNNER_TEMP=" + s.dir, "FAKE_AWS=" + aws}
	cmd.Stdin = strings.NewReader(stdin)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	require.NoError(t, ctx.Err(), out.String())
	if cmd.ProcessState == nil {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// greeter is a database of few words.
func greeter(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "PostgreSQL") // a look whether the port answers does not listen
			_ = conn.Close()
		}
	}()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

// free is a port that nobody has.
func free(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}

func (s *tunnels) open(t *testing.T, aws string, lines ...string) (int, string) {
	t.Helper()
	var stdin strings.Builder
	for _, line := range lines {
		stdin.WriteString(line + "\n")
	}
	return s.run(t, aws, stdin.String(), "open", "i-0123456789abcdef0", "2")
}

func closed(t *testing.T, port string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
	if !assert.Error(t, err, "nothing must answer at port %s any more", port) {
		assert.NoError(t, conn.Close())
	}
}

var both = []string{"aws", "session-manager-plugin"}

func TestTunnelsLeadToTheDatabaseUntilTheyAreClosed(t *testing.T) {
	s, far, one, two := newTunnels(t, both...), greeter(t), free(t), free(t)
	code, said := s.open(t, "forwards", one+" db.example.com "+far, two+" db.example.com "+far)
	require.Zero(t, code, said)
	assert.Equal(t, "open: "+one+" "+two+"\n", said)
	for _, port := range []string{one, two} {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		require.NoError(t, err)
		require.NoError(t, conn.SetDeadline(time.Now().Add(5*time.Second)))
		text, err := io.ReadAll(conn)
		require.NoError(t, err)
		assert.Equal(t, "PostgreSQL", string(text))
		require.NoError(t, conn.Close())
	}
	code, said = s.run(t, "", "", "close")
	assert.Zero(t, code, said)
	closed(t, one)
	closed(t, two)
	code, said = s.run(t, "", "", "close")
	assert.Zero(t, code, "nothing to close is no failure: %s", said)
}

func TestTunnelsThatDoNotOpenAreRed(t *testing.T) {
	taken := greeter(t)
	for name, scene := range map[string]struct {
		programs []string
		aws      string
		lines    []string
		said     string
	}{
		"never opens":  {both, "hangs", []string{free(t) + " db.example.com 5432"}, "does not answer after 2 s: Starting session"},
		"denied":       {both, "denies", []string{free(t) + " db.example.com 5432"}, "AccessDeniedException) when calling the StartSession operation. Its role needs ssm:StartSession on i-0123456789abcdef0"},
		"no plugin":    {[]string{"aws"}, "forwards", []string{free(t) + " db.example.com 5432"}, "session-manager-plugin is not on this machine"},
		"no aws":       {nil, "forwards", []string{free(t) + " db.example.com 5432"}, "aws is not on this machine"},
		"port taken":   {both, "forwards", []string{taken + " db.example.com 5432"}, "port " + taken + " is taken"},
		"nothing said": {both, "forwards", nil, "launch.yaml names no tunnel"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTunnels(t, scene.programs...)
			began := time.Now()
			code, said := s.open(t, scene.aws, scene.lines...)
			assert.Equal(t, 1, code, said)
			assert.Contains(t, said, "::error::")
			assert.Contains(t, said, scene.said)
			assert.Less(t, time.Since(began), 20*time.Second)
			left, err := filepath.Glob(filepath.Join(s.dir, "tunnels", "*.pid"))
			require.NoError(t, err)
			assert.Empty(t, left, "what was opened is closed")
		})
	}
}

// One of two that does not open closes the other.
func TestTunnelsOpenAllOrNone(t *testing.T) {
	s, far, one := newTunnels(t, both...), greeter(t), free(t)
	code, said := s.open(t, "forwards", one+" db.example.com "+far, free(t)+" elsewhere.example.com "+far)
	assert.Equal(t, 1, code, said)
	closed(t, one)
}
