package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func bankIDGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("RealLogin", gate.Hard, "A person has logged in to the launched application with a real BankID.", gate.OnBankID(func(g *gate.G) {
		p := providers.Of(g.Launch())
		g.Check("the newest log-in", p.BankID.LoggedIn(p.BankIDLogin()))
	}))
	s.Gate("CallbackURL", gate.Hard, "BankID sends people back to the application's callback, and nowhere else.", gate.OnBankID(func(g *gate.G) {
		g.Check("the callback", providers.Of(g.Launch()).BankID.CallbackRegistered())
	}))
	s.Gate("Discovery", gate.Hard, "BankID says of itself what the application relies on.", gate.OnBankID(func(g *gate.G) {
		bankID := providers.Of(g.Launch()).BankID
		g.Check("the discovery document", bankID.Discovered())
		g.Check("the keys", bankID.KeysPublished())
	}))
}
