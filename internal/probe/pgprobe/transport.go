package pgprobe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/getdrop/launchgate/internal/probe"
)

// Transport is how a database is reached.
type Transport struct {
	Version string     `json:"tls_version"`
	Cipher  string     `json:"cipher"`
	Plain   string     `json:"without_tls"` // what the server said to a connection without TLS
	State   string     `json:"sqlstate,omitempty"`
	As      string     `json:"as"` // the role that came without TLS: the first that was not refused, or the last
	Clear   []PlainUse `json:"sessions_without_tls"`
}

// PlainUse is a role with sessions over the network without TLS.
type PlainUse struct {
	Role     string `json:"role"`
	Sessions int    `json:"sessions"`
}

// TLSOnly claims that the server refuses whoever comes without TLS, and that nobody is connected so. The attempt is made with the gates'
// role and with others, such as the application's, but not with their passwords: a server may take some roles and not others.
func (d *Database) TLSOnly(others ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "PostgreSQL SSLRequest, pg_hba.conf hostssl, pg_stat_ssl"}
		const want = "sessions and whether they are encrypted"
		plain, server, err := d.plain(ctx)
		if err != nil {
			return evidence, unseen(err, server, want, "")
		}
		var t Transport
		var encrypted bool
		if err := d.look(ctx, &evidence, want, "pg_monitor", func(ctx context.Context, l *look) (err error) {
			if err := l.observer(want); err != nil {
				return err
			}
			if err := l.tx.QueryRow(ctx, "SELECT ssl, coalesce(version, ''), coalesce(cipher, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted, &t.Version, &t.Cipher); err != nil {
				return err
			}
			t.Clear, err = rows[PlainUse](ctx, l, `SELECT a.usename::text, count(*)::int FROM pg_stat_activity a JOIN pg_stat_ssl s USING (pid)
				WHERE a.backend_type = 'client backend' AND a.client_addr IS NOT NULL AND NOT s.ssl GROUP BY 1 ORDER BY 1`)
			return err
		}); err != nil {
			return evidence, err
		}
		others = slices.DeleteFunc(slices.Clone(others), func(role string) bool { return role == "" }) // where launch.yaml names none
		for _, role := range append([]string{plain.User}, others...) {
			plain.User, t.As = role, role
			if err := t.attempt(ctx, plain); err != nil {
				return evidence, unseen(err, server, "what the server says to a connection without TLS", "")
			}
			if t.State != invalidAuthorization {
				break
			}
		}
		evidence.Observed = t
		return evidence, tlsOnly(t, encrypted, evidence.Target)
	}
}

// attempt connects without TLS. What the server answers is the observation; silence is an error.
func (t *Transport) attempt(ctx context.Context, c *pgx.ConnConfig) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, c)
	if err == nil {
		t.Plain, t.State = "connected", ""
		return conn.Close(ctx)
	}
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return err
	}
	t.Plain, t.State = server.Message, server.Code
	return nil
}

func tlsOnly(t Transport, encrypted bool, from string) error {
	bad := func(class, got, fix string) error {
		return &probe.Unmet{Class: "pg." + class, Want: "a server that takes connections over TLS only", Got: got, From: from, Fix: fix}
	}
	const force = "write hostssl instead of host into pg_hba.conf (RDS: rds.force_ssl = 1)"
	switch {
	case !encrypted:
		return &probe.Unknown{Class: "pg.tls", Want: "a connection over TLS, to compare with", Got: "one that pg_stat_ssl calls unencrypted", From: from, Fix: "see what stands between this machine and the server"}
	case t.Plain == "connected", t.State == invalidPassword:
		return bad("plaintext", "one of "+t.As+" without TLS that was taken ("+t.Plain+")", force)
	case t.State != invalidAuthorization:
		return &probe.Unknown{Class: "pg.error", Want: "a refusal of the connection without TLS", Got: t.Plain + " (SQLSTATE " + t.State + ")", From: from}
	case t.Version != "TLSv1.2" && t.Version != "TLSv1.3":
		return bad("tls-old", "one over "+t.Version, "set ssl_min_protocol_version to TLSv1.2")
	case len(t.Clear) > 0:
		return bad("plaintext-session", "sessions of "+t.Clear[0].Role+" without TLS", "end them: they are from before the server refused them")
	default:
		return nil
	}
}
