package ssllabsprobe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

const (
	api = "https://api.ssllabs.com/api/v4/"
	// maxReport bounds an answer in bytes: a report with all details has a few hundred kilobytes for each address.
	maxReport = 32 << 20
	// tries is how often a request is made that the service fails to answer, and slowDown the wait after each, doubled
	// every time, where it says that we are too fast.
	tries    = 3
	slowDown = 30 * time.Second
)

// errNoTime says that the next request would come after the deadline.
var errNoTime = errors.New("no time left")

// pause waits before the next request, if there is time for one after it.
func (s *Service) pause(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && s.now().Add(d).After(deadline) {
		return errNoTime
	}
	return s.wait(ctx, d)
}

// unknown is why the service has told nothing.
func unknown(class, got, fix string) *probe.Unknown {
	return &probe.Unknown{Class: "ssllabs." + class, Want: "an answer of the SSL Labs API", Got: got, From: api, Fix: fix}
}

// call makes one call and reads its answer. What may pass is tried again; a service that is down or overloaded has asked to
// be left alone for longer than a run can wait, so that nothing more is asked.
func (s *Service) call(ctx context.Context, call string, parameters url.Values, into any) error {
	target := api + call
	if len(parameters) > 0 {
		target += "?" + parameters.Encode()
	}
	header := http.Header{}
	header.Set("email", s.email)
	for try := 1; ; try++ {
		answer, err := s.web.Ask(ctx, target, header, maxReport)
		var problem *probe.Unknown
		again := pollBusy
		switch {
		case err != nil:
			// The cause is not wrapped: what is wrong with the service must not read as wrong with the host.
			problem = unknown("unreachable", what(err), "see that this machine reaches the service, or set tls.grade_source to local")
		case answer.Status == http.StatusOK:
			s.count(answer.Header)
			return decode(answer.Body, into)
		case answer.Status == http.StatusTooManyRequests:
			problem = unknown("limit", "429, too many requests or assessments", "run the gate again later, and from one place at a time")
			again = slowDown << (try - 1)
		case answer.Status >= 500 && answer.Status != 503 && answer.Status != 529:
			problem = unknown("error", fmt.Sprintf("%d, an error of the service", answer.Status), "run the gate again later")
		default:
			return s.refused(answer.Status, answer.Body)
		}
		if try == tries || s.info == nil || s.pause(ctx, again) != nil { // a service that was never there is not waited for
			return problem
		}
	}
}

// what is what went wrong on the way, as part of a sentence.
func what(err error) string {
	var unmet *probe.Unmet
	var unknown *probe.Unknown
	switch {
	case errors.As(err, &unmet):
		return unmet.Got + " from " + unmet.From
	case errors.As(err, &unknown):
		return unknown.Got + " for " + unknown.Want
	default:
		return err.Error()
	}
}

// count keeps what every successful answer says of the assessments that are allowed and under way.
func (s *Service) count(header http.Header) {
	if s.info == nil {
		return
	}
	most, err1 := strconv.Atoi(header.Get("X-Max-Assessments"))
	current, err2 := strconv.Atoi(header.Get("X-Current-Assessments"))
	if err1 == nil && err2 == nil {
		s.info.MaxAssessments, s.info.CurrentAssessments = most, current
	}
}

// refused explains an answer that will not change by asking again.
func (s *Service) refused(status int, body []byte) error {
	switch status {
	case 503, 529:
		s.closed = unknown("overloaded", fmt.Sprintf("%d, the service is down or overloaded", status), "wait 15 to 30 minutes, as the service asks for, then run the gate again")
		return s.closed
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, 441:
	default:
		return unknown("answer", fmt.Sprintf("status %d", status), "see whether the API has changed or moved")
	}
	var refusal struct {
		Errors []struct{ Field, Message string }
	}
	_ = json.Unmarshal(body, &refusal) // an answer without reasons is explained by its status
	got := []string{fmt.Sprintf("status %d", status)}
	registered := status == http.StatusBadRequest
	for _, e := range refusal.Errors {
		got = append(got, fmt.Sprintf("%.100s", redact.String(strings.TrimSpace(e.Field+" "+e.Message))))
		registered = registered && e.Field != "email"
	}
	if registered {
		return unknown("answer", strings.Join(got, ", "), "see whether the API has changed")
	}
	s.closed = unknown("unregistered", strings.Join(got, ", "), "register the address of tls.ssllabs_email with the API (call register), or name one that is registered")
	return s.closed
}

// decode reads a JSON answer, and nothing but that.
func decode(body []byte, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		begins := redact.String(string(body)) // before it is cut: half a secret would not be known any more
		return unknown("answer", fmt.Sprintf("what is no JSON of this API (%v), beginning %.60q", err, begins), "see what really answers there")
	}
	return nil
}
