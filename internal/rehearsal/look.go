package rehearsal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// bookkeeping are the tables in which tools note what they ran; a rehearsal changes them by its nature.
var bookkeeping = []string{"schema_migrations", "goose_db_version", "_prisma_migrations", "knex_migrations", "knex_migrations_lock", "pgmigrations", "flyway_schema_history", "SequelizeMeta", "__drizzle_migrations", "ar_internal_metadata", "alembic_version", "django_migrations", "databasechangelog", "databasechangeloglock"}

// objects lists everything that is not PostgreSQL's own, by its identity, and defines what has a definition. What depends on nothing
// and is no part of the list still counts by pg_depend, so that nothing that was created goes unseen.
const objects = `
WITH tool AS (SELECT oid FROM pg_class WHERE relname = ANY($1)),
own AS (SELECT c.*, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)' AND c.oid NOT IN (SELECT oid FROM tool)),
line AS (
SELECT 'table ' || oid::regclass || ' kind ' || relkind::text || ' persistence ' || relpersistence::text || ' owner ' || relowner::regrole || ' acl ' || coalesce(relacl::text, '') || ' rls ' || relrowsecurity::text || relforcerowsecurity::text || ' options ' || coalesce(reloptions::text, '') || ' ' || coalesce(pg_get_partkeydef(oid), '') || coalesce(pg_get_expr(relpartbound, oid), '') AS text
  FROM own WHERE relkind IN ('r', 'p', 'f', 'm', 'v', 'c')
UNION ALL SELECT 'column ' || o.oid::regclass || '.' || quote_ident(a.attname) || ' no. ' || row_number() OVER (PARTITION BY o.oid ORDER BY a.attnum) || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') || a.attidentity::text || a.attgenerated::text || coalesce(' collate ' || nullif(a.attcollation, 0)::regcollation::text, '') || coalesce(a.attacl::text, '')
  FROM own o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum WHERE o.relkind IN ('r', 'p', 'f', 'm', 'v', 'c')
UNION ALL SELECT 'constraint ' || conrelid::regclass || '.' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid) || CASE WHEN convalidated THEN '' ELSE ' not validated' END FROM pg_constraint WHERE conrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'index ' || i.indexrelid::regclass || ' ' || pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END FROM pg_index i WHERE i.indrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'sequence ' || s.seqrelid::regclass || ' ' || s.seqtypid::regtype || ' ' || s.seqstart || ' ' || s.seqincrement || ' ' || s.seqmin || ' ' || s.seqmax || ' ' || s.seqcycle::text FROM pg_sequence s WHERE s.seqrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'view ' || oid::regclass || ' ' || pg_get_viewdef(oid) FROM own WHERE relkind IN ('v', 'm')
UNION ALL SELECT 'trigger ' || t.tgrelid::regclass || '.' || quote_ident(t.tgname) || ' ' || t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'rule ' || pg_get_ruledef(r.oid) FROM pg_rewrite r WHERE r.rulename <> '_RETURN' AND r.ev_class IN (SELECT oid FROM own)
UNION ALL SELECT 'policy ' || p.polrelid::regclass || '.' || quote_ident(p.polname) || ' ' || p.polcmd::text || p.polpermissive::text || p.polroles::text || ' ' || coalesce(pg_get_expr(p.polqual, p.polrelid), '') || ' ' || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') FROM pg_policy p
UNION ALL SELECT 'function ' || p.oid::regprocedure || ' ' || coalesce(p.proacl::text, '') || ' ' || CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE pg_get_functiondef(p.oid) END FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid >= 16384 AND n.nspname NOT IN ('pg_catalog', 'information_schema')
UNION ALL SELECT 'type ' || t.oid::regtype || ' ' || t.typtype::text || ' ' || coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '') || coalesce(format_type(nullif(t.typbasetype, 0), t.typtypmod), '') || t.typnotnull::text || coalesce(t.typdefault, '') FROM pg_type t WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r')
UNION ALL SELECT 'domain constraint ' || contypid::regtype || '.' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid <> 0 AND oid >= 16384
UNION ALL SELECT 'extension ' || quote_ident(extname) || ' ' || extversion FROM pg_extension
UNION ALL SELECT 'schema ' || quote_ident(nspname) || ' owner ' || nspowner::regrole || ' ' || coalesce(nspacl::text, '') FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
UNION ALL SELECT 'comment on ' || (pg_identify_object(classoid, objoid, objsubid)).identity || ' ' || description FROM pg_description WHERE objoid >= 16384 AND NOT (classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM tool))
UNION ALL SELECT DISTINCT 'object ' || i.type || ' ' || i.identity FROM (SELECT classid, objid FROM pg_depend WHERE objid >= 16384 UNION SELECT classid, objid FROM pg_shdepend WHERE objid >= 16384 AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) d,
  LATERAL pg_identify_object(d.classid, d.objid, 0) i WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid AND t.tgisinternal) AND i.identity IS NOT NULL AND i.schema IS DISTINCT FROM 'pg_toast' AND i.type NOT IN ('table column', 'default value', 'toast table', 'rule') AND i.identity !~ ALL (SELECT '\m' || t || '(_|\M)' FROM unnest($1::text[]) t)
)
SELECT text FROM line ORDER BY text`

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
	lines, err := texts(ctx, conn, objects, bookkeeping)
	if err != nil {
		return err
	}
	r.seen[s.Name] = lines
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	s.Schema = hex.EncodeToString(sum[:])
	if s.Invalid, err = texts(ctx, conn, invalid); err != nil {
		return err
	}
	names, err := texts(ctx, conn, tables, bookkeeping)
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
