package betterstackprobe

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
	"github.com/getdrop/launchgate/internal/probe/providerapi"
)

// OnCall is an on-call schedule of the account; the token must be able to write, for test alerts.
type OnCall struct {
	*Account
	Schedule string // its id, or default
	Tester   string // in whose name test alerts are opened, by e-mail
	Policy   string // the escalation policy that they follow
}

// Name is Better Stack.
func (o OnCall) Name() string { return "Better Stack" }

// Shifts reads the events of the schedule (https://betterstack.com/docs/uptime/api/list-on-call-calendar-events/).
func (o OnCall) Shifts(ctx context.Context, _, _ time.Time) ([]oncallprobe.Shift, error) {
	type event struct {
		From  time.Time `json:"starts_at"`
		To    time.Time `json:"ends_at"`
		Users []string
	}
	var answer struct{ Events *[]event } // all of them: this list has no pages
	if err := o.api.Get(ctx, "/v2/on-calls/"+url.PathEscape(o.Schedule)+"/events", &answer); err != nil {
		return nil, err
	}
	if answer.Events == nil {
		return nil, o.unreadable("the on-call schedule", "an answer without events")
	}
	var all []oncallprobe.Shift
	for _, e := range *answer.Events {
		for _, user := range e.Users {
			all = append(all, oncallprobe.Shift{Person: user, From: e.From, To: e.To})
		}
	}
	return all, nil
}

// incident is https://betterstack.com/docs/uptime/api/get-a-single-incident/.
type incident struct {
	Data *struct {
		ID         text
		Attributes struct {
			Taken    *time.Time `json:"acknowledged_at"`
			By       string     `json:"acknowledged_by"`
			Resolved *time.Time `json:"resolved_at"`
		}
	}
}

// Fire opens an incident (https://betterstack.com/docs/uptime/api/create-a-new-incident/).
func (o OnCall) Fire(ctx context.Context, nonce, says string) (string, error) {
	var answer incident
	err := o.api.Post(ctx, "/v3/incidents", map[string]any{"requester_email": o.Tester, "name": nonce, "summary": says, "description": says, "policy_id": o.Policy, "call": true, "push": true}, &answer)
	switch {
	case providerapi.Refused(err) == http.StatusUnprocessableEntity:
		return "", &probe.Unmet{Class: "oncall.routing", Want: "an incident that Better Stack takes", Got: err.Error(), From: o.Name(), Fix: "see that oncall.tester and oncall.policy are known there"}
	case err != nil:
		return "", err
	case answer.Data == nil || answer.Data.ID == "":
		return "", o.unreadable("the incident", "an answer without its id: look whether one is open")
	}
	return string(answer.Data.ID), nil
}

// State looks at the incident.
func (o OnCall) State(ctx context.Context, id string) (oncallprobe.Incident, error) {
	var answer incident
	if err := o.api.Get(ctx, "/v3/incidents/"+url.PathEscape(id), &answer); err != nil {
		return oncallprobe.Incident{}, err
	}
	if answer.Data == nil || string(answer.Data.ID) != id {
		return oncallprobe.Incident{}, o.unreadable("the incident "+id, "an answer about something else")
	}
	seen := oncallprobe.Incident{By: answer.Data.Attributes.By, Resolved: answer.Data.Attributes.Resolved != nil}
	if answer.Data.Attributes.Taken != nil {
		seen.Taken = *answer.Data.Attributes.Taken
	}
	return seen, nil
}

// Resolve ends it (https://betterstack.com/docs/uptime/api/resolve-an-ongoing-incident/).
func (o OnCall) Resolve(ctx context.Context, id string) error {
	return o.api.Post(ctx, "/v3/incidents/"+url.PathEscape(id)+"/resolve", map[string]any{"resolved_by": o.Tester}, nil)
}
