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
