package procedure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Command is a program of the launch: how a version is brought out or back.
type Command struct {
	Args    []string // program and arguments; there is no shell
	Dir     string   // working directory; a program named with a relative path is below it, one named without a slash is in PATH
	Version string   // LAUNCH_VERSION
	Launch  string   // LAUNCH_ID
	Env     []string // more of its environment
	Timeout time.Duration
	Output  io.Writer // gets the output as it comes, redacted
}

// String is the command for a person.
func (c Command) String() string {
	return redact.String(fmt.Sprintf("%q with LAUNCH_VERSION=%s", c.Args, c.Version))
}

// interpreters are programs whose first plain argument is the real program.
var interpreters = []string{"sh", "bash", "zsh", "python3", "python", "node", "ruby", "perl"}

// Find returns the program's path. It fails when the program, or the script that an interpreter is to run, is not there.
func (c Command) Find() (string, error) {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return "", missing("a program", "no arguments", c.Dir)
	}
	name := c.Args[0]
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		name = filepath.Join(c.Dir, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", missing("an executable program "+c.Args[0], err.Error(), c.Dir)
	}
	if slices.Contains(interpreters, filepath.Base(path)) && len(c.Args) > 1 && !strings.HasPrefix(c.Args[1], "-") {
		script := c.Args[1]
		if !filepath.IsAbs(script) {
			script = filepath.Join(c.Dir, script)
		}
		if info, err := os.Stat(script); err != nil || !info.Mode().IsRegular() {
			return "", missing("the script "+c.Args[1], fmt.Sprintf("no such file (%v)", err), c.Dir)
		}
	}
	return path, nil
}

func missing(want, got, dir string) error {
	return &probe.Unmet{Class: "command.missing", Want: want, Got: got, From: dir,
		Fix: "correct the command in launch.yaml, or bring the program to this machine"}
}

// Run runs the command in a process group of its own and waits for it. When ctx or Timeout ends, the whole group is
// killed; a kill -9 of this process itself leaves it running. An exit code other than 0 is a *probe.Unmet with the end of the output.
func (c Command) Run(ctx context.Context) error {
	path, err := c.Find()
	if err != nil {
		return err
	}
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, c.Args[1:]...) // #nosec G204 -- running the command that launch.yaml names is the purpose
	cmd.Dir = c.Dir
	cmd.Env = append(os.Environ(), "LAUNCH_VERSION="+c.Version, "LAUNCH_ID="+c.Launch)
	cmd.Env = append(cmd.Env, c.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second // a daemon that the command left behind may hold the output open; it is not waited for
	out := &output{to: c.Output}
	clean := redact.NewWriter(out)
	cmd.Stdout, cmd.Stderr = clean, clean

	err = errors.Join(cmd.Run(), clean.Flush())
	tail := out.end()
	switch {
	case errors.Is(whole.Err(), context.Canceled): // a step's own deadline is not the end of the run
		return fmt.Errorf("the run was ended while %s was under way: %w", c, context.Cause(whole))
	case ctx.Err() != nil:
		return &probe.Unmet{Class: "command.timeout", Want: fmt.Sprintf("%s to end within %s", c, c.Timeout), Got: "it was killed; " + tail,
			Fix: "see why it hangs"}
	case err == nil || errors.Is(err, exec.ErrWaitDelay):
		return nil
	default:
		return &probe.Unmet{Class: "command.failed", Want: fmt.Sprintf("%s to end with 0", c), Got: fmt.Sprintf("%v; %s", err, tail),
			Fix: "read its output"}
	}
}
