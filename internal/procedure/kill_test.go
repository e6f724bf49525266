package procedure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

// world is a stateful fake that outlives the process: how often each step was done, one byte each in a file.
type world struct{ dir string }

func (w world) file(step string) string { return filepath.Join(w.dir, step+".count") }

func (w world) count(step string) int {
	text, err := os.ReadFile(w.file(step))
	if err != nil {
		return 0 // never done
	}
	return len(text)
}

func (w world) do(step string) error {
	f, err := os.OpenFile(w.file(step), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString("x")
	return errors.Join(err, f.Close())
}

func (w world) verify(step string) error {
	if w.count(step) == 0 {
		return &probe.Unmet{Class: "fake", Want: step + " done", Got: "not done"}
	}
	return nil
}

// sample has every kind of step: an announcement, one that must not be done twice, a repeatable one, a look, a last word.
func sample(dir, crash string) *Procedure {
	w := world{dir}
	die := func(point string) {
		if point == crash {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // what follows never runs
			select {}
		}
	}
	step := func(name string) Step {
		return Step{Name: name, Says: "count " + name, Timeout: 300 * time.Millisecond, Interval: 20 * time.Millisecond,
			Do: func(context.Context) error {
				die("do " + name)
				err := w.do(name)
				die("did " + name)
				return err
			},
			Verify: claim(func() error { return w.verify(name) })}
	}
	announce, once, again, last := step("Announce"), step("Once"), step("Again"), step("Last")
	announce.MustNotBlock, announce.Verify = true, nil
	again.Repeatable = true
	last.MustNotBlock, last.Verify = true, nil
	look := Step{Name: "Look", Timeout: time.Second, Verify: claim(func() error { return errors.Join(w.verify("Once"), w.verify("Again")) })}
	return &Procedure{Name: "Sample", Launch: "drop-2026", Key: "1 to 2", Dir: filepath.Join(dir, "journal"), Execute: true,
		Steps: []Step{announce, once, again, look, last}}
}

func claim(judge func() error) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		return probe.Evidence{Target: "the fake world"}, judge()
	}
}

// child runs the sample and dies at a point: "do Once", "did Once", or "before 3", "torn 3", "after 3" of journal line 3.
func child(dir, crash string) int {
	p := sample(dir, crash)
	line := 0
	p.crash = func(when string, journal interface{ Write([]byte) (int, error) }, text []byte) {
		if when == "before" {
			line++
		}
		if crash == fmt.Sprintf("torn %d", line) && when == "before" {
			if _, err := journal.Write(text[:len(text)/2]); err != nil {
				fmt.Println(err)
			}
		} else if crash != fmt.Sprintf("%s %d", when, line) {
			return
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // what follows never runs
		select {}
	}
	results, err := runAll(p)
	if err != nil {
		fmt.Println(err)
		return 3
	}
	for _, r := range results {
		fmt.Printf("%s %s: %v\n", r.Step, r.Outcome, r.Err)
		if r.Err != nil {
			return 1
		}
	}
	return 0
}

func runAll(p *Procedure) ([]Result, error) {
	a, err := p.Begin(context.Background())
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, s := range p.Steps {
		results = append(results, a.Step(context.Background(), s.Name))
	}
	return results, a.Close()
}

// run starts a process that runs the sample; the crash point "" lets it live.
func run(t *testing.T, dir, crash string) (killed bool, code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), "PROCEDURE_CHILD="+dir, "PROCEDURE_CRASH="+crash)
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil {
		require.ErrorAs(t, err, &exit)
	}
	require.NoError(t, ctx.Err())
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	return status.Signaled() && status.Signal() == syscall.SIGKILL, cmd.ProcessState.ExitCode(), string(text)
}

// lineCount is what a run without a crash writes: began, two for each of five steps, ended.
const lineCount = 12

func crashPoints() []string {
	var points []string
	for _, when := range []string{"before", "torn", "after"} {
		for line := 1; line <= lineCount; line++ {
			points = append(points, when+" "+strconv.Itoa(line))
		}
	}
	for _, step := range []string{"Announce", "Once", "Again", "Last"} {
		points = append(points, "do "+step, "did "+step)
	}
	return points
}

func TestAKilledRunResumes(t *testing.T) {
	for _, point := range crashPoints() {
		t.Run(strings.ReplaceAll(point, " ", "_"), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			w := world{dir}
			killed, _, output := run(t, dir, point)
			require.True(t, killed, "the first run must die at %q: %s", point, output)

			_, code, output := run(t, dir, "")

			journals, err := filepath.Glob(filepath.Join(dir, "journal", "*.jsonl"))
			require.NoError(t, err)
			switch point {
			case "after 4", "do Once":
				// Killed between the line "started" and the deed: nobody can know that it was not done.
				assert.Equal(t, 1, code)
				assert.Contains(t, output, "Once needs-person: ")
				assert.Zero(t, w.count("Once"))
				assert.Zero(t, w.count("Again"))
				return
			case "after " + strconv.Itoa(lineCount):
				assert.Len(t, journals, 2, "a complete journal closes the attempt, the next execution is a new one")
				assert.Equal(t, 2, w.count("Once"), output)
			case "before 1", "torn 1":
				assert.Len(t, journals, 2, "a journal without its first line says nothing")
				assert.Equal(t, 1, w.count("Once"), output)
			default:
				assert.Len(t, journals, 1, "an unfinished attempt goes on in its journal")
				assert.Equal(t, 1, w.count("Once"), output)
			}
			assert.Zero(t, code, output)
			for _, step := range []string{"Announce", "Again", "Last"} {
				assert.Positive(t, w.count(step), step)
			}
		})
	}
}

func TestSIGTERMLeavesTheJournalResumable(t *testing.T) {
	p := sample(t.TempDir(), "")
	waiting := make(chan struct{})
	real := p.Steps[1].Do
	p.Steps[1].Timeout = 10 * time.Second
	p.Steps[1].Do = func(ctx context.Context) error {
		close(waiting)
		<-ctx.Done()
		return ctx.Err()
	}
	go func() {
		<-waiting
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM) // the step waits until its context ends, or the test fails by its outcome
	}()
	results, err := runAll(p)
	require.NoError(t, err)
	assert.Equal(t, Interrupted, results[1].Outcome)
	assert.Equal(t, NotReached, results[4].Outcome, "an interrupted run announces nothing")

	p.Steps[1].Repeatable, p.Steps[1].Do = true, real
	results, err = runAll(p)
	require.NoError(t, err)
	assert.Equal(t, []Outcome{DoneBefore, Done, Done, Done, Done}, outcomes(results))
}

// A signal between two steps: the next one must not begin, not even for a moment.
func TestASignalBetweenStepsBeginsNoStep(t *testing.T) {
	p := sample(t.TempDir(), "")
	a, err := p.Begin(t.Context())
	require.NoError(t, err)
	a.stop() // ends the signals' context, as a signal does
	for _, s := range []string{"Announce", "Once"} {
		assert.Equal(t, Interrupted, a.Step(t.Context(), s).Outcome)
		assert.Zero(t, world{filepath.Dir(p.Dir)}.count(s))
	}
	require.NoError(t, a.Close())
}

func outcomes(results []Result) []Outcome {
	var list []Outcome
	for _, r := range results {
		list = append(list, r.Outcome)
	}
	return list
}
