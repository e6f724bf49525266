package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/sumsubprobe"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func sumsubGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("KYCFlow", gate.Hard, "A person went through the identity check in production with a real document, and was approved.", gate.OnSumsub(func(g *gate.G) {
		p := providers.Of(g.Launch())
		g.Check("the applicant", p.Sumsub.Approved(p.SumsubCheck()))
	}))

	s.Gate("Webhook", gate.Hard, "The application believes what Sumsub signs, once, and nothing else.", gate.OnSumsub(func(g *gate.G) {
		p, l := providers.Of(g.Launch()), g.Launch()
		g.Within(2*l.Sumsub.Webhook.Canary.Within.D() + time.Minute) // an event is waited for twice
		g.Check("Sumsub signs with the secret", p.SumsubSigns())
		g.Check("five deliveries", procedure.Only(l.ID, "deliver reviews of the canary, signed and forged, to "+p.SumsubWebhook(), p.SumsubEndpoint().BelievesOnlySumsub()))
	}))

	s.Gate("ClockSkew", gate.Warn, "The clock is near Sumsub's, which refuses what is signed at another time.", gate.OnSumsub(func(g *gate.G) {
		l := g.Launch()
		g.Check("the clocks", sumsubprobe.ClockWithin(target.Of(l).Web, l.Sumsub.MaxSkew.D()))
	}))
}
