package rehearsal_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/rehearsalprobe"
	"github.com/getdrop/launchgate/internal/rehearsal"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

var update = flag.Bool("update", false, "write docs/migration-rehearsal.md")

// world is a launch with one migration, which adds the phone of an account.
type world struct {
	tool    string
	files   map[string]string
	verify  string // the script
	applied int64
	seed    string // run on the data before the rehearsal
	limits  func(*rehearsalprobe.Rehearsal)
	list    string // of what was applied
	plan    func(*rehearsal.Plan)
}

const (
	before = `CREATE TABLE account (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL);
CREATE TABLE payment (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id bigint NOT NULL REFERENCES account, ore bigint NOT NULL CHECK (ore > 0));
`
	goodUp = `-- the phone is the account's number
SET lock_timeout = '100ms';
ALTER TABLE account ADD COLUMN IF NOT EXISTS phone text;
UPDATE account SET phone = '+47' || id WHERE phone IS NULL;
`
	goodDown = "ALTER TABLE account DROP COLUMN IF EXISTS phone;\n"
	// goodScript knows how many rows there must be, and what a phone is made of.
	goodScript = `set -euo pipefail
answer=$(psql -X -v ON_ERROR_STOP=1 -qAt <<'SQL'
SELECT (SELECT count(*) FROM account) = 300
   AND (SELECT count(*) FROM payment) = 900
   AND NOT EXISTS (SELECT FROM account WHERE phone IS NULL OR phone <> '+47' || id)
   AND NOT EXISTS (SELECT FROM payment p LEFT JOIN account a ON a.id = p.account_id WHERE a.id IS NULL)
SQL
)
[ "$answer" = t ]
`
)

func good() world {
	return world{tool: migrations.SQL, applied: 1, verify: goodScript, files: map[string]string{
		"001_begin.up.sql": before, "001_begin.down.sql": "DROP TABLE payment, account;", "002_phone.up.sql": goodUp, "002_phone.down.sql": goodDown}}
}

func goodGoose() world {
	return world{tool: migrations.Goose, applied: 1, verify: goodScript, files: map[string]string{
		"001_begin.sql": "-- +goose Up\n" + before + "-- +goose Down\nDROP TABLE payment, account;\n",
		"002_phone.sql": "-- +goose Up\n" + goodUp + "-- +goose Down\n" + goodDown}}
}

func goodMigrate() world {
	w := good()
	w.tool = migrations.GolangMigrate
	return w
}

