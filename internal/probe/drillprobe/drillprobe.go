package drillprobe

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Drills are the reports of a launch's drills.
type Drills struct {
	Dir  string
	Want Want
	Now  func() time.Time // nil: the machine's clock
}

// Restored claims that the newest backup was restored in the last days, to the rows that the live database had when it was made, and in
// the time that was agreed on.
func (d *Drills) Restored() probe.Claim { return d.claim(Restore) }

// Recovered claims the same of the recovery to a point in time: what was written before it is there, and what was written after it is not.
func (d *Drills) Recovered() probe.Claim { return d.claim(PITR) }

func (d *Drills) claim(kind string) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		file := filepath.Join(d.Dir, Path(d.Want.Environment, kind))
		evidence := probe.Evidence{Target: d.Want.Database, Asked: []string{file}, Source: "launchgate drill " + kind}
		report, err := read(file, kind)
		if report != nil {
			evidence.Observed = report
		}
		if err == nil {
			now := time.Now
			if d.Now != nil {
				now = d.Now
			}
			err = d.Want.Judge(report, kind, now())
		}
		return evidence, from(err, file)
	}
}

// Read reads a report that must be as a drill wrote it.
func Read(dir, environment, kind string) (*Report, error) {
	file := filepath.Join(dir, Path(environment, kind))
	report, err := read(file, kind)
	return report, from(err, file)
}

func read(file, kind string) (*Report, error) {
	want := "the report of a drill"
	text, err := os.ReadFile(file) // #nosec G304 -- the launch's own file
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &probe.Unknown{Class: "drill.missing", Want: want, Got: "none", Fix: again(kind) + ", and commit its report", Err: err}
	case err != nil:
		return nil, &probe.Unknown{Class: "drill.unreadable", Want: want, Got: err.Error(), Fix: "make it readable", Err: err}
	}
	r, err := decode(text)
	switch {
	case errors.Is(err, errChanged):
		return &r, &probe.Unmet{Class: "drill.tampered", Want: want + " as it was written", Got: err.Error(), Fix: again(kind)}
	case err != nil:
		return nil, &probe.Unknown{Class: "drill.torn", Want: want, Got: err.Error(), Fix: again(kind), Err: err}
	}
	return &r, nil
}

// from adds the file to what is wrong.
func from(err error, file string) error {
	var unmet *probe.Unmet
	var unknown *probe.Unknown
	switch {
	case errors.As(err, &unmet) && unmet.From == "":
		unmet.From = file
	case errors.As(err, &unknown) && unknown.From == "":
		unknown.From = file
	}
	return err
}
