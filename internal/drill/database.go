package drill

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Schema is the table of canaries in the live database. The drill's role may read and insert, and nothing else.
const Schema = `CREATE TABLE launchgate_mark (id text PRIMARY KEY, launch text NOT NULL, made timestamptz NOT NULL, figures text NOT NULL)`

// Mark is a canary: a row of launchgate_mark, with what the tables were when it was written.
type Mark struct {
	ID      string
	Made    time.Time
	Figures []drillprobe.Figures
}

func (m *Mark) same(other *Mark) bool {
	return other != nil && m.ID == other.ID && m.Made.Equal(other.Made) && reflect.DeepEqual(m.Figures, other.Figures)
}

// Database is a database that a drill looks into, live or restored.
type Database interface {
	Clock(ctx context.Context) (time.Time, error)
	// Server tells the server from every other that runs: a restored one has the live one's name and identifier.
	Server(ctx context.Context) (string, error)
	// Mark writes a canary.
	Mark(ctx context.Context, launch string, tables []drillprobe.Table) (*Mark, error)
	// Newest is the launch's newest canary that was written by then; nil where there is none.
	Newest(ctx context.Context, launch string, by time.Time) (*Mark, error)
	// Find is a canary by its id; nil where there is none.
	Find(ctx context.Context, id string) (*Mark, error)
	// Figures are what a table's rows are up to a key.
	Figures(ctx context.Context, t drillprobe.Table, upTo string) (drillprobe.Figures, error)
	// Segment ends the WAL segment that is being written, where the role may, and names it.
	Segment(ctx context.Context) (string, error)
	Close(ctx context.Context) error
}

type database struct {
	conn *pgx.Conn
	name string // for messages: host and database
}

// Open connects to a database, through the network that all probes share.
func Open(ctx context.Context, network *probe.Network, dsn string) (Database, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil { // the error may repeat the connection string
		return nil, &probe.Unknown{Class: "drill.dsn", Want: "a connection string", Got: "one that PostgreSQL does not take", Fix: "write postgres://user:password@host:port/database?sslmode=verify-full"}
	}
	if cfg.Password != "" {
		_ = redact.Register("database password", cfg.Password) // one too short to tell from text cannot be kept out
	}
	cfg.DialFunc = network.DialContext
	cfg.RuntimeParams = map[string]string{"application_name": "launchgate-drill", "timezone": "UTC", "datestyle": "ISO, YMD", "intervalstyle": "postgres", "extra_float_digits": "1", "bytea_output": "hex"}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // a key's type is the column's matter
	d := &database{name: net.JoinHostPort(cfg.Host, fmt.Sprint(cfg.Port)) + "/" + cfg.Database}
	if d.conn, err = pgx.ConnectConfig(ctx, cfg); err != nil {
		return nil, d.unknown("a connection", err)
	}
	return d, nil
}

func (d *database) Close(ctx context.Context) error { return d.conn.Close(ctx) }

func (d *database) unknown(want string, err error) error {
	return &probe.Unknown{Class: "drill.database", Want: want, Got: redact.String(err.Error()), From: d.name, Fix: "see whether it takes connections from this machine, and what the drill's role may", Err: err}
}

func (d *database) Clock(ctx context.Context) (now time.Time, err error) {
	if err = d.conn.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		err = d.unknown("the database's clock", err)
	}
	return now.UTC(), err
}

func (d *database) Server(ctx context.Context) (server string, err error) {
	err = d.conn.QueryRow(ctx, "SELECT pg_postmaster_start_time()::text || ' ' || coalesce(host(inet_server_addr()), '') || ' ' || coalesce(inet_server_port(), 0)").Scan(&server)
	if err != nil {
		err = d.unknown("since when the server runs", err)
	}
	return server, err
}

// older is how long a mark waits for transactions that began before it.
const older = 30 * time.Second

func (d *database) Mark(ctx context.Context, launch string, tables []drillprobe.Table) (*Mark, error) {
	m := &Mark{ID: strings.ToLower(rand.Text()[:16])}
	keys := make([]string, len(tables))
	for i, t := range tables {
		if err := d.conn.QueryRow(ctx, "SELECT coalesce(max("+name(t.Key)+")::text, '') FROM "+name(t.Name)).Scan(&keys[i]); err != nil {
			return nil, d.unknown("the highest "+t.Key+" of "+t.Name, err)
		}
	}
	if err := d.settle(ctx); err != nil {
		return nil, err
	}
	for i, t := range tables {
		f, err := d.Figures(ctx, t, keys[i])
		if err != nil {
			return nil, err
		}
		m.Figures = append(m.Figures, f)
	}
	text, err := json.Marshal(m.Figures)
	if err != nil {
		return nil, err
	}
	err = d.conn.QueryRow(ctx, "INSERT INTO launchgate_mark VALUES ($1, $2, clock_timestamp(), $3) RETURNING made", m.ID, launch, string(text)).Scan(&m.Made)
	if undefined(err) {
		return nil, &probe.Unknown{Class: "not-configured", Want: "the table launchgate_mark", Got: "none", From: d.name, Fix: "create it: " + Schema, Err: err}
	}
	if err != nil {
		return nil, d.unknown("to write a canary", err)
	}
	m.Made = m.Made.UTC()
	return m, nil
}

