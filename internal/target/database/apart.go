package database

import (
	"context"
	"fmt"
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/pgprobe"
	"github.com/getdrop/launchgate/internal/target"
)

// Apart wants a server, at an address and with a system identifier, to be none of the launch's own: neither the primary and the replicas of
// database.sql, nor what drill.url leads to. One of them that cannot be asked may be that very server, and where none is named nobody
// knows which they are.
func Apart(ctx context.Context, l *launch.Launch, address, system string) error {
	type known struct {
		name string
		*pgprobe.Database
	}
	var own []known
	if d := Of(l); l.Database.SQL.Enabled || l.Drill.URL.IsZero() {
		own = append(own, known{"database.sql.dsn", d.Database})
		for _, name := range d.ReplicaNames() {
			own = append(own, known{"the replica " + name, d.replicas[name]})
		}
	}
	if !l.Drill.URL.IsZero() {
		own = append(own, known{"drill.url", pgprobe.New(config(target.Of(l), l.Drill.URL, "", "drill.url"))})
	}
	for _, d := range own {
		server, err := d.Who(ctx)
		if err != nil {
			return fmt.Errorf("want to know that %s is none of the launch's own servers; it cannot be compared with %s: %w", address, d.name, err)
		}
		if err := apart(address, system, d.name, server); err != nil {
			return err
		}
	}
	return nil
}

func apart(address, system, name string, own pgprobe.Server) error {
	bad := func(got string) error {
		return &probe.Unknown{Class: "pg.own", Want: "a server that is none of the launch's own, to make databases on that are thrown away", Got: got, From: address,
			Fix: "name another server, which was not restored from a backup of this one, or take one that is thrown away: LAUNCHGATE_POSTGRES=local or docker"}
	}
	switch {
	case own.System == "" || system == "":
		return bad("no system identifier to compare with " + name)
	case own.System == system:
		return bad(name + " itself, or a copy of it: both have the system identifier " + system)
	case strings.EqualFold(own.Address, address):
		return bad("the address of " + name)
	default:
		return nil
	}
}
