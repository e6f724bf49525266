package database

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/pgprobe"
	"github.com/getdrop/launchgate/internal/redact"
)

func secret(t *testing.T, reference string) (s launch.Secret) {
	t.Helper()
	require.NoError(t, s.UnmarshalText([]byte(reference)))
	return s
}

func TestThePasswordInAConnectionStringIsASecretToo(t *testing.T) {
	t.Setenv("TARGET_DATABASE_URL", "postgres://gates:correct%2Dhorse-battery@db.example.com/drop?sslmode=verify-full")
	value, err := Reveal(t.Context(), secret(t, "secret:env:TARGET_DATABASE_URL"))
	require.NoError(t, err)
	assert.Contains(t, value, "db.example.com")
	assert.Equal(t, "password authentication failed: ‹redacted:TARGET_DATABASE_URL password›", redact.String("password authentication failed: correct-horse-battery"))
	assert.NotContains(t, redact.String("postgres://gates:correct%2Dhorse-battery@db.example.com/another"), "horse")

	t.Setenv("TARGET_DATABASE_URL", "postgres://gates:short@db.example.com/drop?sslmode=verify-full")
	_, err = Reveal(t.Context(), secret(t, "secret:env:TARGET_DATABASE_URL"))
	require.ErrorContains(t, err, "want a secret of at least")
	assert.NotContains(t, err.Error(), "short@")
}

func TestWhatIsNotThereIsBlocked(t *testing.T) {
	l := &launch.Launch{Thresholds: launch.Thresholds{ReplicationLag: launch.Duration(time.Second)}}
	l.Database.SQL.Replicas = []launch.SQLReplica{{Name: "one"}}
	d := Of(l)
	assert.Equal(t, []string{"one"}, d.ReplicaNames())
	for name, claim := range map[string]probe.Claim{
		"no migrations": d.Migrated(d.Migrations()), "no role": d.Role(), "no tables": d.HasTables(), "no query": d.CountsNone(pgprobe.Count{Name: "demo rows"}),
		"no dsn": d.Unblocked(), "no dsn of the primary": d.ReplicaKeepsUp("one"), "no dsn, access": d.Access(nil), "no dsn, TLS": d.TLSOnly(), "no dsn, schema": d.SchemaUnchanged(),
	} {
		_, err := claim(t.Context())
		var unknown *probe.Unknown
		require.ErrorAs(t, err, &unknown, name)
		assert.Equal(t, "not-configured", unknown.Class, name)
		assert.NotEmpty(t, unknown.Fix, name)
	}
}

func TestTunnelsAreThoseOfLaunchYAML(t *testing.T) {
	t.Setenv("PRIMARY_URL", "postgres://gates:correct%2Dhorse-battery@db.example.com:5433/drop?sslmode=verify-full")
	t.Setenv("REPLICA_URL", "postgres://gates:correct%2Dhorse-battery@replica.example.com/drop?sslmode=verify-full")
	l := &launch.Launch{}
	sql := &l.Database.SQL
	sql.Tunnel, sql.DSN = "127.0.0.1:15432", secret(t, "secret:env:PRIMARY_URL")
	sql.Replicas = []launch.SQLReplica{{Name: "one", Tunnel: "127.0.0.1:15433", DSN: secret(t, "secret:env:REPLICA_URL")}, {Name: "reached without one"}}
	all, err := Tunnels(t.Context(), l)
	require.NoError(t, err)
	assert.Empty(t, all, "the database is not asked")

	sql.Enabled = true
	all, err = Tunnels(t.Context(), l)
	require.NoError(t, err)
	assert.Equal(t, []Tunnel{{15432, "db.example.com", 5433}, {15433, "replica.example.com", 5432}}, all)

	for want, change := range map[string]func(){
		"database.sql.tunnel: want an address of this machine":                   func() { sql.Tunnel = "192.0.2.1:15432" },
		"database.sql.dsn: want a connection string, whose host":                 func() { sql.DSN = launch.Secret{} },
		"database.sql.replicas[0].dsn: ":                                         func() { t.Setenv("REPLICA_URL", "") },
		"database.sql.replicas[0].dsn: want a connection string; got ":           func() { t.Setenv("REPLICA_URL", "postgres://gates:correct%2Dhorse-battery@replica:x/drop") },
		"database.sql.replicas[0].dsn: want one host, which the tunnel leads to": func() { t.Setenv("REPLICA_URL", "postgres://gates:correct%2Dhorse-battery@a.example,b.example/drop") },
	} {
		before := *sql
		change()
		_, err := Tunnels(t.Context(), l)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "horse")
		*sql = before
		t.Setenv("REPLICA_URL", "postgres://gates:correct%2Dhorse-battery@replica.example.com/drop?sslmode=verify-full")
	}
}
