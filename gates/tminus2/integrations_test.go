package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/mailprobe"
	"github.com/getdrop/launchgate/internal/probe/paymentprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/providers"
	"github.com/getdrop/launchgate/smoke"
)

func integrationGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("Key1", gate.Hard, "The live keys of the first integration are in the secrets manager, are those that were tried, and the provider takes them.", gate.OnAWS(func(g *gate.G) {
		all := g.Launch().Integrations()
		if len(all) == 0 {
			g.NotApplicable("integrations is empty")
			return
		}
		liveKeys(g, all[0])
	}))

	s.Gate("Key2", gate.Hard, "The live keys of the second integration and of every further one are too, and their providers take them.", gate.OnAWS(func(g *gate.G) {
		all := g.Launch().Integrations()
		if len(all) < 2 {
			g.NotApplicable("integrations names no second one")
			return
		}
		for _, name := range all[1:] {
			liveKeys(g, name)
		}
	}))

	s.Gate("PaymentLive", gate.Hard, "The payment gateway is in live mode, and was tested with a real card, whose payment was given back.", gate.OnPayments(func(g *gate.G) {
		p := providers.Of(g.Launch())
		g.Check("the key is of live mode", paymentprobe.Live("payments.key", p.Payments.Token))
		g.Check("the test payment", paymentprobe.PaidAndRefunded(p.Payments, p.TestPayment()))
	}))

	s.Gate("EmailAuth", gate.Hard, "A message that the application sends arrives authenticated: SPF, DKIM and DMARC.", func(g *gate.G) {
		g.Within(g.Launch().Mail.Test.Within.D() + time.Minute)
		g.Check("a message that was sent now", mailprobe.Authenticated(providers.Of(g.Launch()).MailTest()))
	})

	s.Within(time.Minute)
	s.Gate("ProdSmoke", gate.Hard, "Every integration was tried in production through the application, and works.", func(g *gate.G) {
		all := g.Launch().Integrations()
		if len(all) == 0 {
			g.NotApplicable("integrations is empty")
			return
		}
		for _, name := range all {
			for _, step := range smoke.Integration(providers.Of(g.Launch()), name) {
				g.Check(step.Name, step.Claim)
			}
		}
	})

	s.Gate("WebhookURLs", gate.Hard, "Third parties deliver their events to the launch's own domain.", gate.OnSumsub(func(g *gate.G) {
		p := providers.Of(g.Launch())
		g.Check("Sumsub", p.Sumsub.WebhooksLeadTo(p.SumsubWebhook(), p.Launch.Sumsub.Webhook.Types))
	}))
}

// liveKeys checks the keys of one integration. The gates' own key for Stripe is a restricted one, so that it is the application's that Stripe is asked with.
func liveKeys(g *gate.G, name string) {
	l := g.Launch()
	c, p := cloud.Of(l), providers.Of(l)
	switch name {
	case launch.IntegrationBankID:
		g.Check("BANKID_CLIENT_ID is the gates' own", c.SameKey("BANKID_CLIENT_ID", "bankid.client_id", l.BankID.ClientID))
		g.Check("BANKID_CLIENT_SECRET is the gates' own", c.SameKey("BANKID_CLIENT_SECRET", "bankid.client_secret", l.BankID.Secret))
		g.Check("the realm is that of production", p.BankID.Production())
		g.Check("BankID knows the client", p.BankID.ClientKnown())
	case launch.IntegrationSumsub:
		g.Check("SUMSUB_APP_TOKEN is the gates' own", c.SameKey("SUMSUB_APP_TOKEN", "sumsub.token", l.Sumsub.Token))
		g.Check("SUMSUB_SECRET_KEY is the gates' own", c.SameKey("SUMSUB_SECRET_KEY", "sumsub.secret_key", l.Sumsub.Key))
		g.Check("Sumsub takes the token, which is one of production", p.Sumsub.InProduction())
	case launch.IntegrationOpenBanking:
		g.Check("OPENBANKING_TOKEN is the gates' own", c.SameKey("OPENBANKING_TOKEN", "openbanking.token", l.OpenBanking.Token))
		g.Check("the provider knows it", p.OpenBanking.CredentialKnown())
	case launch.IntegrationStripe:
		key := c.Key("STRIPE_SECRET_KEY")
		g.Check("STRIPE_SECRET_KEY is there", c.HasKey("STRIPE_SECRET_KEY"))
		g.Check("STRIPE_SECRET_KEY is of live mode", paymentprobe.Live("STRIPE_SECRET_KEY", key))
		g.Check("Stripe takes it", paymentprobe.Takes(p.Stripe(key, "STRIPE_SECRET_KEY")))
	default:
		g.Check(name, providers.UnknownIntegration(name))
	}
}
