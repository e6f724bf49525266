package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/stream"
	"github.com/getdrop/launchgate/internal/verdict"
)

const module = "github.com/getdrop/launchgate"

func runCommand() *cobra.Command {
	var o outputs
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "run phase[/section[/gate]]", Short: "Run a phase, a section or a gate, and give the verdict on it",
		Long: "Runs the compiled page that stands beside this program (make build), says one line a gate as it ends, keeps the test\n" +
			"stream and the JUnit report in the reports folder, and exits with the verdict's code: 0 GO, 1 NO-GO, 2 not measured, 3 usage.",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := o.question(args)
			if err != nil {
				return err
			}
			page, err := pageOf(cmd.Context(), in, args[0], timeout)
			if err != nil {
				return err
			}
			page.Stderr = cmd.ErrOrStderr()
			s, err := play(page, kept("stream", args[0]+".json"), func(t stream.Test) {
				in.Now = time.Now()
				if g, ok := verdict.One(in, t); ok {
					o.line(cmd.OutOrStdout(), g)
				}
			})
			if err != nil {
				return err
			}
			in.Streams, in.Now = []stream.Stream{s}, time.Now()
			return o.say(cmd.OutOrStdout(), verdict.Decide(in))
		},
	}
	o.flags(cmd)
	cmd.Flags().DurationVar(&timeout, "timeout", 20*time.Minute, "end the page after this time; each gate has its own deadline below it")
	return cmd
}

// pageOf is the command that runs a selection of its page's test binary through test2json.
func pageOf(ctx context.Context, in verdict.Input, selection string, timeout time.Duration) (*exec.Cmd, error) {
	phase, _, _ := strings.Cut(selection, "/")
	page := in.Catalogue.Phase(phase)
	if len(page) == 0 {
		return nil, fmt.Errorf("run: want a phase that has gates; got %q; `launchgate list` shows all", phase)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	beside := filepath.Dir(self)
	binary := filepath.Join(beside, phase+".test")
	for _, needed := range []string{binary, filepath.Join(beside, "test2json")} {
		if _, err := os.Stat(needed); err != nil {
			return nil, fmt.Errorf("run: want the compiled page and test2json beside this program; got %w; run `make build`", err)
		}
	}
	cmd := exec.CommandContext(ctx, filepath.Join(beside, "test2json"), "-t", "-p", path.Join(module, path.Dir(page[0].File)),
		binary, "-test.v=test2json", "-test.paniconexit0", "-test.run="+anchored(selection), "-test.timeout="+timeout.String())
	cmd.Dir = launch.Root()
	// An interrupt goes to the page itself, which ends its wait and leaves a procedure's journal resumable; test2json reads on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 15 * time.Second
	return cmd, nil
}

// play runs a page and keeps its stream in a file. Whatever goes wrong once the page runs is damage of the stream, so that
// there is always a verdict on what ran.
func play(page *exec.Cmd, file string, onGate func(stream.Test)) (stream.Stream, error) {
	out, err := page.StdoutPipe()
	if err == nil {
		err = page.Start()
	}
	if err != nil {
		return stream.Stream{}, err
	}
	keep := newKeeper(file)
	s, readErr := stream.Read(io.TeeReader(out, keep), onGate)
	runErr := page.Wait()
	if ended := (*exec.ExitError)(nil); errors.As(runErr, &ended) {
		runErr = nil // the page is red or was refused; the stream says so, and the verdict reads it
	}
	if err := errors.Join(readErr, runErr, keep.close()); err != nil {
		s.Damage = append(s.Damage, err.Error())
	}
	return s, nil
}

// keeper writes a stream to a file without its secrets. A full disk stops no page, least of all a rollback: what goes
// wrong is said at the end.
type keeper struct {
	file  *os.File
	clean *redact.Writer
	err   error
}

func newKeeper(name string) *keeper {
	k := &keeper{err: os.MkdirAll(filepath.Dir(name), 0o755)}
	if k.err == nil {
		k.file, k.err = os.Create(name)
	}
	k.clean = redact.NewWriter(k.file)
	return k
}

func (k *keeper) Write(text []byte) (int, error) {
	if k.err == nil {
		_, k.err = k.clean.Write(text)
	}
	return len(text), nil
}

func (k *keeper) close() error {
	if k.err != nil {
		return fmt.Errorf("the stream was not kept: %w", k.err)
	}
	return errors.Join(k.clean.Close(), k.file.Close())
}

// anchored turns an id into a -run pattern that selects it and nothing else.
func anchored(id string) string {
	parts := strings.Split("Test"+id, "/")
	for i, part := range parts {
		parts[i] = "^" + part + "$"
	}
	return strings.Join(parts, "/")
}
