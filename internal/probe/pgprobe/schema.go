package pgprobe

import (
	"context"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/schema"
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

// Schema is what the schemas of a database are made of.
type Schema struct {
	SHA256 string   `json:"sha256"`
	Lines  []string `json:"lines"`
}

// SchemaIs claims that all that a schema is made of, from columns to triggers, is what a hash stands for: the evidence of the same claim
// about another database has the lines to compare with. Owners, privileges and comments are not part of it, nor are the migrations' own tables.
func (d *Database) SchemaIs(sum string, schemas, without []string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_class and what depends on it, as package schema writes it down"}
		seen := Schema{Lines: []string{}} // [] in the evidence where there is none
		if err := d.look(ctx, &evidence, "the schema", "CONNECT", func(ctx context.Context, l *look) (err error) {
			// With an empty search_path every name is written out, so that two databases with the same schema give the same lines.
			if _, err := l.tx.Exec(ctx, "SET LOCAL search_path = ''"); err != nil {
				return err
			}
			seen.Lines, err = schema.Lines(ctx, l.tx, schema.Scope{Schemas: schemas, Without: without})
			return err
		}); err != nil {
			return evidence, err
		}
		seen.SHA256 = schema.Hash(seen.Lines)
		evidence.Observed = seen
		return evidence, schemaIs(sum, seen, schemas, evidence.Target)
	}
}

func schemaIs(sum string, seen Schema, schemas []string, from string) error {
	switch {
	case !slices.ContainsFunc(seen.Lines, func(line string) bool { return strings.HasPrefix(line, "table ") }):
		return &probe.Unmet{Class: "pg.schema", Want: "tables", Got: "none in " + strings.Join(schemas, ", "), From: from, Fix: "migrate the database, or correct database.sql.schemas"}
	case !strings.HasPrefix(sum, schema.Version):
		return &probe.Unknown{Class: "pg.schema-version", Want: "a hash of this version, which begins with " + schema.Version, Got: "another version's, which did not see the same things (views, triggers, types, functions, policies): " + sum,
			From: "database.sql.schema_sha256", Fix: "review the lines in the evidence, and write " + seen.SHA256}
	case sum != seen.SHA256:
		return &probe.Unmet{Class: "pg.schema", Want: "the schema " + sum, Got: seen.SHA256, From: from,
			Fix: "compare the lines in the evidence with those of a database that is right; write this hash into database.sql.schema_sha256 where this one is"}
	default:
		return nil
	}
}
