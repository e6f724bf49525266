package tminus7

import (
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

func secretGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("JWT", gate.Hard, "JWT_SECRET is long, random, and this environment's own.", gate.OnAWS(secretsNamed("JWT_")))
	s.Gate("DatabaseURL", gate.Hard, "DATABASE_URL leads to this database, over TLS, with the application's own user.", gate.OnAWS(secretsNamed("DATABASE_")))
	s.Gate("BankID", gate.Hard, "BANKID_CLIENT_ID and BANKID_CLIENT_SECRET are there.", gate.OnAWS(secretsNamed("BANKID_")))
	s.Gate("Sumsub", gate.Hard, "The Sumsub token is that of production, and its keys are there.", gate.OnAWS(secretsNamed("SUMSUB_")))
	s.Gate("Slack", gate.Hard, "SLACK_WEBHOOK_URL is the URL of a webhook.", gate.OnAWS(secretsNamed("SLACK_")))

	s.Gate("WiredNotPlain", gate.Hard, "Every secret reaches the application as a secret, and as it is now.", gate.OnAWS(func(g *gate.G) {
		c, l := cloud.Of(g.Launch()), g.Launch()
		g.Check("none is written out", computeprobe.Wired(c.Platform, c.SecretVariables()))
		g.Check("nothing else looks like one", computeprobe.NoSecretInPlain(c.Platform, l.Compute.Variables))
		for _, secret := range l.Secrets {
			g.Check(secret.Variable+" is wired to "+secret.ID, computeprobe.WiredTo(c.Platform, secret.Variable, c.Vault.ARN(secret.ID)))
			g.Check(secret.Variable+" is live", computeprobe.ReadsCurrent(c.Platform, secret.Variable, c.Vault.Changed(secret.ID)))
		}
	}))
}

// secretsNamed checks the secrets of launch.yaml whose variable begins with a prefix.
func secretsNamed(prefix string) func(*gate.G) {
	return func(g *gate.G) {
		named := 0
		for _, secret := range g.Launch().Secrets {
			if strings.HasPrefix(secret.Variable, prefix) {
				checkSecret(g, secret)
				named++
			}
		}
		if named == 0 {
			g.NotApplicable("secrets has none that begins with " + prefix)
		}
	}
}

func checkSecret(g *gate.G, secret launch.RequiredSecret) {
	c := cloud.Of(g.Launch())
	g.Check(secret.Variable+" is there", c.Vault.IsThere(secret.ID, secret.MinLength))
	switch secret.Kind {
	case "random":
		g.Check(secret.Variable+" cannot be guessed", c.Vault.IsRandom(secret.ID, max(32, secret.MinLength)))
	case "postgres":
		g.Check(secret.Variable+" leads to the database", c.Vault.LeadsTo(secret.ID, g.Launch().Database.Port, c.Endpoint))
	case "slack-webhook":
		g.Check(secret.Variable+" is a webhook", c.Vault.IsSlackWebhook(secret.ID))
	}
	if secret.Prefix != "" {
		g.Check(secret.Variable+" is that of production", c.Vault.Begins(secret.ID, secret.Prefix))
	}
	if secret.Differs != "" {
		g.Check(secret.Variable+" is not shared", c.Vault.Differs(secret.ID, secret.Differs))
	}
}
