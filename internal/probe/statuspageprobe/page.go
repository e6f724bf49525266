// Package statuspageprobe claims that the public status page of a launch is there, is green and announces the maintenance. Each
// provider of status pages is a Source; this package has Atlassian's Statuspage, and betterstackprobe has Better Stack's.
package statuspageprobe

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Source looks at a status page as the public sees it.
type Source interface {
	// Look gives the page; its errors are Unknown.
	Look(ctx context.Context) (Page, error)
	// URL is the page's own.
	URL() string
}

// Operational is the state of a page, and of each of its resources, when all is well.
const Operational = "operational"

// wrong are the other states of pages and resources: of Better Stack
// (https://betterstack.com/docs/uptime/status-pages/subscribing-to-status-updates/subscribing-to-api), and of Atlassian
// (https://metastatuspage.com/api). What is none of them tells nothing.
var wrong = []string{"degraded", "downtime", "maintenance", "not_monitored",
	"minor", "major", "critical", "degraded_performance", "partial_outage", "major_outage", "under_maintenance"}

// Page is a status page.
type Page struct {
	State     string     `json:"state"` // Operational, or what else the provider calls it
	Protected bool       `json:"protected,omitempty"`
	Resources []Resource `json:"resources"`
	Reports   []Report   `json:"reports,omitempty"`
	Stale     string     `json:"stale,omitempty"` // why what it shows is not of now
}

// Resource is one thing whose state the page shows.
type Resource struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Report is a maintenance that the page announces.
type Report struct {
	Title    string    `json:"title"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Affected int       `json:"affected"` // resources
}

// Closed reads an answer that refuses the page to whoever has no login (jsonapi.Refused): 401 asks for one, 403 may be about this
// machine alone (RFC 9110 15.5.2, 15.5.4).
func Closed(answer *jsonapi.Answer) (Page, error) {
	if answer.Status == http.StatusUnauthorized {
		return Page{Protected: true}, nil
	}
	return Page{}, &probe.Unknown{Class: "statuspage.refused", Want: "a page that everybody can read", Got: fmt.Sprintf("status %d to this machine", answer.Status), From: answer.From,
		Fix: "see whether the page is switched off or lets some addresses in alone, or a firewall takes this machine for a robot"}
}

// Live claims that the page is public, and shows at least so many resources, all of them operational.
func Live(s Source, least int) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		return look(ctx, s, func(p Page) error { return live(p, s.URL(), least) })
	}
}

// Scheduled claims that the page announces a maintenance from and to the times of the launch, and what it affects.
func Scheduled(s Source, from, to time.Time) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		if from.IsZero() || !to.After(from) {
			return probe.Evidence{Target: s.URL()}, &probe.Unknown{Class: "not-configured", Want: "the time of the maintenance", Got: "none in launch.yaml", Fix: "add schedule.maintenance"}
		}
		return look(ctx, s, func(p Page) error { return scheduled(p, s.URL(), from, to) })
	}
}

func look(ctx context.Context, s Source, judge func(Page) error) (probe.Evidence, error) {
	evidence := probe.Evidence{Target: s.URL(), Asked: []string{s.URL()}}
	p, err := s.Look(ctx)
	if err != nil {
		return evidence, err
	}
	evidence.Observed = p
	return evidence, judge(p)
}

// seen judges what everything else rests on: that the public sees the page, and sees it as it is now.
func seen(p Page, from string) error {
	switch {
	case p.Protected:
		return &probe.Unmet{Class: "statuspage.protected", Want: "a page that everybody can read", Got: "one behind a login", From: from, Fix: "make it public"}
	case p.Stale != "":
		return &probe.Unknown{Class: "statuspage.stale", Want: "the state of now", Got: p.Stale, From: from, Fix: "see whether a cache in between keeps the page"}
	case p.State == "":
		return &probe.Unknown{Class: "statuspage.unknown", Want: "the state of the page", Got: "none", From: from, Fix: "see what answers there"}
	}
	return nil
}

func live(p Page, from string, least int) error {
	if err := seen(p, from); err != nil {
		return err
	}
	if p.State != Operational && !slices.Contains(wrong, p.State) {
		return &probe.Unknown{Class: "statuspage.unknown", Want: Operational, Got: fmt.Sprintf("the state %q", p.State), From: from, Fix: "look at the page, and see the provider's documentation for what changed"}
	}
	if p.State != Operational {
		return &probe.Unmet{Class: "statuspage.state", Want: Operational, Got: p.State, From: from, Fix: "see which resource it is, or end the report that says so"}
	}
	if len(p.Resources) < max(least, 1) {
		return &probe.Unmet{Class: "statuspage.few", Want: fmt.Sprintf("at least %d resources", max(least, 1)), Got: fmt.Sprint(len(p.Resources)), From: from, Fix: "add what people rely on to the page"}
	}
	for _, r := range p.Resources {
		if r.Status != Operational && !slices.Contains(wrong, r.Status) {
			return &probe.Unknown{Class: "statuspage.unknown", Want: r.Name + " " + Operational, Got: fmt.Sprintf("the status %q", r.Status), From: from, Fix: "look at the page, and see the provider's documentation for what changed"}
		}
		if r.Status != Operational {
			return &probe.Unmet{Class: "statuspage.resource", Want: r.Name + " " + Operational, Got: fmt.Sprintf("%q", r.Status), From: from, Fix: "see why, or whether a monitor is paused"}
		}
	}
	return nil
}

// scheduled compares points in time, whatever the zone that they are shown in.
func scheduled(p Page, url string, from, to time.Time) error {
	if err := seen(p, url); err != nil {
		return err
	}
	span := func(a, b time.Time) string {
		return a.UTC().Format(time.RFC3339) + " to " + b.UTC().Format(time.RFC3339)
	}
	unmet := &probe.Unmet{Class: "statuspage.unannounced", Want: "a maintenance announced from " + span(from, to), From: url, Fix: "schedule it on the page, with schedule.maintenance's times in the launch's time zone"}
	var others []string
	for _, r := range p.Reports {
		switch {
		case !r.From.Equal(from) || !r.To.Equal(to):
			others = append(others, span(r.From, r.To))
		case r.Affected == 0:
			unmet.Got, unmet.Fix = fmt.Sprintf("%q, which affects nothing", r.Title), "name the resources that it affects"
			return unmet
		default:
			return nil
		}
	}
	unmet.Got = "none"
	if len(others) > 0 {
		unmet.Got = "another time: " + strings.Join(others, ", ")
	}
	return unmet
}
