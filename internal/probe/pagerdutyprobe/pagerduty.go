// Package pagerdutyprobe asks PagerDuty who is on call, and fires and resolves test alerts: the REST API
// (https://developer.pagerduty.com/api-reference/) and the Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview).
// What that means for a launch is oncallprobe's.
package pagerdutyprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
)

// Secret reads a secret; nil where there is none.
type Secret = func(context.Context) (string, error)

// REST and Events are where the two APIs are, and Scheme stands before the token for the first
// (https://developer.pagerduty.com/docs/authentication).
const (
	REST   = "https://api.pagerduty.com"
	Events = "https://events.pagerduty.com/v2"
	Scheme = "Token token="
)

// Header asks the first for its version 2, whatever the version of the token (https://developer.pagerduty.com/docs/versioning).
func Header() http.Header {
	return http.Header{"Accept": {"application/vnd.pagerduty+json;version=2"}}
}

// Account is a PagerDuty account.
type Account struct {
	rest, events *jsonapi.Service
	key          Secret
	schedule     string
}

// New returns an account. The token of the REST API may only read; the key is the routing key of an Events API v2 integration.
func New(rest, events *jsonapi.Service, schedule string, key Secret) *Account {
	return &Account{rest: rest, events: events, schedule: schedule, key: key}
}

// Name is PagerDuty.
func (a *Account) Name() string { return "PagerDuty" }

// person is a user as the API shows one; a reference has no e-mail.
type person struct{ ID, Type, Email, Summary string }

// Shifts reads the on-calls of the schedule (…/api-reference/3a6b910f11050-list-all-of-the-on-calls).
func (a *Account) Shifts(ctx context.Context, from, to time.Time) ([]oncallprobe.Shift, error) {
	if a.schedule == "" {
		return nil, &probe.Unknown{Class: "not-configured", Want: "the on-call schedule", Got: "no oncall.schedule in launch.yaml", Fix: "add its id, such as PI7DH85"}
	}
	var all []oncallprobe.Shift
	for offset := 0; offset <= 2000; offset += 100 {
		query := url.Values{"since": {from.UTC().Format(time.RFC3339)}, "until": {to.UTC().Format(time.RFC3339)}, "schedule_ids[]": {a.schedule}, "include[]": {"users"}, "limit": {"100"}, "offset": {strconv.Itoa(offset)}}
		var answer struct {
			OnCalls *[]struct {
				User       person
				Start, End *time.Time // null: always
			}
			More bool
		}
		if _, err := a.rest.Fetch(ctx, "/oncalls?"+query.Encode(), &answer); err != nil {
			return nil, err
		}
		if answer.OnCalls == nil {
			return nil, a.unreadable("who is on call")
		}
		for _, o := range *answer.OnCalls {
			s := oncallprobe.Shift{Person: o.User.Email, From: from, To: to}
			if o.Start != nil {
				s.From = *o.Start
			}
			if o.End != nil {
				s.To = *o.End
			}
			all = append(all, s)
		}
		if !answer.More {
			return all, nil
		}
	}
	return nil, a.unreadable("who is on call, in less than 2000 shifts")
}

// event is what the Events API takes (…/docs/send-alert-event).
type event struct {
	Key     string         `json:"routing_key"`
	Action  string         `json:"event_action"`
	Dedup   string         `json:"dedup_key"`
	Payload map[string]any `json:"payload,omitempty"`
}

// Fire triggers an alert, whose deduplication key is the nonce. Where nobody knows whether it was taken it is to be ended too.
func (a *Account) Fire(ctx context.Context, nonce, says string) (string, error) {
	key, err := a.routingKey(ctx)
	if err != nil {
		return "", err
	}
	said, err := a.send(ctx, event{Key: key, Action: "trigger", Dedup: nonce, Payload: map[string]any{"summary": says, "source": "launchgate", "severity": "critical", "class": "test"}})
	if said != nil && said.Status == http.StatusBadRequest { // the integration does not take it: nothing was opened
		return "", &probe.Unmet{Class: "oncall.routing", Want: "an alert that PagerDuty takes", Got: probe.Got(err, "status 400"), From: a.Name(), Fix: "see that oncall.routing_key is that of an Events API v2 integration"}
	}
	return nonce, err
}

// Resolve ends the alert.
func (a *Account) Resolve(ctx context.Context, nonce string) error {
	key, err := a.routingKey(ctx)
	if err != nil {
		return err
	}
	_, err = a.send(ctx, event{Key: key, Action: "resolve", Dedup: nonce})
	return err
}

