package plan

import (
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func sumsubInProduction(g *gate.G) {
	p := providers.Of(g.Launch())
	g.Check("the app token is of production", p.Sumsub.InProduction())
	g.Check("webhooks", p.Sumsub.WebhooksLeadTo(p.SumsubWebhook(), p.Launch.Sumsub.Webhook.Types))
}
