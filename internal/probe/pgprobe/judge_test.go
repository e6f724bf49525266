package pgprobe

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

// judged is a judgement without a network, and how it must end.
type judged struct {
	name   string
	err    error
	status probe.Status
	says   string
}

func check(t *testing.T, all []judged) {
	t.Helper()
	for _, tt := range all {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.status, probe.StatusOf(tt.err), "%v", tt.err)
			if tt.says != "" {
				assert.ErrorContains(t, tt.err, tt.says)
			}
		})
	}
}

func TestStreams(t *testing.T) {
	slot := Slot{Name: "one", Active: true, PID: 7, WAL: "reserved"}
	one := Sender{PID: 7, Name: "one", State: "streaming"}
	judge := func(senders []Sender, slots []Slot, names ...string) error {
		return streams(Replication{senders, slots}, names, "primary")
	}
	check(t, []judged{
		{"as it should be", judge([]Sender{one}, []Slot{slot}, "one"), probe.Pass, ""},
		{"none, and none named", judge(nil, nil), probe.Pass, ""},
		{"a base backup beside it", judge([]Sender{one, {PID: 9, Name: "pg_basebackup", State: "backup"}}, []Slot{slot}, "one"), probe.Pass, ""},
		{"only its base backup", judge([]Sender{{PID: 7, Name: "one", State: "backup"}}, []Slot{slot}, "one"), probe.Fail, "no such standby"},
		{"stopped", judge(nil, []Slot{{Name: "one", WAL: "reserved"}}, "one"), probe.Fail, "no such standby"},
		{"catching up", judge([]Sender{{PID: 7, Name: "one", State: "catchup"}}, []Slot{slot}, "one"), probe.Fail, "catchup"},
		{"no slot", judge([]Sender{one}, nil, "one"), probe.Fail, "a replication slot"},
		{"another's slot", judge([]Sender{one}, []Slot{{Name: "one", Active: true, PID: 8}}, "one"), probe.Fail, "a replication slot"},
		{"a slot that lost WAL", judge([]Sender{one}, []Slot{{Name: "one", Active: true, PID: 7, WAL: "lost"}}, "one"), probe.Fail, "wal_status lost"},
		{"one too many", judge([]Sender{one, {PID: 8, Name: "two", State: "streaming"}}, []Slot{slot}, "one"), probe.Fail, "two"},
		{"a copy under its name", judge([]Sender{one, {PID: 8, Name: "one", State: "catchup"}}, []Slot{slot, {Name: "two", Active: true, PID: 8}}, "one"), probe.Fail, "2 named \"one\""},
		{"a slot for nobody", judge([]Sender{one}, []Slot{slot, {Name: "gone"}}, "one"), probe.Fail, "nobody at the slot gone"},
	})
}

func TestKeepsUp(t *testing.T) {
	primary := Server{System: "1", Address: "primary"}
	judge := func(change func(*Standby)) error {
		s := Standby{Server: Server{System: "1", Replica: true}, Receiver: "streaming", Within: time.Second, Timeline: 2, Ended: 1, Follows: 2}
		change(&s)
		return keepsUp(s, primary, 5*time.Second)
	}
	check(t, []judged{
		{"in sync", judge(func(s *Standby) { s.LastXact = "2020-01-01" }), probe.Pass, ""}, // on an idle primary
		{"behind", judge(func(s *Standby) { s.Behind, s.Within = 1, 5*time.Second }), probe.Fail, "1 bytes"},
		{"but for half a record", judge(func(s *Standby) { s.Behind, s.Half = 5432, true }), probe.Pass, ""},
		{"but for half a record, paused", judge(func(s *Standby) { s.Behind, s.Half, s.Paused = 5432, true, true }), probe.Fail, "paused"},
		{"seen too late", judge(func(s *Standby) { s.Within = 6 * time.Second }), probe.Blocked, "a first look"},
		{"paused, and nothing to replay", judge(func(s *Standby) { s.Paused = true }), probe.Fail, "paused"},
		{"without a receiver, and nothing to replay", judge(func(s *Standby) { s.Receiver = "" }), probe.Fail, "not streaming"},
		{"a receiver that waits", judge(func(s *Standby) { s.Receiver = "waiting" }), probe.Fail, "not streaming waiting"},
		{"promoted", judge(func(s *Standby) { s.Replica = false }), probe.Fail, "a primary itself"},
		{"of another timeline", judge(func(s *Standby) { s.Timeline = 3 }), probe.Fail, "receives timeline 3, and a primary that writes timeline 2"},
		{"of the timeline before", judge(func(s *Standby) { s.Timeline = 1 }), probe.Fail, "receives timeline 1"},
		{"promoted for a while", judge(func(s *Standby) { s.Ended, s.Receiver, s.Timeline = 3, "", 0 }), probe.Fail, "it was promoted for a while"},
		{"a timeline that nobody says", judge(func(s *Standby) { s.Timeline = 0 }), probe.Blocked, "the timeline that the replica receives"},
		{"of another cluster", judge(func(s *Standby) { s.System = "2" }), probe.Fail, "another cluster"},
	})
}

