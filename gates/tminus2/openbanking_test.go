package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func openBankingGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("AISP", gate.Hard, "A person's consent shows a balance of a real Norwegian account, and still does a month after the launch.", gate.OnOpenBanking(func(g *gate.G) {
		provider := providers.Of(g.Launch()).OpenBanking
		g.Check("production", provider.Production())
		g.Check("the consent", provider.ConsentHolds())
		g.Check("a balance", provider.BalanceRead())
	}))

	s.Gate("PISP", gate.Hard, "A payment that is made in the provider's sandbox settles.", gate.OnOpenBanking(func(g *gate.G) {
		g.Within(g.Launch().OpenBanking.Sandbox.Within.D() + time.Minute)
		g.Check("a payment", providers.Of(g.Launch()).OpenBanking.PaymentSettles())
	}))
}
