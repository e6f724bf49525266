package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func openBankingProvider(g *gate.G) {
	provider := providers.Of(g.Launch()).OpenBanking
	g.Check("the contract", provider.Contracted())
	g.Check("the provider knows the credential", provider.CredentialKnown())
}