func TestSchemaIs(t *testing.T) {
	seen := Schema{SHA256: "v2:aa", Lines: []string{"table account"}}
	check(t, []judged{
		{"the one", schemaIs("v2:aa", seen, nil, "db"), probe.Pass, ""},
		{"another", schemaIs("v2:bb", seen, nil, "db"), probe.Fail, "want the schema v2:bb; got v2:aa"},
		{"an older version's", schemaIs("aa", seen, nil, "db"), probe.Blocked, "write v2:aa"},
		{"a newer version's", schemaIs("v3:aa", seen, nil, "db"), probe.Blocked, "begins with v2:"},
		{"no tables", schemaIs("v2:aa", Schema{SHA256: "v2:aa", Lines: []string{"extension plpgsql 1.0"}}, []string{"app"}, "db"), probe.Fail, "none in app"},
	})
}

func TestIs(t *testing.T) {
	judge := func(change func(*Access)) error {
		a := Access{Server: Server{Role: "gates"}, Host: "DB.example.com.", Wanted: "db.example.com", Verified: true}
		change(&a)
		return is(a, "app")
	}
	check(t, []judged{
		{"this one", judge(func(*Access) {}), probe.Pass, ""},
		{"nobody to ask", judge(func(a *Access) { a.Wanted = "" }), probe.Pass, ""},
		{"another", judge(func(a *Access) { a.Host = "staging.example.com" }), probe.Fail, "the host staging.example.com"},
		{"anybody", judge(func(a *Access) { a.Verified = false }), probe.Fail, "sslmode=verify-full"},
		{"on this machine", judge(func(a *Access) { a.Verified, a.Host, a.Wanted = false, "127.0.0.1", "" }), probe.Pass, ""},
		{"a replica", judge(func(a *Access) { a.Replica = true }), probe.Fail, "a replica"},
		{"the application's role", judge(func(a *Access) { a.Role = "app" }), probe.Fail, "the application's, app"},
		{"a superuser", judge(func(a *Access) { a.Powers = []string{"SUPERUSER"} }), probe.Fail, "SUPERUSER"},
	})
}

func TestMigrations(t *testing.T) {
	files := []string{"1", "2", "3"}
	judge := func(last bool, noted ...row) error { return migrated(compare(files, noted, last), "db") }
	check(t, []judged{
		{"the last", judge(true, row{"3", true, false}), probe.Pass, ""},
		{"not the last", judge(true, row{"2", true, false}), probe.Fail, "not 3"},
		{"none", judge(true), probe.Fail, "not 1, 2, 3"},
		{"dirty", judge(true, row{"3", true, true}), probe.Fail, "dirty version 3"},
		{"one that nobody knows", judge(true, row{"4", true, false}), probe.Fail, "4 too"},
		{"each", judge(false, row{"1", true, false}, row{"2", true, false}, row{"3", true, false}), probe.Pass, ""},
		{"a gap", judge(false, row{"1", true, false}, row{"3", true, false}), probe.Fail, "not 2"},
		{"one too many", judge(false, row{"1", true, false}, row{"2", true, false}, row{"3", true, false}, row{"4", true, false}), probe.Fail, "4 too"},
		{"down again", judge(false, row{"1", true, false}, row{"2", true, false}, row{"3", true, false}, row{"3", false, false}), probe.Fail, "not 3"},
		{"down and up", judge(false, row{"1", true, false}, row{"2", true, false}, row{"2", false, false}, row{"2", true, false}, row{"3", true, false}), probe.Pass, ""},
	})
}

