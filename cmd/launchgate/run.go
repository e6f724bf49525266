package main

import (
	"bytes"
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

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/report"
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
			in, err := question(args)
			if err != nil {
				return err
			}
			s, err := runPage(cmd.Context(), in, args[0], timeout, o.lines(cmd.OutOrStdout()))
			if err != nil {
				return err
			}
			in.Streams, in.Now, in.RefuseWaivers = []stream.Stream{s}, time.Now(), o.waivers == "fail"
			return o.say(cmd.OutOrStdout(), verdict.Decide(in))
		},
	}
	o.flags(cmd)
	cmd.Flags().DurationVar(&timeout, "timeout", 20*time.Minute, "end the page after this time; each gate has its own deadline below it")
	return cmd
}

// question is what a verdict needs to know before anything ran. A launch.yaml that cannot be used is part of it.
func question(selection []string) (verdict.Input, error) {
	all, err := catalogue.All()
	if err != nil {
		return verdict.Input{}, err
	}
	reports := evidence.Reports(launch.Root())
	in := verdict.Input{Catalogue: all, Select: selection, Now: time.Now(),
		Evidence: func(gate string) (*evidence.Gate, string, error) { return evidence.Read(reports, gate) }}
	read := launch.ForRollback
	for _, id := range selection {
		if phase, _, _ := strings.Cut(id, "/"); phase != string(launch.RollBack) {
			read = launch.FromEnv
		}
	}
	in.Launch, in.ConfigError = read()
	return in, nil
}

// streamFile is where the test stream of a selection is kept.
func streamFile(selection string) string {
	return filepath.Join(evidence.Reports(launch.Root()), "stream", strings.ReplaceAll(selection, "/", ".")+".json")
}

// runPage runs the test binary of a selection's page through test2json, keeps the stream and says each gate as it ends.
func runPage(ctx context.Context, in verdict.Input, selection string, timeout time.Duration, line func(verdict.Gate)) (stream.Stream, error) {
	phase, _, _ := strings.Cut(selection, "/")
	page := in.Catalogue.Phase(phase)
	if len(page) == 0 {
		return stream.Stream{}, fmt.Errorf("run %s: want a phase of the runbook; got %q; `launchgate list` shows all", selection, phase)
	}
	self, err := os.Executable()
	if err != nil {
		return stream.Stream{}, err
	}
	bin := filepath.Dir(self)
	binary := filepath.Join(bin, phase+".test")
	if _, err := os.Stat(binary); err != nil {
		return stream.Stream{}, fmt.Errorf("run %s: want the compiled page beside this program; got %w; run `make build`", selection, err)
	}
	file := streamFile(selection)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return stream.Stream{}, err
	}
	kept, err := os.Create(file)
	if err != nil {
		return stream.Stream{}, err
	}
	defer kept.Close()

	cmd := exec.CommandContext(ctx, filepath.Join(bin, "test2json"), "-t", "-p", path.Join(module, path.Dir(page[0].File)),
		binary, "-test.v=test2json", "-test.paniconexit0", "-test.run="+anchored(selection), "-test.timeout="+timeout.String())
	cmd.Dir = launch.Root()
	// An interrupt goes to the page itself, which ends its wait and leaves a procedure's journal resumable; test2json reads on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 15 * time.Second
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return stream.Stream{}, err
	}
	if err := cmd.Start(); err != nil {
		return stream.Stream{}, err
	}
	clean := redact.NewWriter(kept)
	s, readErr := stream.Read(io.TeeReader(out, clean), func(t stream.Test) {
		if g, ok := verdict.One(in, t); ok {
			line(g)
		}
	})
	runErr := cmd.Wait()
	if ended := (*exec.ExitError)(nil); errors.As(runErr, &ended) {
		runErr = nil // the page is red or was refused; the stream says so, and the verdict reads it
	}
	return s, errors.Join(readErr, runErr, clean.Close())
}

// anchored turns an id into a -run pattern that selects it and nothing else.
func anchored(id string) string {
	parts := strings.Split("Test"+id, "/")
	for i, part := range parts {
		parts[i] = "^" + part + "$"
	}
	return strings.Join(parts, "/")
}

// outputs are the forms in which a verdict is given.
type outputs struct {
	format, junit, profile, waivers string
}

func (o *outputs) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.format, "format", "human", "human, json or github")
	cmd.Flags().StringVar(&o.junit, "junit", "", "JUnit file (default reports/junit/<selection>.xml)")
	cmd.Flags().StringVar(&o.profile, "junit-profile", "ci", "ci (file, line and properties) or strict (the Jenkins xUnit schema)")
	cmd.Flags().StringVar(&o.waivers, "waivers", "accept", "accept, or fail: a GO with waivers exits with 4")
}

// lines prints a gate as it ends, where people or a job's log read along.
func (o *outputs) lines(w io.Writer) func(verdict.Gate) {
	if report.Format(o.format) == report.JSON {
		return func(verdict.Gate) {}
	}
	options := report.Terminal(os.Stdout)
	return func(g verdict.Gate) { fmt.Fprintln(w, report.Line(g, options)) }
}

// say gives the verdict in the chosen form, writes the JUnit report and ends with the verdict's exit code.
func (o *outputs) say(w io.Writer, v verdict.Verdict) error {
	junit := o.junit
	if junit == "" {
		junit = filepath.Join(evidence.Reports(launch.Root()), "junit", strings.ReplaceAll(strings.Join(v.Selection, "+"), "/", ".")+".xml")
	}
	if err := writeFile(junit, func(f io.Writer) error { return report.WriteJUnit(f, v, report.Profile(o.profile)) }); err != nil {
		return err
	}
	if summary := os.Getenv("GITHUB_STEP_SUMMARY"); summary != "" && report.Format(o.format) == report.GitHub {
		if err := writeFile(summary, func(f io.Writer) error { return report.Summary(f, v) }); err != nil {
			return err
		}
	}
	if err := report.Write(w, v, report.Format(o.format), report.Terminal(os.Stdout)); err != nil {
		return err
	}
	if v.ExitCode != 0 {
		return exit{v.ExitCode}
	}
	return nil
}

// writeFile writes a report whole or not at all. A report that still holds a secret after redaction is not written.
func writeFile(name string, write func(io.Writer) error) error {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return err
	}
	if leaks := redact.Scan(text.Bytes()); len(leaks) > 0 {
		return fmt.Errorf("%s: want a report without secrets; got the value of %s; it was not written", name, strings.Join(leaks, ", "))
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, text.Bytes(), 0o644)
}
