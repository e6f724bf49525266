package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func bankIDCredentials(g *gate.G) {
	bankID := providers.Of(g.Launch()).BankID
	g.Check("the production realm", bankID.Production())
	g.Check("BankID knows the client", bankID.ClientKnown())
}
