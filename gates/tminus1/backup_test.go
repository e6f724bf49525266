package tminus1

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/rdsprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/database"
)

func backupGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("Schedule", gate.Hard, "A backup was made on each of the last three days.", gate.OnAWS(func(g *gate.G) {
		g.Check("three days in a row", cloud.Of(g.Launch()).Database.BackedUpDaily(3))
	}))

	s.Gate("RestoreTest", gate.Hard, "The newest backup was restored this month, with every row, in the time that was agreed on.", ofDatabase(func(g *gate.G) {
		g.Check("the drill", database.Drills(g.Launch()).Restored())
	}))

	s.Gate("Capacity", gate.Warn, "Backups are kept for as many days as they must.", gate.OnAWS(func(g *gate.G) {
		c, days := cloud.Of(g.Launch()), g.Launch().Thresholds.BackupDays
		g.Check("the database's own", c.Database.KeptFor(min(days, rdsprobe.MostDays)))
		if days > rdsprobe.MostDays {
			g.Check("those of AWS Backup", c.Backups.KeptFor(days, rdsprobe.MostDays*24*time.Hour))
		}
	}))

	s.Gate("PITR", gate.Hard, "The database can be restored to minutes ago, and a drill of this month did so.", ofDatabase(func(g *gate.G) {
		if g.Launch().Drill.Source == "rds" {
			g.Check("the log is shipped", cloud.Of(g.Launch()).Database.RestorableTo(10*time.Minute))
		}
		g.Check("the drill", database.Drills(g.Launch()).Recovered())
	}))
}

// ofDatabase has a gate checked only where launch.yaml names a database, on AWS or not.
func ofDatabase(body func(*gate.G)) func(*gate.G) {
	return func(g *gate.G) {
		if l := g.Launch(); l.Database.Instance == "" && l.Drill.URL.IsZero() {
			g.NotApplicable("launch.yaml has neither database.instance nor drill.url")
			return
		}
		body(g)
	}
}