// goodCommand migrates with a program that nobody here knows.
func goodCommand() world {
	w := good()
	w.tool, w.applied, w.seed = migrations.Command, 0, before+rowsOf300
	w.plan = func(p *rehearsal.Plan) {
		p.Up = []string{"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "002_phone.up.sql"}
		p.Down = []string{"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "002_phone.down.sql"}
	}
	return w
}

// goodElsewhere is a database whose search_path does not lead to the tables, which its migrations and its script name in full.
func goodElsewhere() world {
	w := good()
	w.seed = rowsOf300 + "CREATE SCHEMA app;\nDO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = app', current_database()); END $$;\n"
	full := strings.NewReplacer("TABLE account", "TABLE public.account", "UPDATE account", "UPDATE public.account", "FROM ", "FROM public.", "JOIN ", "JOIN public.")
	w.files["002_phone.up.sql"], w.files["002_phone.down.sql"], w.verify = full.Replace(goodUp), full.Replace(goodDown), full.Replace(goodScript)
	return w
}

const rowsOf300 = `INSERT INTO account (email, name) SELECT i || '@example.com', 'row ' || i FROM generate_series(1, 300) i;
INSERT INTO payment (account_id, ore) SELECT 1 + i % 300, i FROM generate_series(1, 900) i;
`

func up(text string) func(*world)   { return file("002_phone.up.sql", text) }
func down(text string) func(*world) { return file("002_phone.down.sql", text) }

func file(name, text string) func(*world) { return func(w *world) { w.files[name] = text } }

func verify(script string) func(*world) { return func(w *world) { w.verify = script } }

// gates are the claims of the T-3 page, by its gate.
func gates(r *rehearsalprobe.Rehearsal) map[string][]probe.Claim {
	return map[string][]probe.Claim{
		"StagingTimed":    {r.Sound(), r.Unedited(), r.Timed(), r.Sized()},
		"Down":            {r.HasDown(), r.Reversible()},
		"Idempotent":      {r.Repeatable()},
		"IntegrityScript": {r.Verified()},
	}
}

// rehearse runs a world on the server and gives each gate's status and first red line.
func rehearse(t *testing.T, server rehearsal.Server, w world) (status map[string]probe.Status, lines map[string]string, rec *record.Record) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range w.files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	script, data, list := filepath.Join(t.TempDir(), "verify-migration.sh"), filepath.Join(t.TempDir(), "data.sql"), filepath.Join(t.TempDir(), "applied.sha256")
	require.NoError(t, os.WriteFile(script, []byte(w.verify), 0o600))
	set, err := migrations.Read(w.tool, dir)
	require.NoError(t, err)
	if w.list == "" {
		for _, f := range set.Files {
			if strings.HasPrefix(f.Name, "001_begin") {
				w.list += f.SHA256 + "  " + f.Name + "\n"
			}
		}
	}
	require.NoError(t, os.WriteFile(list, []byte(w.list), 0o600))
	rows := []rehearsal.Rows{{Table: "payment", Rows: 900}, {Table: "account", Rows: 300}}
	plan := rehearsal.Plan{Launch: "drop-1", Set: set, Applied: w.applied, Data: rehearsal.Data{Rows: rows}, Verify: []string{"bash", script},
		Script: rehearsalprobe.ScriptHash(script), LockWait: 200 * time.Millisecond, Dir: dir, Timeout: time.Minute}
	if w.seed != "" {
		require.NoError(t, os.WriteFile(data, []byte(w.seed), 0o600))
		plan.Data = rehearsal.Data{Script: data}
	}
	if w.plan != nil {
		w.plan(&plan)
	}
	rec, err = rehearsal.Run(t.Context(), server, plan)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "rehearsal.json")
	require.NoError(t, rec.Write(path))

	r := &rehearsalprobe.Rehearsal{File: path, Launch: "drop-1", Tool: w.tool, Dir: dir, Words: plan.Words, Major: server.Major(), ValidFor: time.Hour, Script: script, Applied: w.applied, List: list,
		Announced: time.Minute, Window: 2 * time.Minute, LockWait: plan.LockWait, Rows: []rehearsalprobe.Rows{{Table: "account", Rows: 300}, {Table: "payment", Rows: 900}}}
	if w.limits != nil {
		w.limits(r)
	}
	status, lines = map[string]probe.Status{}, map[string]string{}
	for gate, claims := range gates(r) {
		status[gate] = probe.Pass
		for i, claim := range claims {
			result := probe.Run(t.Context(), fmt.Sprint(gate, i), claim)
			if result.Status != probe.Pass && result.Status != probe.NA && status[gate] != probe.Fail && (status[gate] == probe.Pass || result.Status == probe.Fail) {
				status[gate], lines[gate] = result.Status, result.Message()
			}
		}
	}
	return status, lines, rec
}

func postgres(t *testing.T) *pgtest.Server {
	t.Helper()
	server, err := pgtest.Start(t.Context(), pgtest.Config{Driver: pgtest.Quickest, Settings: map[string]string{"temp_file_limit": "64MB", "autovacuum": "off"}})
	return started.For(t, server, err)
}

func TestGoodMigrationsAreGreen(t *testing.T) {
	server := postgres(t)
	for name, w := range map[string]world{"sql": good(), "golang-migrate": goodMigrate(), "goose": goodGoose(), "command": goodCommand(), "search_path": goodElsewhere()} {
		t.Run(name, func(t *testing.T) {
			status, lines, rec := rehearse(t, server, w)
			for gate, s := range status {
				assert.Equal(t, probe.Pass, s, "%s: %s", gate, lines[gate])
			}
			assert.Len(t, rec.Trials, 6, "good, four corruptions, good")
			assert.Len(t, rec.Steps, 7)
		})
	}
}

