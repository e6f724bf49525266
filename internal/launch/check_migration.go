package launch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Corruptions are what can be done to a copy that the integrity script must refuse.
var Corruptions = []string{"lost", "nulls", "orphans", "swapped"}

// migration judges what launch.yaml says about the migration. What is merely not said there blocks the gate that needs it.
func (c checker) migration() {
	m := c.Migration
	c.migrationFiles(m)
	if !m.Enabled {
		return
	}
	if m.Tool == "command" && (len(m.Up) == 0 || len(m.Down) == 0 && !m.ForwardOnly) {
		c.bad("migration", "want up and down, because tool is command; got not both; declare forward_only where there is no way down")
	}
	if m.Tool != "command" && len(m.Up)+len(m.Down) > 0 {
		c.bad("migration.tool", "want command, because there is a command in up or down; got %s, which would not run it", m.Tool)
	}
	if m.Data.Dump != "" && m.Data.Script != "" {
		c.bad("migration.data", "want a dump or a script; got both")
	}
	if m.Tool == "command" && m.Data.Dump == "" && m.Data.Script == "" {
		c.bad("migration.data", "want a dump, or a script that makes schema and rows, because tool is command; got neither")
	}
	for i, name := range m.Corruptions {
		if !slices.Contains(Corruptions, name) {
			c.bad(fmt.Sprintf("migration.corruptions[%d]", i), "want one of %v; got %s", Corruptions, quote(name))
		}
	}
}

// migrationFiles judges where the migrations are, and where the database notes which it has. Whoever rehearses nothing needs them too.
func (c checker) migrationFiles(m Migration) {
	if dir := c.MigrationsInRepository(); strings.HasPrefix(dir, "/") || strings.HasSuffix(dir, "/") || strings.HasPrefix(dir, ".") {
		key := "migration.dir"
		if m.InRepo != "" {
			key = "migration.in_repository"
		}
		c.bad(key, "want a folder as it is in the repository, such as db/migrations; got %s", quote(dir))
	}
	n, known := m.Noted, m.Tool == "golang-migrate" || m.Tool == "goose"
	switch given := n != (MigrationsNoted{}); {
	case known && n.Column+n.File != "":
		c.bad("migration.noted", "want nothing but a table, because tool is %s, which notes its migrations in a way of its own; got a column or a file", m.Tool)
	case !known && given && (n.Table == "" || n.Column == "" || n.File == ""):
		c.bad("migration.noted", "want table, column and file, because tool is %s; got not all of them", m.Tool)
	}
	if re, err := regexp.Compile(n.File); n.File != "" && (err != nil || re.NumSubexp() != 1) {
		c.bad("migration.noted.file", "want a regular expression (RE2) with exactly one group; got %s", quote(n.File))
	}
}
