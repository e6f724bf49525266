// Package rehearsalprobe claims that a migration was rehearsed, and that the rehearsal went well. It reads the record that
// `launchgate rehearse migration` leaves behind and compares it with the files as they are now; it runs nothing.
package rehearsalprobe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// Run is the command that makes a record.
const Run = "run `launchgate rehearse migration`"

// Rehearsal is that of one launch's migration.
type Rehearsal struct {
	File     string // the record
	Launch   string
	Tool     string
	Dir      string   // of the migrations
	Words    []string // what else the run depends on, such as the command
	Major    int      // of production's PostgreSQL
	ValidFor time.Duration
	Script   string // the integrity script; "" where there is none
	Forward  bool   // declared to have no way back

	Announced time.Duration // how long the migration may take
	Window    time.Duration // what twice that must fit in
	LockWait  time.Duration // the longest wait that others may be kept behind
	Rows      []Rows        // of production
	Applied   int64         // the version that production is at
	List, Ref string        // what the applied files were: a list by sha256sum, a commit

	Now func() time.Time
}

// Rows is how many rows a table of production has.
type Rows struct {
	Table string
	Rows  int64
}

// from is the record for a message.
func (r *Rehearsal) from() string { return filepath.Base(r.File) }

func unknown(want, got, from, fix string, err error) error {
	return &probe.Unknown{Class: "migration.rehearsal", Want: want, Got: got, From: from, Fix: fix, Err: err}
}

// files reads the migrations as they are now.
func (r *Rehearsal) files() (*migrations.Set, error) {
	if r.Dir == "" {
		return nil, unknown("the folder of the migrations", "no migration.dir", "launch.yaml", "add it", nil)
	}
	set, err := migrations.Read(r.Tool, r.Dir)
	if err != nil {
		return nil, unknown("the migrations as they are now", err.Error(), "migration.dir", "run this where the repository is, or correct the folder", err)
	}
	return set, nil
}

// current gives the record where it is about the files, the launch and the server of now.
func (r *Rehearsal) current() (*record.Record, error) {
	set, err := r.files()
	if err != nil {
		return nil, err
	}
	want := "a rehearsal of the migrations as they are now"
	rec, err := record.Read(r.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unknown(want, "no record", r.from(), Run, err)
	}
	if err != nil {
		return nil, unknown(want, err.Error(), r.from(), Run+" again", err)
	}
	if got := r.stale(rec, set.Hash(r.Words...)); got != "" {
		return rec, unknown(want, got, r.from(), Run+" again", nil)
	}
	return rec, nil
}

// stale says why a record is not about what the launch is about now; "" where it is.
func (r *Rehearsal) stale(rec *record.Record, hash string) string {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	age := now().Sub(rec.Ended)
	switch {
	case rec.Launch != r.Launch:
		return fmt.Sprintf("one of the launch %q, where this one is %s", rec.Launch, r.Launch)
	case rec.Tool != r.Tool || rec.Migrations != hash:
		return "one of other migrations: they were changed since"
	case r.Major == 0:
		return "no migration.postgres in launch.yaml, the major version of production"
	case rec.Major != r.Major:
		return fmt.Sprintf("one on PostgreSQL %d, where production has %d: the wrong major version", rec.Major, r.Major)
	case rec.ForwardOnly != r.Forward:
		return "one with another migration.forward_only"
	case rec.Ended.IsZero() || rec.Ended.Before(rec.Began):
		return "one that did not end"
	case age < -time.Minute:
		return fmt.Sprintf("one from the future (%s)", rec.Ended.UTC().Format(time.RFC3339))
	case age > r.ValidFor:
		return fmt.Sprintf("one of %s, older than %s", rec.Ended.UTC().Format(time.RFC3339), r.ValidFor)
	}
	return ""
}

// ScriptHash is the hash of a script; "" where it cannot be read.
func ScriptHash(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// claim reads the record and judges it.
func (r *Rehearsal) claim(judge func(*record.Record) error) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.Dir, Asked: []string{r.File}, Source: "launchgate rehearse migration"}
		rec, err := r.current()
		if rec != nil {
			evidence.Observed = rec
		}
		if err != nil {
			return evidence, err
		}
		return evidence, judge(rec)
	}
}

// Timed claims that the migration ran to its end in the time that was announced, that twice that fits the window, and that no
// query has to wait for it for long.
func (r *Rehearsal) Timed() probe.Claim { return r.claim(r.judgeTimed) }

// Sized claims that the rehearsal's tables had at least 80 % of production's rows.
func (r *Rehearsal) Sized() probe.Claim { return r.claim(r.judgeSized) }

// Reversible claims that the way down leads back to the schema and the rows from before, and the way up again to the same schema.
func (r *Rehearsal) Reversible() probe.Claim { return r.claim(r.judgeDown) }

// Repeatable claims that a second run ends well and changes nothing.
func (r *Rehearsal) Repeatable() probe.Claim { return r.claim(r.judgeAgain) }

// Verified claims that the integrity script accepts the migrated database and refuses every corrupted copy of it.
func (r *Rehearsal) Verified() probe.Claim { return r.claim(r.judgeScript) }

// Sound claims that the files can be run as a set.
func (r *Rehearsal) Sound() probe.Claim {
	return r.ofFiles("files that can be run as a set", func(_ context.Context, s *migrations.Set) ([]migrations.Problem, error) { return s.Problems(), nil })
}

// HasDown claims that each migration that is still to run has a way back. Of a command the files say nothing; Reversible measures it.
func (r *Rehearsal) HasDown() probe.Claim {
	if r.Tool == migrations.Command {
		return func(context.Context) (probe.Evidence, error) {
			return probe.Evidence{}, &probe.NotApplicable{Why: "the tool is a command, in whose files nobody sees a way back"}
		}
	}
	return r.ofFiles("a way back for every migration", func(_ context.Context, s *migrations.Set) ([]migrations.Problem, error) {
		return s.Irreversible(r.Applied), nil
	})
}

// Unedited claims that nobody edited a migration that production already has.
func (r *Rehearsal) Unedited() probe.Claim {
	return r.ofFiles("applied migrations as they were", func(ctx context.Context, s *migrations.Set) ([]migrations.Problem, error) {
		if r.List == "" && r.Ref == "" {
			return nil, errors.New("neither migration.history nor migration.baseline in launch.yaml")
		}
		var all []migrations.Problem
		if r.List != "" {
			found, err := s.Edited(r.List, r.Applied)
			if err != nil {
				return nil, err
			}
			all = found
		}
		if r.Ref != "" {
			found, err := s.EditedSince(ctx, r.Ref, r.Applied)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		return all, nil
	})
}

func (r *Rehearsal) ofFiles(want string, look func(context.Context, *migrations.Set) ([]migrations.Problem, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.Dir}
		set, err := r.files()
		if err != nil {
			return evidence, err
		}
		evidence.Observed = set.Files
		found, err := look(ctx, set)
		switch {
		case err != nil:
			return evidence, &probe.Unknown{Class: "migration.files", Want: want, Got: err.Error(), From: r.Dir, Err: err, Fix: "see migration in launch.yaml"}
		case len(found) == 0:
			return evidence, nil
		}
		var rest string
		if len(found) > 1 {
			var others []string
			for _, p := range found[1:] {
				others = append(others, p.Where)
			}
			rest = " (and " + strings.Join(others, ", ") + ")"
		}
		return evidence, &probe.Unmet{Class: "migration.files", Want: want, Got: found[0].Got + rest, From: found[0].Where, Fix: found[0].Fix}
	}
}
