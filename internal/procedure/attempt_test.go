package procedure

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func must(t *testing.T, p *Procedure) []Result {
	t.Helper()
	results, err := runAll(p)
	require.NoError(t, err)
	return results
}

func class(err error) string {
	var unknown *probe.Unknown
	var unmet *probe.Unmet
	switch {
	case errors.As(err, &unmet):
		return unmet.Class
	case errors.As(err, &unknown):
		return unknown.Class
	}
	return ""
}

func TestARehearsalChangesNothingAndIsNeverDone(t *testing.T) {
	dir := t.TempDir()
	p := sample(dir, "")
	p.Execute = false
	p.Steps[2].Precondition = func(context.Context) error { return &probe.Unmet{Class: "command.missing"} }
	results := must(t, p)
	assert.Equal(t, []Outcome{Rehearsed, Rehearsed, Failed, Rehearsed, Rehearsed}, outcomes(results))
	for _, r := range results {
		assert.Error(t, r.Err, "a rehearsed step must not look like a done one")
	}
	assert.Equal(t, probe.Blocked, probe.StatusOf(results[1].Err))
	assert.ErrorContains(t, results[1].Err, "a rehearsal that would count Once from Sample; nothing was changed; to do it, set LAUNCH_EXECUTE=drop-2026")
	assert.Equal(t, "command.missing", class(results[2].Err))
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, files)
}

func TestAFailureStopsTheStepsButNotTheAnnouncements(t *testing.T) {
	dir := t.TempDir()
	p := sample(dir, "")
	p.Steps[0].Do = func(context.Context) error { return errors.New("the chat is down") }
	p.Steps[1].Do = func(context.Context) error { return &probe.Unmet{Class: "command.failed"} }
	results := must(t, p)
	assert.Equal(t, []Outcome{Failed, Failed, NotReached, NotReached, Done}, outcomes(results))
	assert.Equal(t, probe.Fail, probe.StatusOf(results[1].Err))
	assert.Equal(t, probe.Blocked, probe.StatusOf(results[2].Err))
	require.ErrorContains(t, results[2].Err, "Once ended as failed")

	results = must(t, p)
	assert.Equal(t, []Outcome{Failed, NeedsPerson, NotReached, NotReached, Done}, outcomes(results), "what failed may have been done in part")
	assert.Equal(t, probe.Blocked, probe.StatusOf(results[1].Err))
	require.ErrorContains(t, results[1].Err, "a run in which it failed, and it does not verify")
	assert.Equal(t, 2, world{dir}.count("Last"), "each failure is told")
}

func TestAFailedAttemptGoesOnWhereItStopped(t *testing.T) {
	dir := t.TempDir()
	p := sample(dir, "")
	look := p.Steps[3].Verify
	p.Steps[3].Timeout = 50 * time.Millisecond
	p.Steps[3].Verify = claim(func() error { return errors.New("not yet") })
	assert.Equal(t, []Outcome{Done, Done, Done, Failed, Done}, outcomes(must(t, p)))

	p.Steps[3].Verify = look
	assert.Equal(t, []Outcome{DoneBefore, DoneBefore, Done, Done, Done}, outcomes(must(t, p)))
	assert.Equal(t, 2, world{dir}.count("Last"), "what was announced after the failure is not what is announced now")
}

// TestARepeatableStepIsDoneAgainAlthoughItHolds: a rollback that an earlier run began must reach the platform once more. What
// every address shows now may be about to change: the deployment that it is to undo may still be under way.
func TestARepeatableStepIsDoneAgainAlthoughItHolds(t *testing.T) {
	dir := t.TempDir()
	p := sample(dir, "")
	look := p.Steps[3].Verify
	p.Steps[3].Timeout = 50 * time.Millisecond
	p.Steps[3].Verify = claim(func() error { return errors.New("one address flaps") })
	must(t, p)
	p.Steps[3].Verify = look
	assert.Equal(t, Done, must(t, p)[2].Outcome)
	assert.Equal(t, 2, world{dir}.count("Again"))
	assert.Equal(t, 1, world{dir}.count("Once"))
}

func TestADoneStepThatNoLongerHoldsIsNeitherGreenNorDoneAgain(t *testing.T) {
	dir := t.TempDir()
	p := sample(dir, "")
	p.Steps[2].Do = func(context.Context) error { return errors.New("failed") }
	must(t, p)
	require.NoError(t, os.Remove(world{dir}.file("Once"))) // somebody undid it meanwhile
	results := must(t, p)
	assert.Equal(t, []Outcome{DoneBefore, NeedsPerson, NotReached, NotReached, Done}, outcomes(results))
	require.ErrorContains(t, results[1].Err, "a run that did it, and it does not verify")
	assert.Zero(t, world{dir}.count("Once"))
}

func TestARepeatableStepThatNoLongerHoldsIsDoneAgain(t *testing.T) {
	dir := t.TempDir()
	p := sample(dir, "")
	look := p.Steps[3].Verify
	p.Steps[3].Timeout = 50 * time.Millisecond
	p.Steps[3].Verify = claim(func() error { return errors.New("not yet") })
	must(t, p)
	require.NoError(t, os.Remove(world{dir}.file("Again"))) // somebody undid it meanwhile

	p.Steps[3].Verify = look
	assert.Equal(t, []Outcome{DoneBefore, DoneBefore, Done, Done, Done}, outcomes(must(t, p)))
	assert.Equal(t, 1, world{dir}.count("Again"))
}

