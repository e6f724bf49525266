package procedure

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/getdrop/launchgate/internal/probe"
)

// ExecuteEnv must repeat the launch's id before a procedure changes anything.
const ExecuteEnv = "LAUNCH_EXECUTE"

// Allowed reads LAUNCH_EXECUTE: unset means a rehearsal, the launch's id means execution, and anything else is refused.
func Allowed(launch string) (bool, error) {
	switch typed := os.Getenv(ExecuteEnv); typed {
	case "":
		return false, nil
	case launch:
		return true, nil
	default:
		return false, &probe.Unknown{Class: "execute.refused", Want: fmt.Sprintf("%s=%s, the id of this launch, or unset for a rehearsal", ExecuteEnv, launch),
			Got: fmt.Sprintf("%q", typed), From: ExecuteEnv, Fix: "nothing was changed; type the id of the launch you mean"}
	}
}

// Only makes a claim that changes something by being made, where that is allowed; says is what it does. In a rehearsal it is not made, and
// nobody can tell whether it holds.
func Only(launch, says string, claim probe.Claim) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		execute, err := Allowed(launch)
		switch {
		case err != nil:
			return probe.Evidence{}, err
		case !execute:
			return probe.Evidence{}, rehearsed("what this claims", says, ExecuteEnv, launch)
		}
		return claim(ctx)
	}
}

func rehearsed(want, says, from, launch string) error {
	return &probe.Unknown{Class: "rehearsed", Want: want, Got: "a rehearsal that would " + says, From: from, Fix: fmt.Sprintf("nothing was changed; to do it, set %s=%s", ExecuteEnv, launch)}
}

// Shared is the attempt that the steps of one page share. The first step that is asked for begins it; Close or the end of
// the process gives its lock back.
type Shared struct {
	once    sync.Once
	attempt *Attempt
	err     error
}

// Step claims that the named step of the procedure is done and verified, and does it. The claim's own context bounds
// everything; a step's Timeout is its real bound.
func (s *Shared) Step(name string, build func() (*Procedure, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s.once.Do(func() { s.begin(build) }) //nolint:contextcheck // the attempt outlives this step's context
		if s.err != nil {
			return probe.Evidence{Target: name}, s.err
		}
		r := s.attempt.Step(ctx, name)
		return probe.Evidence{Target: s.attempt.p.Name + "/" + name, Observed: r, Notes: r.Notes}, r.Err
	}
}

func (s *Shared) begin(build func() (*Procedure, error)) {
	p, err := build()
	if err == nil {
		s.attempt, err = p.Begin(context.Background())
	}
	s.err = err
}

// Broken is the first step that did not end well in this run, or nil. It is for the steps themselves.
func (s *Shared) Broken() *Result { return s.attempt.Broken() }

// Close ends the run, so that another one may begin.
func (s *Shared) Close() error {
	if s.attempt == nil {
		return nil
	}
	return s.attempt.Close()
}
