package pgprobe_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/pgprobe"
)

// load writes to a server until the test ends or stop is called, and waits until it has begun.
func load(t *testing.T, s *pgtest.Server) (stop func()) {
	t.Helper()
	require.NoError(t, s.Exec(t.Context(), "CREATE TABLE load (id bigint GENERATED ALWAYS AS IDENTITY, text text)"))
	ctx, cancel := context.WithCancel(t.Context())
	done, began := make(chan struct{}), make(chan struct{})
	var written atomic.Int64
	go func() {
		defer close(done)
		conn, err := pgx.Connect(ctx, s.DSN())
		for err == nil {
			if _, err = conn.Exec(ctx, "INSERT INTO load (text) SELECT repeat('x', 200) FROM generate_series(1, 50)"); written.Add(1) == 20 {
				close(began)
			}
		}
		if conn != nil {
			_ = conn.Close(context.WithoutCancel(ctx))
		}
	}()
	<-began
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func TestReplicasUnderLoad(t *testing.T) {
	s := start(t)
	require.NoError(t, s.Exec(t.Context(), "ALTER SYSTEM SET wal_keep_size = '1GB'"))
	standby, err := s.Standby(t.Context())
	require.NoError(t, err)
	stop := load(t, s.Server)
	primary := s.database("gates", "sslmode=verify-full")
	replica := func() *pgprobe.Database { return on(standby, s.roots, "gates", "sslmode=verify-full") }
	set := func(name, value string) {
		t.Helper()
		require.NoError(t, standby.Exec(t.Context(), "ALTER SYSTEM SET "+name+" = '"+value+"'"))
		require.NoError(t, standby.Exec(t.Context(), "SELECT pg_reload_conf()"))
	}
	streams := primary.Streams("standby1")
	keepsUp := func() probe.Claim { return primary.KeepsUp(replica(), 2*time.Second) }
	green := func(when string) {
		t.Helper()
		require.Eventually(t, func() bool {
			status, _ := claims(t, streams)
			also, _ := claims(t, primary.KeepsUp(replica(), 10*time.Second))
			return status == probe.Pass && also == probe.Pass
		}, time.Minute, 50*time.Millisecond, when)
	}
	green("at first")

	set("recovery_min_apply_delay", "1h")
	fails(t, "bytes that it had not replayed", keepsUp())
	holds(t, streams) // the primary sees a standby that receives everything
	set("recovery_min_apply_delay", "0")
	green("after it lagged")

	require.NoError(t, standby.Pause(t.Context()))
	fails(t, "replay that is paused", keepsUp())
	holds(t, streams)
	require.NoError(t, standby.Resume(t.Context()))
	green("after it was paused")

	require.NoError(t, standby.Stop(t.Context()))
	require.Eventually(t, func() bool { status, _ := claims(t, streams); return status == probe.Fail }, time.Minute, 10*time.Millisecond)
	fails(t, "no such standby in pg_stat_replication", streams)
	blocked(t, "connection refused", keepsUp()) // and no small lag
	require.NoError(t, standby.Restart(t.Context()))
	green("after it was stopped")

	set("primary_slot_name", "")
	require.NoError(t, s.Until(t.Context(), "SELECT NOT active AND EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming') FROM pg_replication_slots"))
	fails(t, "a replication slot that keeps WAL for standby1", streams)
	require.NoError(t, s.Exec(t.Context(), "SELECT pg_drop_replication_slot('standby1')"))
	fails(t, "a replication slot that keeps WAL for standby1", streams)
	require.NoError(t, s.Exec(t.Context(), "SELECT pg_create_physical_replication_slot('standby1')"))
	set("primary_slot_name", "standby1")
	green("after its slot was removed")

	require.NoError(t, s.Exec(t.Context(), "SELECT pg_create_physical_replication_slot('forgotten', true)"))
	fails(t, "nobody at the slot forgotten", streams)
	require.NoError(t, s.Exec(t.Context(), "SELECT pg_drop_replication_slot('forgotten')"))
	fails(t, "the standby standby2", primary.Streams("standby1", "standby2"))
	fails(t, `one named "standby1"`, primary.Streams())
	fails(t, "it is a primary itself", primary.KeepsUp(primary, time.Second))
	blocked(t, "got a replica", replica().Streams("standby1"))

	stop()
	green("with an idle primary")
	// Of what nobody has committed yet, only the whole pages are written and sent.
	open := func() *pgx.Conn {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), s.DSN())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
		_, err = conn.Exec(t.Context(), "BEGIN; INSERT INTO load (text) SELECT repeat('x', 200) FROM generate_series(1, 300)")
		require.NoError(t, err)
		require.NoError(t, s.Until(t.Context(), "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0') % 8192 = 0 AND pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()"))
		return conn
	}
	half := open()
	holds(t, keepsUp())
	require.NoError(t, half.Close(t.Context()))
	set("recovery_min_apply_delay", "1h")
	require.NoError(t, s.Exec(t.Context(), "INSERT INTO load (text) VALUES ('x')"))
	open()
	fails(t, "bytes that it had not replayed", keepsUp()) // although it lacks half a record too
	set("recovery_min_apply_delay", "0")
	green("after all")
}

// TestAReplicaOfAnotherTimeline has one standby follow another that was promoted: it streams, it lacks nothing that the primary has
// written, and none of what it gets is the primary's.
func TestAReplicaOfAnotherTimeline(t *testing.T) {
	s := start(t)
	promoted, follower, err := s.Split(t.Context())
	require.NoError(t, err)
	require.NoError(t, promoted.Exec(t.Context(), "CREATE TABLE elsewhere AS SELECT repeat('x', 200) FROM generate_series(1, 1000)"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, promoted.Until(ctx, "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND replay_lsn = pg_current_wal_flush_lsn())"))
	at := func(s2 *pgtest.Server) *pgprobe.Database { return on(s2, s.roots, "gates", "sslmode=verify-full") }
	primary := s.database("gates", "sslmode=verify-full")
	fails(t, "a replica that receives timeline 2, and a primary that writes timeline 1", primary.KeepsUp(at(follower), 10*time.Second))
	fails(t, "it is a primary itself", primary.KeepsUp(at(promoted), time.Second))
	holds(t, at(promoted).KeepsUp(at(follower), 10*time.Second)) // whose timeline it is
}