func TestVersionsAreNumbers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"10_last.up.sql", "9_before.up.sql", "2_first.up.sql", "2_first.down.sql", "README.md"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	all, err := versions(dir, tools[GolangMigrate].file)
	require.NoError(t, err)
	assert.Equal(t, []string{"2", "9", "10"}, all)
	_, err = versions(t.TempDir(), tools[GolangMigrate].file)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
}

func TestTLSOnly(t *testing.T) {
	judge := func(encrypted bool, change func(*Transport)) error {
		v := Transport{Version: "TLSv1.3", Plain: "no pg_hba.conf entry for host, no encryption", State: invalidAuthorization}
		change(&v)
		return tlsOnly(v, encrypted, "db")
	}
	check(t, []judged{
		{"refused", judge(true, func(*Transport) {}), probe.Pass, ""},
		{"taken", judge(true, func(v *Transport) { v.Plain, v.State = "connected", "" }), probe.Fail, "without TLS that was taken"},
		{"asked for a password", judge(true, func(v *Transport) { v.State = invalidPassword }), probe.Fail, "without TLS that was taken"},
		{"full", judge(true, func(v *Transport) { v.State = tooManyConnections }), probe.Blocked, "SQLSTATE 53300"},
		{"nothing to compare with", judge(false, func(*Transport) {}), probe.Blocked, "unencrypted"},
		{"old", judge(true, func(v *Transport) { v.Version = "TLSv1.1" }), probe.Fail, "TLSv1.1"},
		{"a session from before", judge(true, func(v *Transport) { v.Clear = []PlainUse{{"app", 3}} }), probe.Fail, "sessions of app"},
	})
}

func TestSessions(t *testing.T) {
	pool := func(used, most, reserved int) error {
		return poolBelow(Pool{Used: used, Max: most, Reserved: reserved}, 80, "db")
	}
	blocks := func(tx Transaction) error {
		return nothingBlocks(Blockers{Transactions: []Transaction{tx}}, time.Minute, "db")
	}
	check(t, []judged{
		{"room", pool(77, 100, 3), probe.Pass, ""},
		{"at the limit", pool(80, 103, 3), probe.Fail, "80 of 100 (80 %)"},
		{"all reserved", pool(0, 3, 3), probe.Fail, "3 of 3 are reserved"},
		{"refused", poolBelow(Pool{Refused: "sorry, too many clients already"}, 80, "db"), probe.Fail, "too many clients"},
		{"a short transaction", blocks(Transaction{Seconds: 59}), probe.Pass, ""},
		{"a long one", blocks(Transaction{Seconds: 61, PID: 7}), probe.Fail, "pg_terminate_backend(7)"},
		{"one that waits", blocks(Transaction{Waits: true, PID: 7}), probe.Fail, "pg_blocking_pids(7)"},
		{"an autovacuum that stays", blocks(Transaction{Wraps: true}), probe.Fail, "wraparound"},
		{"prepared", nothingBlocks(Blockers{Prepared: []Prepared{{Name: "x"}}}, time.Minute, "db"), probe.Fail, "prepared transaction"},
	})
}

func TestUnseen(t *testing.T) {
	server := func(code string) error {
		return unseen(fmt.Errorf("asking: %w", &pgconn.PgError{Code: code, Message: "no"}), Server{Role: "gates"}, "an answer", "pg_monitor")
	}
	var all []judged
	for code, says := range map[string]string{insufficientPrivilege: "GRANT pg_monitor TO gates", invalidPassword: "correct the role and password", invalidCatalogName: "correct the database",
		tooManyConnections: "no more connections", queryCanceled: "five seconds", lockNotAvailable: "five seconds", cannotConnectNow: "try again", readOnlyTransaction: "only reads", "XX000": "XX000"} {
		all = append(all, judged{code, server(code), probe.Blocked, says})
	}
	check(t, append(all,
		judged{"nothing wrong", unseen(nil, Server{}, "", ""), probe.Pass, ""},
		judged{"a verdict stays one", unseen(&probe.Unmet{Got: "x"}, Server{}, "", ""), probe.Fail, "x"},
		judged{"silence", unseen(context.DeadlineExceeded, Server{}, "", ""), probe.Blocked, "a firewall"},
		judged{"no way", unseen(errors.New("connection refused"), Server{}, "", ""), probe.Blocked, "a tunnel"},
		judged{"a certificate", unseen(errors.New("tls: bad certificate"), Server{}, "", ""), probe.Blocked, "sslrootcert"},
	))
}
