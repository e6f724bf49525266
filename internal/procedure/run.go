package procedure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Outcome is how a step ended in this run.
type Outcome string

// The outcomes. Only Done and DoneBefore mean that the step is done.
const (
	Done        Outcome = "done"
	DoneBefore  Outcome = "done-before" // by an earlier run of this attempt, which was killed or failed later on
	Rehearsed   Outcome = "rehearsed"   // nothing was changed
	Failed      Outcome = "failed"
	NotReached  Outcome = "not-reached"
	Interrupted Outcome = "interrupted" // the journal is resumable
	NeedsPerson Outcome = "needs-person"
)

// Result is one step's ending. Err is nil only for Done and DoneBefore, and is a *probe.Unmet or *probe.Unknown where the
// step's own functions gave one.
type Result struct {
	Step    string        `json:"step"`
	Owner   string        `json:"owner,omitempty"`
	Outcome Outcome       `json:"outcome"`
	Journal string        `json:"journal,omitempty"` // file name
	Took    time.Duration `json:"took_ns"`

	Verified probe.Evidence `json:"verified"` // what Verify saw last
	Notes    []string       `json:"-"`
	Err      error          `json:"-"`
}

// Step runs the named step, or says why not. Steps run in order: one whose predecessors are not done is not reached.
func (a *Attempt) Step(ctx context.Context, name string) Result {
	began := time.Now()
	r := Result{Step: name, Outcome: NotReached}
	if !a.mu.TryLock() {
		r.Err = notReached(name, "another step is still under way")
		return r
	}
	defer a.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	end := func() { cancel(context.Cause(a.ctx)) }
	defer context.AfterFunc(a.ctx, end)() //nolint:contextcheck // the signals' context ends the step's
	if a.ctx.Err() != nil {
		end() // AfterFunc has a goroutine of its own, and a step must not begin before it runs
	}

	step := a.find(name)
	if step == nil {
		r.Err = fmt.Errorf("procedure %s has no step %q", a.p.Name, name)
		return r
	}
	r.Owner, a.seen = step.Owner, probe.Evidence{}
	r.Outcome, r.Err = a.run(ctx, step)
	r.Took = time.Since(began)
	r.Notes, r.Journal, r.Verified = a.notes, a.path, a.seen
	if r.Err != nil && a.broken == nil && !step.MustNotBlock && r.Outcome != Rehearsed {
		a.broken = &r
	}
	return r
}

// Broken is the first step that did not end well in this run, or nil: what the last announcement has to tell.
func (a *Attempt) Broken() *Result { return a.broken }

func (a *Attempt) find(name string) *Step {
	for i := range a.p.Steps {
		if a.p.Steps[i].Name == name {
			return &a.p.Steps[i]
		}
	}
	return nil
}

func (a *Attempt) run(ctx context.Context, s *Step) (Outcome, error) {
	if !a.p.Execute {
		return a.rehearse(ctx, s)
	}
	if why := a.unreached(s); why != "" {
		return NotReached, notReached(s.Name, why)
	}
	if ctx.Err() != nil {
		return Interrupted, interrupted(s.Name, context.Cause(ctx))
	}
	whole := ctx
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	do := s.Do
	if before := a.before[s.Name]; before != "" && a.broken == nil {
		holds, err := a.takeOver(ctx, s, before)
		switch {
		case whole.Err() != nil:
			return Interrupted, interrupted(s.Name, context.Cause(whole))
		case err != nil:
			return NeedsPerson, err
		case holds && before == done:
			a.settled[s.Name] = true
			return a.finish(DoneBefore, nil)
		case holds: // it was done, and only its ending was not written down
			do = nil
		}
	}
	return a.execute(ctx, whole, s, do)
}

