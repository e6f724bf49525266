package database

import (
	"cmp"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

// Drills are the reports of the launch's drills, and what they must say.
func Drills(l *launch.Launch) *drillprobe.Drills {
	d := l.Drill
	want := drillprobe.Want{Launch: l.ID, Environment: l.Environment, Database: cmp.Or(l.Database.Instance, l.Project.Name),
		RTO: d.RTO.D(), RPO: d.RPO.D(), LogRPO: d.LogRPO.D(), Days: d.Days}
	for _, table := range d.Tables {
		want.Tables = append(want.Tables, drillprobe.Table{Name: table.Name, Key: table.Key, Columns: table.Columns})
	}
	return &drillprobe.Drills{Dir: l.Path(d.Dir), Want: want}
}
