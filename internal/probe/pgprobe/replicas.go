package pgprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Sender is a row of pg_stat_replication: a standby as its primary sees it.
type Sender struct {
	PID     int32  `json:"pid"`
	Name    string `json:"application_name"`
	State   string `json:"state"`
	Sent    string `json:"sent_lsn"`
	Replays string `json:"replay_lsn"`
}

// Slot is a row of pg_replication_slots.
type Slot struct {
	Name   string `json:"slot_name"`
	Active bool   `json:"active"`
	PID    int32  `json:"active_pid"`
	WAL    string `json:"wal_status"`
}

// Replication is what a primary says about its standbys.
type Replication struct {
	Senders []Sender `json:"pg_stat_replication"`
	Slots   []Slot   `json:"pg_replication_slots"`
}

// Streams claims that the primary streams to exactly these standbys (their application_name), each through a replication slot, and
// that no slot is without its standby: the primary keeps all WAL for it until its disk is full.
func (d *Database) Streams(names ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_stat_replication, pg_replication_slots"}
		const want = "the standbys as the primary sees them"
		var seen Replication
		err := d.look(ctx, &evidence, want, "pg_monitor", func(ctx context.Context, l *look) (err error) {
			if err := l.primary(want); err != nil {
				return err
			}
			if err := l.observer(want); err != nil {
				return err
			}
			if seen.Senders, err = rows[Sender](ctx, l, `SELECT pid, coalesce(application_name, ''), coalesce(state, ''), coalesce(sent_lsn::text, ''), coalesce(replay_lsn::text, '')
				FROM pg_stat_replication ORDER BY application_name, pid`); err != nil {
				return err
			}
			seen.Slots, err = rows[Slot](ctx, l, `SELECT slot_name::text, active, coalesce(active_pid, 0), coalesce(wal_status, '') FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name`)
			return err
		})
		if err != nil {
			return evidence, err
		}
		evidence.Observed = seen
		return evidence, streams(seen, names, evidence.Target)
	}
}

// copying is the state of whoever takes a base backup, which is no standby.
const copying = "backup"

func streams(seen Replication, names []string, from string) error {
	bad := func(class, want, got, fix string) error {
		return &probe.Unmet{Class: "pg.replica-" + class, Want: want, Got: got, From: from, Fix: fix}
	}
	standbys := slices.DeleteFunc(slices.Clone(seen.Senders), func(s Sender) bool { return s.State == copying })
	for _, name := range names {
		i := slices.IndexFunc(standbys, func(s Sender) bool { return s.Name == name })
		if i < 0 {
			return bad("stopped", "the standby "+name+" to be streamed to", "no such standby in pg_stat_replication", "see whether it runs, and what its log says of its primary")
		}
		s := standbys[i]
		if s.State != "streaming" {
			return bad("behind", "the standby "+name+" to be streamed to", "the state "+s.State, "wait until it has caught up, or see its log")
		}
		held := slices.IndexFunc(seen.Slots, func(slot Slot) bool { return slot.Active && slot.PID == s.PID })
		if held < 0 {
			return bad("slot", "a replication slot that keeps WAL for "+name, "none", "create a slot for it and name it in its primary_slot_name: without one the primary may drop WAL that it has not yet had")
		}
		if wal := seen.Slots[held].WAL; wal == "lost" || wal == "unreserved" {
			return bad("slot", "all WAL for "+name, "wal_status "+wal+" of the slot "+seen.Slots[held].Name, "raise max_slot_wal_keep_size, or build the standby anew")
		}
	}
	called := map[string]int{}
	for _, s := range standbys {
		called[s.Name]++
		if !slices.Contains(names, s.Name) {
			return bad("unnamed", "no standbys but those that launch.yaml names", "one named "+fmt.Sprintf("%q", s.Name), "add it to database.sql.replicas, or stop it")
		}
		if n := called[s.Name]; n > 1 { // such as a machine that was copied, settings and all
			return bad("unnamed", "one standby of each name", fmt.Sprintf("%d named %q", n, s.Name), "give each an application_name of its own, or stop the one that nobody knows")
		}
	}
	for _, slot := range seen.Slots {
		if !slot.Active {
			return bad("idle-slot", "every replication slot to be in use", "nobody at the slot "+slot.Name, "see where its reader is, or drop the slot: the primary keeps all WAL for it until its disk is full")
		}
	}
	return nil
}

