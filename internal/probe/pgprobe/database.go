// Package pgprobe claims what a PostgreSQL database says about itself: its schema, its rows, its roles, its replicas, its
// connections. It reads only, in short transactions that say so, and never as the application. It must not import gates,
// launch.yaml or `testing`.
package pgprobe

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/probe"
)

// Application is the name under which the gates' own connections stand in pg_stat_activity, where they are left out.
const Application = "launchgate"

// patience bounds one look at a database, and preamble one statement in it. Row security is off so that a query whose rows a
// policy would hide fails, instead of counting none.
const (
	patience = 15 * time.Second
	preamble = "BEGIN READ ONLY; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '2s'; SET LOCAL row_security = off; SET LOCAL timezone = 'UTC'"
)

// Config is where a database is.
type Config struct {
	Network  *probe.Network
	Resolver probe.Resolver
	DSN      func(context.Context) (string, error) // nil: nobody said; the gates' own role, by which it is reached
	Key      string                                // what launch.yaml calls the DSN
	Tunnel   string                                // "ip:port" where connections go instead; the DSN's host is still whose certificate must be shown
}

// Database is one database on one server.
type Database struct {
	config Config
}

// New returns a database that was not looked at yet.
func New(c Config) *Database { return &Database{c} }

// look is one transaction in which a claim looks at a database.
type look struct {
	tx     *pgx.Conn
	server Server
}

// Server is who was asked, and as whom.
type Server struct {
	Address  string `json:"address"` // as the DSN says it, "host:port"
	Database string `json:"database"`
	Role     string `json:"role"`
	Version  string `json:"version,omitempty"`
	Replica  bool   `json:"in_recovery"`
	System   string `json:"system_identifier,omitempty"` // the same for a primary and its replicas
	Observes bool   `json:"may_observe"`                 // the role sees what other sessions do
}

func (s Server) String() string { return s.Database + " at " + s.Address + " as " + s.Role }

// look makes one look at the database within patience. want is what is looked for, and right what the role needs for it.
func (d *Database) look(ctx context.Context, evidence *probe.Evidence, want, right string, at func(context.Context, *look) error) error {
	return d.lookFor(ctx, patience, evidence, want, right, at)
}

