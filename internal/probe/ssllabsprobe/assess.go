package ssllabsprobe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

const (
	// maxAge is how old a cached report may be.
	maxAge = 24 * time.Hour
	// pollFirst and pollBusy are the waits between two looks at an assessment: until it is under way, and then.
	pollFirst, pollBusy = 5 * time.Second, 10 * time.Second
)

// assess gets the report on one host: from the cache, where there is one that counts, else by a new assessment.
func (s *Service) assess(ctx context.Context, host string) *assessment {
	a := &assessment{host: host}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		a.err = a.unfinished("not begun, because another name was being assessed")
		return a
	}
	a.err = s.prepare(ctx, a)
	if a.err == nil {
		a.err = s.fetch(ctx, a)
	}
	if errors.Is(a.err, errNoTime) || ctx.Err() != nil {
		a.err = a.unfinished(a.report.progress())
	}
	return a
}

// unfinished says that the time ran out.
func (a *assessment) unfinished(state string) error {
	return &probe.Unknown{Class: "timeout", Want: "the SSL Labs grade of " + a.host, Got: "an assessment that is not finished: " + state, From: api,
		Fix: "run the gate again in a few minutes: what was begun goes on there, and is taken from the cache (fromCache=on)"}
}

// prepare sees what the host sends now, and whether the service takes assessments from us.
func (s *Service) prepare(ctx context.Context, a *assessment) (err error) {
	if s.closed != nil {
		return s.closed
	}
	if err := redact.Register("tls.ssllabs_email", s.email); err != nil {
		return &probe.Unknown{Class: "not-configured", Want: "the e-mail address that is registered with the SSL Labs API", Got: "none, or no address", Fix: "set tls.ssllabs_email"}
	}
	if a.leaves, err = s.seen.Leaves(ctx, a.host); err != nil {
		return err
	}
	if s.info == nil {
		var found info
		if err := s.call(ctx, "info", nil, &found); err != nil {
			s.closed = err // so that the next name need not find out too
			return err
		}
		if found.EngineVersion == "" || found.CriteriaVersion == "" {
			return unknown("answer", "no engineVersion and criteriaVersion", "see whether the API has changed")
		}
		s.info = &found
	}
	return nil
}

// fetch asks for the report and waits until it is there.
func (s *Service) fetch(ctx context.Context, a *assessment) error {
	fromCache := url.Values{"fromCache": {"on"}, "maxAge": {strconv.Itoa(int(maxAge.Hours()))}}
	if err := s.begin(ctx, a, fromCache); err != nil {
		return err
	}
	if a.report.Status == "READY" && s.outdated(a) != nil {
		if err := s.begin(ctx, a, url.Values{"startNew": {"on"}}); err != nil {
			return err
		}
	}
	for a.report.underWay() {
		wait := pollFirst
		if a.report.Status == "IN_PROGRESS" {
			wait = pollBusy
		}
		if err := s.pause(ctx, wait); err != nil {
			return err
		}
		if err := s.analyze(ctx, a, url.Values{}); err != nil {
			return err
		}
	}
	switch a.report.Status {
	case "READY":
		return s.outdated(a)
	case "ERROR":
		got := "an assessment that failed: " + cmp.Or(a.report.StatusMessage, "no reason given")
		if expiry := a.report.CacheExpiryTime; expiry > 0 {
			got += ", which the service remembers until " + stamp(expiry)
		}
		return unknown("failed", got, "see that "+a.host+" can be reached from the internet, then run the gate again")
	default:
		return unknown("answer", fmt.Sprintf("status %q", a.report.Status), "see whether the API has changed")
	}
}

// begin makes a call that may begin an assessment, as soon as the service's limits allow one.
func (s *Service) begin(ctx context.Context, a *assessment, parameters url.Values) error {
	coolOff := time.Duration(s.info.NewAssessmentCoolOff) * time.Millisecond
	if rest := s.began.Add(coolOff).Sub(s.now()); rest > 0 {
		if err := s.pause(ctx, rest); err != nil {
			return err
		}
	}
	for s.info.CurrentAssessments >= s.info.MaxAssessments {
		if s.info.MaxAssessments <= 0 {
			return unknown("limit", "no assessments allowed for this client (maxAssessments 0)", "ask Qualys, or set tls.grade_source to local")
		}
		if err := s.pause(ctx, pollBusy); err != nil {
			return err
		}
		if err := s.call(ctx, "info", nil, new(info)); err != nil { // its headers say what has changed
			return err
		}
	}
	err := s.analyze(ctx, a, parameters)
	if a.report.underWay() {
		s.began, a.watched = s.now(), true
	}
	return err
}

// analyze asks how far the assessment of a host is.
func (s *Service) analyze(ctx context.Context, a *assessment, parameters url.Values) error {
	parameters.Set("host", a.host)
	parameters.Set("all", "done")
	var r report
	if err := s.call(ctx, "analyze", parameters, &r); err != nil {
		return err
	}
	a.report = &r
	if !strings.EqualFold(r.Host, a.host) || r.Port != 443 || !strings.EqualFold(r.Protocol, "http") {
		return unknown("answer", fmt.Sprintf("a report on %q, port %d, protocol %q", r.Host, r.Port, r.Protocol), "see whether the API has changed")
	}
	return nil
}

// outdated says why a report does not count: it is old, by other rules, or about another certificate than is served now.
func (s *Service) outdated(a *assessment) error {
	r := a.report
	got := ""
	switch age := s.now().Sub(time.UnixMilli(r.TestTime)); {
	case age.Abs() > maxAge:
		got = "tested at " + stamp(r.TestTime)
	case r.EngineVersion != s.info.EngineVersion || r.CriteriaVersion != s.info.CriteriaVersion:
		got = fmt.Sprintf("by engine %s and criteria %s, while the service has %s and %s", r.EngineVersion, r.CriteriaVersion, s.info.EngineVersion, s.info.CriteriaVersion)
	default:
		got = a.ofAnotherTime()
	}
	if got == "" {
		return nil
	}
	return &probe.Unknown{Class: "ssllabs.outdated", Want: "a report of the last 24 hours, by the present criteria, on the certificate that is served now", Got: "one " + got, From: api,
		Fix: "have " + a.host + " assessed again on www.ssllabs.com (clear cache), then run the gate again"}
}
