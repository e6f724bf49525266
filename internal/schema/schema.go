// Package schema writes down what the schema of a PostgreSQL database is made of, a line for each object. Whoever compares schemas compares
// these lines: the gate that wants production's to be the one that was reviewed, and the rehearsal that wants the one from before.
package schema

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// Version is that of the lines. It is part of each hash, so that one from before the lines were others is not taken for another schema.
const Version = "v2:"

// Bookkeeping are the tables in which tools note what they ran; a migration changes them by its nature.
var Bookkeeping = []string{"schema_migrations", "goose_db_version", "_prisma_migrations", "knex_migrations", "knex_migrations_lock", "pgmigrations", "flyway_schema_history", "SequelizeMeta", "__drizzle_migrations", "ar_internal_metadata", "alembic_version", "django_migrations", "databasechangelog", "databasechangeloglock"}

// Scope says what of a database is written down.
type Scope struct {
	Schemas []string // nil: all of them
	Without []string // tables, with what belongs to them
	// Whole adds what may rightly differ between two databases of one schema: owners, privileges, comments, and what is in no schema.
	Whole bool
}

// objects lists everything that is not PostgreSQL's own, by its identity, and defines what has a definition. What depends on nothing
// and is no part of the list still counts by pg_depend, so that nothing that was created goes unseen.
const objects = `
WITH named AS (SELECT oid FROM pg_class WHERE relname = ANY($1::text[])),
tool AS (SELECT oid FROM named UNION SELECT objid FROM pg_depend WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND refobjid IN (SELECT oid FROM named)),
space AS (SELECT * FROM pg_namespace WHERE nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)' AND ($2::text[] IS NULL OR nspname = ANY($2::text[]))),
own AS (SELECT c.* FROM pg_class c JOIN space n ON n.oid = c.relnamespace WHERE c.oid NOT IN (SELECT oid FROM tool)),
line AS (
SELECT 'table ' || oid::regclass || ' kind ' || relkind::text || ' persistence ' || relpersistence::text || CASE WHEN $3::bool THEN ' owner ' || relowner::regrole || ' acl ' || coalesce(relacl::text, '') ELSE '' END || ' rls ' || relrowsecurity::text || relforcerowsecurity::text || ' identity ' || relreplident::text || ' options ' || coalesce(reloptions::text, '') || ' ' || coalesce(pg_get_partkeydef(oid), '') || coalesce(pg_get_expr(relpartbound, oid), '')
    || coalesce((SELECT ' inherits ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) FROM pg_inherits i WHERE i.inhrelid = own.oid), '') AS text
  FROM own WHERE relkind IN ('r', 'p', 'f', 'm', 'v', 'c')
UNION ALL SELECT 'column ' || o.oid::regclass || '.' || quote_ident(a.attname) || ' no. ' || row_number() OVER (PARTITION BY o.oid ORDER BY a.attnum) || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') || a.attidentity::text || a.attgenerated::text || coalesce(' collate ' || nullif(a.attcollation, 0)::regcollation::text, '') || CASE WHEN $3::bool THEN coalesce(a.attacl::text, '') ELSE '' END
  FROM own o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum WHERE o.relkind IN ('r', 'p', 'f', 'm', 'v', 'c')
UNION ALL SELECT 'constraint ' || conrelid::regclass || '.' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid) || CASE WHEN convalidated THEN '' ELSE ' not validated' END FROM pg_constraint WHERE conrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'index ' || i.indexrelid::regclass || ' ' || pg_get_indexdef(i.indexrelid) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END FROM pg_index i WHERE i.indrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'sequence ' || s.seqrelid::regclass || ' ' || s.seqtypid::regtype || ' ' || s.seqstart || ' ' || s.seqincrement || ' ' || s.seqmin || ' ' || s.seqmax || ' ' || s.seqcache || ' ' || s.seqcycle::text
    || coalesce((SELECT ' owned by ' || d.refobjid::regclass || '.' || quote_ident(a.attname) FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
      WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')), '')
    || CASE WHEN $3::bool THEN ' owner ' || o.relowner::regrole || ' acl ' || coalesce(o.relacl::text, '') ELSE '' END FROM pg_sequence s JOIN own o ON o.oid = s.seqrelid
UNION ALL SELECT 'view ' || oid::regclass || ' ' || pg_get_viewdef(oid) FROM own WHERE relkind IN ('v', 'm')
UNION ALL SELECT 'trigger ' || t.tgrelid::regclass || '.' || quote_ident(t.tgname) || ' ' || t.tgenabled::text || ' ' || pg_get_triggerdef(t.oid) FROM pg_trigger t WHERE NOT t.tgisinternal AND t.tgrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'event trigger ' || quote_ident(e.evtname) || ' ' || e.evtevent || ' ' || e.evtenabled::text || ' ' || e.evtfoid::regprocedure || ' ' || coalesce(e.evttags::text, '') FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid JOIN space n ON n.oid = p.pronamespace
UNION ALL SELECT 'rule ' || r.ev_enabled::text || ' ' || pg_get_ruledef(r.oid) FROM pg_rewrite r WHERE r.rulename <> '_RETURN' AND r.ev_class IN (SELECT oid FROM own)
UNION ALL SELECT 'policy ' || p.polrelid::regclass || '.' || quote_ident(p.polname) || ' ' || p.polcmd::text || p.polpermissive::text || ' to ' || (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ', ' ORDER BY r::regrole::text) FROM unnest(p.polroles) r) || ' ' || coalesce(pg_get_expr(p.polqual, p.polrelid), '') || ' ' || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') FROM pg_policy p WHERE p.polrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'function ' || p.oid::regprocedure || ' ' || CASE WHEN $3::bool THEN coalesce(p.proacl::text, '') || ' ' ELSE '' END || CASE p.prokind WHEN 'a' THEN 'aggregate ' || (SELECT concat_ws(' ', a.aggkind, a.aggtransfn, a.aggfinalfn, a.aggtranstype::regtype, a.agginitval) FROM pg_aggregate a WHERE a.aggfnoid = p.oid) ELSE pg_get_functiondef(p.oid) END FROM pg_proc p JOIN space n ON n.oid = p.pronamespace WHERE p.oid >= 16384
UNION ALL SELECT 'type ' || t.oid::regtype || ' ' || t.typtype::text || ' ' || coalesce((SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), '') || coalesce((SELECT g.rngsubtype::regtype::text FROM pg_range g WHERE g.rngtypid = t.oid), '') || coalesce(format_type(nullif(t.typbasetype, 0), t.typtypmod), '') || t.typnotnull::text || coalesce(t.typdefault, '') || coalesce(' collate ' || nullif(t.typcollation, 0)::regcollation::text, '') FROM pg_type t JOIN space n ON n.oid = t.typnamespace WHERE t.oid >= 16384 AND t.typtype IN ('e', 'd', 'r')
UNION ALL SELECT 'domain constraint ' || o.contypid::regtype || '.' || quote_ident(o.conname) || ' ' || pg_get_constraintdef(o.oid) || CASE WHEN o.convalidated THEN '' ELSE ' not validated' END FROM pg_constraint o JOIN pg_type t ON t.oid = o.contypid JOIN space n ON n.oid = t.typnamespace WHERE o.oid >= 16384
UNION ALL SELECT 'statistics ' || pg_get_statisticsobjdef(s.oid) FROM pg_statistic_ext s WHERE s.stxrelid IN (SELECT oid FROM own)
UNION ALL SELECT 'extension ' || quote_ident(extname) || ' ' || extversion FROM pg_extension
UNION ALL SELECT 'schema ' || quote_ident(nspname) || ' owner ' || nspowner::regrole || ' ' || coalesce(nspacl::text, '') FROM space WHERE $3::bool
UNION ALL SELECT 'comment on ' || (pg_identify_object(classoid, objoid, objsubid)).identity || ' ' || description FROM pg_description WHERE $3::bool AND objoid >= 16384 AND NOT (classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM tool))
UNION ALL SELECT DISTINCT 'object ' || i.type || ' ' || i.identity FROM (SELECT classid, objid FROM pg_depend WHERE objid >= 16384 UNION SELECT classid, objid FROM pg_shdepend WHERE objid >= 16384 AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) d,
  LATERAL pg_identify_object(d.classid, d.objid, 0) i WHERE NOT EXISTS (SELECT FROM pg_trigger t WHERE d.classid = 'pg_trigger'::regclass AND t.oid = d.objid AND t.tgisinternal) AND i.identity IS NOT NULL AND i.schema IS DISTINCT FROM 'pg_toast' AND i.type NOT IN ('table column', 'default value', 'toast table', 'rule') AND i.identity !~ ALL (SELECT '\m' || t || '(_|\M)' FROM unnest($1::text[]) t)
  AND ($3::bool OR i.schema IN (SELECT nspname FROM space))
)
SELECT text FROM line ORDER BY text COLLATE "C"`

// Querier is a connection, or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// Lines writes a database down, in the order of the lines' bytes. Names have their schema where the search_path does not lead to them: two
// databases are compared with the same search_path.
func Lines(ctx context.Context, q Querier, s Scope) ([]string, error) {
	without := []string{}
	for _, table := range s.Without {
		if table != "" {
			without = append(without, table)
		}
	}
	rows, err := q.Query(ctx, objects, without, s.Schemas, s.Whole)
	if err != nil {
		return nil, err
	}
	return pgx.AppendRows([]string{}, rows, pgx.RowTo[string])
}

// Hash stands for the lines. Each is quoted, because a definition may have lines of its own.
func Hash(lines []string) string {
	sum := sha256.New()
	for _, line := range lines {
		_, _ = sum.Write([]byte(strconv.Quote(line) + "\n")) // never fails
	}
	return Version + hex.EncodeToString(sum.Sum(nil))
}
