package rdsprobe

import (
	"context"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// HasReplicas claims that the instance has exactly these read replicas, with those that its replicas have: one that nobody watches can be
// anywhere behind.
func (i *Instance) HasReplicas(ids ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		var got []string
		for queue := []string{i.id}; len(queue) > 0; queue = queue[1:] {
			s, _ := i.State(ctx, queue[0]) // where the instance itself cannot be described the claim below says so
			for _, id := range s.Replicas {
				if !slices.Contains(got, id) {
					got, queue = append(got, id), append(queue, id)
				}
			}
		}
		return i.claim(func(State) *probe.Unmet {
			want, got := slices.Sorted(slices.Values(ids)), slices.Sorted(slices.Values(got))
			if slices.Equal(want, got) {
				return nil
			}
			return &probe.Unmet{Class: "replica.set", Want: "the read replicas [" + strings.Join(want, ", ") + "]", Got: "[" + strings.Join(got, ", ") + "]",
				Fix: "correct database.replicas, or the database"}
		})(ctx)
	}
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
