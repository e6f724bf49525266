// Package procedure runs ordered steps that change the world, each with a `do` and a `verify`, and keeps a journal on
// disk so that a killed run resumes where it stopped. Without Execute it only rehearses. It knows nothing of gates and
// of launch.yaml, and must import neither them nor `testing`.
package procedure

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Procedure is a named list of steps for one launch.
type Procedure struct {
	Name   string // names the journal and the lock: one run of a name at a time
	Launch string // the launch's id
	Key    string // what this attempt is about, such as "1.5.0 to 1.4.2"; an unfinished journal with another key is left alone
	Dir    string // where journals lie; created when a step is executed
	Steps  []Step

	// Execute allows steps to change the world. Without it Preconditions are checked and nothing else happens.
	Execute bool

	// crash lets the kill tests end the process around a journal write.
	crash func(when string, journal interface{ Write([]byte) (int, error) }, line []byte)
}

// Step is one thing to do and how to know that it is done.
type Step struct {
	Name  string
	Says  string // what Do will do, in the imperative, for the rehearsal
	Owner string // role or person, for the reader of the result

	// MustNotBlock marks an announcement: its failure is reported and the procedure goes on; it is also made when an
	// earlier step failed, because people must hear of that above all. It may be made twice.
	MustNotBlock bool
	// Repeatable says that Do may be done again; where an earlier run of the attempt began or even ended the step, it is.
	Repeatable bool

	Precondition func(ctx context.Context) error // checked in rehearsal only: execution must not wait for it
	Do           func(ctx context.Context) error // may be nil for a step that only looks
	Verify       probe.Claim                     // asked again every Interval until it holds; only an announcement may lack it

	Timeout  time.Duration // bounds Do and Verify together
	Interval time.Duration // between two looks of Verify; 0 means 2 s
}

// repeatable says whether the whole procedure may be done again from its start: then a journal is a convenience, and its
// loss must not stop anything. Rollback is such a procedure.
func (p *Procedure) repeatable() bool {
	for _, s := range p.Steps {
		if !s.again() {
			return false
		}
	}
	return true
}

// again says whether a step may be done again: it is made to be, it is an announcement, or it only looks.
func (s *Step) again() bool { return s.Repeatable || s.MustNotBlock || s.Do == nil }

func (p *Procedure) validate() error {
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if p.Name == "" || p.Launch == "" || p.Key == "" || p.Dir == "" || len(p.Steps) == 0 {
		complain("procedure %q: want a name, a launch, a key, a folder and steps", p.Name)
	}
	seen := map[string]bool{}
	for _, s := range p.Steps {
		switch {
		case s.Name == "" || seen[s.Name]:
			complain("procedure %s: want steps with names of their own; got %q", p.Name, s.Name)
		case s.Do == nil && s.Verify == nil:
			complain("step %s: want something to do or to verify", s.Name)
		case s.Verify == nil && !s.MustNotBlock:
			complain("step %s: want a Verify: what nobody verifies is not done", s.Name)
		case s.Timeout <= 0:
			complain("step %s: want a timeout", s.Name)
		}
		seen[s.Name] = true
	}
	return errors.Join(wrong...)
}

// settle asks Verify until it holds or ctx ends, and then returns the last answer that was not the end itself.
func (s *Step) settle(ctx context.Context) (probe.Evidence, error) {
	interval := s.Interval
	if interval <= 0 {
		interval = 2 * time.Second
	}
	var last error
	var seen probe.Evidence
	for {
		evidence, err := s.Verify(ctx)
		if err == nil {
			return evidence, nil
		}
		if last == nil || ctx.Err() == nil {
			seen, last = evidence, err
		}
		wait := time.NewTimer(interval)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return seen, last
		}
	}
}
