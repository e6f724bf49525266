// Package rehearsal runs a migration on a PostgreSQL server that is thrown away: up, up again, down, up, and up behind an open
// transaction, with data of production's size, and writes down what it saw. It judges nothing; package rehearsalprobe does, from
// the record. The server is its caller's.
package rehearsal

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// Server is a running server that is thrown away, or whose databases are.
type Server interface {
	DSN() string
	Major() int
	Database(name string) string                                     // what a database of the rehearsal is called there
	Create(ctx context.Context, name string) (dsn string, err error) // an empty one
	Load(ctx context.Context, file string, args ...string) error
}

// Settings are those of a server to rehearse on. Autovacuum would come to the tables that were filled or migrated a moment ago, and
// hold a lock that the next step gives up for.
var Settings = map[string]string{"autovacuum": "off", "max_wal_size": "4GB"}

// Plan is what to rehearse.
type Plan struct {
	Launch      string
	Set         *migrations.Set
	Words       []string
	Up, Down    []string // of tool command
	Applied     int64
	Data        Data
	Verify      []string // command of the integrity script
	Script      string   // its hash
	Corruptions []string
	ForwardOnly bool
	LockWait    time.Duration
	Dir         string // where commands run
	Timeout     time.Duration

	Progress func(step string, expected time.Duration) (ended func()) // may be nil
}

// Data is what the database is filled with: a dump, or a script, or generated rows.
type Data struct {
	Dump, Script string
	Rows         []Rows
}

// Rows is how many rows to generate for a table.
type Rows struct {
	Table string
	Rows  int64
}

// The databases of a rehearsal. Copies of the first are what the steps run on.
const (
	startDB  = "rehearsal_start"
	mainDB   = "rehearsal"
	behindDB = "rehearsal_behind"
	copyDB   = "rehearsal_copy"
)

// name is what one of the databases is called on the server.
func (r *run) name(database string) string { return r.server.Database(database) }

// run is one rehearsal under way.
type run struct {
	Plan
	server Server
	runner runner
	admin  *pgx.Conn
	rec    *record.Record
	seen   map[string][]string // schema after each step
}

// Run rehearses. A migration that fails is something that was seen; an error means that nothing could be seen.
func Run(ctx context.Context, server Server, plan Plan) (*record.Record, error) {
	ctx, cancel := context.WithTimeout(ctx, plan.Timeout)
	defer cancel()
	r := &run{Plan: plan, server: server, seen: map[string][]string{}}
	var err error
	if r.runner, err = newRunner(plan); err != nil {
		return nil, err
	}
	if r.admin, err = pgx.Connect(ctx, server.DSN()); err != nil {
		return nil, err
	}
	defer func() { _ = r.admin.Close(context.WithoutCancel(ctx)) }()
	r.rec = &record.Record{Format: record.Format, Launch: plan.Launch, Tool: plan.Set.Tool, Migrations: plan.Set.Hash(plan.Words...), Files: len(plan.Set.Files),
		Script: plan.Script, ForwardOnly: plan.ForwardOnly, Began: time.Now().UTC(), Major: server.Major()}
	if err := r.admin.QueryRow(ctx, "SELECT version()").Scan(&r.rec.Version); err != nil {
		return nil, err
	}
	if len(plan.Verify) > 0 { // known now rather than after an hour
		if _, err := r.admin.Exec(ctx, "SET session_replication_role = replica; RESET session_replication_role"); err != nil {
			return nil, fmt.Errorf("want a role that can corrupt the copies for the integrity script: %w; GRANT SET ON PARAMETER session_replication_role, or a superuser", err)
		}
	}
	if err := r.steps(ctx); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("the rehearsal did not end: %w", context.Cause(ctx))
	}
	r.rec.Ended = time.Now().UTC()
	return r.rec, nil
}

