package procedure

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Attempt is one run through the steps: a new one, or one that an earlier run left unfinished.
type Attempt struct {
	p       *Procedure
	journal *journal // nil in a rehearsal, and where a repeatable procedure could not keep one
	lock    *os.File
	path    string
	notes   []string

	ctx  context.Context // ends with SIGINT and SIGTERM
	stop context.CancelFunc

	mu      sync.Mutex // held while a step is under way
	before  map[string]event
	settled map[string]bool // done in this attempt, or an announcement that was tried
	broken  *Result         // the first step that did not end well in this run
	seen    probe.Evidence  // by the step under way
}

// Begin opens an attempt: the unfinished one that the journal tells of, or a new one. It refuses while another run of
// the procedure is going on. Close gives the lock back.
func (p *Procedure) Begin(ctx context.Context) (*Attempt, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	a := &Attempt{p: p, before: map[string]event{}, settled: map[string]bool{}, ctx: ctx, stop: func() {}}
	if !p.Execute {
		return a, nil
	}
	switch err := a.open(); {
	case err == nil:
	case p.repeatable() && !errors.Is(err, ErrRunning):
		a.notes = append(a.notes, "goes on without a journal, because every step may be done again: "+err.Error())
		a.journal = nil
	default:
		return nil, errors.Join(err, a.Close())
	}
	a.ctx, a.stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(a.ctx, a.stop) //nolint:contextcheck // a second Ctrl-C ends the process
	return a, nil
}

// Close ends the run. It does not end the attempt: that is what the last step's ending does.
func (a *Attempt) Close() error {
	a.stop()
	var errs []error
	if a.journal != nil {
		errs = append(errs, a.journal.file.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.Close())
	}
	return errors.Join(errs...)
}

// open takes the lock and finds or begins the journal.
func (a *Attempt) open() (err error) {
	p := a.p
	if a.lock, err = Lock(p.Dir, p.Name); err != nil {
		return err
	}
	number, err := newest(p.Dir, p.Name)
	if err != nil {
		return err
	}
	if number > 0 {
		switch resumed, err := a.resume(journalPath(p.Dir, p.Name, number)); {
		case err == nil && resumed:
			return nil
		case err == nil:
		case p.repeatable() && errors.Is(err, ErrDamaged):
			a.notes = append(a.notes, "begins anew, because every step may be done again: "+err.Error())
		default:
			return err
		}
	}
	a.path = journalPath(p.Dir, p.Name, number+1)
	if a.journal, err = create(a.path); err != nil {
		return err
	}
	a.journal.crash = p.crash
	return a.journal.write(entry{Event: began, Launch: p.Launch, Key: redact.String(p.Key)})
}

// resume takes over an unfinished journal of the same launch and key.
func (a *Attempt) resume(path string) (bool, error) {
	j, entries, err := reopen(path)
	if err != nil {
		return false, err
	}
	if len(entries) == 0 || entries[0].Launch != a.p.Launch || entries[0].Key != redact.String(a.p.Key) || entries[len(entries)-1].Event == ended {
		return false, j.file.Close()
	}
	for _, e := range entries[1:] {
		a.before[e.Step] = e.Event
	}
	j.crash = a.p.crash
	a.journal, a.path = j, path
	return true, nil
}

// note writes a journal line. Where every step may be done again, a journal that cannot be written stops nothing.
func (a *Attempt) note(e entry) error {
	if a.journal == nil {
		return nil
	}
	err := a.journal.write(e)
	if err == nil || !a.p.repeatable() {
		return err
	}
	a.notes = append(a.notes, "goes on without a journal, because every step may be done again: "+err.Error())
	err = a.journal.file.Close()
	a.journal = nil
	if err != nil {
		a.notes = append(a.notes, err.Error())
	}
	return nil
}
