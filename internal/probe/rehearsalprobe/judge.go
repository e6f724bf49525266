package rehearsalprobe

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

func unmet(class, want, got, from, fix string) error {
	return &probe.Unmet{Class: "migration." + class, Want: want, Got: got, From: from, Fix: fix}
}

// step gives a step that ended well. Where an earlier one failed, nobody knows how this one would have ended.
func (r *Rehearsal) step(rec *record.Record, name, fix string) (*record.Step, error) {
	s := rec.Step(name)
	if s == nil {
		got := "no such step"
		for _, other := range rec.Steps {
			if other.Failure != nil {
				got = fmt.Sprintf("no such step, because %s failed: %s", other.Name, other.Failure.Said())
			}
		}
		return nil, unknown("the step "+name, got, r.from(), "mend the migration, then "+Run+" again", nil)
	}
	if s.Failure != nil {
		return s, unmet("failed", name+" to end well", s.Failure.Said(), cmp.Or(s.Failure.Where, r.Tool), fix)
	}
	return s, nil
}

// judgeTimed judges how long the migration took and whom it kept waiting.
func (r *Rehearsal) judgeTimed(rec *record.Record) error {
	up, err := r.step(rec, record.Up, "mend it; it would fail in production too")
	if up != nil && len(up.Invalid) > 0 {
		where, code := r.Tool, ""
		if up.Failure != nil {
			where, code = cmp.Or(up.Failure.Where, where), "; "+up.Failure.Said()
		}
		return unmet("invalid", "valid indexes", "INVALID "+strings.Join(up.Invalid, ", ")+code, where,
			"DROP INDEX CONCURRENTLY IF EXISTS before it is built: IF NOT EXISTS would keep the broken one")
	}
	if err != nil {
		return err
	}
	took := up.Took.Round(time.Millisecond)
	switch {
	case r.Announced > 0 && up.Took > r.Announced:
		return unmet("slow", fmt.Sprintf("at most %s, which was announced", r.Announced), took.String(), r.from(), "make it quicker, or announce more in thresholds.migration_time")
	case 2*up.Took > r.Window || r.Window <= 0:
		return unmet("slow", fmt.Sprintf("twice the time of the migration within the window of %s", r.Window), "2 × "+took.String(), r.from(), "make it quicker, or the maintenance longer")
	case up.Held != nil && 2*up.Held.For > r.Window:
		return unmet("lock", "no table shut for longer than the window bears", fmt.Sprintf("%s on %s held for %s", up.Held.Mode, up.Held.Relation, up.Held.For.Round(time.Millisecond)), r.from(), "cut the migration into steps that lock briefly")
	}
	return r.judgeBehind(rec)
}

// judgeBehind judges how the migration met a transaction that was open when it came. One that gives up by its lock_timeout may
// be run again; one that waits keeps every query on the table waiting behind it.
func (r *Rehearsal) judgeBehind(rec *record.Record) error {
	behind := rec.Step(record.Behind)
	if behind == nil {
		_, err := r.step(rec, record.Behind, "")
		return err
	}
	if w := behind.Waited; w != nil && w.For > r.LockWait {
		return unmet("lock", fmt.Sprintf("at most %s of waiting behind an open transaction", r.LockWait),
			fmt.Sprintf("%s on %s waited for %s, and with it every %s on that table", w.Mode, w.Relation, w.For.Round(10*time.Millisecond), behindIt(w.Mode)), r.from(),
			fmt.Sprintf("SET lock_timeout = '%s' before the statement, and run the migration again when it gives up", r.LockWait))
	}
	if f := behind.Failure; f != nil && f.Code != lockNotAvailable {
		return unmet("failed", record.Behind+" to end well, or by its lock_timeout", f.Said(), cmp.Or(f.Where, r.Tool), "mend it")
	}
	released, err := r.step(rec, record.Released, "make it safe to run again after its lock_timeout")
	if err != nil {
		return err
	}
	if up := rec.Step(record.Up); released.Schema != up.Schema {
		return unmet("lock", "the same schema after a run that gave up and one that did not", differs(released.Changed), r.from(), "make it safe to run again after its lock_timeout")
	}
	return nil
}

// behindIt is what waits behind a lock that is waited for.
func behindIt(mode string) string {
	if mode == "AccessExclusiveLock" {
		return "query"
	}
	return "write"
}

const lockNotAvailable = "55P03"

// judgeSized judges how many rows the tables had.
func (r *Rehearsal) judgeSized(rec *record.Record) error {
	if len(r.Rows) == 0 {
		return &probe.Unknown{Class: "not-configured", Want: "how many rows production's tables have", Got: "no migration.rows", From: "launch.yaml", Fix: "add the ten largest tables; before the launch, what is expected of them"}
	}
	start, err := r.step(rec, record.Start, "")
	if err != nil {
		return err
	}
	for _, want := range r.Rows {
		at := slices.IndexFunc(start.Tables, func(t record.Table) bool { return t.Name == want.Table })
		got := int64(-1)
		if at >= 0 {
			got = start.Tables[at].Rows
		}
		if least := (want.Rows*8 + 9) / 10; got < least {
			return unmet("small", fmt.Sprintf("at least %d rows in %s, 80 %% of production's", least, want.Table), seen(got), r.from(), "rehearse with a newer dump, or generate as many rows")
		}
	}
	return nil
}

