package pgprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// Role is a role of the cluster, with what it has through others.
type Role struct {
	Name     string   `json:"name"`
	Exists   bool     `json:"exists"`
	Powers   []string `json:"powers"`         // attributes and memberships beyond data, its own or reached by SET ROLE
	Owns     []string `json:"owns"`           // tables, schemas and the database, as a member of their owner, and where it may create some
	Lacks    []string `json:"lacks"`          // of what it needs
	Excess   []string `json:"has_too_much"`   // of what it must not have
	NoTables []string `json:"no_such_tables"` // that are named
}

// Right is a privilege on a table.
type Right struct{ Privilege, Table string }

// ParseRights reads "SELECT, INSERT public.account". A table without a schema is one of public.
func ParseRights(entry string) []Right {
	i := strings.LastIndexByte(strings.TrimSpace(entry), ' ')
	if i < 0 {
		return nil
	}
	entry = strings.TrimSpace(entry)
	table := entry[i+1:]
	if !strings.Contains(table, ".") {
		table = "public." + table
	}
	var all []Right
	for _, privilege := range strings.Split(entry[:i], ",") {
		all = append(all, Right{strings.ToUpper(strings.TrimSpace(privilege)), table})
	}
	return all
}

// reach are a role and those whose member it is, also through others.
const reach = `
WITH RECURSIVE reach(oid) AS (SELECT oid FROM pg_roles WHERE rolname = $1 UNION SELECT m.roleid FROM pg_auth_members m JOIN reach r ON r.oid = m.member)
`

// powers are what makes of a role more than a user of data; predefined ones reach the server's files and programs, or all data.
const powers = reach + `SELECT power || CASE WHEN rolname = $1 THEN '' ELSE ' as ' || rolname END FROM (
	SELECT rolname, unnest(array_remove(ARRAY[CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
		CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN rolreplication THEN 'REPLICATION' END,
		CASE WHEN rolname IN ('pg_read_server_files', 'pg_write_server_files', 'pg_execute_server_program', 'pg_write_all_data', 'rds_superuser', 'rds_replication', 'cloudsqlsuperuser') THEN 'all that it may' END], NULL)) AS power
	FROM pg_roles JOIN reach USING (oid)) found ORDER BY 1`

const owns = reach + `SELECT 'the database ' || datname FROM pg_database WHERE datname = current_database() AND datdba IN (SELECT oid FROM reach)
UNION ALL SELECT 'the schema ' || nspname FROM pg_namespace WHERE nspowner IN (SELECT oid FROM reach)
UNION ALL SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname <> 'pg_toast' AND n.nspname NOT LIKE 'pg\_temp%' AND c.relowner IN (SELECT oid FROM reach)
UNION ALL SELECT 'what it creates in the schema ' || nspname FROM pg_namespace n WHERE nspname NOT LIKE 'pg\_%' AND EXISTS (SELECT FROM reach WHERE has_schema_privilege(reach.oid, n.oid, 'CREATE'))
UNION ALL SELECT 'the schemas that it creates' WHERE EXISTS (SELECT FROM reach WHERE has_database_privilege(reach.oid, current_database(), 'CREATE'))
ORDER BY 1`

// rightOf says whether a role has a privilege on a table; nothing where there is no such table. reachOf says whether it can have it on a column
// at least, with SET ROLE too: a role that does not inherit becomes another one when it wants to.
const (
	rightOf = `SELECT has_table_privilege($1::name, c.oid, $3) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname || '.' || c.relname = $2`
	reachOf = reach + `SELECT EXISTS (SELECT FROM reach WHERE has_table_privilege(reach.oid, c.oid, $3) OR CASE WHEN upper($3) IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') THEN has_any_column_privilege(reach.oid, c.oid, $3) ELSE false END)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname || '.' || c.relname = $2`
)

// LeastPrivilege claims that the application's role has what it needs, not what it must not have, and no power over the server or
// the schema itself. owner says that it may own what it uses, because the application migrates as the same role.
func (d *Database) LeastPrivilege(name string, needs, never []Right, owner bool) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_roles, pg_auth_members, has_table_privilege"}
		if name == "" || len(needs) == 0 {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the application's role and what it needs", Got: "not both of database.sql.role.name and needs in launch.yaml", Fix: "add them"}
		}
		r := Role{Name: name}
		if err := d.look(ctx, &evidence, "the role "+name, "CONNECT", func(ctx context.Context, l *look) error { return l.role(ctx, &r, needs, never) }); err != nil {
			return evidence, err
		}
		evidence.Observed = r
		return evidence, leastPrivilege(r, owner, evidence.Target)
	}
}

func (l *look) role(ctx context.Context, r *Role, needs, never []Right) error {
	if err := l.tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", r.Name).Scan(&r.Exists); err != nil || !r.Exists {
		return err
	}
	var err error
	if r.Powers, err = l.texts(ctx, powers, r.Name); err != nil {
		return err
	}
	if r.Owns, err = l.texts(ctx, owns, r.Name); err != nil {
		return err
	}
	check := func(rights []Right, query string, wrong bool, into *[]string) error {
		for _, right := range rights {
			has, err := rows[struct{ Is bool }](ctx, l, query, r.Name, right.Table, right.Privilege)
			switch {
			case err != nil:
				return err
			case len(has) == 0:
				r.NoTables = append(r.NoTables, right.Table)
			case has[0].Is == wrong:
				*into = append(*into, right.Privilege+" on "+right.Table)
			}
		}
		return nil
	}
	if err := check(needs, rightOf, false, &r.Lacks); err != nil {
		return err
	}
	return check(never, reachOf, true, &r.Excess)
}

func leastPrivilege(r Role, owner bool, from string) error {
	bad := func(class, want, got, fix string) error {
		return &probe.Unmet{Class: "pg." + class, Want: want, Got: got, From: from, Fix: fix}
	}
	switch {
	case !r.Exists:
		return bad("role", "the application's role "+r.Name, "no such role", "create it, or correct database.sql.role")
	case len(r.Powers) > 0:
		return bad("role-power", "a role "+r.Name+" with no power over the server", strings.Join(r.Powers, ", "), "ALTER ROLE "+r.Name+" NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION, and REVOKE the memberships")
	case len(r.Owns) > 0 && !owner:
		return bad("role-owner", "a role "+r.Name+" that owns nothing", "the owner of "+some(r.Owns), "have another role migrate and own; or say owner: true in database.sql.role")
	case len(r.NoTables) > 0:
		slices.Sort(r.NoTables)
		return &probe.Unknown{Class: "pg.table", Want: "what the role " + r.Name + " may do with its tables", Got: "no table " + some(slices.Compact(r.NoTables)), From: from, Fix: "migrate the database, or correct database.sql.role"}
	case len(r.Lacks) > 0:
		return bad("role-lacks", "a role "+r.Name+" that may do what it needs", "not "+some(r.Lacks), "GRANT it")
	case len(r.Excess) > 0:
		return bad("role-excess", "a role "+r.Name+" that may not do what it must not", some(r.Excess), "REVOKE it, also from PUBLIC")
	default:
		return nil
	}
}

// some are the first of many.
func some(all []string) string {
	if len(all) > 4 {
		return strings.Join(all[:4], ", ") + fmt.Sprintf(" and %d more", len(all)-4)
	}
	return strings.Join(all, ", ")
}
