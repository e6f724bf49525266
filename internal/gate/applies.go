package gate

import "github.com/getdrop/launchgate/internal/launch"

// These have a gate checked only where the launch has what the gate is about. Elsewhere the gate is not applicable.
var (
	OnAWS         = only("launch.yaml has no aws.account", func(l *launch.Launch) bool { return l.AWS.Account != "" })
	OnBankID      = only("launch.yaml has no bankid.issuer", func(l *launch.Launch) bool { return l.BankID.Issuer != "" })
	OnBetterStack = only("betterstack.enabled is false", func(l *launch.Launch) bool { return l.BetterStack.Enabled })
	OnCDN         = only("cdn.enabled is false", func(l *launch.Launch) bool { return l.CDN.Enabled })
	OnFlags       = only("flags.provider is none", func(l *launch.Launch) bool { return l.Flags.Provider != launch.NoFlags })
	OnMigration   = only("migration.enabled is false", func(l *launch.Launch) bool { return l.Migration.Enabled })
	OnOpenBanking = only("openbanking.enabled is false", func(l *launch.Launch) bool { return l.OpenBanking.Enabled })
	OnPayments    = only("payments.enabled is false", func(l *launch.Launch) bool { return l.Payments.Enabled })
	OnPostgreSQL  = only("database.sql.enabled is false", func(l *launch.Launch) bool { return l.Database.SQL.Enabled })
	OnSumsub      = only("sumsub.enabled is false", func(l *launch.Launch) bool { return l.Sumsub.Enabled })
)

func only(otherwise string, has func(*launch.Launch) bool) func(func(*G)) func(*G) {
	return func(body func(*G)) func(*G) {
		return func(g *G) {
			if !has(g.Launch()) {
				g.NotApplicable(otherwise)
				return
			}
			body(g)
		}
	}
}
