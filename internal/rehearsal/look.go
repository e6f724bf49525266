package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/rehearsal/record"
	"github.com/getdrop/launchgate/internal/schema"
)

const (
	invalid = `SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1`
	tables  = `SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' AND NOT c.relname = ANY($1) ORDER BY 1`
)

// look writes the database down: its schema, and of each table the rows and a checksum, which the server computes and in which the
// order of rows does not count.
func (r *run) look(ctx context.Context, database string, s *record.Step) error {
	conn, err := r.connect(ctx, database)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	lines, err := schema.Lines(ctx, conn, schema.Scope{Without: schema.Bookkeeping, Whole: true})
	if err != nil {
		return err
	}
	r.seen[s.Name] = lines
	s.Schema = schema.Hash(lines)
	if s.Invalid, err = texts(ctx, conn, invalid); err != nil {
		return err
	}
	names, err := texts(ctx, conn, tables, schema.Bookkeeping)
	if err != nil {
		return err
	}
	for _, name := range names {
		t := record.Table{Name: name}
		var a, b string
		if err := conn.QueryRow(ctx, "SELECT count(*), coalesce(sum(hashtextextended(t::text, 1)), 0)::text, coalesce(sum(hashtextextended(t::text, 2)), 0)::text FROM ONLY "+name+" t").Scan(&t.Rows, &a, &b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		t.Sum = a + " " + b
		s.Tables = append(s.Tables, t)
	}
	return nil
}

// connect opens a connection of the rehearsal's own, which has no limits of the database's.
func (r *run) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, r.dsn(database))
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SET statement_timeout = 0; SET lock_timeout = 0; SET search_path = public; SET timezone = 'UTC'; SET datestyle = 'ISO'; SET jit = off"); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

func texts(ctx context.Context, conn *pgx.Conn, sql string, args ...any) ([]string, error) {
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// changed lists the lines that only one of two schemas has, shortened for a reader; those of pg_depend only where nothing else differs.
func changed(before, after []string) []string {
	const longest, most = 160, 20
	var all, dull []string
	add := func(sign string, lines, other []string) {
		for _, line := range lines {
			if _, there := slices.BinarySearch(other, line); there || slices.Contains(other, line) {
				continue
			}
			short := sign + " " + strings.Join(strings.Fields(line), " ")
			if len(short) > longest {
				short = strings.ToValidUTF8(short[:longest], "") + "…"
			}
			if strings.HasPrefix(line, "object ") {
				dull = append(dull, short)
			} else {
				all = append(all, short)
			}
		}
	}
	add("+", after, before)
	add("-", before, after)
	if len(all) == 0 {
		all = dull
	}
	return all[:min(most, len(all))]
}
