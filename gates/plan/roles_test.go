package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
	"github.com/getdrop/launchgate/internal/target/watch"
)

func roleGates(s *gate.Section) {
	s.Gate("IC", gate.Hard, "The incident commander and the backup are two people, both on call in the launch window.", func(g *gate.G) {
		w, roles := watch.Of(g.Launch()), g.Launch().Roles
		from, to := w.Window()
		g.Check("both are on call", oncallprobe.Both(w.OnCall, w.Email(roles.IC), w.Email(roles.ICBackup), from, to))
	})

	s.Owners("SectionOwners")
}