// takeOver looks at a step that an earlier run of this attempt began: whether it is done, and if not, whether it may be
// done again. An error means that a person must look.
func (a *Attempt) takeOver(ctx context.Context, s *Step, before event) (holds bool, err error) {
	switch {
	case s.MustNotBlock:
		return before == done, nil
	case s.again():
		return false, nil // doing it again does no harm, and what looks done may be about to change
	}
	var reason error
	a.seen, reason = s.settle(ctx)
	if reason == nil {
		return true, nil
	}
	how := map[event]string{started: "a run that was cut off in its middle", failed: "a run in which it failed", done: "a run that did it"}[before]
	// The reason is not wrapped: it may be an Unmet, and ours must not read as one.
	return false, &probe.Unknown{Class: "needs-person", Want: fmt.Sprintf("to know whether %s is done", s.Name),
		Got: fmt.Sprintf("%s, and it does not verify: %v", how, reason), From: a.path,
		Fix: "a person must look whether it was done, for it must not be done twice; to begin anew, move the journal away"}
}

// execute does a step and verifies it, with a journal line before and after.
func (a *Attempt) execute(ctx, whole context.Context, s *Step, do func(context.Context) error) (Outcome, error) {
	if err := a.note(entry{Event: started, Step: s.Name}); err != nil {
		return Failed, err
	}
	a.before[s.Name] = started
	a.forget(s)
	var err error
	if do != nil {
		err = do(ctx)
	}
	if err == nil && s.Verify != nil {
		a.seen, err = s.settle(ctx)
	}
	if err != nil && whole.Err() != nil {
		return Interrupted, interrupted(s.Name, context.Cause(whole))
	}
	outcome, line := Done, entry{Event: done, Step: s.Name}
	if err != nil {
		outcome, line = Failed, entry{Event: failed, Step: s.Name, Reason: err.Error()}
	}
	if noteErr := a.note(line); noteErr != nil {
		return Failed, errors.Join(err, noteErr)
	}
	a.before[s.Name] = line.Event
	a.settled[s.Name] = err == nil || s.MustNotBlock
	return a.finish(outcome, err)
}

// forget drops what earlier runs did after a step that is done anew: it was about the world as it was before. What must
// not be done twice stays.
func (a *Attempt) forget(s *Step) {
	after := false
	for i := range a.p.Steps {
		later := &a.p.Steps[i]
		if after && !s.MustNotBlock && later.again() {
			delete(a.before, later.Name)
		}
		after = after || later.Name == s.Name
	}
}

// rehearse checks what can be checked without changing anything.
func (a *Attempt) rehearse(ctx context.Context, s *Step) (Outcome, error) {
	if s.Precondition != nil {
		ctx, cancel := context.WithTimeout(ctx, s.Timeout)
		defer cancel()
		if err := s.Precondition(ctx); err != nil {
			return Failed, err
		}
	}
	return Rehearsed, rehearsed(s.Name+" done", s.Says, a.p.Name, a.p.Launch)
}

// unreached says why a step's turn has not come: a step before it is not done. An announcement is also made after a failure.
func (a *Attempt) unreached(s *Step) string {
	if a.broken != nil {
		if s.MustNotBlock && a.broken.Outcome != Interrupted {
			return ""
		}
		return fmt.Sprintf("%s ended as %s", a.broken.Step, a.broken.Outcome)
	}
	for i := range a.p.Steps {
		earlier := &a.p.Steps[i]
		if earlier.Name == s.Name {
			return ""
		}
		if !a.settled[earlier.Name] && !earlier.MustNotBlock {
			return fmt.Sprintf("%s has not been run", earlier.Name)
		}
	}
	return ""
}

// finish closes the attempt in the journal once every step is settled, and passes a step's ending on.
func (a *Attempt) finish(outcome Outcome, err error) (Outcome, error) {
	for _, s := range a.p.Steps {
		if !a.settled[s.Name] {
			return outcome, err
		}
	}
	if noteErr := a.note(entry{Event: ended}); noteErr != nil {
		return Failed, errors.Join(err, noteErr)
	}
	return outcome, err
}

func notReached(step, why string) error {
	return &probe.Unknown{Class: "not-reached", Want: step + " done", Got: "not begun: " + why, Fix: "run the procedure from its start; it goes on where it stopped"}
}

func interrupted(step string, cause error) error {
	return &probe.Unknown{Class: "interrupted", Want: step + " done", Got: fmt.Sprintf("the run was ended: %v", cause),
		Fix: "run the procedure again; it goes on where it stopped", Err: cause}
}
