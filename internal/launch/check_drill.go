package launch

import (
	"fmt"
	"time"
)

// drill judges what launch.yaml says about drills of the database's recovery.
func (c checker) drill() {
	d := c.Drill
	for key, value := range map[string]Duration{"drill.rto": d.RTO, "drill.rpo": d.RPO, "drill.log_rpo": d.LogRPO} {
		if value.D() < time.Second && c.read(key) {
			c.bad(key, "want at least a second; got %s", value)
		}
	}
	if c.read("drill.days") && (d.Days < 1 || d.Days > 92) {
		c.bad("drill.days", "want 1 to 92 days; got %d; a drill of an earlier quarter says nothing about this launch", d.Days)
	}
	for key, needed := range map[string]bool{"drill.dumps": d.Source == "dump" && d.Dumps == "", "drill.base": d.Source == "base" && d.Base == "", "drill.archive": d.Source == "base" && d.Archive == ""} {
		if needed {
			c.bad(key, "want the folder, because drill.source is %s; got none", d.Source)
		}
	}
	seen := map[string]bool{}
	for i, table := range d.Tables {
		if seen[table.Name] && table.Name != "" {
			c.bad(fmt.Sprintf("drill.tables[%d].name", i), "want each table once; got %s again", quote(table.Name))
		}
		seen[table.Name] = true
	}
}
