package betterstackprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

const listing = "https://betterstack.com/docs/uptime/api/list-all-existing-monitors/"

// Up claims that a monitor is there once, looks at exactly the URL that it must, is not paused, and sees it up by one of its last
// three checks.
func (a *Account) Up(w Wanted) probe.Claim {
	return a.about(w, listing, func(_ context.Context, m Monitor) error { return pointed(m, w.URL, a.now()) })
}

// Watches claims that a monitor is Up, asserts something about the answer, verifies the certificate that visitors get, and follows
// an escalation policy.
func (a *Account) Watches(w Wanted) probe.Claim {
	return a.about(w, listing, func(_ context.Context, m Monitor) error { return watches(m, w.URL, a.now()) })
}

// WarnsOfExpiry claims that a monitor warns before the certificate and the domain end.
func (a *Account) WarnsOfExpiry(w Wanted) probe.Claim {
	return a.about(w, listing, func(_ context.Context, m Monitor) error {
		return warns(m)
	})
}

func warns(m Monitor) error {
	for _, end := range []struct {
		what string
		days *int
	}{{"certificate", m.SSLDays}, {"domain", m.DomainDays}} {
		if end.days == nil || *end.days <= 0 {
			return m.unmet("expiry", "a warning before the "+end.what+" ends", "none", "set ssl_expiration and domain_expiration")
		}
	}
	return nil
}

// Often is how a monitor must look.
type Often struct {
	Every   time.Duration // at most
	Regions int           // from at least so many

	From, To time.Time // the launch window, in which it must not be in maintenance
}

// Looks claims that a monitor is Up, looks as often and from as many regions as it must, and is in no maintenance now or in the
// launch window.
func (a *Account) Looks(w Wanted, o Often) probe.Claim {
	return a.about(w, listing, func(_ context.Context, m Monitor) error { return looks(m, w.URL, o, a.now()) })
}

// AtLeast claims that launch.yaml names as many monitors as it must, each of them another.
func AtLeast(least int, all []Wanted) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		names := map[string]bool{}
		for _, w := range all {
			if w.Name != "" {
				names[w.Name] = true
			}
		}
		evidence := probe.Evidence{Target: "betterstack.monitors", Observed: map[string]int{"named": len(names), "least": least}}
		if len(names) < least || len(names) == 0 {
			return evidence, &probe.Unmet{Class: "betterstack.few", Want: fmt.Sprintf("at least %d monitors", max(least, 1)), Got: fmt.Sprintf("%d named", len(names)), From: "launch.yaml", Fix: "add the missing ones under betterstack.monitors"}
		}
		return evidence, nil
	}
}

func (m Monitor) unmet(class, want, got, fix string) error {
	return &probe.Unmet{Class: "betterstack." + class, Want: want, Got: got, From: fmt.Sprintf("the monitor %q", m.Name), Fix: fix}
}

func (m Monitor) unknown(want, got, fix string) error {
	return &probe.Unknown{Class: "betterstack.unknown", Want: want, Got: got, From: fmt.Sprintf("the monitor %q", m.Name), Fix: fix}
}

// up judges the status, of which up alone is green, and whether it is of now.
func up(m Monitor, now time.Time) error {
	want := "a monitor that is up"
	switch {
	case m.Paused == nil:
		return m.unknown(want, "nothing about whether it is paused", "see the provider's documentation for what changed")
	case *m.Paused || m.PausedAt != nil || m.Status == "paused":
		return m.unmet("paused", want, "paused", "resume it")
	case m.Status == "maintenance":
		return m.unmet("maintenance", want, "in maintenance, when nothing is checked", "end the maintenance, and look again")
	case m.Status == "down":
		return m.unmet("down", want, "down", "see its incident")
	case m.Status != "up": // validating, pending, and what is not known yet
		return m.unknown(want, fmt.Sprintf("the status %q", m.Status), "wait for its next checks")
	}
	return fresh(m, now)
}

