package tminus2

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/pgprobe"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/internal/target/database"
)

func databaseGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("Schema", gate.Hard, "The database has exactly the repository's migrations, and every table.", gate.OnPostgreSQL(func(g *gate.G) {
		db, sql := database.Of(g.Launch()), g.Launch().Database.SQL
		g.Check("every migration is applied", db.Migrated(db.Migrations()))
		g.Check("every table is there", db.HasTables(sql.Tables...))
		if sql.SchemaSHA != "" {
			g.Check("columns, constraints and indexes are those that were reviewed", db.SchemaUnchanged())
		}
	}))

	s.Gate("DemoSeedOff", gate.Hard, "Nothing of a demonstration is among the data, and nobody logs in with it.", gate.OnPostgreSQL(func(g *gate.G) {
		db, sql := database.Of(g.Launch()), g.Launch().Database.SQL
		if len(sql.Demo) == 0 {
			g.Check("nothing is counted", db.CountsNone(pgprobe.Count{Name: "demo rows"})) // which says what to configure
		}
		for _, d := range sql.Demo {
			g.Check("no "+d.Name, db.CountsNone(pgprobe.Count{Name: d.Name, Query: d.Query}))
		}
		for _, l := range sql.Logins {
			g.Check("the login of "+l.Name, httpprobe.Refuses(target.Of(g.Launch()).Web, httpprobe.Login{URL: string(l.URL), Type: l.Type, Body: l.Body.Revealer()}))
		}
	}))
}
