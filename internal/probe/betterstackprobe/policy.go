package betterstackprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// Policy is an escalation policy (https://betterstack.com/docs/uptime/api/get-a-single-escalation-policy/). The documentation
// shows its steps within the attributes and beside them.
type Policy struct {
	Name  string
	Steps []Step
}

// Step is one step of a policy.
type Step struct {
	Type    string   `json:"type"` // escalation, time_branching or metadata_branching
	Members []Member `json:"step_members"`
	Policy  text     `json:"policy_id"` // of a branch: where it leads
}

// Member is whom a step calls.
type Member struct {
	Type string `json:"type"`
	ID   text   `json:"id"`
}

// persons are the members that are people; the others are integrations, which call nobody by themselves.
var persons = []string{"current_on_call", "entire_team", "user"}

// Escalates claims that a monitor's escalation policy reaches a person. A policy without steps is silent: the incident is opened, and nobody is called.
func (a *Account) Escalates(w Wanted) probe.Claim {
	return a.about(w, "https://betterstack.com/docs/uptime/api/get-a-single-escalation-policy/", func(ctx context.Context, m Monitor) error {
		if m.Policy == "" {
			return m.unmet("policy", "an escalation policy", "none", "assign one")
		}
		return a.reaches(ctx, m, string(m.Policy), nil)
	})
}

// reaches follows a policy and its branches. Each branch must reach somebody, because any of them can be the one that is taken.
func (a *Account) reaches(ctx context.Context, m Monitor, id string, way []string) error {
	want := "a policy that calls somebody"
	if slices.Contains(way, id) || len(way) > 8 {
		return m.unmet("policy", want, "policies that lead to each other: "+strings.Join(append(way, id), " → "), "end the circle")
	}
	p, err := a.policy(ctx, id)
	switch {
	case err != nil:
		return err
	case p == nil:
		return m.unmet("policy", want, "the policy "+id+", which does not exist", "assign another")
	}
	called, others := 0, []string{}
	for _, step := range p.Steps {
		if strings.HasSuffix(step.Type, "_branching") {
			if step.Policy == "" {
				return m.unmet("silent", want, fmt.Sprintf("a branch of %q that leads nowhere", p.Name), "give the branch a policy")
			}
			if err := a.reaches(ctx, m, string(step.Policy), append(slices.Clone(way), id)); err != nil {
				return err
			}
			called++
			continue
		}
		for _, member := range step.Members {
			if step.Type == "escalation" && slices.Contains(persons, member.Type) {
				called++
			} else {
				others = append(others, member.Type)
			}
		}
	}
	switch {
	case len(p.Steps) == 0:
		return m.unmet("silent", want, fmt.Sprintf("the policy %q without steps", p.Name), "add a step that calls whoever is on call")
	case called == 0:
		return m.unmet("silent", want, fmt.Sprintf("the policy %q with %d steps that call no person: %v", p.Name, len(p.Steps), others), "add a step that calls whoever is on call")
	}
	return nil
}

// policy is nil where there is none of that id.
func (a *Account) policy(ctx context.Context, id string) (*Policy, error) {
	return a.policies.Try(ctx, "the policy "+id, patience, func(ctx context.Context) (*Policy, error) {
		var answer struct {
			Data *struct {
				ID         text
				Attributes struct {
					Name  string
					Steps []Step
				}
				Steps []Step
			}
		}
		switch said, err := a.api.Get(ctx, "/v3/policies/"+url.PathEscape(id), &answer); {
		case err != nil:
			return nil, err
		case said.Status == http.StatusNotFound:
			return nil, nil
		case said.Status != http.StatusOK:
			return nil, said.Unexpected()
		case answer.Data == nil || string(answer.Data.ID) != id:
			return nil, a.unreadable("the policy "+id, "an answer about something else")
		}
		return &Policy{Name: answer.Data.Attributes.Name, Steps: append(answer.Data.Attributes.Steps, answer.Data.Steps...)}, nil
	})
}
