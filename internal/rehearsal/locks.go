package rehearsal

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// glance is how often the locks are looked at: what is held for less than that goes unseen, and keeps nobody waiting.
const glance = 10 * time.Millisecond

// Locks on tables that other sessions can see, which a new one's are not: ACCESS EXCLUSIVE ones that are held, and those that are
// waited for and would keep readers or writers waiting behind them (https://www.postgresql.org/docs/current/explicit-locking.html).
const locksNow = `
SELECT l.pid, c.oid::regclass::text, l.mode, l.granted
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p', 'm')
WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.pid <> pg_backend_pid() AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
  AND (l.granted AND l.mode = 'AccessExclusiveLock' OR NOT l.granted AND l.mode IN ('AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock'))`

type lockKey struct {
	PID      int
	Relation string
	Mode     string
	Granted  bool
}

// watch looks at the locks of a database from a connection of its own.
type watch struct {
	conn         *pgx.Conn
	stop         chan struct{}
	ended        chan error
	since        map[lockKey]time.Time
	held, waited *record.Lock
}

func (r *run) watchLocks(ctx context.Context, database string) (*watch, error) {
	conn, err := r.connect(ctx, database)
	if err != nil {
		return nil, err
	}
	w := &watch{conn: conn, stop: make(chan struct{}), ended: make(chan error, 1), since: map[lockKey]time.Time{}}
	go func() { w.ended <- w.run(ctx) }()
	return w, nil
}

func (w *watch) run(ctx context.Context) error {
	defer func() { _ = w.conn.Close(context.WithoutCancel(ctx)) }()
	ticker := time.NewTicker(glance)
	defer ticker.Stop()
	for {
		if err := w.look(ctx); err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-w.stop:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (w *watch) look(ctx context.Context) error {
	rows, err := w.conn.Query(ctx, locksNow)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[lockKey])
	if err != nil {
		return err
	}
	now, seen := time.Now(), map[lockKey]time.Time{}
	for _, key := range all {
		since, known := w.since[key]
		if !known {
			since = now
		}
		seen[key] = since
		longest := &w.held
		if !key.Granted {
			longest = &w.waited
		}
		if d := now.Sub(since); *longest == nil || d > (*longest).For {
			*longest = &record.Lock{Relation: key.Relation, Mode: key.Mode, For: d}
		}
	}
	w.since = seen
	return nil
}

// end stops looking and gives the longest locks: held, and waited for.
func (w *watch) end() (held, waited *record.Lock, err error) {
	close(w.stop)
	err = <-w.ended
	return w.held, w.waited, err
}
