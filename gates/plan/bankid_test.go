package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target"
)

func bankIDCredentials(g *gate.G) {
	if g.Launch().BankID.Issuer == "" {
		g.NotApplicable("launch.yaml has no bankid.issuer")
		return
	}
	bankID := target.ProvidersOf(g.Launch()).BankID
	g.Check("the production realm", bankID.Production())
	g.Check("BankID knows the client", bankID.ClientKnown())
}
