// Package pagerdutyprobe asks PagerDuty who is on call, and fires and resolves test alerts: the REST API
// (https://developer.pagerduty.com/api-reference/) and the Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview).
// What that means for a launch is oncallprobe's.
package pagerdutyprobe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
	"github.com/getdrop/launchgate/internal/probe/providerapi"
)

// Secret reads a secret; nil where there is none.
type Secret = func(context.Context) (string, error)

// Account is a PagerDuty account.
type Account struct {
	rest, events *providerapi.API
	key          Secret
	schedule     string
}

// New returns an account. The token may only read; the key is the routing key of an Events API v2 integration.
func New(web *httpprobe.Client, schedule string, token, key Secret) *Account {
	return &Account{schedule: schedule, key: key,
		events: &providerapi.API{Web: web, Name: "PagerDuty", Class: "oncall", Base: "https://events.pagerduty.com/v2"},
		rest:   &providerapi.API{Web: web, Name: "PagerDuty", Class: "oncall", Base: "https://api.pagerduty.com", Authorize: providerapi.Bearer("Token token=", "oncall.token", token)},
	}
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
		if err := a.rest.Get(ctx, "/oncalls?"+query.Encode(), &answer); err != nil {
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

// Fire triggers an alert, whose deduplication key is the nonce.
func (a *Account) Fire(ctx context.Context, nonce, says string) (string, error) {
	err := a.send(ctx, event{Action: "trigger", Dedup: nonce, Payload: map[string]any{"summary": says, "source": "launchgate", "severity": "critical", "class": "test"}})
	switch providerapi.Refused(err) {
	case http.StatusBadRequest: // the integration does not take it: nothing was opened
		return "", &probe.Unmet{Class: "oncall.routing", Want: "an alert that PagerDuty takes", Got: "400, invalid event", From: a.Name(), Fix: "see that oncall.routing_key is that of an Events API v2 integration"}
	case 0: // taken, or nobody knows: it is ended in any case
		return nonce, err
	}
	return "", err
}

// Resolve ends the alert.
func (a *Account) Resolve(ctx context.Context, nonce string) error {
	return a.send(ctx, event{Action: "resolve", Dedup: nonce})
}

func (a *Account) send(ctx context.Context, e event) error {
	unknown := func(got string, err error) error {
		return &probe.Unknown{Class: "not-configured", Want: "the routing key", Got: got, From: "oncall.routing_key", Fix: "add that of an Events API v2 integration, as a secret: reference", Err: err}
	}
	if a.key == nil {
		return unknown("none in launch.yaml", nil)
	}
	var err error
	if e.Key, err = a.key(ctx); err != nil {
		return unknown(err.Error(), err)
	}
	var answer struct {
		Status string
		Dedup  string `json:"dedup_key"`
	}
	if err := a.events.Post(ctx, "/enqueue", e, &answer); err != nil {
		return err
	}
	if answer.Status != "success" || answer.Dedup != e.Dedup {
		return a.unreadable("the event taken, under its deduplication key")
	}
	return nil
}

// State looks for the incident of an alert and who took it. It shows some seconds after the event was taken.
func (a *Account) State(ctx context.Context, nonce string) (oncallprobe.Incident, error) {
	var answer struct {
		Incidents *[]struct {
			ID, Status       string
			Key              string `json:"incident_key"`
			Acknowledgements []struct {
				At           time.Time
				Acknowledger person
			}
		}
	}
	if err := a.rest.Get(ctx, "/incidents?incident_key="+url.QueryEscape(nonce)+"&statuses[]=triggered&statuses[]=acknowledged&statuses[]=resolved", &answer); err != nil {
		return oncallprobe.Incident{}, err
	}
	if answer.Incidents == nil {
		return oncallprobe.Incident{}, a.unreadable("the incident")
	}
	for _, i := range *answer.Incidents {
		if i.Key != nonce {
			continue
		}
		seen := oncallprobe.Incident{Resolved: i.Status == "resolved"}
		if len(i.Acknowledgements) == 0 {
			return seen, nil
		}
		first := i.Acknowledgements[0]
		seen.Taken = first.At
		var err error
		seen.By, err = a.email(ctx, first.Acknowledger)
		return seen, err
	}
	return oncallprobe.Incident{}, nil
}

// email is that of a user; what is none, such as an integration that acknowledges by itself, keeps its name.
func (a *Account) email(ctx context.Context, p person) (string, error) {
	if !strings.HasPrefix(p.Type, "user") {
		return fmt.Sprintf("%s %q", p.Type, p.Summary), nil
	}
	var answer struct{ User person }
	if err := a.rest.Get(ctx, "/users/"+url.PathEscape(p.ID), &answer); err != nil {
		return "", err
	}
	if answer.User.Email == "" {
		return "", a.unreadable("who acknowledged")
	}
	return answer.User.Email, nil
}

func (a *Account) unreadable(want string) error {
	return &probe.Unknown{Class: "oncall.unreadable", Want: want, Got: "an answer that does not say it", From: a.Name(), Fix: "see the provider's documentation for what changed"}
}
