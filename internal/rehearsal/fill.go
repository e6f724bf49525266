package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// fill makes the database that the rehearsal starts from.
func (r *run) fill(ctx context.Context) error {
	defer r.progress("data", 0)()
	if err := r.drop(ctx, startDB); err != nil {
		return err
	}
	if _, err := r.server.Create(ctx, startDB); err != nil {
		return err
	}
	var err error
	switch {
	case r.Data.Dump != "":
		r.rec.Source = "a dump"
		err = r.load(ctx, r.Data.Dump)
	default:
		if r.Applied > 0 {
			if err := r.runner.upTo(ctx, r.dsn(startDB), r.Applied); err != nil {
				return fmt.Errorf("production's version %d: %w", r.Applied, err)
			}
		}
		if r.Data.Script != "" {
			r.rec.Source = "a script"
			err = r.load(ctx, r.Data.Script)
		} else {
			r.rec.Source = "generated"
			err = r.generate(ctx)
		}
	}
	if err != nil {
		return err
	}
	conn, err := r.connect(ctx, startDB)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, "VACUUM (ANALYZE)"); err != nil {
		return err
	}
	return conn.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&r.rec.Bytes)
}

// load loads a dump or a script. Owners and privileges belong to roles that are not here.
func (r *run) load(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	magic := make([]byte, 5)
	_, err = io.ReadFull(f, magic)
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	args := []string{"--dbname=" + r.name(startDB)}
	if bytes.Equal(magic, []byte("PGDMP")) {
		args = append(args, "--no-owner", "--no-privileges")
	}
	return r.server.Load(ctx, file, args...)
}

// column is what generating a value needs to know.
type column struct {
	Name, Type  string
	Nullable    bool
	Default     bool // or identity, or generated
	Unique      bool
	Parent      string // table that it refers to
	ParentField string
}

const columnsOf = `
SELECT quote_ident(a.attname), format_type(a.atttypid, NULL), NOT a.attnotnull, a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '',
  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY(i.indkey)),
  coalesce(f.confrelid::regclass::text, ''), coalesce((SELECT quote_ident(p.attname) FROM pg_attribute p WHERE p.attrelid = f.confrelid AND p.attnum = f.confkey[1]), '')
FROM pg_attribute a LEFT JOIN pg_constraint f ON f.conrelid = a.attrelid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum]
WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// generate fills the tables of the plan in an order in which those that are referred to come first.
func (r *run) generate(ctx context.Context) error {
	if len(r.Data.Rows) == 0 {
		return errors.New("want a dump, a script, or row counts to generate; got none; add migration.data or migration.rows")
	}
	conn, err := r.connect(ctx, startDB)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	waiting, filled := slices.Clone(r.Data.Rows), map[string]int64{}
	for len(waiting) > 0 {
		before := len(waiting)
		for i, t := range waiting {
			rows, err := conn.Query(ctx, columnsOf, t.Table)
			if err != nil {
				return err
			}
			columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
			if err != nil {
				return fmt.Errorf("table %s: %w", t.Table, err)
			}
			if slices.ContainsFunc(columns, func(c column) bool {
				return c.Parent != "" && c.Parent != t.Table && filled[c.Parent] == 0 && !c.Nullable
			}) {
				continue
			}
			if _, err := conn.Exec(ctx, insertion(t, columns, filled)); err != nil {
				return fmt.Errorf("rows for %s: %w; make them with migration.data.script", t.Table, err)
			}
			filled[t.Table] = t.Rows
			waiting = slices.Delete(waiting, i, i+1)
			break
		}
		if len(waiting) == before {
			return fmt.Errorf("rows for %s: want the tables that it refers to in migration.rows too", waiting[0].Table)
		}
	}
	return nil
}

// insertion makes the rows of one table. What has a default of its own keeps it.
func insertion(t Rows, columns []column, filled map[string]int64) string {
	var names, values, joins []string
	for _, c := range columns {
		switch {
		case c.Default && c.Parent == "", c.Parent != "" && filled[c.Parent] == 0:
			continue
		case c.Parent != "":
			// by position, because nobody knows which keys the other table's defaults have given
			alias := fmt.Sprintf("p%d", len(joins))
			joins = append(joins, fmt.Sprintf("JOIN (SELECT %s AS key, row_number() OVER () AS no FROM %s) %s ON %[3]s.no = 1 + i %% %d", c.ParentField, c.Parent, alias, filled[c.Parent]))
			values = append(values, alias+".key")
		default:
			values = append(values, value(c))
		}
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return fmt.Sprintf("INSERT INTO %s SELECT FROM generate_series(1, %d)", t.Table, t.Rows)
	}
	return fmt.Sprintf("INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) i %s", t.Table, strings.Join(names, ", "), strings.Join(values, ", "), t.Rows, strings.Join(joins, " "))
}

// value is an expression of i that fits a type. Numbers are small and above 0; texts are told apart by i.
func value(c column) string {
	number := "1 + i % 30000"
	if c.Unique {
		number = "i"
	}
	switch c.Type {
	case "smallint", "integer", "bigint", "numeric", "real", "double precision", "money":
		return fmt.Sprintf("(%s)::numeric::%s", number, c.Type)
	case "boolean":
		return "i % 2 = 0"
	case "timestamp with time zone", "timestamp without time zone", "date":
		return fmt.Sprintf("(timestamptz '2026-01-01 00:00Z' + i * interval '1 second')::%s", c.Type)
	case "uuid":
		return "md5(i::text)::uuid"
	case "jsonb", "json":
		return fmt.Sprintf("jsonb_build_object('no', i)::%s", c.Type)
	case "bytea":
		return "decode(md5(i::text), 'hex')"
	case "inet":
		return "('10.0.0.0'::inet + i)"
	default: // texts; what else there is says so when it is inserted
		return fmt.Sprintf("('row ' || i)::%s", c.Type)
	}
}

func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
