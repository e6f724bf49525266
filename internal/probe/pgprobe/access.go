package pgprobe

import (
	"context"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/getdrop/launchgate/internal/probe"
)

// Access is what the gates ask, and as whom.
type Access struct {
	Server
	Host     string   `json:"host"`               // of the DSN
	Wanted   string   `json:"endpoint,omitempty"` // of the database, as its provider says; empty: nobody was asked
	Verified bool     `json:"certificate_verified"`
	Powers   []string `json:"powers"` // of the gates' role
}

// Is claims that the gates ask this very database: its endpoint's host, whose certificate was verified, and the primary; and that they
// do so as a role of their own without power over the server. Otherwise every other claim may be about another database, such as
// staging's. endpoint is nil where no provider can be asked; app is the application's role.
func (d *Database) Is(endpoint func(context.Context) (string, error), app string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "pg_control_system, pg_roles, the server's certificate"}
		var a Access
		if endpoint != nil {
			var err error
			if a.Wanted, err = endpoint(ctx); err != nil {
				return evidence, err
			}
		}
		if err := d.look(ctx, &evidence, "the database that the gates ask", "CONNECT", func(ctx context.Context, l *look) (err error) {
			c := l.tx.Config()
			a.Server, a.Host, a.Verified = l.server, c.Host, verified(&c.Config)
			a.Powers, err = l.texts(ctx, powers, l.server.Role)
			return err
		}); err != nil {
			return evidence, err
		}
		evidence.Observed = a
		return evidence, is(a, app)
	}
}

// verified says that the server had to show a certificate for the DSN's host.
func verified(c *pgconn.Config) bool { return c.TLSConfig != nil && !c.TLSConfig.InsecureSkipVerify }

func is(a Access, app string) error {
	bad := func(class, want, got, fix string) error {
		return &probe.Unmet{Class: "pg." + class, Want: want, Got: got, From: a.String(), Fix: fix}
	}
	switch {
	case a.Wanted != "" && !strings.EqualFold(strings.TrimSuffix(a.Host, "."), strings.TrimSuffix(a.Wanted, ".")):
		return bad("elsewhere", "the database's own endpoint, "+a.Wanted, "the host "+a.Host, "correct the gates' connection string: they ask another database")
	case !a.Verified && !local(a.Host):
		return bad("unverified", "a server that shows its certificate", "a connection string that does not ask for it", "write sslmode=verify-full: otherwise whoever is on the way can answer")
	case a.Replica:
		return bad("replica", "the primary", "a replica", "have the gates' connection string lead to the primary")
	case a.Role == app:
		return bad("own-role", "a role of the gates' own", "the application's, "+app, "create one, and GRANT pg_monitor, pg_read_all_data to it")
	case len(a.Powers) > 0:
		return bad("role-power", "a role that only reads", strings.Join(a.Powers, ", "), "take its attributes and memberships away: the gates need pg_monitor and pg_read_all_data")
	default:
		return nil
	}
}

// local says that nobody is on the way.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
