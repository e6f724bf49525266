package pgprobe

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/probe"
)

// The tools whose tables are known. Table is any other that keeps a row for each migration.
const (
	GolangMigrate = "golang-migrate"
	Goose         = "goose"
	Table         = "table"
)

// Migrations are those of the repository, and where the database notes which of them it has.
type Migrations struct {
	Tool   string
	Dir    string // the files, or a folder for each migration
	Table  string // default: the tool's
	Column string // of a Table: what it calls a migration
	File   string // of a Table: RE2 with one group, which in a file's name is what the column has
}

// tool is where a tool notes what was applied, and how its files are called.
type tool struct {
	table string
	file  *regexp.Regexp // its group is the version
	query string         // version, applied, dirty; of each migration in the order in which they were noted
	last  bool           // only the last version is noted: those before it are applied too
}

// tools: https://github.com/golang-migrate/migrate/blob/master/MIGRATIONS.md and database/postgres;
// https://pressly.github.io/goose: a row each time a version goes up (is_applied) or down, the latest counts, and 0 is its beginning.
var tools = map[string]tool{
	GolangMigrate: {table: "schema_migrations", file: regexp.MustCompile(`^0*([0-9]+)_.*\.up\.[a-z]+$`), last: true,
		query: `SELECT version::text, true, dirty FROM %s`},
	Goose: {table: "goose_db_version", file: regexp.MustCompile(`^0*([0-9]+)_.*\.(?:sql|go)$`),
		query: `SELECT version_id::text, is_applied, false FROM %s WHERE version_id > 0 ORDER BY id`},
}

// Prisma keeps the row of a migration that failed, and of one that was rolled back
// (https://www.prisma.io/docs/orm/prisma-migrate/workflows/patching-and-hotfixing#failed-migration).
const (
	prismaTable = "_prisma_migrations"
	prismaQuery = `SELECT migration_name, rolled_back_at IS NULL, finished_at IS NULL AND rolled_back_at IS NULL FROM %s ORDER BY started_at`
)

// tool is the tool that a launch uses.
func (m Migrations) tool() (tool, error) {
	bad := func(want, got string) error {
		return &probe.Unknown{Class: "not-configured", Want: want, Got: got, From: "migration in launch.yaml", Fix: "correct it in launch.yaml"}
	}
	t, known := tools[m.Tool]
	switch {
	case m.Dir == "":
		return t, bad("the folder of the migrations", "no dir")
	case m.Tool == Table && (m.Table == "" || m.Column == "" || m.File == ""):
		return t, bad("table, column and file, because the tool is table", "not all of them")
	case m.Tool == Table:
		file, err := regexp.Compile(m.File)
		if err != nil || file.NumSubexp() != 1 {
			return t, bad("a regular expression with one group as file", m.File)
		}
		names := strings.Split(m.Table, ".")
		if names[len(names)-1] == prismaTable {
			return tool{table: m.Table, file: file, query: prismaQuery}, nil
		}
		return tool{table: m.Table, file: file, query: "SELECT " + pgx.Identifier{m.Column}.Sanitize() + "::text, true, false FROM %s"}, nil
	case !known:
		return t, bad("a tool that is known", fmt.Sprintf("%q", m.Tool))
	}
	if m.Table != "" {
		t.table = m.Table
	}
	return t, nil
}

// Applied is what the repository has and what the database says it has.
type Applied struct {
	Repository []string `json:"repository"`
	Database   []string `json:"database"`
	Dirty      []string `json:"dirty"`
}

// row is one note of a tool.
type row struct {
	Version        string
	Applied, Dirty bool
}

// Migrated claims that the database has had exactly the repository's migrations, and that none of them stopped in the middle.
func (d *Database) Migrated(m Migrations) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: m.Tool}
		t, err := m.tool()
		if err != nil {
			return evidence, err
		}
		files, err := versions(m.Dir, t.file)
		if err != nil {
			return evidence, err
		}
		var noted []row
		err = d.look(ctx, &evidence, "the migrations that were applied", "SELECT ON "+t.table, func(ctx context.Context, l *look) (err error) {
			noted, err = rows[row](ctx, l, fmt.Sprintf(t.query, pgx.Identifier(strings.Split(t.table, ".")).Sanitize()))
			return err
		})
		if code(err) == undefinedTable {
			return evidence, &probe.Unmet{Class: "pg.unmigrated", Want: "the migrations that were applied", Got: "no table " + t.table, From: evidence.Target, Fix: "migrate the database, or correct migration.noted.table"}
		}
		if err != nil {
			return evidence, err
		}
		seen := compare(files, noted, t.last)
		evidence.Observed = seen
		return evidence, migrated(seen, evidence.Target)
	}
}

// byNumber sorts versions as their tools do: 2 before 10.
func byNumber(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// versions are those of the files in a folder, in their order.
func versions(dir string, file *regexp.Regexp) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &probe.Unknown{Class: "not-configured", Want: "the repository's migrations", Got: err.Error(), From: "migration.dir", Err: err, Fix: "run this where the repository is, or correct the folder"}
	}
	var all []string
	for _, entry := range entries {
		if found := file.FindStringSubmatch(entry.Name()); found != nil {
			all = append(all, found[1])
		}
	}
	slices.SortStableFunc(all, byNumber)
	if len(all) == 0 {
		return nil, &probe.Unknown{Class: "not-configured", Want: "the repository's migrations", Got: "no file like " + file.String(), From: dir, Fix: "correct migration.dir"}
	}
	return all, nil
}

// compare finds out what is applied from what a tool noted.
func compare(files []string, noted []row, last bool) Applied {
	a := Applied{Repository: files, Database: []string{}, Dirty: []string{}}
	for _, r := range noted {
		if r.Dirty {
			a.Dirty = append(a.Dirty, r.Version)
		}
		if last { // a version that the repository does not have says nothing about those before it
			if i := slices.Index(files, r.Version); i >= 0 {
				a.Database = append(a.Database, files[:i]...)
			}
		}
		a.Database = slices.DeleteFunc(a.Database, func(v string) bool { return v == r.Version })
		if r.Applied {
			a.Database = append(a.Database, r.Version)
		}
	}
	return a
}

func migrated(a Applied, from string) error {
	bad := func(class, want, got, fix string) error {
		return &probe.Unmet{Class: "pg." + class, Want: want, Got: got, From: from, Fix: fix}
	}
	lacks := func(all, of []string) (missing []string) {
		for _, v := range of {
			if !slices.Contains(all, v) {
				missing = append(missing, v)
			}
		}
		return missing
	}
	if len(a.Dirty) > 0 {
		return bad("dirty", "migrations that ran to their end", "a dirty version "+strings.Join(a.Dirty, ", "), "see what it has done and what not, mend the schema, then tell the tool which version it is (migrate force)")
	}
	if unknown := lacks(a.Repository, a.Database); len(unknown) > 0 {
		return bad("ahead", "no migrations but the repository's", strings.Join(unknown, ", ")+" too", "take the release whose migrations these are, or take them back")
	}
	if missing := lacks(a.Database, a.Repository); len(missing) > 0 {
		return bad("behind", "every migration of the repository applied", "not "+strings.Join(missing, ", "), "migrate the database")
	}
	return nil
}
