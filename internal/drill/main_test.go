package drill

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

// TestMain lets a test run this binary again as the drill that is to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("DRILL_CHILD"); dir != "" {
		os.Exit(child(dir, os.Getenv("DRILL_KIND"), os.Getenv("DRILL_CRASH")))
	}
	os.Exit(m.Run())
}

var ledger = drillprobe.Table{Name: "ledger", Key: "id", Columns: []string{"id", "amount"}}

var want = drillprobe.Want{Launch: "drop", Environment: "sandbox", Database: "drop-db", Tables: []drillprobe.Table{ledger}, RTO: time.Minute, RPO: 26 * time.Hour, LogRPO: 10 * time.Minute, Days: 30}

// paper is a database that exists on paper only: the kills are about what is created, not about what is in it.
type paper struct {
	restored bool
	marks    map[string]*Mark
}

func markOf(id string, made time.Time) *Mark {
	return &Mark{ID: id, Made: made, Figures: []drillprobe.Figures{{Table: ledger, UpTo: "9", Rows: 9, Sum: "7"}}}
}

var daily = markOf("daily", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))

func (p *paper) Clock(context.Context) (time.Time, error) { return time.Now().UTC(), nil }
func (p *paper) Server(context.Context) (string, error)   { return fmt.Sprint(p.restored), nil }
func (p *paper) Mark(context.Context, string, []drillprobe.Table) (*Mark, error) {
	m := markOf(fmt.Sprint("mark-", len(p.marks)), time.Now().UTC())
	p.marks[m.ID] = m
	return m, nil
}
func (p *paper) Newest(context.Context, string, time.Time) (*Mark, error) { return daily, nil }
func (p *paper) Find(_ context.Context, id string) (*Mark, error) {
	switch {
	case id == daily.ID:
		return daily, nil
	case p.restored && id == "mark-1": // the second one, from after the point
		return nil, nil
	}
	return p.marks[id], nil
}
func (p *paper) Figures(_ context.Context, t drillprobe.Table, upTo string) (drillprobe.Figures, error) {
	return daily.Figures[0], nil
}
func (p *paper) Segment(context.Context) (string, error) { return "", nil }
func (p *paper) Close(context.Context) error             { return nil }

// onPaper is a drill against the AWS stand-in that the environment leads to.
func onPaper(dir string) (*Drill, *RDS) {
	const live = "postgres://drill:hunter22@drop-db.example:5432/drop"
	daily.Made = time.Now().UTC().Truncate(time.Second).Add(-7 * time.Hour)
	say := func(format string, args ...any) { fmt.Printf(format+"\n", args...) }
	source := &RDS{Account: awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), Instance: "drop-db", Launch: "drop", Live: live,
		Lease: time.Hour, Interval: 5 * time.Millisecond, Say: say}
	marks := map[string]*Mark{}
	return &Drill{Want: want, Kind: "rds", Source: source, Live: live, Dir: filepath.Join(dir, "drills"), State: filepath.Join(dir, "state"), Say: say, Pause: time.Millisecond, Grain: 20 * time.Millisecond, Poll: 20 * time.Millisecond,
		Open: func(_ context.Context, dsn string) (Database, error) { return &paper{dsn != live, marks}, nil }}, source
}

// child makes a drill and dies at a point.
func child(dir, kind, crash string) int {
	d, source := onPaper(dir)
	d.at = func(point string) {
		if point == crash {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // what follows never runs
			select {}
		}
	}
	source.at = d.at
	if live := os.Getenv("DRILL_LIVE"); live != "" { // to PostgreSQL instead
		base := NewBase(os.Getenv("DRILL_BASE"), os.Getenv("DRILL_ARCHIVE"), live, cmp.Or(os.Getenv("DRILL_DRIVER"), "local"))
		base.at = d.at
		d.Source, d.Live = base, live
		d.Open = func(ctx context.Context, dsn string) (Database, error) { return Open(ctx, &probe.Network{}, dsn) }
	}
	if _, err := d.Run(context.Background(), kind); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}
