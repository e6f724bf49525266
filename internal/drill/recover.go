package drill

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

// recovery is one run's way from the live database to the restored one.
type recovery struct {
	*Drill
	r    *drillprobe.Report
	run  string
	live Database
	skew time.Duration // of the live database's clock: every time in a report is by that one
}

// now is the time by the live database's clock. The report's times are whole microseconds, as PostgreSQL's are.
func (c *recovery) now() time.Time { return time.Now().Add(c.skew).UTC().Truncate(time.Microsecond) }

// recover restores and compares. The report is never nil; a *probe.Unmet is measured.
func (d *Drill) recover(ctx context.Context, kind, run string) (*drillprobe.Report, error) {
	w := d.Want
	c := &recovery{Drill: d, run: run, r: &drillprobe.Report{Kind: kind, Launch: w.Launch, Environment: w.Environment, Database: w.Database, Source: d.Kind, Run: run}}
	ctx, cancel := context.WithTimeout(ctx, d.patience())
	defer cancel()
	if len(w.Tables) == 0 {
		return c.r, noTables()
	}
	var err error
	if c.live, err = d.Open(ctx, d.Live); err != nil {
		return c.r, err
	}
	defer func() { _ = c.live.Close(context.WithoutCancel(ctx)) }()
	clock, err := c.live.Clock(ctx)
	if err != nil {
		return c.r, err
	}
	c.skew = time.Until(clock)
	c.r.Began = c.now()
	if kind == drillprobe.PITR {
		return c.r, c.toPoint(ctx)
	}
	return c.r, c.toBackup(ctx)
}

func (c *recovery) toBackup(ctx context.Context) (err error) {
	if c.r.Backup, err = c.Source.Newest(ctx); err != nil {
		return err
	}
	restored, err := c.restore(ctx, time.Time{})
	if err != nil {
		return err
	}
	defer func() { _ = restored.Close(context.WithoutCancel(ctx)) }()
	mark, err := c.canary(ctx, restored)
	if err != nil || !c.r.Canary.Found {
		return err
	}
	return c.compare(ctx, restored, mark)
}

// restore restores, and connects to what was restored.
func (c *recovery) restore(ctx context.Context, to time.Time) (Database, error) {
	c.r.Began = c.now()
	c.Say("restoring %s, which should take no longer than %s", c.r.Backup.ID, c.Want.RTO)
	c.at("asking")
	place, err := c.Source.Restore(ctx, c.run, c.r.Backup, to)
	c.r.Restored = place.Name
	if err != nil {
		return nil, c.late(ctx, err)
	}
	c.at("restored")
	restored, err := c.Open(ctx, place.DSN)
	if err != nil {
		return nil, err
	}
	if err := c.another(ctx, restored); err != nil {
		return nil, errors.Join(err, restored.Close(context.WithoutCancel(ctx)))
	}
	c.r.Ready = c.now()
	c.Say("%s answers after %s", place.Name, c.r.Ready.Sub(c.r.Began).Round(time.Second))
	return restored, nil
}

// another refuses the live database as what was restored: it would have every row.
func (c *recovery) another(ctx context.Context, restored Database) error {
	live, err := c.live.Server(ctx)
	if err != nil {
		return err
	}
	if other, err := restored.Server(ctx); err != nil || other != live {
		return err
	}
	return &probe.Unknown{Class: "drill.live", Want: "a database that was restored", Got: "the live one, which answers where that should be", Fix: "see where the name of the restored instance leads from this machine"}
}

// late tells a recovery that is still under way at twice its objective, which is measured, from a provider that was silent, which is not.
func (c *recovery) late(ctx context.Context, err error) error {
	if under := (*underway)(nil); errors.As(err, &under) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &probe.Unmet{Class: "drill.rto", Want: "the database back within " + c.Want.RTO.String(), Got: under.Error(), Fix: "find what takes so long, or agree on another drill.rto"}
	}
	return err
}

// underway says what a recovery that took too long was last seen at.
type underway struct{ status string }

func (u *underway) Error() string { return "it is still " + u.status }

