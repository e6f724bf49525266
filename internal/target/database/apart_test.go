package database

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/pgprobe"
)

func TestApart(t *testing.T) {
	own := pgprobe.Server{Address: "db.example.com:5432", System: "7"}
	require.NoError(t, apart("scratch.example.com:5432", "8", "database.sql.dsn", own))
	for name, tt := range map[string]struct{ address, system, want string }{
		"the same server":                {"db.example.com:5432", "7", "database.sql.dsn itself, or a copy of it"},
		"by another name":                {"10.0.0.7:6543", "7", "both have the system identifier 7"},
		"another at the same address":    {"DB.example.com:5432", "8", "the address of database.sql.dsn"},
		"a server that does not say":     {"scratch.example.com:5432", "", "no system identifier"},
		"and one to compare, that does ": {"scratch.example.com:5432", "7", "copy of it"},
	} {
		err := apart(tt.address, tt.system, "database.sql.dsn", own)
		require.ErrorContains(t, err, tt.want, name)
		assert.Equal(t, probe.Blocked, probe.StatusOf(err))
	}
	require.ErrorContains(t, apart("scratch.example.com:5432", "8", "drill.url", pgprobe.Server{}), "no system identifier to compare with drill.url")
}

func TestApartFromNobodyKnowsWhat(t *testing.T) {
	require.ErrorContains(t, Apart(t.Context(), &launch.Launch{}, "scratch.example.com:5432", "8"), "it cannot be compared with database.sql.dsn")
	l := &launch.Launch{}
	l.Database.SQL.Enabled = true
	l.Drill.URL = secret(t, "secret:env:TARGET_DRILL_URL")
	require.ErrorContains(t, Apart(t.Context(), l, "scratch.example.com:5432", "8"), "it cannot be compared with d")
	l.Database.SQL.Enabled = false
	t.Setenv("TARGET_DRILL_URL", "postgres://drill:correct-horse@127.0.0.1:1/drop?sslmode=disable")
	err := Apart(t.Context(), l, "scratch.example.com:5432", "8")
	require.ErrorContains(t, err, "it cannot be compared with drill.url")
	assert.NotContains(t, err.Error(), "correct-horse")
}
