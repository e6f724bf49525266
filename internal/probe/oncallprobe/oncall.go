// Package oncallprobe claims that somebody is on call for a launch, and comes when called. Each provider of on-call schedules is a
// Provider: pagerdutyprobe has PagerDuty, betterstackprobe has Better Stack. It knows nothing of launch.yaml.
package oncallprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Provider is where people are on call. Its errors are Unknown, but for what it measured to be wrong.
type Provider interface {
	Name() string
	// Shifts gives who is on call from one time to another.
	Shifts(ctx context.Context, from, to time.Time) ([]Shift, error)
	// Fire opens an incident that calls whoever is on call, and gives what it is asked for by.
	Fire(ctx context.Context, nonce, says string) (id string, err error)
	// State looks at the incident.
	State(ctx context.Context, id string) (Incident, error)
	// Resolve ends it.
	Resolve(ctx context.Context, id string) error
}

// Shift is a time in which a person is on call.
type Shift struct {
	Person string    `json:"person"` // by e-mail
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// Incident is what became of an incident.
type Incident struct {
	Taken    time.Time `json:"acknowledged_at,omitzero"`
	By       string    `json:"acknowledged_by,omitempty"` // by e-mail, or what the provider calls who is no person
	Resolved bool      `json:"resolved"`
}

// Covered claims that somebody is on call from one time to another, without a gap.
func Covered(p Provider, from, to time.Time) probe.Claim {
	return shifts(p, from, to, func(all []Shift) error {
		if gap := firstGap(all, from, to); !gap.IsZero() {
			return &probe.Unmet{Class: "oncall.gap", Want: "somebody on call " + span(from, to), Got: "nobody at " + gap.UTC().Format(time.RFC3339), From: p.Name(), Fix: "fill the gap in the schedule, or override it"}
		}
		return nil
	})
}

// Both claims that two different people, by e-mail, are on call all the time from one time to another.
func Both(p Provider, first, second string, from, to time.Time) probe.Claim {
	return shifts(p, from, to, func(all []Shift) error {
		switch {
		case first == "" || second == "":
			return &probe.Unknown{Class: "not-configured", Want: "the e-mail of both people", Got: "not both in launch.yaml", Fix: "add people.*.email for roles.ic and roles.ic_backup, as the provider knows them"}
		case strings.EqualFold(first, second):
			return &probe.Unmet{Class: "oncall.same", Want: "two different people", Got: first + " twice", From: "launch.yaml", Fix: "name another person as roles.ic_backup"}
		}
		for _, person := range []string{first, second} {
			own := slices.DeleteFunc(slices.Clone(all), func(s Shift) bool { return !strings.EqualFold(s.Person, person) })
			if gap := firstGap(own, from, to); !gap.IsZero() {
				return &probe.Unmet{Class: "oncall.absent", Want: person + " on call " + span(from, to), Got: "not at " + gap.UTC().Format(time.RFC3339), From: p.Name(), Fix: "put both on call for the launch window"}
			}
		}
		return nil
	})
}

func shifts(p Provider, from, to time.Time, judge func([]Shift) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: span(from, to), Asked: []string{p.Name()}}
		if !to.After(from) {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the launch window", Got: "none", From: "launch.yaml"}
		}
		all, err := p.Shifts(ctx, from, to)
		if err != nil {
			return evidence, err
		}
		evidence.Observed = all
		return evidence, judge(all)
	}
}

// firstGap is the first time from one to another when nobody is on call; the zero time where somebody always is.
func firstGap(all []Shift, from, to time.Time) time.Time {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b Shift) int { return a.From.Compare(b.From) })
	covered := from
	for _, s := range sorted {
		if s.Person != "" && !s.From.After(covered) && s.To.After(covered) {
			covered = s.To
		}
	}
	if covered.Before(to) {
		return covered
	}
	return time.Time{}
}

func span(from, to time.Time) string {
	return fmt.Sprintf("from %s to %s", from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
}
