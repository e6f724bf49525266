package tminus3

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/database"
	"github.com/getdrop/launchgate/internal/target/providers"
)

func migrationGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)
	s.Within(time.Minute)

	s.Gate("Reviewed", gate.Hard, "The last change of the migrations was approved, as it was merged, by somebody who wrote none of it.", func(g *gate.G) {
		github, commit := providers.Of(g.Launch()).GitHub, cloud.Of(g.Launch()).Revision
		g.Check("the last change", github.MigrationReviewed(commit, g.Launch().MigrationsInRepository()))
	})

	s.Gate("StagingTimed", gate.Hard, "The migration was rehearsed with data of production's size, in the time that was announced, and keeps nobody waiting.", gate.OnMigration(func(g *gate.G) {
		r := database.Migration(g.Launch())
		g.Check("the files are a set", r.Sound())
		g.Check("nobody edited what production has", r.Unedited())
		g.Check("time and locks", r.Timed())
		g.Check("as many rows as production", r.Sized())
	}))

	s.Gate("Down", gate.Hard, "The way down leads back to the schema and the rows from before, on production's major version.", gate.OnMigration(func(g *gate.G) {
		l, r := g.Launch(), database.Migration(g.Launch())
		if l.Migration.ForwardOnly {
			g.NotApplicable("migration.forward_only is true: there is no way down")
			return
		}
		g.Check("every migration has a way down", r.HasDown())
		g.Check("down, and up again", r.Reversible())
		if l.Database.Instance != "" {
			g.Check("production's major version", cloud.Of(l).Database.PostgreSQL(l.Migration.Postgres))
		}
	}))

	s.Gate("Idempotent", gate.Hard, "The migration may run twice: the second run changes neither schema nor rows.", gate.OnMigration(func(g *gate.G) {
		g.Check("up again", database.Migration(g.Launch()).Repeatable())
	}))

	s.Gate("BackupBefore", gate.Hard, "A snapshot of the database was made in the half hour before the migration begins.", gate.OnMigration(gate.OnAWS(func(g *gate.G) {
		g.Check("the snapshot", cloud.Of(g.Launch()).BackedUpBefore())
	})))

	s.Gate("IntegrityScript", gate.Hard, "The integrity script accepts the migrated data and refuses corrupted data.", gate.OnMigration(func(g *gate.G) {
		g.Check("good and corrupted copies", database.Migration(g.Launch()).Verified())
	}))

	s.ValidFor(time.Hour)
	s.Gate("NothingBlocks", gate.Hard, "No open transaction keeps a migration from its locks.", gate.OnPostgreSQL(func(g *gate.G) {
		g.Check("open transactions", database.Of(g.Launch()).Unblocked())
	}))
}
