package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/betterstackprobe"
	"github.com/getdrop/launchgate/internal/target/watch"
)

func betterStackGate(s *gate.Section) {
	s.Gate("BetterStack_Monitors", gate.Hard, "Every monitor is there once, is not paused, and is up.", gate.OnBetterStack(func(g *gate.G) {
		w := watch.Of(g.Launch())
		g.Check("there are enough of them", betterstackprobe.AtLeast(g.Launch().BetterStack.Least, w.Monitors()))
		for _, m := range w.Monitors() {
			g.Check(m.Name+" is up", w.Account.Up(m))
		}
	}))
}

func slackGate(s *gate.Section) {
	s.Gate("Slack_Webhook", gate.Hard, "The chat's webhook is one of Slack's, and takes a message.", func(g *gate.G) {
		g.Check("it takes a message", watch.Of(g.Launch()).Chat.TakesMessages())
	})
}
