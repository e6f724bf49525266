package tminus3

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/database"
)

func migrationGates(s *gate.Section) {
	s.ValidFor(time.Hour)

	s.Gate("NothingBlocks", gate.Hard, "No open transaction keeps a migration from its locks.", onPostgreSQL(func(g *gate.G) {
		g.Check("open transactions", database.Of(g.Launch()).Unblocked())
	}))
}

// onPostgreSQL has a gate checked only where the launch has a database that one can ask.
func onPostgreSQL(body func(*gate.G)) func(*gate.G) {
	return func(g *gate.G) {
		if !g.Launch().Database.SQL.Enabled {
			g.NotApplicable("database.sql.enabled is false")
			return
		}
		body(g)
	}
}