// canary is the newest canary of what was restored. It must be one of the live database's, and no newer one may be missing that was
// written before the backup was made.
func (c *recovery) canary(ctx context.Context, restored Database) (*Mark, error) {
	newest, err := restored.Newest(ctx, c.Want.Launch, c.now().Add(24*time.Hour))
	if err != nil {
		return nil, err
	}
	due, err := c.live.Newest(ctx, c.Want.Launch, c.r.Backup.Made.Add(-time.Duration(c.r.Backup.Within)*time.Second))
	if err != nil {
		return nil, err
	}
	if newest == nil && due == nil {
		return nil, &probe.Unknown{Class: "drill.canary", Want: "a canary from before the backup", Got: "none in the live database", Fix: "run launchgate drill mark before the next backup, and then the drill"}
	}
	if newest != nil {
		same, err := c.live.Find(ctx, newest.ID)
		if err != nil {
			return nil, err
		}
		if !newest.same(same) {
			return nil, &probe.Unmet{Class: "drill.canary", Want: "canaries of " + c.Want.Database + " in what was restored", Got: newest.ID + ", which the live database has not, or not so", From: c.r.Backup.ID, Fix: "find out which database that is a backup of"}
		}
	}
	if newest == nil || due != nil && due.Made.After(newest.Made) {
		c.r.Canary = drillprobe.Canary{ID: due.ID, Made: due.Made}
		return nil, nil
	}
	c.r.Canary = drillprobe.Canary{ID: newest.ID, Made: newest.Made, Found: true}
	return newest, nil
}

// compare counts what was restored.
func (c *recovery) compare(ctx context.Context, restored Database, mark *Mark) error {
	for _, table := range c.Want.Tables {
		at := slices.IndexFunc(mark.Figures, func(f drillprobe.Figures) bool { return f.Same(table) })
		if at < 0 {
			return &probe.Unknown{Class: "drill.tables", Want: "figures of " + table.Name + " with the canary", Got: "none with " + mark.ID, Fix: "run launchgate drill mark before the next backup, and then the drill"}
		}
		got, err := restored.Figures(ctx, table, mark.Figures[at].UpTo)
		if err != nil {
			return err
		}
		c.r.Tables = append(c.r.Tables, drillprobe.Compared{Live: mark.Figures[at], Restored: got})
	}
	c.r.Verified = c.now()
	c.Say("%d tables were compared after %s", len(c.r.Tables), c.r.Verified.Sub(c.r.Began).Round(time.Second))
	return nil
}

// toPoint writes two canaries and restores to a point between them.
func (c *recovery) toPoint(ctx context.Context) error {
	before, err := c.live.Mark(ctx, c.Want.Launch, c.Want.Tables)
	if err != nil {
		return err
	}
	c.at("marked")
	if c.r.Target, err = c.point(ctx); err != nil {
		return err
	}
	after, err := c.live.Mark(ctx, c.Want.Launch, c.Want.Tables)
	if err != nil {
		return err
	}
	c.r.Canary, c.r.After = drillprobe.Canary{ID: before.ID, Made: before.Made}, &drillprobe.Canary{ID: after.ID, Made: after.Made}
	if err := c.shipped(ctx); err != nil {
		return err
	}
	restored, err := c.restore(ctx, c.r.Target)
	if err != nil {
		return err
	}
	defer func() { _ = restored.Close(context.WithoutCancel(ctx)) }()
	for _, canary := range []*drillprobe.Canary{&c.r.Canary, c.r.After} {
		mark, err := restored.Find(ctx, canary.ID)
		if err != nil {
			return err
		}
		canary.Found = mark != nil
	}
	if !c.r.Canary.Found {
		c.r.Verified = c.now()
		return nil // whoever judges says so
	}
	return c.compare(ctx, restored, before)
}

// point is a whole second, with time around it.
func (c *recovery) point(ctx context.Context) (time.Time, error) {
	pause, grain := cmp.Or(c.Pause, 2*time.Second), cmp.Or(c.Grain, time.Second)
	if err := probe.Wait(ctx, pause); err != nil {
		return time.Time{}, err
	}
	now, err := c.live.Clock(ctx)
	if err != nil {
		return time.Time{}, err
	}
	to := now.Truncate(grain).Add(grain)
	return to, probe.Wait(ctx, to.Sub(now)+pause)
}

// shipped waits until the point can be restored to, a little longer than it may take.
func (c *recovery) shipped(ctx context.Context) error {
	poll := cmp.Or(c.Poll, 15*time.Second)
	c.Say("waiting until %s can be restored to, which should take no longer than %s", c.r.Target.Format(time.RFC3339), c.Want.LogRPO)
	there, err := probe.Await(ctx, c.Want.LogRPO+c.Want.LogRPO/2, poll, func(ctx context.Context) (there bool, err error) {
		c.r.Backup, there, err = c.Source.Restorable(ctx, c.live, c.r.Target)
		return there, err
	})
	c.r.Restorable = c.now()
	if err == nil && !there {
		return &probe.Unmet{Class: "drill.rpo", Want: "what is written to be restorable within " + c.Want.LogRPO.String(), Got: "not yet after " + c.r.Restorable.Sub(c.r.Target).Round(time.Second).String(), Fix: "see whether the log is shipped"}
	}
	return err
}
