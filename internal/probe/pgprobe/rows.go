package pgprobe

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/probe"
)

// Count is a query that counts what should not be there.
type Count struct{ Name, Query string }

// CountsNone claims that a query, which gives one number, gives 0.
func (d *Database) CountsNone(c Count) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: c.Query}
		if strings.TrimSpace(c.Query) == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a query that counts " + c.Name, Got: "none in launch.yaml", Fix: "add SELECT count(*) FROM … WHERE … to database.sql.demo"}
		}
		var found []*int64
		err := d.look(ctx, &evidence, "the number of "+c.Name, "SELECT on the tables of the query", func(ctx context.Context, l *look) error {
			answer, err := l.tx.Query(ctx, c.Query)
			if err != nil {
				return err
			}
			found, err = pgx.CollectRows(answer, pgx.RowTo[*int64]) // one column, or an error
			if err != nil && code(err) == "" && ctx.Err() == nil {
				return &probe.Unknown{Class: "pg.query", Want: "one number", Got: err.Error(), From: l.server.String(), Fix: "write SELECT count(*) …", Err: err}
			}
			return err
		})
		if err != nil {
			return evidence, err
		}
		evidence.Observed = found
		return evidence, countsNone(c, found, evidence.Target)
	}
}

func countsNone(c Count, found []*int64, from string) error {
	if len(found) != 1 || found[0] == nil {
		return &probe.Unknown{Class: "pg.query", Want: "one number", Got: fmt.Sprintf("%d rows, or NULL", len(found)), From: from, Fix: "write SELECT count(*) …"}
	}
	if *found[0] != 0 {
		return &probe.Unmet{Class: "pg.rows", Want: "no " + c.Name, Got: fmt.Sprintf("%d", *found[0]), From: from, Fix: "delete them, and see what put them there"}
	}
	return nil
}
