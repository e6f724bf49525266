package betterstackprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/statuspageprobe"
)

// Page is a public status page; it needs no token. Every Better Stack page has an index.json with what it shows
// (https://betterstack.com/docs/uptime/status-pages/subscribing-to-status-updates/subscribing-to-api;
// https://betterstack.com/docs/uptime/api/get-a-single-status-page/ has more of its attributes).
type Page struct {
	api  *jsonapi.Service
	now  func() time.Time
	seen probe.Memo[string, statuspageprobe.Page]
}

// NewPage returns a page that was not looked at yet.
func NewPage(api *jsonapi.Service) *Page { return &Page{now: time.Now, api: api} }

// URL is the page's.
func (p *Page) URL() string { return p.api.Base }

// index is index.json's own address.
func (p *Page) index() string { return p.api.Base + "/index.json" }

// index is index.json.
type index struct {
	Data *struct {
		Type       string
		Attributes struct {
			State    string `json:"aggregate_state"`
			Password bool   `json:"password_enabled"`
			Timezone string
		}
	}
	Included []struct {
		ID         text
		Type       string
		Attributes json.RawMessage
	}
}

// Look reads the page as the public sees it.
func (p *Page) Look(ctx context.Context) (statuspageprobe.Page, error) {
	return p.seen.Try(ctx, "the status page", patience, func(ctx context.Context) (statuspageprobe.Page, error) {
		var answer index
		said, err := p.api.Fetch(ctx, "/index.json", &answer)
		if jsonapi.Refused(err) {
			return statuspageprobe.Closed(said)
		}
		if err != nil {
			return statuspageprobe.Page{}, err
		}
		if answer.Data == nil || answer.Data.Type != "status_page" {
			return statuspageprobe.Page{}, &probe.Unknown{Class: "api.malformed", Want: "a status page", Got: "JSON about something else", From: p.index(), Fix: "correct links.status_page"}
		}
		return p.read(answer)
	})
}

func (p *Page) read(answer index) (statuspageprobe.Page, error) {
	page := statuspageprobe.Page{State: answer.Data.Attributes.State, Protected: answer.Data.Attributes.Password}
	newest := ""
	for _, in := range answer.Included {
		var a struct {
			PublicName string `json:"public_name"`
			Status     string
			History    []struct{ Day string } `json:"status_history"`
			Title      string
			Kind       string    `json:"report_type"`
			From       time.Time `json:"starts_at"`
			To         time.Time `json:"ends_at"`
			Affected   []struct {
				Resource text `json:"status_page_resource_id"`
			} `json:"affected_resources"`
		}
		if in.Type != "status_page_resource" && in.Type != "status_report" {
			continue
		}
		if err := json.Unmarshal(in.Attributes, &a); err != nil {
			return page, &probe.Unknown{Class: "api.malformed", Want: "a " + in.Type, Got: err.Error(), From: p.index(), Fix: "see the provider's documentation for what changed", Err: err}
		}
		switch {
		case in.Type == "status_page_resource":
			page.Resources = append(page.Resources, statuspageprobe.Resource{ID: string(in.ID), Name: a.PublicName, Status: a.Status})
			for _, day := range a.History {
				newest = max(newest, day.Day)
			}
		case a.Kind == "maintenance":
			page.Reports = append(page.Reports, statuspageprobe.Report{Title: a.Title, From: a.From, To: a.To, Affected: len(a.Affected)})
		}
	}
	page.Stale = p.stale(newest, answer.Data.Attributes.Timezone)
	return page, nil
}

// stale says why the newest day of the resources' history is not today, by the page's time zone. Where that is unknown, today
// is a day that it is anywhere.
func (p *Page) stale(newest, zone string) string {
	if newest == "" {
		return ""
	}
	earliest := p.now().Add(-12 * time.Hour).UTC()
	if location, err := zoneOf(zone); err == nil {
		earliest = p.now().In(location)
	}
	if newest < earliest.Format(time.DateOnly) {
		return fmt.Sprintf("a history that ends on %s", newest)
	}
	return ""
}
