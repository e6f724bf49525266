package jsonapi

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Answer is what a service said, in time and in JSON.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	From   string // method and address, without the query; see Request.Shown

	service *Service
	kind    string
	absent  bool // a 404 may be bare
	at      time.Time
}

func (s *Service) exchange(ctx context.Context, r Request) (*Answer, error) {
	patience := s.Patience
	if patience == 0 {
		patience = Patience
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := s.request(ctx, r)
	if err != nil {
		return nil, err
	}
	a := &Answer{service: s, kind: r.Kind, absent: r.Absent, From: request.Method + " " + s.host() + r.shown()}
	response, err := s.client().Do(request)
	if err != nil {
		return nil, s.unreached(ctx, a.From, err)
	}
	defer response.Body.Close()
	a.Status, a.Header, a.at = response.StatusCode, response.Header, time.Now()
	if a.Body, err = io.ReadAll(io.LimitReader(response.Body, maxBody+1)); err != nil {
		return nil, s.unreached(ctx, a.From, err)
	}
	if len(a.Body) > maxBody {
		return nil, a.unusable("api.malformed", fmt.Sprintf("more than %d bytes", maxBody), "see what really answers there")
	}
	return a, nil
}

func (s *Service) request(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader = http.NoBody
	kind := ""
	switch {
	case r.JSON != nil:
		text, err := json.Marshal(r.JSON)
		if err != nil {
			return nil, s.unknown("api.malformed", "a request", err.Error(), "", err)
		}
		body, kind = bytes.NewReader(text), "application/json"
	case r.Form != nil:
		form := url.Values{}
		for name, value := range r.Form {
			form.Set(name, value)
		}
		body, kind = strings.NewReader(form.Encode()), "application/x-www-form-urlencoded"
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, s.Base+r.Path, body)
	if err != nil {
		return nil, s.unknown("not-configured", "the address of "+s.Name, "one that is no URL", "correct it in launch.yaml", nil)
	}
	request.Header.Set("Accept", cmp.Or(r.Kind, "application/json"))
	request.Header.Set("User-Agent", "launchgate (https://github.com/getdrop/launchgate)")
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	maps.Copy(request.Header, s.Header)
	maps.Copy(request.Header, r.Header)
	if s.Token != nil {
		token, err := s.Token(ctx)
		if err != nil {
			return nil, s.unknown("not-configured", "the credential for "+s.Name, err.Error(), "see "+s.Key+" in launch.yaml", err)
		}
		request.Header.Set("Authorization", cmp.Or(s.Scheme, "Bearer ")+token)
	}
	return request, nil
}

func (s *Service) unreached(ctx context.Context, from string, err error) error {
	var known *probe.Unknown
	var wrong *probe.Unmet
	var withAddress *url.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &wrong): // of the name's look-up: it must not read as a verdict on what was asked for
		return s.unknown("api.unreachable", "an answer of "+s.Name, wrong.Got, "see whether this machine reaches the service", nil)
	case ctx.Err() != nil:
		u := s.unknown("timeout", "an answer of "+s.Name, "none in time", "see the service's status page, and run the gate again", context.Cause(ctx))
		u.From = from
		return u
	case errors.As(err, &withAddress):
		err = withAddress.Err // without the query
	}
	return s.unknown("api.unreachable", "an answer of "+s.Name, redact.String(err.Error()), "see whether this machine reaches the service", err)
}

// limited says whether the service does not answer because it was asked too often, and how long it wants to be left alone: 429
// (RFC 6585 4), 503 (RFC 9110 10.2.3), and GitHub's 403 for its primary and secondary limits. X-RateLimit-Reset is a time at GitHub
// (https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api), and at Globalping how many seconds are left.
func (a *Answer) limited() (time.Duration, bool) {
	switch a.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusForbidden:
	default:
		return 0, false
	}
	after := a.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(after); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second, true
	}
	if until, err := http.ParseTime(after); err == nil {
		return until.Sub(a.at), true
	}
	if reset, err := strconv.ParseInt(a.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil && (a.Status == http.StatusTooManyRequests || a.Header.Get("X-RateLimit-Remaining") == "0") {
		if reset < since2001 {
			return time.Duration(reset) * time.Second, true
		}
		return time.Unix(reset, 0).Sub(a.at), true
	}
	return 0, a.Status == http.StatusTooManyRequests
}

// since2001 is the number of seconds from which one is a time.
const since2001 = 1_000_000_000

func (a *Answer) limit(wait time.Duration) error {
	got := fmt.Sprintf("status %d: too many requests", a.Status)
	if wait > 0 {
		got += ", until " + a.at.Add(wait).UTC().Format(time.RFC3339)
	}
	return a.unusable("api.limit", got, "run the gate again then")
}