// settle waits until every transaction is over that had begun: one of them may yet write a row with a lower key.
func (d *database) settle(ctx context.Context) error {
	var last string
	if err := d.conn.QueryRow(ctx, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text").Scan(&last); err != nil {
		return d.unknown("the transactions that are open", err)
	}
	over, err := probe.Await(ctx, older, time.Second, func(ctx context.Context) (over bool, err error) {
		err = d.conn.QueryRow(ctx, "SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8", last).Scan(&over)
		return over, err
	})
	if err != nil {
		return d.unknown("the transactions that are open", err)
	}
	if !over {
		return &probe.Unknown{Class: "drill.busy", Want: "every transaction to end within " + older.String(), Got: "one that did not", From: d.name, Fix: "see pg_stat_activity, and run it again"}
	}
	return nil
}

// Figures hashes each row by itself and adds the hashes up, so that neither memory nor order matter.
func (d *database) Figures(ctx context.Context, t drillprobe.Table, upTo string) (drillprobe.Figures, error) {
	f := drillprobe.Figures{Table: t, UpTo: upTo}
	if upTo == "" {
		return f, nil
	}
	columns := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		columns[i] = name(column)
	}
	sql := fmt.Sprintf("SELECT count(*), coalesce(sum(('x' || left(md5(ROW(%s)::text), 16))::bit(64)::bigint::numeric), 0)::text FROM %s WHERE %s <= $1", strings.Join(columns, ", "), name(t.Name), name(t.Key))
	err := d.conn.QueryRow(ctx, sql, upTo).Scan(&f.Rows, &f.Sum)
	switch {
	case undefined(err):
		return f, &probe.Unmet{Class: "drill.table", Want: "the table " + t.Name + " with " + strings.Join(t.Columns, ", "), Got: redact.String(err.Error()), From: d.name, Fix: "correct drill.tables, or find out what was restored"}
	case err != nil:
		return f, d.unknown("the rows of "+t.Name, err)
	}
	return f, nil
}

const columns = "SELECT id, made, figures FROM launchgate_mark WHERE "

func (d *database) Newest(ctx context.Context, launch string, by time.Time) (*Mark, error) {
	return d.mark(d.conn.QueryRow(ctx, columns+"launch = $1 AND made <= $2 ORDER BY made DESC LIMIT 1", launch, by.UTC()))
}

func (d *database) Find(ctx context.Context, id string) (*Mark, error) {
	return d.mark(d.conn.QueryRow(ctx, columns+"id = $1", id))
}

func (d *database) mark(row pgx.Row) (*Mark, error) {
	var m Mark
	var text string
	err := row.Scan(&m.ID, &m.Made, &text)
	switch {
	case errors.Is(err, pgx.ErrNoRows), undefined(err):
		return nil, nil
	case err != nil:
		return nil, d.unknown("the canaries", err)
	}
	m.Made = m.Made.UTC()
	if err := json.Unmarshal([]byte(text), &m.Figures); err != nil {
		return nil, d.unknown("the figures of canary "+m.ID, err)
	}
	return &m, nil
}

func (d *database) Segment(ctx context.Context) (segment string, err error) {
	if err = d.conn.QueryRow(ctx, "SELECT pg_walfile_name(pg_current_wal_lsn())").Scan(&segment); err != nil {
		return "", d.unknown("the WAL segment that is being written", err)
	}
	_, err = d.conn.Exec(ctx, "SELECT pg_switch_wal()")
	if code(err) == "42501" { // only a superuser may; the segment ends by itself
		err = nil
	}
	if err != nil {
		err = d.unknown("the WAL segment to end", err)
	}
	return segment, err
}

// name quotes a name, with its schema.
func name(text string) string { return pgx.Identifier(strings.Split(text, ".")).Sanitize() }

func code(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}

// undefined says whether the answer is that there is no such table, column or schema.
func undefined(err error) bool {
	c := code(err)
	return c == "42P01" || c == "42703" || c == "3F000"
}

// At is a connection string that leads to another server: the roles, their passwords and the databases were restored too.
func At(dsn, host string, port int) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || strings.Contains(u.Host, ",") {
		return "", &probe.Unknown{Class: "drill.dsn", Want: "a connection string to one host", Got: "another", From: "drill.url", Fix: "write postgres://user:password@host:port/database?sslmode=verify-full"}
	}
	u.Host = net.JoinHostPort(host, fmt.Sprint(port))
	return u.String(), nil
}
