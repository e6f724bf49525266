package rdsprobe

import (
	"context"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// HasReplicas claims that the instance has exactly these read replicas: one that nobody watches can be anywhere behind.
func (i *Instance) HasReplicas(ids ...string) probe.Claim {
	return i.claim(func(s State) *probe.Unmet {
		want, got := slices.Sorted(slices.Values(ids)), slices.Sorted(slices.Values(s.Replicas))
		if slices.Equal(want, got) {
			return nil
		}
		return &probe.Unmet{Class: "replica.set", Want: "the read replicas [" + strings.Join(want, ", ") + "]", Got: "[" + strings.Join(got, ", ") + "]",
			Fix: "correct database.replicas, or the database"}
	})
}

// Replicates claims that a replica is available and that RDS calls its replication normal.
func (i *Instance) Replicates(id string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, from, err := i.describe(ctx, id)
		evidence := probe.Evidence{Target: id, Asked: []string{from}, Source: "RDS DescribeDBInstances StatusInfos"}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = s
		want := "replication that goes on"
		switch {
		case s.Status != "available":
			return evidence, &probe.Unmet{Class: "replica.status", Want: want, Got: "status " + s.Status, From: from, Fix: "see the replica's events"}
		case s.Replication != "replicating":
			got := s.Replication
			if got == "" {
				got = "no word about replication"
			}
			return evidence, &probe.Unmet{Class: "replica.stopped", Want: want, Got: got, From: from, Fix: "see the replica's replication error and start it again"}
		}
		return evidence, nil
	}
}
