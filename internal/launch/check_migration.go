package launch

import (
	"fmt"
	"slices"
)

// Corruptions are what can be done to a copy that the integrity script must refuse.
var Corruptions = []string{"lost", "nulls", "orphans", "swapped"}

// migration judges what launch.yaml says about the migration. What is merely not said there blocks the gate that needs it.
func (c checker) migration() {
	m := c.Migration
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
