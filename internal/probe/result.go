package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Result is one claim's ending with its evidence: what a gate's evidence file holds for each check, and what
// `launchgate probe --json` prints.
type Result struct {
	Name      string        `json:"name"`
	Assertion string        `json:"assertion,omitempty"`
	Status    Status        `json:"status"`
	Measured  Status        `json:"measured,omitempty"` // of a WARN: what was really seen
	Class     string        `json:"class,omitempty"`
	Want      string        `json:"want,omitempty"`
	Got       string        `json:"got,omitempty"`
	From      string        `json:"from,omitempty"`
	Fix       string        `json:"fix,omitempty"`
	Until     *time.Time    `json:"until,omitempty"`
	Started   time.Time     `json:"started"`
	Took      time.Duration `json:"took_ns"`
	Evidence  Evidence      `json:"evidence"`
}

// Message is the one line for a person: what was wanted, what was seen, from whom, what to do.
func (r Result) Message() string {
	until := time.Time{}
	if r.Until != nil {
		until = *r.Until
	}
	return sentence(r.Want, r.Got, r.From, r.Fix, until)
}

// Guarantee says until when a claim that holds may not hold where nobody looked; "" where there is nothing to say.
func (r Result) Guarantee(now time.Time) string {
	if r.Status != Pass || !r.Evidence.GuaranteedAfter.After(now) {
		return ""
	}
	return "guaranteed after " + r.Evidence.GuaranteedAfter.UTC().Format(time.RFC3339)
}

// Run makes one claim and returns how it ended. A panic inside the claim is BLOCKED, and so is a claim that outlives
// its context: a claim that ignores its deadline is left behind, never waited for.
func Run(ctx context.Context, name string, claim Claim) Result {
	started := time.Now()
	type ending struct {
		evidence Evidence
		err      error
	}
	ended := make(chan ending, 1)
	go func() {
		end := ending{err: &Unknown{Class: "panic", Want: "a verdict", Got: "a claim that ended its goroutine", From: name}}
		defer func() {
			if p := recover(); p != nil {
				end = ending{evidence: Evidence{Notes: []string{string(debug.Stack())}}, err: &Unknown{Class: "panic", Want: "a verdict",
					Got: fmt.Sprintf("a panic: %v", p), From: name, Fix: "this is a bug of the check; the stack is in the evidence"}}
			}
			ended <- end
		}()
		evidence, err := claim(ctx)
		end = ending{evidence, err}
	}()

	var end ending
	select {
	case end = <-ended:
	case <-ctx.Done():
		// A claim that honours its deadline knows better than we do whose silence it was: give it a moment to say so.
		select {
		case end = <-ended:
		case <-time.After(250 * time.Millisecond):
			end.err = context.Cause(ctx)
		}
	}
	result := Result{Name: name, Assertion: end.evidence.Assertion, Started: started, Took: time.Since(started), Evidence: end.evidence}
	result.settle(end.err)
	return result
}

// Advise is Run for a recommendation: where it does not hold, or nobody can tell, that is a warning.
func Advise(ctx context.Context, name string, claim Claim) Result {
	r := Run(ctx, name, claim)
	if r.Status == Fail || r.Status == Blocked {
		r.Status, r.Measured = Warn, r.Status
	}
	return r
}

func (r *Result) settle(err error) {
	r.Status = StatusOf(err)
	var unmet *Unmet
	var unknown *Unknown
	var na *NotApplicable
	switch {
	case err == nil:
	case errors.As(err, &unmet):
		r.Class, r.Want, r.Got, r.From, r.Fix = unmet.Class, unmet.Want, unmet.Got, unmet.From, unmet.Fix
		if !unmet.Until.IsZero() {
			until := unmet.Until.UTC()
			r.Until = &until
		}
	case errors.As(err, &na):
		r.Class, r.Got = "not-applicable", na.Why
	case errors.As(err, &unknown):
		r.Class, r.Want, r.Got, r.From, r.Fix = unknown.Class, unknown.Want, unknown.Got, unknown.From, unknown.Fix
	case errors.Is(err, context.DeadlineExceeded):
		r.Class, r.Want, r.Got = "timeout", "an answer within the gate's deadline", fmt.Sprintf("none after %.1f s", r.Took.Seconds())
		r.Fix = "see whether the counterpart answers at all from this machine"
	default:
		r.Class, r.Want, r.Got = "error", "a verdict", err.Error()
	}
	if r.Class == "" {
		r.Class = "unclassified"
	}
	if r.Status == Pass {
		r.Class = ""
	}
}
