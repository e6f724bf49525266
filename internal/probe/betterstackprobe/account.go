// Package betterstackprobe claims that Better Stack watches a launch: its monitors, what they assert, whom they call, and the
// public status page. It knows the uptime API (https://betterstack.com/docs/uptime/api/) and nothing of launch.yaml.
package betterstackprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Base is where the API is.
const Base = "https://uptime.betterstack.com/api"

const (
	// patience bounds one observation, all pages of it together.
	patience = 25 * time.Second
	// maxPages bounds a list; a page has 50 entries by default.
	maxPages = 40
)

// Account is a team's account. It must not be copied.
type Account struct {
	api *jsonapi.Service
	now func() time.Time

	monitors probe.Memo[string, []Monitor]
	policies probe.Memo[string, *Policy]
}

// New returns an account that was not looked at yet.
func New(api *jsonapi.Service) *Account { return &Account{now: time.Now, api: api} }

// Monitor is one monitor as the API shows it (https://betterstack.com/docs/uptime/api/list-all-existing-monitors/).
type Monitor struct {
	ID            string     `json:"id"`
	URL           string     `json:"url"`
	Name          string     `json:"pronounceable_name"`
	Type          string     `json:"monitor_type"`
	LastChecked   *time.Time `json:"last_checked_at"`
	Status        string     `json:"status"`
	Paused        *bool      `json:"paused"` // not among the documented answer's attributes, which are the status and paused_at
	PausedAt      *time.Time `json:"paused_at"`
	Policy        text       `json:"policy_id"`
	Keyword       string     `json:"required_keyword"`
	StatusCodes   []int      `json:"expected_status_codes"`
	Frequency     int        `json:"check_frequency"` // seconds
	Regions       []string   `json:"regions"`
	SSLDays       *int       `json:"ssl_expiration"`    // days before the certificate ends that it warns
	DomainDays    *int       `json:"domain_expiration"` // the same of the domain
	MaintainFrom  string     `json:"maintenance_from"`  // "01:00:00", every day of maintenance_days
	MaintainTo    string     `json:"maintenance_to"`
	MaintainZone  string     `json:"maintenance_timezone"`
	MaintainDays  []string   `json:"maintenance_days"` // mon, tue …; empty: every day
	Confirmation  int        `json:"confirmation_period"`
	VerifiesTheCA *bool      `json:"verify_ssl"`
}

// text is a JSON string or number: ids are sent as both.
type text string

func (t *text) UnmarshalJSON(raw []byte) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	switch v := value.(type) {
	case nil:
		*t = ""
	case string:
		*t = text(v)
	case float64:
		*t = text(fmt.Sprintf("%.0f", v))
	default:
		return fmt.Errorf("an id that is neither text nor number: %.50s", raw)
	}
	return nil
}

// all reads the list of monitors, once for all claims.
func (a *Account) all(ctx context.Context) ([]Monitor, error) {
	return a.monitors.Try(ctx, "the monitors", patience, func(ctx context.Context) ([]Monitor, error) {
		const want = "the list of monitors"
		var all []Monitor
		for page := 1; page <= maxPages; page++ {
			var answer struct {
				Data *[]struct {
					ID         text
					Attributes Monitor
				}
				Pagination *struct{ Next *string }
			}
			if _, err := a.api.Fetch(ctx, fmt.Sprintf("/v2/monitors?per_page=250&page=%d", page), &answer); err != nil {
				return nil, err
			}
			if answer.Data == nil || answer.Pagination == nil {
				return nil, a.unreadable(want, "an answer without data or pagination")
			}
			for _, m := range *answer.Data {
				m.Attributes.ID = string(m.ID)
				all = append(all, m.Attributes)
			}
			if answer.Pagination.Next == nil || *answer.Pagination.Next == "" {
				return all, nil
			}
		}
		return nil, a.unreadable(want, fmt.Sprintf("more than %d pages", maxPages))
	})
}

// unreadable is an answer that does not say what it must.
func (a *Account) unreadable(want, got string) error {
	return &probe.Unknown{Class: "api.malformed", Want: want, Got: got, From: a.api.Base, Fix: "see the provider's documentation for what changed"}
}

// Wanted is a monitor that must be there.
type Wanted struct {
	Name string // as people see it
	URL  string // what it must look at; empty: that is not asked
}

// about makes a claim about one monitor: it is there once, and holds what judge wants.
func (a *Account) about(w Wanted, source string, judge func(context.Context, Monitor) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: w.Name, Source: source, Asked: []string{a.api.Base + "/v2/monitors"}}
		if w.Name == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the name of a monitor", Got: "none in launch.yaml", Fix: "add it under betterstack"}
		}
		all, err := a.all(ctx)
		if err != nil {
			return evidence, err
		}
		m, err := only(all, w.Name)
		if err != nil {
			return evidence, err
		}
		evidence.Observed = m
		return evidence, judge(ctx, m)
	}
}

// only is the one monitor of a name.
func only(all []Monitor, name string) (Monitor, error) {
	var found []Monitor
	for _, m := range all {
		if m.Name == name {
			found = append(found, m)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return Monitor{}, &probe.Unmet{Class: "betterstack.missing", Want: fmt.Sprintf("one monitor with the name %q", name), Got: fmt.Sprintf("%d of %d monitors", len(found), len(all)),
		From: "Better Stack", Fix: "create it, or correct its name there or in launch.yaml"}
}
