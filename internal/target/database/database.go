// Package database turns what launch.yaml says about PostgreSQL into what probes look at. It is apart from package target so that only
// the pages that look at the database wait for its driver to compile. It decides nothing.
package database

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/pgprobe"
	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/schema"
	"github.com/getdrop/launchgate/internal/target"
)

// Database is the database of one launch, with its replicas.
type Database struct {
	*pgprobe.Database
	launch   *launch.Launch
	replicas map[string]*pgprobe.Database
}

var known target.PerLaunch[Database]

// Of gives the database of a launch: always the same one.
func Of(l *launch.Launch) *Database { return known.Of(l, of) }

func of(l *launch.Launch) *Database {
	t, sql := target.Of(l), l.Database.SQL
	d := &Database{launch: l, replicas: map[string]*pgprobe.Database{},
		Database: pgprobe.New(config(t, sql.DSN, sql.Tunnel, "database.sql.dsn"))}
	for i, r := range sql.Replicas {
		d.replicas[r.Name] = pgprobe.New(config(t, r.DSN, r.Tunnel, fmt.Sprintf("database.sql.replicas[%d].dsn", i)))
	}
	return d
}

func config(t *target.Targets, dsn launch.Secret, tunnel launch.HostPort, key string) pgprobe.Config {
	c := pgprobe.Config{Network: t.Network, Resolver: t.Zone, Tunnel: string(tunnel), Key: key}
	if !dsn.IsZero() {
		c.DSN = func(ctx context.Context) (string, error) { return Reveal(ctx, dsn) }
	}
	return c
}

// Reveal reads a connection string, and keeps the password in it out of every output too, as it is and as it is written there.
func Reveal(ctx context.Context, dsn launch.Secret) (string, error) {
	value, err := dsn.Reveal(ctx)
	if err != nil {
		return "", err
	}
	if c, err := pgx.ParseConfig(value); err == nil && c.Password != "" {
		if err := redact.Register(dsn.Name()+" password", c.Password); err != nil {
			return "", fmt.Errorf("the password in %s: %w", dsn, err)
		}
		if written := passwordIn(value); written != "" && written != c.Password {
			if err := redact.Register(dsn.Name()+" password", written); err != nil {
				return "", fmt.Errorf("the password in %s: %w", dsn, err)
			}
		}
	}
	return value, nil
}

// Name is the database's own name on its server; "" where the connection string cannot be read, which BLOCKS the database's own gates.
func Name(ctx context.Context, l *launch.Launch) string {
	dsn, err := Reveal(ctx, l.Database.SQL.DSN)
	if err != nil {
		return ""
	}
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return ""
	}
	return c.Database
}

// passwordIn is the password as a URL has it, with its escapes.
func passwordIn(dsn string) string {
	_, rest, _ := strings.Cut(dsn, "://")
	authority, _, _ := strings.Cut(rest, "/")
	_, written, _ := strings.Cut(authority[:max(0, strings.LastIndexByte(authority, '@'))], ":")
	return written
}

// ReplicaNames are the standbys that the primary must stream to.
func (d *Database) ReplicaNames() []string {
	var all []string
	for _, r := range d.launch.Database.SQL.Replicas {
		all = append(all, r.Name)
	}
	return all
}

// ReplicaKeepsUp claims that a replica replays within the threshold what the primary writes.
func (d *Database) ReplicaKeepsUp(name string) probe.Claim {
	return d.KeepsUp(d.replicas[name], d.launch.Thresholds.ReplicationLag.D())
}

// Migrations are the repository's.
func (d *Database) Migrations() pgprobe.Migrations {
	m := d.launch.Migration
	c := pgprobe.Migrations{Tool: m.Tool, Table: m.Noted.Table, Column: m.Noted.Column, File: m.Noted.File}
	if m.Tool == migrations.SQL || m.Tool == migrations.Command {
		c.Tool = pgprobe.Table
	}
	if m.Dir != "" {
		c.Dir = d.launch.Path(m.Dir)
	}
	return c
}

// SchemaUnchanged claims that the schema is the one of launch.yaml's hash. Migrations' own table is not part of it.
func (d *Database) SchemaUnchanged() probe.Claim {
	sql := d.launch.Database.SQL
	schemas := sql.Schemas
	if len(schemas) == 0 {
		schemas = []string{"public"}
	}
	return d.SchemaIs(sql.SchemaSHA, schemas, append(slices.Clone(schema.Bookkeeping), d.launch.Migration.Noted.Table))
}

// Access claims that the gates ask the database of this launch, and as a role of their own. endpoint is what its provider says.
func (d *Database) Access(endpoint func(context.Context) (string, error)) probe.Claim {
	return d.Is(endpoint, d.launch.Database.SQL.Role.Name)
}

// Role claims that the application's role may do what it needs and no more.
func (d *Database) Role() probe.Claim {
	role := d.launch.Database.SQL.Role
	return d.LeastPrivilege(role.Name, rights(role.Needs), rights(role.Never), role.Owner)
}

func rights(entries []string) []pgprobe.Right {
	var all []pgprobe.Right
	for _, entry := range entries {
		all = append(all, pgprobe.ParseRights(entry)...)
	}
	return all
}

// Unblocked claims that no transaction is in a migration's way.
func (d *Database) Unblocked() probe.Claim {
	return d.NothingBlocks(time.Duration(d.launch.Database.SQL.Transaction))
}
