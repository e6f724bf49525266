package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
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
			page, events, err := pageOf(cmd.Context(), in, args[0], timeout)
			if err != nil {
				return err
			}
			events.Stderr = cmd.ErrOrStderr()
			s, err := play(page, events, kept("stream", args[0]+".json"), func(t stream.Test) {
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

// pageOf are the command that runs a selection with its page's test binary, and the one that turns what it prints into events.
func pageOf(ctx context.Context, in verdict.Input, selection string, timeout time.Duration) (page, events *exec.Cmd, err error) {
	phase, _, _ := strings.Cut(selection, "/")
	gates := in.Catalogue.Phase(phase)
	if len(gates) == 0 {
		return nil, nil, fmt.Errorf("run: want a phase that has gates; got %q; `launchgate list` shows all", phase)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	binary, test2json := filepath.Join(filepath.Dir(self), phase+".test"), filepath.Join(filepath.Dir(self), "test2json")
	for _, needed := range []string{binary, test2json} {
		if _, err := os.Stat(needed); err != nil {
			return nil, nil, fmt.Errorf("run: want the compiled page and test2json beside this program; got %w; run `make build`", err)
		}
	}
	page = exec.CommandContext(ctx, binary, "-test.v=test2json", "-test.paniconexit0", "-test.run="+anchored(selection), "-test.timeout="+timeout.String())
	page.Dir = launch.Root()
	// One interrupt reaches the page, ours, and not the terminal's too: it ends a wait and leaves a procedure's journal resumable.
	page.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	page.Cancel = func() error { return page.Process.Signal(os.Interrupt) }
	page.WaitDelay = 15 * time.Second
	// test2json does not start the page itself, because it would have it ignore interrupts. It reads on until the page has ended.
	events = exec.CommandContext(context.WithoutCancel(ctx), test2json, "-t", "-p", path.Join(module, path.Dir(gates[0].File)))
	events.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return page, events, nil
}

// play runs a page and keeps its stream in a file. Whatever goes wrong once the page runs is damage of the stream, so that
// there is always a verdict on what ran.
func play(page, events *exec.Cmd, file string, onGate func(stream.Test)) (stream.Stream, error) {
	signal.Ignore(syscall.SIGHUP, syscall.SIGPIPE) // a lost terminal or a closed pager leaves no rollback half-way
	in, err := events.StdinPipe()
	if err != nil {
		return stream.Stream{}, err
	}
	out, err := events.StdoutPipe()
	if err != nil {
		return stream.Stream{}, err
	}
	link := &steady{w: in}
	said := redact.NewWriter(link) // before test2json encodes it, or cuts a long line
	page.Stdout, page.Stderr = said, said
	if err := events.Start(); err != nil {
		return stream.Stream{}, err
	}
	if err := page.Start(); err != nil {
		return stream.Stream{}, errors.Join(err, in.Close(), events.Wait())
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(finish(page, said), said.Close(), link.err, in.Close()) }()
	f, err := create(file)
	keep := &steady{w: f, err: err}
	s, readErr := stream.Read(io.TeeReader(out, keep), onGate)
	if err := errors.Join(readErr, <-ended, events.Wait()); err != nil {
		s.Damage = append(s.Damage, err.Error())
	}
	if keep.err == nil {
		keep.err = f.Close()
	}
	if keep.err != nil {
		s.Damage = append(s.Damage, "the stream was not kept: "+keep.err.Error())
	}
	return s, nil
}

// finish waits for a page and says how it ended, as `go test` does: a page that exits with an error has failed, whatever
// it printed.
func finish(page *exec.Cmd, out io.Writer) error {
	err := page.Wait()
	if err != nil {
		fmt.Fprint(out, "\n\x16FAIL\n") // the mark is how -test.v=test2json tells its own lines from a test's
	}
	if red := (*exec.ExitError)(nil); errors.As(err, &red) {
		return nil // it is red or was refused; the stream says so, and the verdict reads it
	}
	return err
}

// steady writes as long as it can and takes the rest for nothing: a full disk or a dead reader stops no page, least of all
// a rollback.
type steady struct {
	w   io.Writer
	err error // the first thing that went wrong
}

func (s *steady) Write(text []byte) (int, error) {
	if s.err == nil {
		_, s.err = s.w.Write(text)
	}
	return len(text), nil
}

func create(name string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, err
	}
	return os.Create(name)
}

// anchored turns an id into a -run pattern that selects it and nothing else.
func anchored(id string) string {
	parts := strings.Split("Test"+id, "/")
	for i, part := range parts {
		parts[i] = "^" + part + "$"
	}
	return strings.Join(parts, "/")
}
