package tminus1

import (
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/probe/rdsprobe"
	"github.com/getdrop/launchgate/internal/target/cloud"
)

func backupGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("Schedule", gate.Hard, "A backup was made on each of the last three days.", onAWS(func(g *gate.G) {
		g.Check("three days in a row", cloud.Of(g.Launch()).Database.BackedUpDaily(3))
	}))

	s.Gate("Capacity", gate.Warn, "Backups are kept for as many days as they must.", onAWS(func(g *gate.G) {
		c, days := cloud.Of(g.Launch()), g.Launch().Thresholds.BackupDays
		g.Check("the database's own", c.Database.KeptFor(min(days, rdsprobe.MostDays)))
		if days > rdsprobe.MostDays {
			g.Check("those of AWS Backup", c.Backups.KeptFor(days, rdsprobe.MostDays*24*time.Hour))
		}
	}))

	s.Gate("PITR", gate.Hard, "The database can be restored to minutes ago, and that was tried this month, by the date on record.", onAWS(func(g *gate.G) {
		c := cloud.Of(g.Launch())
		g.Check("the log is shipped", c.Database.RestorableTo(10*time.Minute))
		g.Check("the date of the drill", c.Database.DrilledWithin(c.PITRDrill(), 30))
	}))
}