func (a *Account) routingKey(ctx context.Context) (string, error) {
	unknown := func(got string, err error) error {
		return &probe.Unknown{Class: "not-configured", Want: "the routing key", Got: got, From: "oncall.routing_key", Fix: "add that of an Events API v2 integration, as a secret: reference", Err: err}
	}
	if a.key == nil {
		return "", unknown("none in launch.yaml", nil)
	}
	key, err := a.key(ctx)
	if err != nil {
		return "", unknown(err.Error(), err)
	}
	return key, nil
}

// send sends an event, which is taken with 202.
func (a *Account) send(ctx context.Context, e event) (*jsonapi.Answer, error) {
	said, err := a.events.Do(ctx, jsonapi.Request{Method: http.MethodPost, Path: "/enqueue", JSON: e})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status string
		Dedup  string `json:"dedup_key"`
	}
	switch {
	case said.Status != http.StatusAccepted:
		return said, said.Unexpected()
	case said.Read(&answer) != nil || answer.Status != "success" || answer.Dedup != e.Dedup:
		return said, a.unreadable("the event taken, under its deduplication key")
	}
	return said, nil
}

// incident is one of …/api-reference/9d0b4b12e36f9-list-incidents.
type incident struct {
	ID, Status       string
	Key              string `json:"incident_key"` // null where the incident has alerts, as it has for every event of version 2
	Acknowledgements []struct {
		At           time.Time
		Acknowledger person
	}
}

// State looks for the incident of an alert and who took it. It shows some seconds after the event was taken.
func (a *Account) State(ctx context.Context, nonce string) (oncallprobe.Incident, error) {
	var answer struct{ Incidents *[]incident }
	if _, err := a.rest.Fetch(ctx, "/incidents?incident_key="+url.QueryEscape(nonce)+"&statuses[]=triggered&statuses[]=acknowledged&statuses[]=resolved", &answer); err != nil {
		return oncallprobe.Incident{}, err
	}
	if answer.Incidents == nil {
		return oncallprobe.Incident{}, a.unreadable("the incident")
	}
	for _, i := range *answer.Incidents {
		ours, err := a.opened(ctx, i, nonce)
		if err != nil {
			return oncallprobe.Incident{}, err
		}
		if !ours {
			continue
		}
		seen := oncallprobe.Incident{Resolved: i.Status == "resolved"}
		if len(i.Acknowledgements) == 0 {
			return seen, nil
		}
		first := i.Acknowledgements[0]
		seen.Taken = first.At
		seen.By, err = a.email(ctx, first.Acknowledger)
		return seen, err
	}
	return oncallprobe.Incident{}, nil
}

// opened says whether an incident is that of the alert: by its own key, or by that of one of its alerts
// (…/api-reference/4bc42e7ac0c59-list-alerts-for-an-incident).
func (a *Account) opened(ctx context.Context, i incident, nonce string) (bool, error) {
	if i.Key != "" {
		return i.Key == nonce, nil
	}
	type alert struct {
		Key string `json:"alert_key"`
	}
	var answer struct{ Alerts *[]alert }
	if _, err := a.rest.Fetch(ctx, "/incidents/"+url.PathEscape(i.ID)+"/alerts?alert_key="+url.QueryEscape(nonce), &answer); err != nil {
		return false, err
	}
	if answer.Alerts == nil {
		return false, a.unreadable("the alerts of the incident")
	}
	return slices.Contains(*answer.Alerts, alert{Key: nonce}), nil
}

// email is that of a user; what is none, such as an integration that acknowledges by itself, keeps its name.
func (a *Account) email(ctx context.Context, p person) (string, error) {
	if !strings.HasPrefix(p.Type, "user") {
		return fmt.Sprintf("%s %q", p.Type, p.Summary), nil
	}
	var answer struct{ User person }
	if _, err := a.rest.Fetch(ctx, "/users/"+url.PathEscape(p.ID), &answer); err != nil {
		return "", err
	}
	if answer.User.Email == "" {
		return "", a.unreadable("who acknowledged")
	}
	return answer.User.Email, nil
}

func (a *Account) unreadable(want string) error {
	return &probe.Unknown{Class: "api.malformed", Want: want, Got: "an answer that does not say it", From: a.Name(), Fix: "see the provider's documentation for what changed"}
}
