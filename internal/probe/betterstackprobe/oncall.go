package betterstackprobe

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
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

// event is a part of an on-call schedule; those that override take precedence over the others
// (https://betterstack.com/docs/uptime/api/list-on-call-calendar-events/, …/create-on-call-calendar-event/).
type event struct {
	From     time.Time `json:"starts_at"`
	To       time.Time `json:"ends_at"`
	Users    []string  // by e-mail
	Override bool
}

// Shifts reads the events of the schedule, all of which the API gives at once.
func (o OnCall) Shifts(ctx context.Context, from, to time.Time) ([]oncallprobe.Shift, error) {
	var answer struct{ Events *[]event }
	if _, err := o.api.Fetch(ctx, "/v2/on-calls/"+url.PathEscape(o.Schedule)+"/events", &answer); err != nil {
		return nil, err
	}
	if answer.Events == nil {
		return nil, o.unreadable("the on-call schedule", "an answer without events")
	}
	for _, e := range *answer.Events {
		if e.From.IsZero() || !e.To.After(e.From) {
			return nil, o.unreadable("the on-call schedule", "an event without a beginning before its end")
		}
	}
	return inForce(*answer.Events, from, to), nil
}

// inForce are the shifts between two times. Where an event overrides, nobody is on call by the others.
func inForce(events []event, from, to time.Time) []oncallprobe.Shift {
	var all []oncallprobe.Shift
	for _, e := range events {
		left := []event{e}
		for _, over := range events {
			if over.Override && !e.Override {
				left = without(left, over.From, over.To)
			}
		}
		for _, part := range left {
			if !part.From.Before(to) || !part.To.After(from) {
				continue
			}
			for _, user := range e.Users {
				all = append(all, oncallprobe.Shift{Person: user, From: part.From, To: part.To})
			}
		}
	}
	return all
}

// without takes a time out of events.
func without(events []event, from, to time.Time) []event {
	var left []event
	for _, e := range events {
		if !e.From.Before(to) || !e.To.After(from) {
			left = append(left, e)
			continue
		}
		if e.From.Before(from) {
			left = append(left, event{From: e.From, To: from})
		}
		if e.To.After(to) {
			left = append(left, event{From: to, To: e.To})
		}
	}
	return left
}

// person is the e-mail of who acknowledged, whom the API calls by name: it is looked for among those who are on call now
// (https://betterstack.com/docs/uptime/api/get-a-single-on-call-calendar/). Who is none of them, or one of two of the same name,
// keeps the name, which is nobody's e-mail.
func (o OnCall) person(ctx context.Context, name string) (string, error) {
	if name == "" || strings.Contains(name, "@") {
		return name, nil
	}
	var answer struct {
		Included []struct {
			Type       string
			Attributes struct {
				First string `json:"first_name"`
				Last  string `json:"last_name"`
				Email string
			}
		}
	}
	if _, err := o.api.Fetch(ctx, "/v2/on-calls/"+url.PathEscape(o.Schedule), &answer); err != nil {
		return "", err
	}
	var found []string
	for _, in := range answer.Included {
		if a := in.Attributes; in.Type == "user" && a.Email != "" && strings.EqualFold(strings.TrimSpace(a.First+" "+a.Last), name) {
			found = append(found, a.Email)
		}
	}
	if len(found) != 1 {
		return name, nil
	}
	return found[0], nil
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
	said, err := o.api.Do(ctx, jsonapi.Request{Method: http.MethodPost, Path: "/v3/incidents",
		JSON: map[string]any{"requester_email": o.Tester, "name": nonce, "summary": says, "description": says, "policy_id": o.Policy, "call": true, "push": true}})
	switch {
	case err != nil:
		return "", o.unheard(err, nonce)
	case said.Status == http.StatusUnprocessableEntity:
		return "", &probe.Unmet{Class: "oncall.routing", Want: "an incident that Better Stack takes", Got: probe.Got(said.Unexpected(), ""), From: o.Name(), Fix: "see that oncall.tester and oncall.policy are known there"}
	case said.Status != http.StatusCreated && said.Status != http.StatusOK:
		return "", said.Unexpected()
	}
	if err := said.Read(&answer); err != nil {
		return "", o.unheard(err, nonce)
	}
	if answer.Data == nil || answer.Data.ID == "" {
		return "", o.unheard(o.unreadable("the incident", "an answer without its id"), nonce)
	}
	return string(answer.Data.ID), nil
}

// unheard is an incident that may have been opened, and whose id nobody knows to end it by.
func (o OnCall) unheard(err error, nonce string) error {
	var unknown *probe.Unknown
	if !errors.As(err, &unknown) || jsonapi.Refused(err) {
		return err
	}
	u := *unknown
	u.Fix = "see whether an incident " + nonce + " is open, which goes on calling people, and resolve it by hand; then " + u.Fix
	return &u
}

// State looks at the incident.
func (o OnCall) State(ctx context.Context, id string) (oncallprobe.Incident, error) {
	var answer incident
	if _, err := o.api.Fetch(ctx, "/v3/incidents/"+url.PathEscape(id), &answer); err != nil {
		return oncallprobe.Incident{}, err
	}
	if answer.Data == nil || string(answer.Data.ID) != id {
		return oncallprobe.Incident{}, o.unreadable("the incident "+id, "an answer about something else")
	}
	seen := oncallprobe.Incident{Resolved: answer.Data.Attributes.Resolved != nil}
	if answer.Data.Attributes.Taken != nil {
		seen.Taken = *answer.Data.Attributes.Taken
	}
	var err error
	seen.By, err = o.person(ctx, answer.Data.Attributes.By)
	return seen, err
}

// Resolve ends it (https://betterstack.com/docs/uptime/api/resolve-an-ongoing-incident/).
func (o OnCall) Resolve(ctx context.Context, id string) error {
	said, err := o.api.Do(ctx, jsonapi.Request{Method: http.MethodPost, Path: "/v3/incidents/" + url.PathEscape(id) + "/resolve", JSON: map[string]any{"resolved_by": o.Tester}})
	if err == nil && said.Status != http.StatusOK {
		err = said.Unexpected()
	}
	return err
}