// usable is an error for what no API means as an answer.
func (a *Answer) usable() error {
	switch stale := a.fresh(); {
	case stale != nil:
		return stale
	case a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden:
		return a.unusable(refused, fmt.Sprintf("status %d%s", a.Status, a.message()), "see that "+a.service.Key+" is valid and may read this")
	case a.Status >= 500:
		return a.unusable("api.down", fmt.Sprintf("status %d", a.Status), "see the service's status page, and run the gate again")
	case a.Status >= 300 && a.Status < 400 && a.Status != http.StatusNotModified:
		return a.unusable("api.moved", fmt.Sprintf("status %d, a redirect, which is not followed with a credential", a.Status), "correct the address or the name in launch.yaml")
	case a.Status == http.StatusNotModified || a.Status == http.StatusNoContent:
		return nil
	}
	kind, _, _ := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if a.absent && a.Status == http.StatusNotFound && (kind == "text/plain" || len(a.Body) == 0) {
		return nil
	}
	if a.kind == "*/*" || a.kind != "" && kind == a.kind {
		return nil
	}
	if a.kind != "" && a.Status == http.StatusOK {
		return a.unusable("api.malformed", fmt.Sprintf("status 200 with what is no %s (%.40q)", a.kind, redact.String(kind)), "see what really answers there")
	}
	if kind != "application/json" && !strings.HasSuffix(kind, "+json") || !json.Valid(a.Body) {
		return a.unusable("api.malformed", fmt.Sprintf("status %d with what is no JSON (%.40q)", a.Status, redact.String(kind)), "see what really answers there")
	}
	if key, twice := probe.Twice(a.Body); twice {
		return a.unusable("api.malformed", fmt.Sprintf("status %d with JSON that says %.40q twice", a.Status, redact.String(key)), "see what really answers there")
	}
	return nil
}

// refused is the class of an answer that says that the credential is not good for what was asked.
const refused = "api.refused"

// Refused says whether an error is the service's own refusal, 401 or 403, of today.
func Refused(err error) bool {
	var unknown *probe.Unknown
	return errors.As(err, &unknown) && unknown.Class == refused
}

// fresh refuses an answer that says itself that it is from long ago (RFC 9110 6.6.1, RFC 9111 5.1).
func (a *Answer) fresh() error {
	age := time.Duration(0)
	if kept := a.Header.Get("Age"); kept != "" {
		seconds, err := strconv.Atoi(kept)
		if err != nil || seconds < 0 || seconds > int(Age/time.Second) { // a cache that does not say how long is no better
			return a.stale(fmt.Sprintf("one of the age %.20q, in seconds,", kept))
		}
		age = time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		age = max(age, a.at.Sub(date))
	}
	if age <= Age {
		return nil
	}
	return a.stale("one that is " + age.Truncate(time.Second).String() + " old")
}

func (a *Answer) stale(got string) error {
	return a.unusable("api.stale", got+" by its own headers", "see which cache stands in between, and this machine's clock")
}

func (a *Answer) unusable(class, got, fix string) error {
	u := a.service.unknown(class, "an answer of "+a.service.Name, got, fix, nil)
	u.From = a.From
	return u
}

// Read reads the answer's JSON into a value.
func (a *Answer) Read(into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return a.unusable("api.malformed", "JSON of another shape than the API documents: "+redact.String(err.Error()), "see whether the API has changed")
	}
	return nil
}

// Unexpected is the error for a status that means nothing to the caller.
func (a *Answer) Unexpected() error {
	return a.unusable("api.answer", fmt.Sprintf("status %d%s", a.Status, a.message()), "see whether the API has changed, and what launch.yaml asks it for")
}

// Incomplete is the error for an answer without something that the API documents.
func (a *Answer) Incomplete(what string) error {
	return a.unusable("api.malformed", "an answer without "+what, "see whether the API has changed")
}

// message is what the service says of an error, in one of the usual places.
func (a *Answer) message() string {
	var said struct{ Message, Error, Errors json.RawMessage }
	_ = json.Unmarshal(a.Body, &said) // an answer without a reason is explained by its status
	for _, raw := range []json.RawMessage{said.Message, said.Error, said.Errors} {
		var inner struct{ Message string }
		var text string
		switch {
		case len(raw) == 0 || string(raw) == "null":
			continue
		case json.Unmarshal(raw, &inner) == nil && inner.Message != "":
			text = inner.Message
		case json.Unmarshal(raw, &text) != nil:
			text = string(raw)
		}
		if text != "" {
			return fmt.Sprintf(", %.120q", redact.String(text))
		}
	}
	return ""
}