// fresh judges whether the last check is one of the last three. Half a minute is for clocks that differ.
func fresh(m Monitor, now time.Time) error {
	every := time.Duration(m.Frequency) * time.Second
	want := fmt.Sprintf("a check within %s, three times its check_frequency", 3*every)
	switch {
	case every <= 0:
		return m.unknown("a check_frequency", fmt.Sprint(m.Frequency), "see the provider's documentation for what changed")
	case m.LastChecked == nil:
		return m.unknown(want, "none ever", "wait for its first check")
	case m.LastChecked.After(now.Add(30 * time.Second)):
		return m.unknown(want, "one in the future, at "+m.LastChecked.UTC().Format(time.RFC3339), "set this machine's clock")
	case now.Sub(*m.LastChecked) > 3*every:
		return m.unmet("stale", want, fmt.Sprintf("the last one %s ago", now.Sub(*m.LastChecked).Round(time.Second)), "see why Better Stack does not check; its status is of then")
	}
	return nil
}

// pointed judges what a monitor looks at before what it says: what is up elsewhere tells nothing.
func pointed(m Monitor, url string, now time.Time) error {
	switch {
	case url == "":
		return &probe.Unknown{Class: "not-configured", Want: "the URL that the monitor looks at", Got: "none", From: "launch.yaml", Fix: "add it under betterstack.monitors"}
	case !sameURL(m.URL, url):
		return m.unmet("url", "a look at "+url, "one at "+m.URL, "point it at the launch's own domain, as visitors reach it")
	}
	return up(m, now)
}

func watches(m Monitor, url string, now time.Time) error {
	if err := pointed(m, url, now); err != nil {
		return err
	}
	asserts := m.Type == "status" || m.Type == "keyword" && m.Keyword != "" || m.Type == "expected_status_code" && len(m.StatusCodes) > 0
	switch {
	case !asserts:
		return m.unmet("assertion", "an assertion about the answer's status or text", fmt.Sprintf("monitor_type %s, required_keyword %q, expected_status_codes %v", m.Type, m.Keyword, m.StatusCodes),
			"let it look for a keyword or a status")
	case slices.ContainsFunc(m.StatusCodes, func(code int) bool { return code >= 400 }):
		return m.unmet("assertion", "an assertion that an error does not meet", fmt.Sprintf("expected_status_codes %v", m.StatusCodes), "expect successes alone")
	case m.VerifiesTheCA == nil:
		return m.unknown("a monitor that verifies the certificate", "nothing about verify_ssl", "see the provider's documentation for what changed")
	case !*m.VerifiesTheCA:
		return m.unmet("certificate", "a monitor that verifies the certificate", "one that takes any", "set verify_ssl: visitors see an error where it sees none")
	case m.Policy == "":
		return m.unmet("policy", "an escalation policy", "none", "assign one")
	}
	return nil
}

// sameURL compares as they are written; an origin alone is its root (RFC 3986 6.2.3).
func sameURL(a, b string) bool {
	root := func(s string) string {
		if strings.Count(s, "/") == 2 {
			return s + "/"
		}
		return s
	}
	return root(a) == root(b)
}

func looks(m Monitor, url string, o Often, now time.Time) error {
	if err := pointed(m, url, now); err != nil {
		return err
	}
	regions := slices.Clone(m.Regions)
	slices.Sort(regions)
	regions = slices.Compact(regions)
	switch every := time.Duration(m.Frequency) * time.Second; {
	case every > o.Every:
		return m.unmet("frequency", fmt.Sprintf("a check every %s", o.Every), fmt.Sprintf("one every %s", every), "lower check_frequency")
	case len(regions) < o.Regions:
		return m.unmet("regions", fmt.Sprintf("checks from %d regions", o.Regions), fmt.Sprintf("%d: %s", len(regions), strings.Join(regions, ", ")), "add regions: one alone cannot tell its own network's trouble from yours")
	}
	return maintained(m, o, now)
}