func TestVerifyIsAskedUntilItHoldsOrItsTimeIsOver(t *testing.T) {
	p := sample(t.TempDir(), "")
	asked := 0
	p.Steps[1].Verify = claim(func() error {
		if asked++; asked < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	p.Steps[3].Timeout = 100 * time.Millisecond
	p.Steps[3].Interval = 10 * time.Millisecond
	p.Steps[3].Verify = func(ctx context.Context) (probe.Evidence, error) {
		if ctx.Err() != nil {
			return probe.Evidence{}, ctx.Err()
		}
		return probe.Evidence{Target: "two addresses"}, errors.New("one address serves the old version")
	}
	results := must(t, p)
	assert.Equal(t, Done, results[1].Outcome)
	assert.Equal(t, 3, asked)
	require.EqualError(t, results[3].Err, "one address serves the old version", "the reason, not the timeout")
	assert.Equal(t, "two addresses", results[3].Verified.Target)
}

func TestStepsRunInOrder(t *testing.T) {
	p := sample(t.TempDir(), "")
	a, err := p.Begin(t.Context())
	require.NoError(t, err)
	r := a.Step(t.Context(), "Again")
	assert.Equal(t, NotReached, r.Outcome)
	require.ErrorContains(t, r.Err, "Once has not been run")
	assert.ErrorContains(t, a.Step(t.Context(), "Nonsense").Err, `no step "Nonsense"`)
	require.NoError(t, a.Close())
}

func TestTwoRunsAtTheSameTimeAreRefused(t *testing.T) {
	p := sample(t.TempDir(), "")
	first, err := p.Begin(t.Context())
	require.NoError(t, err)
	_, err = p.Begin(t.Context())
	require.ErrorIs(t, err, ErrRunning)
	for i := range p.Steps {
		p.Steps[i].Repeatable = true
	}
	_, err = p.Begin(t.Context())
	require.ErrorIs(t, err, ErrRunning, "not even a repeatable procedure runs beside itself")
	require.NoError(t, first.Close())
	second, err := p.Begin(t.Context())
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

func TestAnotherKeyBeginsAnew(t *testing.T) {
	p := sample(t.TempDir(), "")
	p.Steps[1].Do = func(context.Context) error { return errors.New("failed") }
	must(t, p)
	p.Key = "2 to 3"
	assert.Equal(t, Failed, must(t, p)[1].Outcome, "not the other attempt's unfinished step")
	assert.FileExists(t, filepath.Join(p.Dir, "Sample-002.jsonl"))
}

func TestDamagedJournals(t *testing.T) {
	damages := map[string]func(text string) string{
		"a changed line":     func(s string) string { return replaceOnce(s, `"step":"Once"`, `"step":"once"`) },
		"a line taken out":   func(s string) string { return s[indexLine(s, 1):] },
		"no JSON in between": func(s string) string { return s[:indexLine(s, 2)] + "{\n" + s[indexLine(s, 2):] },
		"a second beginning": func(s string) string { return s + s[:indexLine(s, 1)] },
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			p := sample(t.TempDir(), "")
			p.Steps[2].Do = func(context.Context) error { return errors.New("failed") }
			must(t, p)
			path := filepath.Join(p.Dir, "Sample-001.jsonl")
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, []byte(damage(string(text))), 0o600))

			_, err = p.Begin(t.Context())
			require.ErrorIs(t, err, ErrDamaged)
			require.ErrorContains(t, err, path+":")
			require.ErrorContains(t, err, "move the file away")

			p = sample(filepath.Dir(p.Dir), "")
			p.Steps[1].Repeatable = true
			results := must(t, p)
			assert.Equal(t, Done, results[4].Outcome, "where every step may be done again, damage stops nothing")
			assert.Contains(t, results[4].Notes[0], "begins anew")
		})
	}
}

func TestARepeatableProcedureGoesOnWithoutAJournal(t *testing.T) {
	dir := t.TempDir()
	p := sample(dir, "")
	p.Dir = filepath.Join(dir, "file", "journal")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	_, err := p.Begin(t.Context())
	require.Error(t, err)

	p.Steps[1].Repeatable = true
	results := must(t, p)
	assert.Equal(t, []Outcome{Done, Done, Done, Done, Done}, outcomes(results))
	assert.Contains(t, results[0].Notes[0], "goes on without a journal")
}

func TestAProcedureThatCannotBeHonestIsRefused(t *testing.T) {
	noop := func(context.Context) error { return nil }
	holds := claim(func() error { return nil })
	base := func(s ...Step) *Procedure {
		return &Procedure{Name: "P", Launch: "l", Key: "k", Dir: t.TempDir(), Steps: s}
	}
	for want, p := range map[string]*Procedure{
		"and steps":             base(),
		"what nobody verifies":  base(Step{Name: "a", Do: noop, Timeout: 1}),
		"something to do":       base(Step{Name: "a", Timeout: 1}),
		"want a timeout":        base(Step{Name: "a", Verify: holds}),
		"names of their own":    base(Step{Name: "a", Verify: holds, Timeout: 1}, Step{Name: "a", Verify: holds, Timeout: 1}),
		"want a name, a launch": {Steps: []Step{{Name: "a", Verify: holds, Timeout: 1}}},
	} {
		_, err := p.Begin(t.Context())
		assert.ErrorContains(t, err, want)
	}
}
