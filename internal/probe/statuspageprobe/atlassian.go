package statuspageprobe

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Base is where Statuspage's management API is, and Scheme stands before a key for it
// (https://developer.statuspage.io/#section/Authentication).
const (
	Base   = "https://api.statuspage.io/v1"
	Scheme = "OAuth "
)

// Atlassian is a page of Atlassian's Statuspage. What the public sees is the page's own api/v2/summary.json
// (https://metastatuspage.com/api); the management API (https://developer.statuspage.io/) says which page that must be.
type Atlassian struct {
	public *jsonapi.Service
	api    *jsonapi.Service
	id     string
}

// NewAtlassian returns a page that was not looked at yet: the public page itself, the management API, and the page's id there.
func NewAtlassian(public, api *jsonapi.Service, id string) *Atlassian {
	return &Atlassian{public: public, api: api, id: id}
}

// URL is the page's.
func (a *Atlassian) URL() string { return a.public.Base }

// summary is api/v2/summary.json.
type summary struct {
	Page       *struct{ ID string }
	Components []struct {
		ID, Name, Status string
		Group            bool
	}
	Maintenances []struct {
		Name, Status string
		From         time.Time `json:"scheduled_for"`
		To           time.Time `json:"scheduled_until"`
		Components   []struct{ ID string }
	} `json:"scheduled_maintenances"`
	Status *struct{ Indicator string }
}

// Look reads the page as the public sees it, and whether it is the one that launch.yaml names.
func (a *Atlassian) Look(ctx context.Context) (Page, error) {
	if a.id == "" {
		return Page{}, &probe.Unknown{Class: "not-configured", Want: "the page's id", Got: "no status_page.page in launch.yaml", Fix: "copy it from the page's API settings"}
	}
	var managed struct {
		ID      string
		Private *bool `json:"viewers_must_be_team_members"`
	}
	if _, err := a.api.Fetch(ctx, "/pages/"+url.PathEscape(a.id), &managed); err != nil {
		return Page{}, err
	}
	if managed.ID != a.id || managed.Private == nil {
		return Page{}, a.unreadable("the page "+a.id, "an answer about something else")
	}
	var seen summary
	answer, err := a.public.Fetch(ctx, "/api/v2/summary.json", &seen)
	switch {
	case *managed.Private:
		return Page{Protected: true}, nil
	case jsonapi.Refused(err):
		return Closed(answer)
	case err != nil:
		return Page{}, err
	case seen.Page == nil || seen.Status == nil:
		return Page{}, a.unreadable("what the page shows", "JSON about something else")
	case seen.Page.ID != a.id:
		return Page{}, &probe.Unmet{Class: "statuspage.other", Want: "the page " + a.id, Got: "the page " + seen.Page.ID, From: a.URL(), Fix: "correct links.status_page or status_page.page"}
	}
	return a.read(seen)
}

func (a *Atlassian) read(s summary) (Page, error) {
	page := Page{State: s.Status.Indicator} // none, minor, major, critical, maintenance
	if page.State == "none" {
		page.State = Operational
	}
	for _, c := range s.Components {
		if !c.Group {
			page.Resources = append(page.Resources, Resource{ID: c.ID, Name: c.Name, Status: c.Status})
		}
	}
	for _, m := range s.Maintenances {
		switch m.Status {
		case "completed":
		case "scheduled", "in_progress", "verifying":
			page.Reports = append(page.Reports, Report{Title: m.Name, From: m.From, To: m.To, Affected: len(m.Components)})
		default:
			return page, a.unreadable("whether the maintenance "+m.Name+" is to come", fmt.Sprintf("the status %q", m.Status))
		}
	}
	return page, nil
}

func (a *Atlassian) unreadable(want, got string) error {
	return &probe.Unknown{Class: "api.malformed", Want: want, Got: got, From: a.URL(), Fix: "see what answers there"}
}
