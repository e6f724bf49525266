package database

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/redact"
)

// Tunnel is a port of this machine that somebody has to open a tunnel from, and where it has to lead.
type Tunnel struct {
	Local uint16
	Host  string
	Port  uint16
}

// Tunnels are those that launch.yaml names: the primary's, and those of replicas. Their hosts are those of the connection strings.
func Tunnels(ctx context.Context, l *launch.Launch) ([]Tunnel, error) {
	sql := l.Database.SQL
	if !sql.Enabled {
		return nil, nil
	}
	var all []Tunnel
	add := func(key string, tunnel launch.HostPort, dsn launch.Secret) error {
		if tunnel == "" {
			return nil
		}
		local, err := netip.ParseAddrPort(string(tunnel))
		if err != nil || !local.Addr().IsLoopback() {
			return fmt.Errorf("%s.tunnel: want an address of this machine, such as 127.0.0.1:15432; got %s; a tunnel that ends elsewhere is opened there", key, tunnel)
		}
		if dsn.IsZero() {
			return fmt.Errorf("%s.dsn: want a connection string, whose host the tunnel leads to; got none", key)
		}
		value, err := Reveal(ctx, dsn)
		if err != nil {
			return fmt.Errorf("%s.dsn: %w", key, err)
		}
		c, err := pgx.ParseConfig(value)
		if err != nil {
			return fmt.Errorf("%s.dsn: want a connection string; got %s", key, redact.String(err.Error()))
		}
		if strings.ContainsAny(c.Host, "/\"' ") || slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.Host != c.Host || f.Port != c.Port }) {
			return fmt.Errorf("%s.dsn: want one host, which the tunnel leads to; got several, or a socket", key)
		}
		all = append(all, Tunnel{local.Port(), c.Host, c.Port})
		return nil
	}
	if err := add("database.sql", sql.Tunnel, sql.DSN); err != nil {
		return nil, err
	}
	for i, r := range sql.Replicas {
		if err := add(fmt.Sprintf("database.sql.replicas[%d]", i), r.Tunnel, r.DSN); err != nil {
			return nil, err
		}
	}
	return all, nil
}
