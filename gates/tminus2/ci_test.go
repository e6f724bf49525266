package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func ciGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)
	s.Within(time.Minute)

	s.Gate("MainGreen", gate.Hard, "Every CI check succeeded for the commit that is launched.", func(g *gate.G) {
		github, commit, ci := providers.Of(g.Launch()).GitHub, cloud.Of(g.Launch()).Revision, g.Launch().CI
		g.Check("the required checks", github.ChecksPassed(commit, ci.Required, ci.App))
		if len(ci.Statuses) > 0 {
			g.Check("the required commit statuses", github.StatusesPassed(commit, ci.Statuses))
		}
	})
}
