package drill

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
)

// TestAMarkWaitsForLowerKeys: a transaction that has taken a key and not yet ended would add a row below the highest one.
func TestAMarkWaitsForLowerKeys(t *testing.T) {
	s := living(t, false)
	slow, err := pgx.Connect(t.Context(), s.DSN())
	require.NoError(t, err)
	defer func() { assert.NoError(t, slow.Close(t.Context())) }()
	transaction, err := slow.Begin(t.Context())
	require.NoError(t, err)
	_, err = transaction.Exec(t.Context(), "INSERT INTO ledger (amount) VALUES (1)")
	require.NoError(t, err)
	require.NoError(t, s.Exec(t.Context(), "INSERT INTO ledger (amount) VALUES (2)"))

	live, err := Open(t.Context(), &probe.Network{}, s.DSN())
	require.NoError(t, err)
	defer func() { assert.NoError(t, live.Close(t.Context())) }()
	type marked struct {
		mark *Mark
		err  error
	}
	done := make(chan marked, 1)
	go func() {
		m, err := live.Mark(t.Context(), "drop", []drillprobe.Table{ledger})
		done <- marked{m, err}
	}()
	select {
	case m := <-done:
		t.Fatalf("want a mark that waits; got %v", m)
	case <-time.After(300 * time.Millisecond):
	}
	require.NoError(t, transaction.Commit(t.Context()))
	m := <-done
	require.NoError(t, m.err)
	assert.Equal(t, "503", m.mark.Figures[0].UpTo)
	assert.Equal(t, int64(503), m.mark.Figures[0].Rows, "500, one of the set-up, and both of these")
	found, err := live.Find(t.Context(), m.mark.ID)
	require.NoError(t, err)
	assert.True(t, m.mark.same(found))
}

func TestOpen(t *testing.T) {
	s := living(t, false)
	require.NoError(t, s.Exec(t.Context(), "DROP TABLE launchgate_mark; CREATE TABLE nothing (id uuid, note text); CREATE SCHEMA own; CREATE TABLE own.\"Odd Name\" (at timestamptz, v text); INSERT INTO own.\"Odd Name\" VALUES ('2027-01-01', NULL), ('2027-01-02', 'x')"))
	live, err := Open(t.Context(), &probe.Network{}, s.DSN())
	require.NoError(t, err)
	defer func() { assert.NoError(t, live.Close(t.Context())) }()

	_, err = live.Mark(t.Context(), "drop", []drillprobe.Table{ledger})
	require.ErrorContains(t, err, "create it: CREATE TABLE launchgate_mark")
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
	newest, err := live.Newest(t.Context(), "drop", time.Now())
	require.NoError(t, err)
	assert.Nil(t, newest, "a database without the table has no canary")

	odd := drillprobe.Table{Name: "own.Odd Name", Key: "at", Columns: []string{"at", "v"}}
	f, err := live.Figures(t.Context(), odd, "2027-01-01")
	require.NoError(t, err)
	assert.Equal(t, int64(1), f.Rows, "the key is of the column's type")
	_, err = live.Figures(t.Context(), drillprobe.Table{Name: "gone", Key: "id", Columns: []string{"id"}}, "1")
	assert.Equal(t, probe.Fail, probe.StatusOf(err))
	_, err = live.Figures(t.Context(), drillprobe.Table{Name: "ledger; DROP TABLE ledger", Key: "id", Columns: []string{"id"}}, "1")
	require.Error(t, err)
	f, err = live.Figures(t.Context(), ledger, "501")
	require.NoError(t, err)
	assert.Equal(t, int64(501), f.Rows)

	for _, dsn := range []string{"postgres://drill:hunter2hunter@127.0.0.1:1/drop", "not a :// string hunter2hunter", "postgres://drill:hunter2hunter@127.0.0.1:notaport/drop"} {
		_, err = Open(t.Context(), &probe.Network{}, dsn)
		assert.Equal(t, probe.Blocked, probe.StatusOf(err))
		assert.NotContains(t, err.Error(), "hunter2")
	}
	_, err = Open(t.Context(), &probe.Network{Connect: map[string]string{"192.0.2.1:5432": "127.0.0.1:1"}}, "postgres://drill:hunter2hunter@192.0.2.9:5432/drop")
	assert.ErrorContains(t, err, "network.connect", "a sealed run stays on the machine")
}