func (d *Database) lookFor(ctx context.Context, within time.Duration, evidence *probe.Evidence, want, right string, at func(context.Context, *look) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	conn, server, err := d.connect(ctx)
	if server.Address != "" {
		evidence.Target, evidence.Asked = server.String(), append(evidence.Asked, server.Address)
	}
	if err != nil {
		return unseen(err, server, want, right)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which ends the transaction; it has written nothing
	l := &look{tx: conn, server: server}
	_, err = l.tx.PgConn().Exec(ctx, preamble).ReadAll()
	if err == nil {
		err = l.identify(ctx)
	}
	if err == nil {
		evidence.Target = l.server.String()
		err = at(ctx, l)
	}
	return unseen(err, l.server, want, right)
}

// identify asks the server who it is, rather than believing the DSN.
func (l *look) identify(ctx context.Context) error {
	s := &l.server
	return l.tx.QueryRow(ctx, `SELECT current_database(), current_user, current_setting('server_version'), pg_is_in_recovery(),
		(SELECT system_identifier::text FROM pg_control_system()), pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')`).
		Scan(&s.Database, &s.Role, &s.Version, &s.Replica, &s.System, &s.Observes)
}

// Who asks the server who it is.
func (d *Database) Who(ctx context.Context) (s Server, err error) {
	err = d.look(ctx, &probe.Evidence{}, "which server that is", "CONNECT", func(_ context.Context, l *look) error {
		s = l.server
		return nil
	})
	return s, err
}

// observer wants a role that sees what others do: to other roles PostgreSQL shows their sessions, but not what they are at.
func (l *look) observer(want string) error {
	if l.server.Observes {
		return nil
	}
	return &probe.Unknown{Class: "pg.denied", Want: want, Got: "a role that is not a member of pg_monitor, to whom other sessions are hidden", From: l.server.String(),
		Fix: "GRANT pg_monitor TO " + l.server.Role}
}

// primary wants the server that is written to.
func (l *look) primary(want string) error {
	if !l.server.Replica {
		return nil
	}
	return &probe.Unknown{Class: "pg.replica", Want: want, Got: "a replica", From: l.server.String(), Fix: "have the DSN lead to the primary"}
}

var errNoTLS = errors.New("the DSN's sslmode allows a connection without TLS")

// connect opens a connection with the DSN's TLS.
func (d *Database) connect(ctx context.Context) (*pgx.Conn, Server, error) {
	c, server, err := d.parse(ctx)
	if err != nil {
		return nil, server, err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	return conn, server, err
}

// parse reads the DSN. The first of the ways that its sslmode allows is the only one that is tried: none is fallen back to.
func (d *Database) parse(ctx context.Context) (*pgx.ConnConfig, Server, error) {
	if d.config.DSN == nil {
		return nil, Server{}, &probe.Unknown{Class: "not-configured", Want: "a connection string for the gates", Got: "no " + d.config.Key + " in launch.yaml",
			Fix: "create a role that may read (GRANT pg_monitor, pg_read_all_data), and add secret:env:NAME of its connection string"}
	}
	dsn, err := d.config.DSN(ctx)
	if err != nil {
		return nil, Server{}, &probe.Unknown{Class: "not-configured", Want: "the connection string " + d.config.Key, Got: err.Error(), Err: err}
	}
	c, err := pgx.ParseConfig(dsn)
	if err != nil { // the error may repeat the text
		return nil, Server{}, &probe.Unknown{Class: "not-configured", Want: "a connection string of PostgreSQL in " + d.config.Key, Got: "something else",
			Fix: "write postgres://…@host:5432/database?sslmode=verify-full"}
	}
	server := Server{Address: net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))), Database: c.Database, Role: c.User}
	c.Fallbacks = nil
	c.DefaultQueryExecMode = pgx.QueryExecModeExec // a pool between us and the server keeps nothing of ours
	c.RuntimeParams = map[string]string{"application_name": Application}
	c.DialFunc, c.LookupFunc = d.dial, d.addresses
	if c.TLSConfig != nil && c.TLSConfig.RootCAs == nil {
		c.TLSConfig.RootCAs = d.config.Network.Roots
	}
	return c, server, nil
}

func (d *Database) dial(ctx context.Context, _, address string) (net.Conn, error) {
	if d.config.Tunnel != "" {
		address = d.config.Tunnel
	}
	return d.config.Network.DialContext(ctx, "tcp", address)
}

func (d *Database) addresses(ctx context.Context, host string) ([]string, error) {
	if _, err := netip.ParseAddr(host); err == nil || d.config.Tunnel != "" {
		return []string{host}, nil
	}
	ips, err := d.config.Resolver.Addresses(ctx, host)
	var all []string
	for _, ip := range ips {
		all = append(all, ip.String())
	}
	if err != nil {
		err = &probe.Unknown{Class: "pg.name", Want: "the addresses of " + host, Got: err.Error(), Err: err, Fix: "correct the DSN's host"}
	}
	return all, err
}

// plain is the DSN's server without TLS and without the password, which must not leave in the clear.
func (d *Database) plain(ctx context.Context) (*pgx.ConnConfig, Server, error) {
	c, server, err := d.parse(ctx)
	if err != nil {
		return nil, server, err
	}
	if c.TLSConfig == nil {
		return nil, server, &probe.Unknown{Class: "pg.sslmode", Want: "a connection string that asks for TLS, to compare with", Got: errNoTLS.Error(), From: d.config.Key,
			Err: errNoTLS, Fix: "add sslmode=verify-full"}
	}
	c.TLSConfig, c.Password = nil, "not-the-password"
	return c, server, nil
}

// rows reads a query's rows into a list.
func rows[T any](ctx context.Context, l *look, sql string, args ...any) ([]T, error) {
	found, err := l.tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, pgx.RowToStructByPos[T])
}

// texts reads a query's one column; nil where it has no rows.
func (l *look) texts(ctx context.Context, sql string, args ...any) ([]string, error) {
	found, err := l.tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]string(nil), found, pgx.RowTo[string])
}
