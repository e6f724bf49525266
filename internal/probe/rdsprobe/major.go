package rdsprobe

import (
	"context"
	"fmt"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// PostgreSQL claims that the instance runs a major version of PostgreSQL.
func (i *Instance) PostgreSQL(major int) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: i.id, Source: "RDS DescribeDBInstances EngineVersion"}
		s, from, err := i.describe(ctx, i.id)
		evidence.Asked = []string{from}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = s.Engine
		return evidence, isMajor(s.Engine, major, from)
	}
}

// isMajor judges an engine and its version, such as "postgres 16.4".
func isMajor(engine string, major int, from string) error {
	want := fmt.Sprintf("PostgreSQL %d, which the migration is rehearsed on", major)
	name, version, _ := strings.Cut(engine, " ")
	switch got, _, _ := strings.Cut(version, "."); {
	case version == "":
		return &probe.Unknown{Class: "rds.version", Want: want, Got: "no version", From: from, Fix: "see the instance in the console"}
	case name != "postgres" && name != "aurora-postgresql" || got != fmt.Sprint(major):
		return &probe.Unmet{Class: "rds.version", Want: want, Got: engine, From: from, Fix: "correct migration.postgres, and rehearse on that version"}
	}
	return nil
}