func seen(rows int64) string {
	if rows < 0 {
		return "no such table"
	}
	return fmt.Sprint(rows)
}

// judgeAgain judges the second run.
func (r *Rehearsal) judgeAgain(rec *record.Record) error {
	again, err := r.step(rec, record.Again, "make it safe to run twice: IF NOT EXISTS, ON CONFLICT")
	if err != nil {
		return err
	}
	up, err := r.step(rec, record.Up, "")
	if err != nil {
		return err
	}
	want := "a second run that changes nothing"
	if again.Schema != up.Schema {
		return unmet("idempotent", want, differs(again.Changed), r.from(), "make it safe to run twice")
	}
	if got := rows(up.Tables, again.Tables); got != "" {
		return unmet("idempotent", want, got, r.from(), "make it safe to run twice: INSERT … ON CONFLICT DO NOTHING")
	}
	return nil
}

// judgeDown judges the way down and up again.
func (r *Rehearsal) judgeDown(rec *record.Record) error {
	start, err := r.step(rec, record.Start, "")
	if err != nil {
		return err
	}
	down, err := r.step(rec, record.Down, "mend the down migration")
	if err != nil {
		return err
	}
	if down.Schema != start.Schema {
		return unmet("down", "the schema from before the migration", differs(down.Changed), r.from(), "mend the down migration")
	}
	if got := rows(start.Tables, down.Tables); got != "" {
		return unmet("down", "the rows from before the migration", got, r.from(), "keep what is taken away until the launch has stood, or declare migration.forward_only and have that signed")
	}
	back, err := r.step(rec, record.Back, "mend the down migration, after which the way up fails")
	if err != nil {
		return err
	}
	up, err := r.step(rec, record.Up, "")
	if err != nil {
		return err
	}
	if back.Schema != up.Schema {
		return unmet("down", "the same schema after down and up again", differs(back.Changed), r.from(), "mend the down migration")
	}
	return nil
}

// judgeScript judges the integrity script by what it said of the good and the corrupted copies.
func (r *Rehearsal) judgeScript(rec *record.Record) error {
	name := filepath.Base(r.Script)
	if r.Script == "" {
		return &probe.Unknown{Class: "not-configured", Want: "an integrity script", Got: "no migration.verify", From: "launch.yaml", Fix: "write scripts/verify-migration.sh and add it"}
	}
	now := ScriptHash(r.Script)
	if now == "" {
		return unmet("script", "the integrity script", "no file that can be read", name, "write it, or correct migration.verify")
	}
	if now != rec.Script {
		return unknown("a rehearsal with the integrity script as it is now", "one with another: it was changed since", r.from(), Run+" again", nil)
	}
	if _, err := r.step(rec, record.Up, ""); err != nil {
		return unknown("a migrated database to run the script on", err.Error(), r.from(), "mend the migration first", nil)
	}
	good, bad := 0, 0
	var missed []string
	for _, t := range rec.Trials {
		switch {
		case t.Copy == "" && !t.Passed:
			return unmet("script", "exit code 0 on the migrated database", "it failed: "+t.Output, name, "mend the script, or the migration")
		case t.Copy == "":
			good++
		case t.Passed:
			missed = append(missed, t.Copy)
			bad++
		default:
			bad++
		}
	}
	switch {
	case good == 0 || bad == 0:
		return unknown("the script tried on a good and on corrupted copies", fmt.Sprintf("%d good, %d corrupted", good, bad), r.from(), "rehearse with rows in the tables that are migrated", nil)
	case len(missed) == bad:
		return unmet("script", "a script that fails on corrupted data", fmt.Sprintf("exit code 0 on all %d corrupted copies: %s", bad, strings.Join(missed, "; ")), name, "let it end with another exit code when a check fails: set -e, psql -v ON_ERROR_STOP=1")
	case len(missed) > 0:
		return unmet("script", "a script that fails on corrupted data", "exit code 0 on a copy with "+strings.Join(missed, "; "), name, "add a check for it")
	}
	return nil
}

// rows says how the rows of tables that both sides have, or only the first, differ.
func rows(before, after []record.Table) string {
	var all []string
	for _, b := range before {
		at := slices.IndexFunc(after, func(t record.Table) bool { return t.Name == b.Name })
		switch {
		case at < 0:
			all = append(all, fmt.Sprintf("%s is gone with its %d rows", b.Name, b.Rows))
		case after[at].Rows != b.Rows:
			all = append(all, fmt.Sprintf("%s has %d rows, before %d", b.Name, after[at].Rows, b.Rows))
		case after[at].Sum != b.Sum:
			all = append(all, fmt.Sprintf("rows of %s have other values", b.Name))
		}
	}
	for _, a := range after {
		if !slices.ContainsFunc(before, func(t record.Table) bool { return t.Name == a.Name }) {
			all = append(all, a.Name+" is new")
		}
	}
	return strings.Join(all, ", ")
}

func differs(changed []string) string {
	if len(changed) == 0 {
		return "another"
	}
	const most = 3
	if len(changed) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(changed[:most], ", "), len(changed)-most)
	}
	return strings.Join(changed, ", ")
}
