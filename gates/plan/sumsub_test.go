package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target"
)

func sumsubInProduction(g *gate.G) {
	l := g.Launch()
	account := target.ProvidersOf(l).Sumsub
	g.Check("the app token is of production", account.InProduction())
	g.Check("webhooks", account.WebhooksLeadTo(target.Of(l).SumsubWebhook(), l.Sumsub.Webhook.Types))
}
