// Package drill tries the recovery of a database: it restores the newest backup, or to a point in time, on a server of its own, compares
// what came back with the live database, removes the server, and leaves a report. Whatever is killed in between, the next run
// removes what it left. It must not import `testing`, gates or fixtures: who starts PostgreSQL is the caller's matter.
package drill

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
	"github.com/getdrop/launchgate/internal/procedure"
)

// Source is where a database is restored from, and where to.
type Source interface {
	// Newest is the newest backup.
	Newest(ctx context.Context) (drillprobe.Backup, error)
	// Restorable says whether the database can be restored to a point, and from what.
	Restorable(ctx context.Context, live Database, to time.Time) (drillprobe.Backup, bool, error)
	// Restore restores a backup to a server of the run's, as of a point where one is given. Where the error is errUncertain too, there may be one.
	Restore(ctx context.Context, run string, from drillprobe.Backup, to time.Time) (Place, error)
	// Remove removes the run's server, and is done when it is gone.
	Remove(ctx context.Context, run string) error
	// Sweep removes the servers of dead runs, and of those whose lease is over.
	Sweep(ctx context.Context, dead []string) error
}

// Place is what was restored.
type Place struct {
	Name string // for the report
	DSN  string
}

// errUncertain says that a restore may have begun although it failed.
var errUncertain = errors.New("nobody knows whether the restore began")

// Drill is how one launch's database is recovered for practice.
type Drill struct {
	Want   drillprobe.Want
	Kind   string // rds, dump or base, for the report
	Source Source
	Live   string // connection string
	Dir    string // reports
	State  string // what is under way
	Open   func(ctx context.Context, dsn string) (Database, error)
	Say    func(format string, args ...any)
	Pause  time.Duration // between a canary and the point; 0: two seconds
	Grain  time.Duration // how exact a point can be; 0: a second, as on RDS
	Poll   time.Duration // between two looks whether the point can be restored to; 0: 15 seconds

	at func(point string) // lets the tests of kills end the process
}

// removal bounds the removal of what was restored.
const removal = 20 * time.Minute

// patience is how long a recovery is waited for: twice its objective says as clearly that it is missed.
func (d *Drill) patience() time.Duration { return 2*d.Want.RTO + d.Want.LogRPO }

// Run makes one drill. The report is nil where nothing was measured; it is written where something was: a good one once the server is gone. The error is what a gate would say.
func (d *Drill) Run(ctx context.Context, kind string) (report *drillprobe.Report, err error) {
	if d.at == nil {
		d.at = func(string) {}
	}
	end, err := d.begin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	run := kind + "-" + strings.ToLower(rand.Text()[:10])
	if err := d.note(run); err != nil {
		return nil, err
	}
	d.at("noted")
	report, ended := d.recover(ctx, kind, run)
	verdict := d.judge(report, kind, ended)
	d.at("looked")
	failed := probe.StatusOf(verdict) == probe.Fail
	if failed { // at once: an earlier report must not outlive what was seen now
		err = d.write(report)
	}
	if removeErr := d.remove(ctx, run, errors.Is(ended, errUncertain)); removeErr != nil {
		d.Say("what was restored is still there, until the next drill or launchgate drill sweep removes it: %v", removeErr)
		return nil, errors.Join(removeErr, verdict, err)
	}
	d.at("removed")
	switch {
	case verdict == nil:
		err = d.write(report)
	case !failed:
		report = nil
	}
	d.at("reported")
	return report, errors.Join(verdict, err)
}

// judge is what a gate would say, by what ended the drill or else by what it saw.
func (d *Drill) judge(report *drillprobe.Report, kind string, ended error) error {
	if unmet := (*probe.Unmet)(nil); errors.As(ended, &unmet) {
		report.Failure = &drillprobe.Failure{Class: unmet.Class, Want: unmet.Want, Got: unmet.Got, Fix: unmet.Fix}
	} else if ended != nil {
		return ended
	}
	return d.Want.Judge(report, kind, time.Now())
}

func (d *Drill) write(report *drillprobe.Report) error {
	file, err := report.Write(d.Dir)
	if err == nil {
		d.Say("the report is %s", file)
	}
	return err
}

// Lease is how long what a run creates may be there before anybody may remove it.
func (d *Drill) Lease() time.Duration { return d.patience() + 2*removal }

// Mark writes a canary into the live database.
func (d *Drill) Mark(ctx context.Context) (*Mark, error) {
	if len(d.Want.Tables) == 0 {
		return nil, noTables()
	}
	live, err := d.Open(ctx, d.Live)
	if err != nil {
		return nil, err
	}
	defer func() { _ = live.Close(context.WithoutCancel(ctx)) }()
	mark, err := live.Mark(ctx, d.Want.Launch, d.Want.Tables)
	if err == nil {
		d.Say("the canary %s is in %s", mark.ID, d.Want.Database)
	}
	return mark, err
}

func noTables() error {
	return &probe.Unknown{Class: "not-configured", Want: "tables to compare", Got: "none", From: "launch.yaml", Fix: "list tables that only grow in drill.tables"}
}

// begin takes the lock, and removes what killed runs left.
func (d *Drill) begin(ctx context.Context) (end func() error, err error) {
	lock, err := procedure.Lock(d.State, "drill")
	if err != nil {
		return nil, err
	}
	if err := d.sweep(ctx); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock.Close, nil
}

// Sweep removes what killed runs left, and what has outlived its lease.
func (d *Drill) Sweep(ctx context.Context) error {
	end, err := d.begin(ctx)
	if err != nil {
		return err
	}
	return end()
}

// sweep holds the lock: whoever has a note in the folder is dead.
func (d *Drill) sweep(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(d.State, "*.run"))
	if err != nil {
		return err
	}
	var dead []string
	for _, file := range files {
		dead = append(dead, strings.TrimSuffix(filepath.Base(file), ".run"))
	}
	ctx, cancel := context.WithTimeout(ctx, removal)
	defer cancel()
	if err := d.Source.Sweep(ctx, dead); err != nil {
		return fmt.Errorf("what an earlier drill left cannot be removed: %w", err)
	}
	for _, file := range files {
		if err := d.forget(file); err != nil {
			return err
		}
	}
	return nil
}

// note says on disk, before anything is created, that a run is under way. Its file's name is all that it says.
func (d *Drill) note(run string) error {
	f, err := os.OpenFile(filepath.Join(d.State, run+".run"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // #nosec G304 -- beside launch.yaml
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(d.State))
}

// forget drops a run's note, once nothing of it is left. One that may yet come to be is remembered for a day.
func (d *Drill) forget(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.Size() > 0 && time.Since(info.ModTime()) < 24*time.Hour {
		return nil
	}
	return errors.Join(os.Remove(file), syncDir(d.State))
}

func syncDir(dir string) error {
	f, err := os.Open(dir) // #nosec G304 -- beside launch.yaml
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// remove removes the run's server, also where the drill was interrupted.
func (d *Drill) remove(ctx context.Context, run string, uncertain bool) error {
	file := filepath.Join(d.State, run+".run")
	if uncertain {
		if err := os.WriteFile(file, []byte(errUncertain.Error()), 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	if err := d.Source.Remove(ctx, run); err != nil {
		return err // the note stays
	}
	return d.forget(file)
}