// Standby is what a replica says about itself.
type Standby struct {
	Server
	Paused   bool          `json:"replay_paused"`
	Receiver string        `json:"receiver"`          // the state of its WAL receiver; empty: there is none
	Timeline int32         `json:"received_timeline"` // of what it receives
	Ended    int32         `json:"timeline"`          // of its own control file, which lags behind the other
	Follows  int32         `json:"primary_timeline"`  // of what the primary writes
	Primary  string        `json:"primary_lsn"`
	Received string        `json:"receive_lsn"`
	Replayed string        `json:"replay_lsn"`
	Behind   int64         `json:"behind_bytes"`
	LastXact string        `json:"last_replayed_transaction"` // of no use as a lag: on an idle primary it grows
	Within   time.Duration `json:"replayed_within_ns"`
	Startup  string        `json:"startup_waits_for"`
	Half     bool          `json:"half_a_record"` // what it lacks is a record that the primary has not yet written to its end
}

// awaitsWAL is what the process that replays waits for when it has replayed every whole record that was received. Under
// recovery_min_apply_delay, in a pause or in a conflict with a query it waits for something else.
const awaitsWAL = "RecoveryWalStream"

// standbyNow compares with the primary's LSN at the beginning.
const standbyNow = `SELECT pg_is_wal_replay_paused(), coalesce((SELECT status FROM pg_stat_wal_receiver), ''), $1::text,
	coalesce(pg_last_wal_receive_lsn()::text, ''), coalesce(pg_last_wal_replay_lsn()::text, ''), coalesce(pg_wal_lsn_diff($1::text::pg_lsn, pg_last_wal_replay_lsn()), 9223372036854775807)::bigint,
	coalesce(pg_last_xact_replay_timestamp()::text, ''), coalesce((SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'startup'), ''),
	coalesce((SELECT received_tli FROM pg_stat_wal_receiver), 0), (SELECT timeline_id FROM pg_control_checkpoint()),
	coalesce(pg_last_wal_receive_lsn() >= $1::text::pg_lsn AND pg_wal_lsn_diff($1::text::pg_lsn, '0/0') % current_setting('wal_block_size')::int = 0, false)`

// KeepsUp claims that within the limit the replica has replayed all that the primary had written when it was asked. That is what lag
// means, whether the primary is busy or idle: the age of the last transaction is not looked at. A replica that is paused or receives nothing does not
// keep up, however little it lacks. Nor does one that receives another timeline than the primary writes: since one of them was promoted
// their places in the WAL say nothing of each other.
func (d *Database) KeepsUp(replica *Database, limit time.Duration) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_current_wal_flush_lsn, pg_last_wal_replay_lsn, pg_stat_wal_receiver, pg_control_checkpoint"}
		const want = "what the primary has written"
		var lsn string
		var seen Standby
		var primary Server
		if err := d.look(ctx, &evidence, want, "pg_monitor", func(ctx context.Context, l *look) error {
			if err := l.primary(want); err != nil {
				return err
			}
			primary = l.server
			// The control file has the timeline of the last checkpoint, which may be from before a promotion; the segment's name has today's.
			return l.tx.QueryRow(ctx, "SELECT lsn::text, ('x' || left(pg_walfile_name(lsn), 8))::bit(32)::int FROM pg_current_wal_flush_lsn() lsn").Scan(&lsn, &seen.Follows)
		}); err != nil {
			return evidence, err
		}
		err := replica.follow(ctx, &evidence, lsn, limit, &seen)
		evidence.Observed = seen
		if err != nil {
			return evidence, err
		}
		return evidence, keepsUp(seen, primary, limit)
	}
}

