package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/report"
	"github.com/getdrop/launchgate/internal/verdict"
)

// outputs say how a verdict is given.
type outputs struct {
	format, junit, profile, waivers string
}

func (o *outputs) flags(cmd *cobra.Command) {
	choose(cmd, &o.format, "format", "form of the verdict", string(report.Human), string(report.JSON), string(report.GitHub))
	choose(cmd, &o.profile, "junit-profile", "ci has file, line and properties; strict is the Jenkins xUnit schema", string(report.CI), string(report.Strict))
	choose(cmd, &o.waivers, "waivers", "fail: a GO with waivers exits with 4", "accept", "fail")
	cmd.Flags().StringVar(&o.junit, "junit", "", "JUnit file (default reports/junit/<selection>.xml)")
}

// choice is the value of a flag that takes one of a few words, so that any other is refused before something runs.
type choice struct {
	word  *string
	words []string
}

// choose gives a command a flag that takes one of a few words, the first where it is not given.
func choose(cmd *cobra.Command, word *string, name, usage string, words ...string) {
	*word = words[0]
	cmd.Flags().Var(choice{word, words}, name, usage)
}

func (c choice) String() string {
	if c.word == nil {
		return ""
	}
	return *c.word
}

func (c choice) Type() string { return strings.Join(c.words, "|") }

func (c choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("want %s", strings.Join(c.words, ", "))
	}
	*c.word = word
	return nil
}

// question is what a verdict needs to know beside the streams. A launch.yaml that cannot be used is part of it.
func (o *outputs) question(selection []string) (verdict.Input, error) {
	all, err := catalogue.All()
	if err != nil {
		return verdict.Input{}, err
	}
	var phases []launch.Phase
	for _, id := range selection {
		phase, _, _ := strings.Cut(id, "/")
		phases = append(phases, launch.Phase(phase))
	}
	in := verdict.Input{Catalogue: all, Select: selection, Now: time.Now(), RefuseWaivers: o.waivers == "fail",
		Evidence: func(gate string) (*evidence.Gate, string, error) { return evidence.Read(kept(), gate) }}
	in.Launch, in.ConfigError = launch.FromEnv(phases...)
	return in, nil
}

// kept is where something of a run is kept: below the reports folder, with the slashes of a selection's id as dots.
func kept(part ...string) string {
	for i := range part {
		part[i] = strings.ReplaceAll(part[i], "/", ".")
	}
	return filepath.Join(append([]string{evidence.Reports(launch.Root())}, part...)...)
}

// line prints a gate as it ends, where people or a job's log read along.
func (o *outputs) line(w io.Writer, g verdict.Gate) {
	if o.format != string(report.JSON) {
		fmt.Fprintln(w, report.Line(g, report.Terminal(os.Stdout)))
	}
}

// say gives the verdict in the chosen form and ends with its exit code. A GO whose reports could not be written, or that
// show a secret, is none.
func (o *outputs) say(w io.Writer, v verdict.Verdict) error {
	err := errors.Join(o.writeJUnit(v), o.writeSummary(v), leaks(v), report.Write(w, v, report.Format(o.format), report.Terminal(os.Stdout)))
	code := v.ExitCode
	if err != nil && code == verdict.ExitGo {
		code = verdict.ExitNotMeasured
	}
	if code != verdict.ExitGo {
		return exit{code, err}
	}
	return nil
}

func (o *outputs) writeJUnit(v verdict.Verdict) error {
	text, err := withoutSecrets(func(w io.Writer) error { return report.WriteJUnit(w, v, report.Profile(o.profile)) })
	if err != nil {
		return fmt.Errorf("the JUnit report was not written: %w", err)
	}
	name := o.junit
	if name == "" {
		name = kept("junit", strings.Join(v.Selection, "+")+".xml")
	}
	f, err := create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// writeSummary adds to the step's summary, as GitHub asks for.
func (o *outputs) writeSummary(v verdict.Verdict) error {
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if name == "" || o.format != string(report.GitHub) {
		return nil
	}
	text, err := withoutSecrets(func(w io.Writer) error { return report.Summary(w, v) })
	if err != nil {
		return fmt.Errorf("the step's summary was not written: %w", err)
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// withoutSecrets is a report's text. One that still holds a secret after redaction is an error.
func withoutSecrets(write func(io.Writer) error) ([]byte, error) {
	var text bytes.Buffer
	if err := write(&text); err != nil {
		return nil, err
	}
	if names := redact.Scan(text.Bytes()); len(names) > 0 {
		return nil, fmt.Errorf("want no secret in it; got the value of %s", strings.Join(names, ", "))
	}
	return text.Bytes(), nil
}

// leaks looks for secrets in the files that a run leaves behind besides its reports: the streams and the evidence.
func leaks(v verdict.Verdict) error {
	var files []string
	for _, part := range v.Selection {
		files = append(files, kept("stream", part+".json"))
	}
	for _, g := range v.Gates {
		files = append(files, filepath.Join(kept(), evidence.Path(g.ID)))
	}
	var errs []error
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // what is not there shows nothing; the verdict knows what it misses
		}
		if names := redact.Scan(text); len(names) > 0 {
			errs = append(errs, fmt.Errorf("%s: want no secret in it; got the value of %s; remove the file, and renew the secret where others could read it", name, strings.Join(names, ", ")))
		}
	}
	return errors.Join(errs...)
}
