package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/mailprobe"
	"github.com/getdrop/launchgate/internal/probe/paymentprobe"
	"github.com/getdrop/launchgate/internal/target"
)

func integrationGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("PaymentLive", gate.Hard, "The payment gateway is in live mode, and was tested with a real card, whose payment was given back.", gate.OnPayments(func(g *gate.G) {
		p := target.ProvidersOf(g.Launch())
		g.Check("the key is of live mode", paymentprobe.Live(p.Payments.Token))
		g.Check("the test payment", paymentprobe.PaidAndRefunded(p.Payments, p.TestPayment()))
	}))

	s.Gate("EmailAuth", gate.Hard, "A message that the application sends arrives authenticated: SPF, DKIM and DMARC.", func(g *gate.G) {
		g.Within(g.Launch().Mail.Test.Within.D() + time.Minute)
		g.Check("a message that was sent now", mailprobe.Authenticated(target.Of(g.Launch()).MailTest()))
	})

	s.Within(time.Minute)
	s.Gate("WebhookURLs", gate.Hard, "Third parties deliver their events to the launch's own domain.", gate.OnSumsub(func(g *gate.G) {
		g.Check("Sumsub", target.ProvidersOf(g.Launch()).Sumsub.WebhooksLeadTo(target.Of(g.Launch()).SumsubWebhook(), g.Launch().Sumsub.Webhook.Types))
	}))
}
