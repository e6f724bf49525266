package pgprobe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// HasTables claims that tables are there. A name without a schema is one of public.
func (d *Database) HasTables(names ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_class"}
		if len(names) == 0 {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the tables that the application needs", Got: "no database.sql.tables in launch.yaml", Fix: "list them"}
		}
		var there []string
		if err := d.look(ctx, &evidence, "the tables", "CONNECT", func(ctx context.Context, l *look) (err error) {
			there, err = l.texts(ctx, `SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
				WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\_%' AND n.nspname <> 'information_schema' ORDER BY 1`)
			return err
		}); err != nil {
			return evidence, err
		}
		evidence.Observed = there
		return evidence, hasTables(names, there, evidence.Target)
	}
}

func hasTables(names, there []string, from string) error {
	var missing []string
	for _, name := range names {
		full := name
		if !strings.Contains(name, ".") {
			full = "public." + name
		}
		if !slices.Contains(there, full) {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return &probe.Unmet{Class: "pg.table", Want: "the tables that the application needs", Got: "no " + strings.Join(missing, ", "), From: from, Fix: "see which migration should have made them: it is noted as applied, or not yet there"}
	}
	return nil
}

// describe lists what a schema is made of, one line each: columns with their types, defaults and null-ness, constraints, indexes.
// With an empty search_path every name in it is written out, so that two databases with the same schema give the same lines.
const describe = `
SELECT line FROM (
	SELECT format('column %s.%s.%s %s%s%s%s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
		CASE a.attidentity WHEN '' THEN '' ELSE ' identity ' || a.attidentity::text END, coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) AS line
	FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname = ANY ($1) AND c.relname <> ALL ($2)
	UNION ALL
	SELECT format('constraint %s.%s %s %s', n.nspname, c.relname, o.conname, pg_get_constraintdef(o.oid))
	FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND c.relname <> ALL ($2)
	UNION ALL
	SELECT format('index %s%s', pg_get_indexdef(i.indexrelid), CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END)
	FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
	WHERE n.nspname = ANY ($1) AND c.relname <> ALL ($2)
) lines ORDER BY line COLLATE "C"`

// Schema is what the schemas of a database are made of.
type Schema struct {
	SHA256 string   `json:"sha256"`
	Lines  []string `json:"lines"`
}

// SchemaIs claims that columns, types, constraints and indexes are those that a hash stands for: the evidence of the same claim about
// another database has the lines to compare with. The migrations' own table is left out.
func (d *Database) SchemaIs(sum string, schemas, without []string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_attribute, pg_constraint, pg_index"}
		var seen Schema
		if err := d.look(ctx, &evidence, "the schema", "CONNECT", func(ctx context.Context, l *look) (err error) {
			seen, err = l.schema(ctx, schemas, without)
			return err
		}); err != nil {
			return evidence, err
		}
		evidence.Observed = seen
		switch {
		case len(seen.Lines) == 0:
			return evidence, &probe.Unmet{Class: "pg.schema", Want: "tables", Got: "none in " + strings.Join(schemas, ", "), From: evidence.Target, Fix: "migrate the database, or correct database.sql.schemas"}
		case sum != seen.SHA256:
			return evidence, &probe.Unmet{Class: "pg.schema", Want: "the schema " + sum, Got: seen.SHA256, From: evidence.Target,
				Fix: "compare the lines in the evidence with those of a database that is right; write this hash into database.sql.schema_sha256 where this one is"}
		}
		return evidence, nil
	}
}

func (l *look) schema(ctx context.Context, schemas, without []string) (Schema, error) {
	if without == nil {
		without = []string{}
	}
	if _, err := l.tx.Exec(ctx, "SET LOCAL search_path = ''"); err != nil {
		return Schema{}, err
	}
	lines, err := l.texts(ctx, describe, schemas, without)
	if err != nil {
		return Schema{}, err
	}
	hash := sha256.New()
	for _, line := range lines {
		_, _ = hash.Write([]byte(line + "\n")) // never fails
	}
	return Schema{SHA256: hex.EncodeToString(hash.Sum(nil)), Lines: append([]string{}, lines...)}, nil // [] in the evidence where there is none
}
