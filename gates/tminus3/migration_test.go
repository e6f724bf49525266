package tminus3

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target"
)

func migrationGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)
	s.Within(time.Minute)

	s.Gate("Reviewed", gate.Hard, "The last change of the migrations was approved, as it was merged, by somebody who wrote none of it.", func(g *gate.G) {
		p := target.ProvidersOf(g.Launch())
		g.Check("the last change", p.GitHub.MigrationReviewed(p.Revision, g.Launch().CI.Migrations))
	})
}
