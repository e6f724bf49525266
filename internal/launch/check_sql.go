package launch

import (
	"fmt"
	"regexp"
)

var (
	privileges = regexp.MustCompile(`^(SELECT|INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER)(, ?(SELECT|INSERT|UPDATE|DELETE|TRUNCATE|REFERENCES|TRIGGER))* \S+$`)
	schemaSum  = regexp.MustCompile(`^(v[0-9]+:)?[0-9a-f]{64}$`) // its gate says what it cannot compare
)

// sql judges what launch.yaml says about the database as one connects to it. What is merely not said there blocks the gate that needs it.
func (c checker) sql() {
	s := c.Database.SQL
	if !s.Enabled {
		return
	}
	if sum := s.SchemaSHA; sum != "" && !schemaSum.MatchString(sum) {
		c.bad("database.sql.schema_sha256", "want v2: and 64 small hex digits; got %s", quote(sum))
	}
	for key, entries := range map[string][]string{"needs": s.Role.Needs, "never": s.Role.Never} {
		for i, entry := range entries {
			if !privileges.MatchString(entry) {
				c.bad(fmt.Sprintf("database.sql.role.%s[%d]", key, i), "want privileges and one table, such as \"SELECT, INSERT account\"; got %s", quote(entry))
			}
		}
	}
	seen := map[string]bool{}
	for i, r := range s.Replicas {
		if r.Name != "" && seen[r.Name] {
			c.bad(fmt.Sprintf("database.sql.replicas[%d].name", i), "want each replica once; got %s again", quote(r.Name))
		}
		seen[r.Name] = true
	}
}