// steps are the rehearsal in its order. A step that fails ends the way it is on: what would come after it would say nothing.
func (r *run) steps(ctx context.Context) error {
	if err := r.fill(ctx); err != nil {
		return fmt.Errorf("the data for the rehearsal: %w", err)
	}
	if err := r.step(ctx, startDB, record.Start, "", func(context.Context, string) error { return nil }); err != nil {
		return err
	}
	if err := r.copyOf(ctx, startDB, mainDB); err != nil {
		return err
	}
	before, err := r.runner.version(ctx, r.dsn(mainDB))
	if err != nil {
		return err
	}
	if err := r.step(ctx, mainDB, record.Up, "", r.runner.up); err != nil || r.failed(record.Up) {
		return err
	}
	if err := r.trials(ctx); err != nil {
		return fmt.Errorf("the integrity script: %w", err)
	}
	if err := r.behind(ctx); err != nil {
		return err
	}
	if err := r.step(ctx, mainDB, record.Again, record.Up, r.runner.up); err != nil || r.failed(record.Again) || r.ForwardOnly {
		return err
	}
	down := func(ctx context.Context, dsn string) error { return r.runner.down(ctx, dsn, before) }
	if err := r.step(ctx, mainDB, record.Down, record.Start, down); err != nil || r.failed(record.Down) {
		return err
	}
	return r.step(ctx, mainDB, record.Back, record.Up, r.runner.up)
}

func (r *run) failed(step string) bool { return r.rec.Step(step).Failure != nil }

// dsn is the URL of one of the rehearsal's databases.
func (r *run) dsn(database string) string {
	u, err := url.Parse(r.server.DSN())
	if err != nil {
		panic(err) // the server's own
	}
	u.Path = "/" + r.name(database)
	return u.String()
}

// drop drops a database, where there is one, whoever is connected to it.
func (r *run) drop(ctx context.Context, database string) error {
	_, err := r.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+r.name(database)+" WITH (FORCE)")
	return err
}

// copyOf makes a database a copy of another, to which nobody may be connected.
func (r *run) copyOf(ctx context.Context, from, to string) error {
	if err := r.drop(ctx, to); err != nil {
		return err
	}
	sql := "CREATE DATABASE " + r.name(to) + " TEMPLATE " + r.name(from)
	if r.server.Major() >= 15 {
		sql += " STRATEGY file_copy"
	}
	if _, err := r.admin.Exec(ctx, sql); err != nil {
		return err
	}
	return r.settings(ctx, from, to)
}

// settings gives a copy the settings of its original, such as a statement_timeout, which a template does not hand on.
func (r *run) settings(ctx context.Context, from, to string) error {
	all, err := texts(ctx, r.admin, `SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = $1 AND s.setrole = 0`, r.name(from))
	if err != nil {
		return err
	}
	for _, entry := range all {
		name, value, _ := strings.Cut(entry, "=")
		if name != "search_path" { // a list as it is
			value = literal(value)
		}
		if _, err := r.admin.Exec(ctx, "ALTER DATABASE "+r.name(to)+" SET "+name+" = "+value); err != nil {
			return err
		}
	}
	return nil
}

// step runs a step, times it, watches its locks, and looks at the database after it. What it must equal is named by like.
func (r *run) step(ctx context.Context, database, name, like string, do func(context.Context, string) error) error {
	defer r.progress(name, r.expected(name))()
	s := record.Step{Name: name}
	watch, err := r.watchLocks(ctx, database)
	if err != nil {
		return err
	}
	began := time.Now()
	failure := do(ctx, r.dsn(database))
	s.Took = time.Since(began)
	if s.Held, s.Waited, err = watch.end(); err != nil {
		return fmt.Errorf("watching the locks of %s: %w", name, err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failure != nil {
		if s.Failure = r.failure(failure); s.Failure == nil {
			return failure
		}
	}
	if err := r.look(ctx, database, &s); err != nil {
		return fmt.Errorf("looking at the database after %s: %w", name, err)
	}
	if like != "" {
		s.Changed = changed(r.seen[like], r.seen[name])
	}
	r.rec.Steps = append(r.rec.Steps, s)
	return nil
}

// expected is how long a step may take, from one like it; 0 where none was.
func (r *run) expected(name string) time.Duration {
	switch name {
	case record.Down, record.Back, record.Behind, record.Released:
		return r.rec.Step(record.Up).Took
	}
	return 0
}

func (r *run) progress(step string, expected time.Duration) func() {
	if r.Progress == nil {
		return func() {}
	}
	return r.Progress(step, expected)
}
