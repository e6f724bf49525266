package tminus0

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/statuspageprobe"
	"github.com/getdrop/launchgate/internal/target/watch"
)

func finalGates(s *gate.Section) {
	s.ValidFor(time.Hour)

	s.Gate("StatusPageScheduled", gate.Hard, "The status page announces the maintenance, at the time that the launch has it.", func(g *gate.G) {
		from, to := g.Launch().Announced()
		g.Check("it is announced", statuspageprobe.Scheduled(watch.Of(g.Launch()).Page, from, to))
	})
}