// follow looks at the replica until it has replayed up to lsn, or is not going to, or the limit is over.
func (d *Database) follow(ctx context.Context, evidence *probe.Evidence, lsn string, limit time.Duration, seen *Standby) error {
	began := time.Now()
	return d.lookFor(ctx, limit+patience, evidence, "what the replica has replayed", "pg_monitor", func(ctx context.Context, l *look) error {
		seen.Server = l.server
		if !l.server.Replica {
			return nil
		}
		if err := l.observer("the replica's WAL receiver"); err != nil {
			return err
		}
		idle := 0
		_, err := probe.Await(ctx, limit-time.Since(began), time.Second, func(ctx context.Context) (bool, error) {
			var page bool
			err := l.tx.QueryRow(ctx, standbyNow, lsn).Scan(&seen.Paused, &seen.Receiver, &seen.Primary, &seen.Received, &seen.Replayed, &seen.Behind, &seen.LastXact, &seen.Startup,
				&seen.Timeline, &seen.Ended, &page)
			seen.Within = time.Since(began)
			// A primary that commits nothing writes whole pages of WAL only, and its last record may end on the next one. Twice, because
			// what has just arrived is replayed a moment later.
			if idle++; !page || seen.Startup != awaitsWAL {
				idle = 0
			}
			seen.Half = seen.Behind > 0 && idle >= 2
			return seen.Behind <= 0 || seen.Half || seen.stuck() != "", err
		})
		return err
	})
}

// stuck says why a replica is not going to catch up by waiting.
func (s Standby) stuck() string {
	switch {
	case s.Paused:
		return "replay that is paused"
	case s.Receiver != "streaming":
		return "a WAL receiver that is " + strings.TrimSpace("not streaming "+s.Receiver)
	default:
		return ""
	}
}

func keepsUp(s Standby, primary Server, limit time.Duration) error {
	bad := func(class, got, fix string) error {
		return &probe.Unmet{Class: "pg.replica-" + class, Want: fmt.Sprintf("a replica that replays within %s what %s writes", limit, primary.Address), Got: got, From: s.String(), Fix: fix}
	}
	switch {
	case !s.Replica:
		return bad("promoted", "a server that replays nothing: it is a primary itself", "have the DSN lead to the replica, or build it anew: it was promoted")
	case s.System != primary.System:
		return bad("other", "a replica of another cluster, whose system identifier is "+s.System+" and not "+primary.System, "have the DSN lead to a replica of this primary")
	case s.Timeline != 0 && s.Timeline != s.Follows:
		return bad("timeline", fmt.Sprintf("a replica that receives timeline %d, and a primary that writes timeline %d: one of them was promoted, and each goes its own way", s.Timeline, s.Follows),
			"find out which server the application writes to, and build the others anew from it, or with pg_rewind")
	case s.Ended > s.Follows:
		return bad("timeline", fmt.Sprintf("a replica that has been on timeline %d, and a primary that writes timeline %d: it was promoted for a while", s.Ended, s.Follows),
			"build it anew, or with pg_rewind: it has what the primary never wrote")
	case s.Paused:
		return bad("paused", fmt.Sprintf("%s, %d bytes behind", s.stuck(), max(0, s.Behind)), "SELECT pg_wal_replay_resume()")
	case s.stuck() != "":
		return bad("stopped", fmt.Sprintf("%s, %d bytes behind", s.stuck(), max(0, s.Behind)), "see the replica's log for what its primary refuses")
	case s.Behind > 0 && !s.Half:
		return bad("lag", fmt.Sprintf("%d bytes that it had not replayed after %s", s.Behind, s.Within.Round(time.Millisecond)), "see what it waits for: its disk, a long query on it, recovery_min_apply_delay")
	case s.Timeline == 0:
		return &probe.Unknown{Class: "pg.replica-timeline", Want: fmt.Sprintf("the timeline that the replica receives, which is to be %d", s.Follows), Got: "none in pg_stat_wal_receiver", From: s.String(), Fix: "run this again"}
	case s.Within > limit: // it may have been there long before
		return &probe.Unknown{Class: "timeout", Want: "to see the replica within " + limit.String(), Got: "a first look after " + s.Within.Round(time.Millisecond).String(), From: s.String(), Fix: "run this from a machine that is nearer"}
	default:
		return nil
	}
}
