package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target"
)

func ciGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)
	s.Within(time.Minute)

	s.Gate("MainGreen", gate.Hard, "Every CI check succeeded for the commit that is launched.", func(g *gate.G) {
		p, ci := target.ProvidersOf(g.Launch()), g.Launch().CI
		g.Check("the required checks", p.GitHub.ChecksPassed(p.Revision, ci.Required, ci.App))
		if len(ci.Statuses) > 0 {
			g.Check("the required commit statuses", p.GitHub.StatusesPassed(p.Revision, ci.Statuses))
		}
	})
}
