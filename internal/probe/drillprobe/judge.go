package drillprobe

import (
	"fmt"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Want is what a report must be about, and how good a recovery must be.
type Want struct {
	Launch, Environment, Database string
	Tables                        []Table
	RTO                           time.Duration // from the first call to the last look
	RPO                           time.Duration // how old the newest backup may be
	LogRPO                        time.Duration // how long what was written may not be restorable yet
	Days                          int           // how old a report may be
}

// exact is how exact the time of a backup must be to be believed; else the canary tells how old the data is.
const exact = time.Hour

// window is the most that may lie between the two canaries of a PITR drill: together they say to which time the database came back.
const window = 10 * time.Minute

// Judge says whether a report shows a recovery that is good enough, at the time now.
func (w Want) Judge(r *Report, kind string, now time.Time) error {
	judgement := judgement{w, r, kind, now}
	for _, step := range []func() error{judgement.about, judgement.fresh, judgement.whole, judgement.canaries, judgement.tables, judgement.objectives} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

type judgement struct {
	Want
	r    *Report
	kind string
	now  time.Time
}

func (j judgement) again() string { return again(j.kind) }

func again(kind string) string { return "run launchgate drill " + kind }

func (j judgement) unknown(class, want, got string) error {
	return &probe.Unknown{Class: "drill." + class, Want: want, Got: got, Fix: j.again()}
}

func (j judgement) unmet(class, want, got, fix string) error {
	return &probe.Unmet{Class: "drill." + class, Want: want, Got: got, Fix: fix}
}

// about refuses a report of something else: it says nothing about this launch.
func (j judgement) about() error {
	for _, fact := range []struct{ what, want, got string }{
		{"kind", j.kind, j.r.Kind}, {"launch", j.Launch, j.r.Launch}, {"environment", j.Environment, j.r.Environment}, {"database", j.Database, j.r.Database},
	} {
		if fact.want != fact.got || fact.want == "" {
			return j.unknown("other", fmt.Sprintf("a drill of %s %s", fact.what, fact.want), fmt.Sprintf("one of %s %q", fact.what, fact.got))
		}
	}
	return nil
}

// skew is how far two clocks may be apart.
const skew = 5 * time.Minute

// fresh judges the report's age by when the drill began: one that hung for a week is a week old.
func (j judgement) fresh() error {
	want := fmt.Sprintf("a drill of the last %d days", j.Days)
	switch age := j.now.Sub(j.r.Began); {
	case j.r.Began.IsZero():
		return j.unknown("torn", want, "a report without a time")
	case age < -skew:
		return j.unknown("clock", want, "one that began at "+when(j.r.Began)+", which is still to come")
	case age > time.Duration(j.Days)*24*time.Hour:
		return j.unmet("stale", want, "one of "+when(j.r.Began), j.again())
	}
	return nil
}

// whole wants a report to say all that it must, in the order in which it happened.
func (j judgement) whole() error {
	r := j.r
	if f := r.Failure; f != nil {
		return &probe.Unmet{Class: f.Class, Want: f.Want, Got: f.Got, Fix: f.Fix}
	}
	order := []time.Time{r.Backup.Made, r.Began, r.Ready, r.Verified}
	if j.kind == PITR {
		order = []time.Time{r.Target, r.Restorable, r.Began, r.Ready, r.Verified}
	}
	if slices.ContainsFunc(order, time.Time.IsZero) || !slices.IsSortedFunc(order[1:], time.Time.Compare) || r.Verified.Sub(j.now) > skew {
		return j.unknown("torn", "a report whose times follow each other", "times that do not")
	}
	if early := time.Duration(r.Backup.Within)*time.Second + skew; order[0].Sub(order[1]) > early {
		return j.unknown("clock", "a backup from before the drill", "one of "+when(order[0])+", and a drill of "+when(order[1]))
	}
	if r.Backup.ID == "" || r.Canary.ID == "" || r.Canary.Made.IsZero() || r.Run == "" || j.kind == PITR && (r.After == nil || r.After.ID == "" || r.After.ID == r.Canary.ID) {
		return j.unknown("torn", "a report that names the backup and its canaries", "none of some of them")
	}
	return nil
}

func (j judgement) canaries() error {
	r := j.r
	if !r.Canary.Found {
		return j.unmet("canary", "the row "+r.Canary.ID+" of "+when(r.Canary.Made)+" in what was restored", "no such row", "find out which database, and which point, "+r.Backup.ID+" is of")
	}
	if j.kind != PITR {
		return nil
	}
	switch {
	case r.After.Found:
		return j.unmet("point", "no row from after "+when(r.Target)+" in what was restored", "the row "+r.After.ID+" of "+when(r.After.Made), "find out to which point "+r.Backup.ID+" was restored")
	case r.Canary.Made.After(r.Target) || !r.After.Made.After(r.Target):
		return j.unknown("torn", "a point between its two canaries", "one that is not")
	case r.After.Made.Sub(r.Canary.Made) > window:
		return j.unknown("window", "canaries no further apart than "+window.String(), r.After.Made.Sub(r.Canary.Made).Round(time.Second).String())
	}
	return nil
}

func (j judgement) tables() error {
	if len(j.Tables) == 0 {
		return &probe.Unknown{Class: "not-configured", Want: "tables to compare", Got: "none", From: "launch.yaml", Fix: "list tables that only grow in drill.tables"}
	}
	rows := int64(0)
	for _, table := range j.Tables {
		at := slices.IndexFunc(j.r.Tables, func(c Compared) bool { return c.Live.Same(table) && c.Restored.Same(table) })
		if at < 0 {
			return j.unknown("tables", "the table "+table.Name+" compared", "a drill that did not look at it, or not by these columns")
		}
		live, restored := j.r.Tables[at].Live, j.r.Tables[at].Restored
		rows += restored.Rows
		switch want := fmt.Sprintf("%d rows up to %s %s in the restored table %s", live.Rows, table.Key, live.UpTo, table.Name); {
		case live.UpTo != restored.UpTo:
			return j.unknown("torn", want, "figures up to "+restored.UpTo)
		case live.Rows != restored.Rows:
			return j.unmet("rows", want, fmt.Sprint(restored.Rows), "find out what the backup leaves out; the table must only grow")
		case live.Sum != restored.Sum || live.Rows > 0 && live.Sum == "":
			return j.unmet("checksum", want+", as they were", "other contents", "compare the rows; columns that are changed later do not belong into drill.tables")
		}
	}
	if rows == 0 {
		return j.unmet("rows", "at least one row in the tables that are compared", "none in any", "name tables that have rows in drill.tables")
	}
	return nil
}

// Same says whether two descriptions are of the same figures.
func (t Table) Same(other Table) bool {
	return t.Name == other.Name && t.Key == other.Key && slices.Equal(t.Columns, other.Columns)
}

func (j judgement) objectives() error {
	r := j.r
	if took := r.Verified.Sub(r.Began); took > j.RTO {
		return j.unmet("rto", "the database back within "+j.RTO.String(), took.Round(time.Second).String(), "find what takes so long, or agree on another drill.rto")
	}
	if j.kind == PITR {
		if lag := r.Restorable.Sub(r.Target); lag > j.LogRPO {
			return j.unmet("rpo", "what is written to be restorable within "+j.LogRPO.String(), lag.Round(time.Second).String(), "see whether the log is shipped, or agree on another drill.log_rpo")
		}
		return nil
	}
	// A canary that is older than a backup may be shows nothing of what was written since.
	until := r.Backup.Made
	if time.Duration(r.Backup.Within)*time.Second <= exact {
		if age := r.Began.Sub(r.Backup.Made); age > j.RPO {
			return j.unmet("rpo", "a backup no older than "+j.RPO.String(), r.Backup.ID+" of "+when(r.Backup.Made), "see why there is no newer one, or agree on another drill.rpo")
		}
	} else {
		until = r.Began
	}
	if age := until.Sub(r.Canary.Made); age > j.RPO {
		return &probe.Unknown{Class: "drill.canary-old", Want: "a canary no more than " + j.RPO.String() + " old in the newest backup", Got: "one of " + when(r.Canary.Made),
			Fix: "if the backup is younger, run launchgate drill mark before each backup, and then the drill; else make backups"}
	}
	return nil
}

func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }
