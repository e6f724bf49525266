package pgprobe_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/pgprobe"
)

const (
	hostname = "db.example.test"
	tlsOnly  = "hostssl all all all scram-sha-256\nhost replication all all scram-sha-256\n"
	both     = "host all all all scram-sha-256\nhost replication all all scram-sha-256\n"
)

// world is a database as an application's should be, with a role for the gates.
const world = `
CREATE ROLE gates LOGIN PASSWORD 'gates-password';
GRANT pg_monitor, pg_read_all_data TO gates;
CREATE ROLE blind LOGIN PASSWORD 'blind-password';
CREATE ROLE app LOGIN PASSWORD 'app-password';
CREATE TABLE account (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE audit_log (id bigint PRIMARY KEY, account_id bigint NOT NULL REFERENCES account, at timestamptz NOT NULL DEFAULT now());
CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);
INSERT INTO schema_migrations VALUES (2, false);
GRANT SELECT, INSERT, UPDATE ON account TO app;
GRANT SELECT, INSERT ON audit_log TO app;
`

type server struct {
	*pgtest.Server
	roots *x509.CertPool
}

func start(t *testing.T) *server {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	cert, err := authority.Issue(tlstest.Names(hostname))
	require.NoError(t, err)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	require.NoError(t, err)
	var chain []byte
	for _, der := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	s, err := pgtest.Start(t.Context(), pgtest.Config{Driver: pgtest.Quickest,
		Settings: map[string]string{"ssl": "on", "max_prepared_transactions": "2", "max_connections": "20"},
		Files: map[string][]byte{"server.crt": chain,
			"server.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), "pg_hba.conf": []byte(both)},
	})
	s = started.For(t, s, err)
	require.NoError(t, s.Exec(t.Context(), world))
	return &server{s, authority.Pool()}
}

// database is how a role sees the server, through a tunnel.
func (s *server) database(role, options string) *pgprobe.Database {
	return on(s.Server, s.roots, role, options)
}

func on(s *pgtest.Server, roots *x509.CertPool, role, options string) *pgprobe.Database {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, role+"-password"), Host: hostname + ":5432", Path: "/postgres", RawQuery: options}
	return pgprobe.New(pgprobe.Config{Network: &probe.Network{Roots: roots}, Resolver: nowhere{}, Tunnel: s.Addr(), Key: "database.sql.dsn",
		DSN: func(context.Context) (string, error) { return u.String(), nil }})
}

// nowhere resolves nothing: with a tunnel nobody is asked for a name.
type nowhere struct{}

func (nowhere) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	return nil, &probe.Unknown{Got: "asked for " + name}
}

// claims makes a claim and gives its status and message.
func claims(t *testing.T, claim probe.Claim) (probe.Status, string) {
	t.Helper()
	r := probe.Run(t.Context(), t.Name(), claim)
	for _, secret := range []string{"gates-password", "blind-password", "app-password"} {
		assert.NotContains(t, r.Message(), secret)
	}
	return r.Status, r.Message()
}

func holds(t *testing.T, claim probe.Claim) {
	t.Helper()
	status, message := claims(t, claim)
	assert.Equal(t, probe.Pass, status, message)
}

func fails(t *testing.T, want string, claim probe.Claim) {
	t.Helper()
	status, message := claims(t, claim)
	assert.Equal(t, probe.Fail, status, message)
	assert.Contains(t, message, want)
}

func blocked(t *testing.T, want string, claim probe.Claim) {
	t.Helper()
	status, message := claims(t, claim)
	assert.Equal(t, probe.Blocked, status, message)
	assert.Contains(t, message, want)
}

func migrations(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	return dir
}

func TestClaimsAboutARealServer(t *testing.T) {
	s := start(t)
	exec := func(sql string) { t.Helper(); require.NoError(t, s.Exec(t.Context(), sql)) }
	d, blind := s.database("gates", "sslmode=verify-full"), s.database("blind", "sslmode=verify-full")

	t.Run("migrations", func(t *testing.T) {
		m := pgprobe.Migrations{Tool: pgprobe.GolangMigrate, Dir: migrations(t, "000001_account.up.sql", "000001_account.down.sql", "000002_audit.up.sql")}
		holds(t, d.Migrated(m))
		exec("UPDATE schema_migrations SET dirty = true")
		fails(t, "a dirty version 2", d.Migrated(m))
		exec("UPDATE schema_migrations SET dirty = false, version = 1")
		fails(t, "not 2", d.Migrated(m))
		exec("UPDATE schema_migrations SET version = 3")
		fails(t, "3 too", d.Migrated(m))
		exec("UPDATE schema_migrations SET version = 2")
		blocked(t, "GRANT SELECT ON schema_migrations TO blind", blind.Migrated(m))
		m.Table = "nowhere"
		fails(t, "no table nowhere", d.Migrated(m))
		exec("CREATE TABLE done (name text); INSERT INTO done VALUES ('1'), ('2')")
		m = pgprobe.Migrations{Tool: pgprobe.Table, Dir: m.Dir, Table: "done", Column: "name", File: `^0*([0-9]+)_.*\.up\.sql$`}
		holds(t, d.Migrated(m))
		exec("INSERT INTO done VALUES ('7')")
		fails(t, "7 too", d.Migrated(m))
		exec(`CREATE TABLE _prisma_migrations (migration_name text, started_at timestamptz DEFAULT clock_timestamp(), finished_at timestamptz, rolled_back_at timestamptz);
			INSERT INTO _prisma_migrations (migration_name, finished_at) VALUES ('1', now()); INSERT INTO _prisma_migrations (migration_name) VALUES ('2')`)
		m.Table, m.Column = "_prisma_migrations", "migration_name"
		fails(t, "a dirty version 2", d.Migrated(m))
		exec("UPDATE _prisma_migrations SET rolled_back_at = now() WHERE finished_at IS NULL")
		fails(t, "not 2", d.Migrated(m))
		exec("INSERT INTO _prisma_migrations (migration_name, finished_at) VALUES ('2', now())")
		holds(t, d.Migrated(m))
		exec("DROP TABLE _prisma_migrations, done; CREATE TABLE goose_db_version (id serial, version_id bigint, is_applied bool); INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true), (2, false), (2, true)")
		m = pgprobe.Migrations{Tool: pgprobe.Goose, Dir: migrations(t, "00001_account.sql", "00002_audit.sql")}
		holds(t, d.Migrated(m))
		exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (2, false)")
		fails(t, "not 2", d.Migrated(m))
		exec("DROP TABLE goose_db_version")
	})

	t.Run("schema", func(t *testing.T) {
		holds(t, d.HasTables("account", "public.audit_log"))
		fails(t, "no aml_alerts", d.HasTables("account", "aml_alerts"))
		claim := func(sum string) probe.Claim {
			return d.SchemaIs(sum, []string{"public"}, []string{"schema_migrations"})
		}
		r := probe.Run(t.Context(), "", claim("?"))
		seen, ok := r.Evidence.Observed.(pgprobe.Schema)
		require.True(t, ok, r.Message())
		assert.Contains(t, strings.Join(seen.Lines, "\n"), "constraint public.audit_log.audit_log_account_id_fkey FOREIGN KEY (account_id) REFERENCES public.account(id)")
		blocked(t, "write "+seen.SHA256, claim(strings.TrimPrefix(seen.SHA256, "v2:")))
		holds(t, claim(seen.SHA256))
		for wrong, right := range map[string]string{
			"ALTER TABLE audit_log ALTER id TYPE int":                   "ALTER TABLE audit_log ALTER id TYPE bigint",
			"CREATE TABLE more ()":                                      "DROP TABLE more",
			"CREATE INDEX more ON account (lower(email))":               "DROP INDEX more",
			"CREATE VIEW more AS SELECT 1":                              "DROP VIEW more",
			"CREATE MATERIALIZED VIEW more AS SELECT 1":                 "DROP MATERIALIZED VIEW more",
			"CREATE TYPE more AS ENUM ('a')":                            "DROP TYPE more",
			"CREATE TYPE more AS (a int)":                               "DROP TYPE more",
			"CREATE TYPE more AS RANGE (subtype = int)":                 "DROP TYPE more",
			"CREATE DOMAIN more AS int CHECK (VALUE > 0)":               "DROP DOMAIN more",
			"CREATE FUNCTION more() RETURNS int LANGUAGE sql RETURN 1":  "DROP FUNCTION more()",
			"CREATE AGGREGATE more (int) (sfunc = int4pl, stype = int)": "DROP AGGREGATE more (int)",
			"CREATE TRIGGER more BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()": "DROP TRIGGER more ON account",
			"CREATE RULE more AS ON DELETE TO account DO INSTEAD NOTHING":                                                     "DROP RULE more ON account",
			"CREATE POLICY more ON account USING (true)":                                                                      "DROP POLICY more ON account",
			"ALTER TABLE account ENABLE ROW LEVEL SECURITY":                                                                   "ALTER TABLE account DISABLE ROW LEVEL SECURITY",
			"CREATE SEQUENCE more":                                                   "DROP SEQUENCE more",
			"CREATE STATISTICS more ON id, email FROM account":                       "DROP STATISTICS more",
			"CREATE OPERATOR === (leftarg = int, rightarg = int, function = int4eq)": "DROP OPERATOR === (int, int)",
			"ALTER TABLE account SET (fillfactor = 50)":                              "ALTER TABLE account RESET (fillfactor)",
			"ALTER TABLE account REPLICA IDENTITY FULL":                              "ALTER TABLE account REPLICA IDENTITY DEFAULT",
			"CREATE EXTENSION pg_trgm":                                               "DROP EXTENSION pg_trgm",
		} {
			exec(wrong)
			fails(t, "want the schema "+seen.SHA256, claim(seen.SHA256))
			exec(right)
			status, message := claims(t, claim(seen.SHA256))
			require.Equal(t, probe.Pass, status, "%s: %s", right, message)
		}

		// What differs in a definition, and not by a name, is seen too.
		exec(`CREATE TYPE kind AS ENUM ('a'); CREATE DOMAIN amount AS int CHECK (VALUE > 0); CREATE SEQUENCE number; CREATE VIEW emails AS SELECT email FROM account;
			CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1; CREATE POLICY own ON account USING (true); CREATE MATERIALIZED VIEW counted AS SELECT 1 AS n; CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
			CREATE TRIGGER same BEFORE UPDATE ON account FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int)`)
		r = probe.Run(t.Context(), "", claim("?"))
		full, ok := r.Evidence.Observed.(pgprobe.Schema)
		require.True(t, ok, r.Message())
		for _, change := range []string{
			"ALTER TYPE kind ADD VALUE 'b'", "ALTER DOMAIN amount DROP CONSTRAINT amount_check", "ALTER SEQUENCE number OWNED BY account.id", "ALTER SEQUENCE number CACHE 7",
			"CREATE OR REPLACE VIEW emails AS SELECT lower(email) AS email FROM account", "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql RETURN 2",
			"ALTER FUNCTION one() SECURITY DEFINER", "ALTER POLICY own ON account USING (false)", "ALTER POLICY own ON account TO app", "ALTER TABLE account DISABLE TRIGGER same",
			"CREATE OR REPLACE AGGREGATE total (int) (sfunc = int4mul, stype = int)", "CREATE EVENT TRIGGER stop ON ddl_command_end EXECUTE FUNCTION stop()",
			"DROP MATERIALIZED VIEW counted; CREATE MATERIALIZED VIEW counted AS SELECT 2 AS n",
		} {
			require.NotEqual(t, seen.SHA256, full.SHA256)
			exec(change)
			fails(t, "want the schema "+full.SHA256, claim(full.SHA256))
			r = probe.Run(t.Context(), "", claim("?"))
			full, ok = r.Evidence.Observed.(pgprobe.Schema)
			require.True(t, ok, r.Message())
			holds(t, claim(full.SHA256))
		}
		exec("COMMENT ON TABLE account IS 'people'; GRANT SELECT ON account TO blind; UPDATE schema_migrations SET dirty = dirty; CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.more ()")
		holds(t, claim(full.SHA256)) // which is none of its
		exec(`DROP SCHEMA elsewhere CASCADE; REVOKE SELECT ON account FROM blind; COMMENT ON TABLE account IS NULL; DROP EVENT TRIGGER stop; DROP SEQUENCE number; DROP DOMAIN amount; DROP TYPE kind;
			DROP VIEW emails; DROP MATERIALIZED VIEW counted; DROP POLICY own ON account; DROP TRIGGER same ON account; DROP FUNCTION one(), stop(); DROP AGGREGATE total (int)`)
		holds(t, claim(seen.SHA256))
	})

	t.Run("rows", func(t *testing.T) {
		demo := pgprobe.Count{Name: "demo accounts", Query: "SELECT count(*) FROM account WHERE email LIKE '%@demo.example'"}
		holds(t, d.CountsNone(demo))
		exec("INSERT INTO account (email) VALUES ('a@demo.example')")
		fails(t, "want no demo accounts; got 1", d.CountsNone(demo))
		blocked(t, "GRANT SELECT", blind.CountsNone(demo))
		exec("ALTER TABLE account ENABLE ROW LEVEL SECURITY")
		blocked(t, "row-level security", d.CountsNone(demo)) // and not none, which is what the role would see
		exec("ALTER TABLE account DISABLE ROW LEVEL SECURITY; DELETE FROM account")
		blocked(t, "one number", d.CountsNone(pgprobe.Count{Name: "x", Query: "SELECT id FROM account"}))
		blocked(t, "read-only", d.CountsNone(pgprobe.Count{Name: "x", Query: "INSERT INTO account (email) VALUES ('b') RETURNING 0"}))
		blocked(t, "statement timeout", d.CountsNone(pgprobe.Count{Name: "x", Query: "SELECT count(*) FROM pg_sleep(60)"}))
	})

	t.Run("role", func(t *testing.T) {
		needs, never := pgprobe.ParseRights("SELECT, INSERT account"), pgprobe.ParseRights("UPDATE, DELETE audit_log")
		claim := d.LeastPrivilege("app", needs, never, false)
		holds(t, claim)
		for wrong, tt := range map[string]struct{ message, right string }{
			"ALTER ROLE app SUPERUSER":              {"SUPERUSER", "ALTER ROLE app NOSUPERUSER"},
			"ALTER ROLE app CREATEDB BYPASSRLS":     {"BYPASSRLS, CREATEDB", "ALTER ROLE app NOCREATEDB NOBYPASSRLS"},
			"GRANT postgres TO app":                 {"SUPERUSER as postgres", "REVOKE postgres FROM app"},
			"ALTER TABLE audit_log OWNER TO app":    {"the owner of public.audit_log", "ALTER TABLE audit_log OWNER TO postgres; GRANT SELECT, INSERT ON audit_log TO app"},
			"REVOKE INSERT ON account FROM app":     {"not INSERT on public.account", "GRANT INSERT ON account TO app"},
			"GRANT DELETE ON audit_log TO PUBLIC":   {"DELETE on public.audit_log", "REVOKE DELETE ON audit_log FROM PUBLIC"},
			"GRANT UPDATE (id) ON audit_log TO app": {"UPDATE on public.audit_log", "REVOKE UPDATE (id) ON audit_log FROM app"},
			"CREATE ROLE eraser; GRANT DELETE ON audit_log TO eraser; ALTER ROLE app NOINHERIT; GRANT eraser TO app": { // which app becomes by SET ROLE
				"DELETE on public.audit_log", "ALTER ROLE app INHERIT; DROP OWNED BY eraser; DROP ROLE eraser"},
			"GRANT CREATE ON SCHEMA public TO app":            {"what it creates in the schema public", "REVOKE CREATE ON SCHEMA public FROM app"},
			"ALTER ROLE app RENAME TO nobody_of_that_name_ab": {"no such role", "ALTER ROLE nobody_of_that_name_ab RENAME TO app; ALTER ROLE app PASSWORD 'app-password'"},
		} {
			exec(wrong)
			fails(t, tt.message, claim)
			exec(tt.right)
		}
		holds(t, claim)
		blocked(t, "no table public.nowhere", d.LeastPrivilege("app", pgprobe.ParseRights("SELECT nowhere"), nil, false))
	})

	t.Run("access", func(t *testing.T) {
		at := func(host string) func(context.Context) (string, error) {
			return func(context.Context) (string, error) { return host, nil }
		}
		holds(t, d.Is(at(hostname), "app"))
		holds(t, d.Is(nil, "app"))
		fails(t, "the host "+hostname, d.Is(at("staging.example.test"), "app"))
		fails(t, "sslmode=verify-full", s.database("gates", "sslmode=require").Is(nil, "app"))
		fails(t, "a role of the gates' own", s.database("app", "sslmode=verify-full").Is(nil, "app"))
		exec("ALTER ROLE gates CREATEROLE")
		fails(t, "CREATEROLE", d.Is(nil, "app"))
		exec("ALTER ROLE gates NOCREATEROLE")
		blocked(t, "nobody knows", d.Is(func(context.Context) (string, error) { return "", &probe.Unknown{Got: "nobody knows"} }, "app"))
	})

	t.Run("sessions", func(t *testing.T) {
		holds(t, d.PoolBelow(80))
		holds(t, d.NothingBlocks(time.Minute))
		blocked(t, "GRANT pg_monitor TO blind", blind.PoolBelow(80))
		blocked(t, "GRANT pg_monitor TO blind", blind.NothingBlocks(time.Minute))
		exec("BEGIN; INSERT INTO account (email) VALUES ('p'); PREPARE TRANSACTION 'forgotten'")
		fails(t, `the prepared transaction "forgotten" of postgres`, d.NothingBlocks(time.Minute))
		exec("ROLLBACK PREPARED 'forgotten'")
		holds(t, d.NothingBlocks(time.Minute))

		// A role and a database may have limits of their own: https://www.postgresql.org/docs/current/sql-createrole.html (CONNECTION LIMIT)
		dsn, err := url.Parse(s.DSN())
		require.NoError(t, err)
		dsn.User = url.UserPassword("app", "app-password")
		app, err := pgx.Connect(t.Context(), dsn.String())
		require.NoError(t, err)
		exec("ALTER ROLE app CONNECTION LIMIT 1")
		fails(t, "1 of 1 (100 %) that the role app may have", d.PoolBelow(80, "app"))
		holds(t, d.PoolBelow(80, "gates")) // another's limit is another's
		exec("ALTER ROLE app CONNECTION LIMIT -1; ALTER DATABASE postgres CONNECTION LIMIT 9")
		fails(t, "that the database postgres may have", d.PoolBelow(10))
		exec("ALTER DATABASE postgres CONNECTION LIMIT -1")
		require.NoError(t, app.Close(t.Context()))
		require.NoError(t, s.Until(t.Context(), "SELECT count(*) < 5 FROM pg_stat_activity WHERE backend_type = 'client backend'"))

		var all []*pgx.Conn
		for range 14 {
			conn, err := pgx.Connect(t.Context(), s.DSN())
			require.NoError(t, err)
			all = append(all, conn)
		}
		fails(t, "14 of 17 (82 %)", d.PoolBelow(80))
		for range 6 { // up to the last that is not reserved
			if conn, err := pgx.Connect(t.Context(), s.DSN()); err == nil {
				all = append(all, conn)
			}
		}
		fails(t, "no connection left", d.PoolBelow(80))
		blocked(t, "the server takes no more connections", d.HasTables("account"))
		_, err = all[0].Exec(t.Context(), "BEGIN; LOCK TABLE account")
		require.NoError(t, err)
		require.NoError(t, all[1].Close(t.Context()))
		for _, conn := range all[2:] {
			require.NoError(t, conn.Close(t.Context()))
		}
		require.NoError(t, s.Until(t.Context(), "SELECT count(*) < 5 FROM pg_stat_activity WHERE backend_type = 'client backend'"))
		fails(t, "idle in transaction", d.NothingBlocks(0))
		require.NoError(t, all[0].Close(t.Context()))
	})

	t.Run("transport", func(t *testing.T) {
		fails(t, "one of gates without TLS that was taken", d.TLSOnly())
		require.NoError(t, os.WriteFile(s.File("pg_hba.conf"), []byte(tlsOnly), 0o600))
		root, err := pgx.Connect(t.Context(), strings.Replace(s.DSN(), "=require", "=disable", 1))
		require.NoError(t, err)
		exec("SELECT pg_reload_conf()")
		require.NoError(t, s.Until(t.Context(), "SELECT EXISTS (SELECT FROM pg_hba_file_rules WHERE type = 'hostssl')"))
		require.Eventually(t, func() bool {
			_, message := claims(t, d.TLSOnly())
			return strings.Contains(message, "sessions of postgres without TLS")
		}, 10*time.Second, 10*time.Millisecond)
		require.NoError(t, root.Close(t.Context()))
		require.Eventually(t, func() bool { status, _ := claims(t, d.TLSOnly()); return status == probe.Pass }, 10*time.Second, 10*time.Millisecond)
		blocked(t, "sslmode=verify-full", s.database("gates", "sslmode=disable").TLSOnly())

		// Each line of pg_hba.conf is about some roles: https://www.postgresql.org/docs/current/auth-pg-hba-conf.html
		holds(t, d.TLSOnly("app"))
		require.NoError(t, os.WriteFile(s.File("pg_hba.conf"), []byte("host all app all scram-sha-256\n"+tlsOnly), 0o600))
		exec("SELECT pg_reload_conf()")
		require.NoError(t, s.Until(t.Context(), "SELECT EXISTS (SELECT FROM pg_hba_file_rules WHERE 'app' = ANY (user_name))"))
		require.Eventually(t, func() bool {
			_, message := claims(t, d.TLSOnly("app"))
			return strings.Contains(message, "one of app without TLS that was taken")
		}, 10*time.Second, 10*time.Millisecond)
		holds(t, d.TLSOnly()) // which nobody would see who asks as the gates' role alone
	})

	t.Run("ways that do not lead there", func(t *testing.T) {
		claim := func(options string) probe.Claim { return s.database("gates", options).HasTables("account") }
		blocked(t, "no encryption", claim("sslmode=disable"))
		blocked(t, "certificate signed by unknown authority", on(s.Server, x509.NewCertPool(), "gates", "sslmode=verify-full").HasTables("account"))
		blocked(t, "password", s.database("nobody", "sslmode=require").HasTables("account"))
		blocked(t, "no database.sql.dsn in launch.yaml", pgprobe.New(pgprobe.Config{Key: "database.sql.dsn"}).HasTables("account"))
	})
}
