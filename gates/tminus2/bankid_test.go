package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target"
)

func bankIDGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("CallbackURL", gate.Hard, "BankID sends people back to the application's callback, and nowhere else.", onBankID(func(g *gate.G) {
		g.Check("the callback", target.ProvidersOf(g.Launch()).BankID.CallbackRegistered())
	}))
	s.Gate("Discovery", gate.Hard, "BankID says of itself what the application relies on.", onBankID(func(g *gate.G) {
		bankID := target.ProvidersOf(g.Launch()).BankID
		g.Check("the discovery document", bankID.Discovered())
		g.Check("the keys", bankID.KeysPublished())
	}))
}

// onBankID has a gate checked only where people log in with it.
func onBankID(body func(*gate.G)) func(*gate.G) {
	return func(g *gate.G) {
		if g.Launch().BankID.Issuer == "" {
			g.NotApplicable("launch.yaml has no bankid.issuer")
			return
		}
		body(g)
	}
}
