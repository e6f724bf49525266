package tminus7

import (
	"context"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/target/cloud"
	"github.com/getdrop/launchgate/internal/target/database"
)

// replicaLag has the gate look at the replicas from AWS and from the database itself, as far as launch.yaml has either.
func replicaLag(g *gate.G) {
	l := g.Launch()
	if l.AWS.Account == "" && !l.Database.SQL.Enabled {
		g.NotApplicable("launch.yaml has no aws.account, and database.sql.enabled is false")
		return
	}
	g.Within(l.Thresholds.ReplicationLag.D() + time.Minute)
	if l.AWS.Account != "" {
		c := cloud.Of(l)
		g.Check("the replicas are those of launch.yaml", c.Database.HasReplicas(l.Database.Replicas...))
		for _, replica := range l.Database.Replicas {
			g.Check(replica+" replicates", c.Database.Replicates(replica))
			g.Check(replica+" keeps up", c.Metrics.ReplicaLagBelow(replica, l.Thresholds.ReplicationLag.D()))
		}
	}
	if l.Database.SQL.Enabled {
		db := database.Of(l)
		g.Check("the primary streams to its replicas, each through a slot", db.Streams(db.ReplicaNames()...))
		for _, replica := range db.ReplicaNames() {
			g.Check(replica+" replays what the primary writes", db.ReplicaKeepsUp(replica))
		}
	}
}

func databaseGates(s *gate.Section) {
	s.ValidFor(24 * time.Hour)

	s.Gate("Access", gate.Hard, "What the gates ask is this very database, as a role that only reads.", gate.OnPostgreSQL(func(g *gate.G) {
		var endpoint func(context.Context) (string, error)
		if l := g.Launch(); l.AWS.Account != "" && l.Database.Instance != "" {
			endpoint = cloud.Of(l).DatabaseHost
		}
		g.Check("the database", database.Of(g.Launch()).Access(endpoint))
	}))

	s.Gate("Role", gate.Hard, "The application's role may do what it needs, and has no power over the server.", gate.OnPostgreSQL(func(g *gate.G) {
		g.Check("the role", database.Of(g.Launch()).Role())
	}))

	s.Gate("TLS", gate.Hard, "The database takes no connection without TLS.", gate.OnPostgreSQL(func(g *gate.G) {
		g.Check("a plain connection is refused", database.Of(g.Launch()).TLSOnly(g.Launch().Database.SQL.Role.Name))
	}))

	s.Gate("Connections", gate.Hard, "The database has connections to spare.", gate.OnPostgreSQL(func(g *gate.G) {
		g.Check("connections in use", database.Of(g.Launch()).PoolBelow(float64(g.Launch().Thresholds.DBPool)))
	}))
}