// bad are migrations that must be red at one gate.
var bad = []struct {
	name string
	gate string
	from func() world
	how  []func(*world)
	line string // part of what is said
}{
	{"not idempotent", "Idempotent", good, []func(*world){up("SET lock_timeout = '100ms';\nALTER TABLE account ADD COLUMN phone text;\nUPDATE account SET phone = '+47' || id;\n")}, `column "phone" of relation "account" already exists`},
	{"seed rows duplicated", "Idempotent", good, []func(*world){up("CREATE TABLE IF NOT EXISTS fee (kind text, ore bigint);\nINSERT INTO fee VALUES ('card', 900);\n" + goodUp), down(goodDown + "DROP TABLE fee;")}, "fee has 2 rows, before 1"},
	{"down destroys a column", "Down", good, []func(*world){down("ALTER TABLE account DROP COLUMN phone, DROP COLUMN name;")}, "- column account.name"},
	{"down destroys rows", "Down", good, []func(*world){down(goodDown + "DELETE FROM payment WHERE ore < 100;")}, "payment has 802 rows, before 900"},
	{"data changed without a way back", "Down", good, []func(*world){up(goodUp + "UPDATE account SET email = upper(email);\n")}, "rows of account have other values"},
	{"wrong down", "Down", good, []func(*world){up(goodUp + "CREATE INDEX IF NOT EXISTS account_phone ON account (phone);\nCREATE TYPE kind AS ENUM ('a');\n"), up(goodUp + "CREATE OR REPLACE FUNCTION phones() RETURNS bigint LANGUAGE sql AS 'SELECT count(phone) FROM account';\n")}, "+ function phones()"},
	{"down fails", "Down", good, []func(*world){down("ALTER TABLE account DROP COLUMN telephone;")}, `column "telephone" of relation "account" does not exist`},
	{"no down", "Down", good, []func(*world){func(w *world) { delete(w.files, "002_phone.down.sql") }}, "no down migration"},
	{"concurrent index left INVALID", "StagingTimed", good, []func(*world){up(goodUp + "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS payment_account ON payment (account_id);\n")}, "INVALID payment_account"},
	{"lock waits behind an open transaction", "StagingTimed", good, []func(*world){up("ALTER TABLE account ADD COLUMN IF NOT EXISTS phone text;\nUPDATE account SET phone = '+47' || id WHERE phone IS NULL;\n")}, "AccessExclusiveLock on account waited for"},
	{"history edited", "StagingTimed", good, []func(*world){func(w *world) { w.list = strings.Repeat("0", 64) + "  001_begin.up.sql\n" }}, "edited since it was applied"},
	{"dirty flag", "StagingTimed", goodMigrate, []func(*world){func(w *world) {
		w.applied, w.seed = 0, before+rowsOf300+"CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);\nINSERT INTO schema_migrations VALUES (1, true);"
	}}, "Dirty database version 1"},
	{"text that is not UTF-8", "StagingTimed", good, []func(*world){up(goodUp + "COMMENT ON COLUMN account.phone IS 'p\xe5 norsk';\n")}, "not UTF-8 from 002_phone.up.sql:5"},
	{"statement timeout", "StagingTimed", good, []func(*world){up("SET statement_timeout = '50ms';\nSELECT count(*) FROM account a, account b, account c, account d;\n" + goodUp)}, "canceling statement due to statement timeout"},
	{"out of disk", "StagingTimed", good, []func(*world){up(goodUp + "SELECT i, repeat('x', 1000) FROM generate_series(1, 200000) i ORDER BY 2, 1 OFFSET 199999;\n")}, "temporary file size exceeds temp_file_limit"},
	{"version twice", "StagingTimed", good, []func(*world){file("002_fax.up.sql", "SELECT 1;"), file("002_fax.down.sql", "SELECT 1;")}, "version 2 twice"},
	{"gap in the versions", "StagingTimed", good, []func(*world){file("004_fax.up.sql", "SELECT 1;"), file("004_fax.down.sql", "SELECT 1;")}, "a gap: version 4 after 2"},
	{"too slow for the window", "StagingTimed", good, []func(*world){up(goodUp + "SELECT pg_sleep(0.3);\n"), func(w *world) { w.limits = func(r *rehearsalprobe.Rehearsal) { r.Window = 500 * time.Millisecond } }}, "within the window of 500ms"},
	{"less data than production", "StagingTimed", good, []func(*world){func(w *world) {
		w.limits = func(r *rehearsalprobe.Rehearsal) { r.Rows = []rehearsalprobe.Rows{{Table: "payment", Rows: 2000}} }
	}}, "at least 1600 rows in payment"},
	{"integrity script always succeeds", "IntegrityScript", good, []func(*world){verify("psql -qAt -c 'SELECT count(*) FROM account WHERE phone IS NULL'; exit 0\n")}, "exit code 0 on all 4 corrupted copies"},
	{"integrity script notices no orphans", "IntegrityScript", good, []func(*world){verify(strings.NewReplacer("LEFT JOIN", "JOIN", "(SELECT count(*) FROM account) = 300", "(SELECT count(*) FROM account) >= 290").Replace(goodScript))}, "rows of payment without their account"},
	{"integrity script fails on good data", "IntegrityScript", good, []func(*world){verify("echo 'want 301 accounts'; exit 1\n")}, "want 301 accounts"},
	{"a transaction that nobody commits", "StagingTimed", good, []func(*world){up("BEGIN;\n" + goodUp)}, "COMMIT is missing"},
	{"goose: fails in its second statement", "StagingTimed", goodGoose, []func(*world){file("002_phone.sql", "-- +goose Up\n"+goodUp+"ALTER TABLE accounts ADD fax text;\n-- +goose Down\n"+goodDown)}, `relation "accounts" does not exist (SQLSTATE 42P01) from 002_phone.sql:6`},
	{"goose: fails in its second statement on the way down", "Down", goodGoose, []func(*world){file("002_phone.sql", "-- +goose Up\n"+goodUp+"-- +goose Down\n"+goodDown+"DROP TABLE fax;\n")}, `table "fax" does not exist (SQLSTATE 42P01) from 002_phone.sql:8`},
	{"golang-migrate: fails in its last statement", "StagingTimed", goodMigrate, []func(*world){up(goodUp + "ALTER TABLE account ADD fax tekst;\n")}, `type "tekst" does not exist (SQLSTATE 42704) from 002_phone.up.sql:5`},
}

func TestBadMigrationsAreRedAtTheirGate(t *testing.T) {
	page := redAtTheirGate(t, postgres(t))
	if *update && !t.Failed() {
		golden(t, page)
	}
}

// redAtTheirGate rehearses every bad migration on the server, or those of some names, and gives a line of each for the page.
func redAtTheirGate(t *testing.T, server rehearsal.Server, only ...string) string {
	t.Helper()
	var page strings.Builder
	for _, tt := range bad {
		if len(only) > 0 && !slices.Contains(only, tt.name) {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			w := tt.from()
			for _, change := range tt.how {
				change(&w)
			}
			status, lines, _ := rehearse(t, server, w)
			assert.Equal(t, probe.Fail, status[tt.gate], lines[tt.gate])
			assert.Contains(t, lines[tt.gate], tt.line)
			assert.NotContains(t, lines[tt.gate], "\n")
			for gate, s := range status {
				if gate != tt.gate {
					assert.NotEqual(t, probe.Fail, s, "%s: %s", gate, lines[gate])
				}
			}
			fmt.Fprintf(&page, "| %s | %s | %s |\n", tt.name, tt.gate, cell(lines[tt.gate]))
		})
	}
	return page.String()
}
