// Package prometheusprobe claims things about a Prometheus server, or one that speaks its HTTP API such as Mimir and Thanos: that alert
// rules are loaded, evaluated and would ring (https://prometheus.io/docs/prometheus/latest/querying/api/). It changes nothing there.
package prometheusprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/redact"
)

// Fresh is how young the newest sample of a series must be.
const Fresh = 5 * time.Minute

// patience bounds one look, which may wait for a server that wants to be left alone for a while.
const patience = 45 * time.Second

// Server is a Prometheus server. Its claims share what was seen.
type Server struct {
	api *jsonapi.Service
	now func() time.Time

	rules  probe.Memo[string, rules]
	alerts probe.Memo[string, alertmanagers]
}

// New returns a server that was not asked yet.
func New(api *jsonapi.Service) *Server { return &Server{api: api, now: time.Now} }

// get reads the data of an answer (…/api/#format-overview). One with warnings is not all that there is.
func (s *Server) get(ctx context.Context, path string, into any) (from string, err error) {
	var envelope struct {
		Status   string
		Data     json.RawMessage
		Warnings []string
	}
	answer, err := s.api.Fetch(ctx, path, &envelope)
	if answer != nil {
		from = answer.From
	}
	switch {
	case err != nil:
		return from, err
	case envelope.Status != "success" || len(envelope.Data) == 0:
		return from, answer.Incomplete("the status success and its data")
	case len(envelope.Warnings) > 0:
		return from, &probe.Unknown{Class: "prometheus.partial", Want: "all that Prometheus knows", Got: fmt.Sprintf("a part, with the warning %.120q", redact.String(envelope.Warnings[0])),
			From: from, Fix: "see what the warning says, and run the gate again"}
	}
	if json.Unmarshal(envelope.Data, into) != nil {
		return from, answer.Incomplete("data of the documented shape")
	}
	return from, nil
}

// series is one of an instant vector.
type series struct {
	labels map[string]string
	value  float64
}

// query evaluates an expression now (…/api/#instant-queries). Only a vector has series.
func (s *Server) query(ctx context.Context, expression string) ([]series, string, error) {
	var data struct {
		Type   string `json:"resultType"`
		Result []struct {
			Metric map[string]string
			Value  []any
		}
	}
	from, err := s.get(ctx, "/api/v1/query?"+url.Values{"query": {expression}}.Encode(), &data)
	if err != nil {
		return nil, from, err
	}
	unreadable := &probe.Unknown{Class: "api.malformed", Want: "an instant vector", Got: fmt.Sprintf("a %.20q that is none", data.Type), From: from, Fix: "see whether the query is one for a panel, and whether the API has changed"}
	if data.Type != "vector" || data.Result == nil {
		return nil, from, unreadable
	}
	var all []series
	for _, r := range data.Result {
		if len(r.Value) != 2 {
			return nil, from, unreadable
		}
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, from, unreadable
		}
		all = append(all, series{r.Metric, value})
	}
	return all, from, nil
}

// newest is when each group of the series that a selector names was measured last, by the labels that it is asked for.
// timestamp() of a selector is the time of the sample itself; that of anything else is the time of the question.
func (s *Server) newest(ctx context.Context, selector string, by ...string) ([]measured, string, error) {
	found, from, err := s.query(ctx, fmt.Sprintf("max by (%s) (timestamp(%s))", strings.Join(by, ", "), selector))
	if err != nil {
		return nil, from, err
	}
	var all []measured
	for _, f := range found {
		if math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			return nil, from, &probe.Unknown{Class: "api.malformed", Want: "the time of a sample", Got: fmt.Sprint(f.value), From: from, Fix: "see whether the API has changed"}
		}
		all = append(all, measured{labels: f.labels, at: time.UnixMilli(int64(f.value * 1000))})
	}
	return all, from, nil
}

type measured struct {
	labels map[string]string
	at     time.Time
}

// latest is the time of the newest sample; zero where there is none.
func latest(all []measured) (at time.Time) {
	for _, m := range all {
		if m.at.After(at) {
			at = m.at
		}
	}
	return at
}

// young is nil where the newest sample of a selector is younger than Fresh. Unmet is what is said otherwise, of none as it stands.
func (s *Server) young(newest time.Time, selector string, unmet *probe.Unmet) error {
	if newest.IsZero() {
		return unmet
	}
	age, err := s.age(newest, "a sample of "+selector, unmet.From)
	if err == nil && age >= Fresh {
		unmet.Got = fmt.Sprintf("the newest %s old", age.Truncate(time.Second))
		err = unmet
	}
	return err
}

// age is how long ago something was by this machine's clock. What is yet to come was told by another clock.
func (s *Server) age(at time.Time, what, from string) (time.Duration, error) {
	age := s.now().Sub(at)
	if age < -time.Minute {
		return 0, &probe.Unknown{Class: "prometheus.clock", Want: what + " in the past", Got: fmt.Sprintf("one %s from now", (-age).Truncate(time.Second)), From: from,
			Fix: "set this machine's clock, or the server's"}
	}
	return max(age, 0), nil
}
