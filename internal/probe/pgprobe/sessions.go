package pgprobe

import (
	"context"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Pool is how many connections a server takes, and how many there are but the gates' own.
type Pool struct {
	Max      int     `json:"max_connections"`
	Reserved int     `json:"reserved"` // for superusers and roles with a right to it
	Used     int     `json:"used"`
	Idle     int     `json:"idle"`
	Limits   []Limit `json:"limits"`            // of the database, and of the application's role
	Refused  string  `json:"refused,omitempty"` // what the server said instead
}

// Limit is how many connections a database or a role may have, whatever the server has left.
type Limit struct {
	Of   string `json:"of"`
	Max  int    `json:"max"`
	Used int    `json:"used"`
}

const limits = `WITH client AS (SELECT datname, usename FROM pg_stat_activity WHERE backend_type = 'client backend' AND NOT (application_name = $1 AND usename = current_user))
SELECT 'the database ' || datname, datconnlimit, (SELECT count(*)::int FROM client c WHERE c.datname = d.datname) FROM pg_database d WHERE datname = current_database() AND datconnlimit > 0
UNION ALL SELECT 'the role ' || rolname, rolconnlimit, (SELECT count(*)::int FROM client c WHERE c.usename = r.rolname) FROM pg_roles r WHERE rolname = ANY ($2) AND rolconnlimit > 0 ORDER BY 1`

// usable are the connections that the application can have.
func (p Pool) usable() int { return p.Max - p.Reserved }

// PoolBelow claims that less than so many percent of the connections that the application can have are in use: of the server's, of the
// database's own limit, and of that of roles. A server that
// refuses the gates for want of one has said so itself.
func (d *Database) PoolBelow(percent float64, roles ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_stat_activity, max_connections"}
		const want = "the server's connections"
		var p Pool
		err := d.look(ctx, &evidence, want, "pg_monitor", func(ctx context.Context, l *look) error {
			if err := l.observer(want); err != nil {
				return err
			}
			var err error
			if p.Limits, err = rows[Limit](ctx, l, limits, Application, append([]string{}, roles...)); err != nil {
				return err
			}
			return l.tx.QueryRow(ctx, `SELECT current_setting('max_connections')::int,
				current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true)::int, 0),
				count(*)::int, (count(*) FILTER (WHERE state = 'idle'))::int
				FROM pg_stat_activity WHERE backend_type = 'client backend' AND NOT (application_name = $1 AND usename = current_user)`, Application).Scan(&p.Max, &p.Reserved, &p.Used, &p.Idle)
		})
		if code(err) == tooManyConnections {
			p.Refused = words(err)
			err = nil
		}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = p
		return evidence, poolBelow(p, percent, evidence.Target)
	}
}

func poolBelow(p Pool, percent float64, from string) error {
	bad := func(got string) error {
		return &probe.Unmet{Class: "pg.pool", Want: fmt.Sprintf("less than %g %% of the server's connections in use", percent), Got: got, From: from,
			Fix: "see who holds them (pg_stat_activity), make the pools of all instances together smaller, or raise max_connections"}
	}
	switch {
	case p.Refused != "":
		return bad("no connection left: " + p.Refused)
	case p.usable() <= 0:
		return bad(fmt.Sprintf("none that the application can have: %d of %d are reserved", p.Reserved, p.Max))
	case 100*float64(p.Used) >= percent*float64(p.usable()):
		return bad(fmt.Sprintf("%d of %d (%.0f %%), %d of them idle", p.Used, p.usable(), 100*float64(p.Used)/float64(p.usable()), p.Idle))
	}
	for _, l := range p.Limits {
		if 100*float64(l.Used) >= percent*float64(l.Max) {
			return bad(fmt.Sprintf("%d of %d (%.0f %%) that %s may have", l.Used, l.Max, 100*float64(l.Used)/float64(l.Max), l.Of))
		}
	}
	return nil
}

// Transaction is one that is open, with what it waits for.
type Transaction struct {
	PID     int32   `json:"pid"`
	Role    string  `json:"role"`
	Program string  `json:"application_name"`
	State   string  `json:"state"`
	Seconds float64 `json:"seconds"`
	Waits   bool    `json:"waits_for_lock"`
	Wraps   bool    `json:"autovacuum_against_wraparound"` // which does not give way to a migration
}

// Prepared is a transaction that waits for its COMMIT PREPARED, whoever should say that.
type Prepared struct {
	Name  string  `json:"gid"`
	Owner string  `json:"owner"`
	Age   float64 `json:"seconds"`
}

// Blockers are what a migration would wait for, and everybody else behind it.
type Blockers struct {
	Transactions []Transaction `json:"transactions"`
	Prepared     []Prepared    `json:"prepared"`
}

// NothingBlocks claims that a migration would get its locks: no transaction of this database is open for longer than the limit, none is
// prepared, none waits for a lock.
func (d *Database) NothingBlocks(limit time.Duration) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_stat_activity, pg_locks, pg_prepared_xacts"}
		const want = "the open transactions"
		var seen Blockers
		err := d.look(ctx, &evidence, want, "pg_monitor", func(ctx context.Context, l *look) (err error) {
			if err := l.primary(want); err != nil {
				return err
			}
			if err := l.observer(want); err != nil {
				return err
			}
			if seen.Transactions, err = rows[Transaction](ctx, l, `SELECT pid, coalesce(usename::text, ''), coalesce(application_name, ''), coalesce(state, ''),
				extract(epoch FROM clock_timestamp() - xact_start)::float8, coalesce(wait_event_type = 'Lock', false), coalesce(backend_type = 'autovacuum worker' AND query LIKE '%(to prevent wraparound)', false)
				FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL AND NOT coalesce(application_name = $1 AND usename = current_user, false)
				AND (backend_type <> 'autovacuum worker' OR query LIKE '%(to prevent wraparound)') ORDER BY xact_start`, Application); err != nil {
				return err
			}
			seen.Prepared, err = rows[Prepared](ctx, l, `SELECT gid, owner::text, extract(epoch FROM clock_timestamp() - prepared)::float8 FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared`)
			return err
		})
		if err != nil {
			return evidence, err
		}
		evidence.Observed = seen
		return evidence, nothingBlocks(seen, limit, evidence.Target)
	}
}

func nothingBlocks(b Blockers, limit time.Duration, from string) error {
	bad := func(class, got, fix string) error {
		return &probe.Unmet{Class: "pg." + class, Want: "nothing that a migration would wait for", Got: got, From: from, Fix: fix}
	}
	for _, p := range b.Prepared {
		return bad("prepared", fmt.Sprintf("the prepared transaction %q of %s", p.Name, p.Owner), "COMMIT PREPARED or ROLLBACK PREPARED it: it keeps its locks across restarts")
	}
	for _, t := range b.Transactions {
		who := fmt.Sprintf("a transaction of %s (%s, pid %d) that is %s for %.0f s", t.Role, t.Program, t.PID, t.State, t.Seconds)
		switch {
		case t.Wraps:
			return bad("wraparound", fmt.Sprintf("an autovacuum against wraparound (pid %d)", t.PID), "wait until it is done: it does not give way")
		case t.Seconds > limit.Seconds():
			return bad("open-transaction", who, fmt.Sprintf("end it (pg_terminate_backend(%d)), and see why it stays open", t.PID))
		case t.Waits:
			return bad("lock", who+" and waits for a lock", fmt.Sprintf("see pg_blocking_pids(%d)", t.PID))
		}
	}
	return nil
}
