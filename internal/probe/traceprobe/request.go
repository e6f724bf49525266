// Package traceprobe claims that a request to the application is traced by OpenTelemetry, in a store that has Jaeger's or Grafana Tempo's
// HTTP API. X-Ray is xrayprobe's.
package traceprobe

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// slowest is how often the store is asked in the end.
const slowest = 8 * time.Second

// patience is what a look may take beyond the time that a trace has to arrive.
const patience = 45 * time.Second

// Request is one request to the application, made once, and the trace that came of it. Its claims share what was seen.
type Request struct {
	api     *jsonapi.Service
	read    reader
	service string
	within  time.Duration
	emit    func(context.Context, http.Header) (string, error)
	seen    probe.Memo[string, traced]
}

// New returns a request that was not made yet. The store is jaeger or tempo; service is the application's service.name. emit makes
// the request, with the header that asks for a trace of it, and says how it was answered.
func New(api *jsonapi.Service, store, service string, within time.Duration, emit func(context.Context, http.Header) (string, error)) *Request {
	return &Request{api: api, read: readers[store], service: service, within: within, emit: emit}
}

// Trace is what the store has of the request.
type Trace struct {
	ID       string   `json:"id"`
	Services []string `json:"services"` // of its spans, each once
	Ours     bool     `json:"ours"`     // one of them is the application's
	Database bool     `json:"database"` // one of the spans is a call to a database
}

type traced struct {
	trace    Trace
	answered string // how the application answered
	from     string
}

func (r *Request) observe(ctx context.Context) (traced, error) {
	var seen traced
	if r.read == nil {
		return seen, &probe.Unknown{Class: "not-configured", Want: "a store of traces", Got: "no tracing.provider that has one", Fix: "name jaeger or tempo in launch.yaml"}
	}
	var parent string
	seen.trace.ID, parent = newIDs()
	// https://www.w3.org/TR/trace-context/#traceparent-header
	answered, err := r.emit(ctx, http.Header{"Traceparent": {"00-" + seen.trace.ID + "-" + parent + "-01"}})
	if err != nil { // its kind is not passed on: that the application does not answer says nothing of its traces
		return seen, &probe.Unknown{Class: "trace.request", Want: "a request that is traced", Got: err.Error(), Fix: "mend the application first"}
	}
	seen.answered = answered
	_, err = probe.Await(ctx, r.within, slowest, func(ctx context.Context) (bool, error) {
		spans, from, err := r.look(ctx, seen.trace.ID)
		seen.from = from
		for _, s := range spans {
			seen.trace.Services = append(seen.trace.Services, s.service)
			seen.trace.Ours = seen.trace.Ours || s.service == r.service
			seen.trace.Database = seen.trace.Database || s.database
		}
		slices.Sort(seen.trace.Services)
		seen.trace.Services = slices.Compact(seen.trace.Services)
		return seen.trace.Ours && seen.trace.Database, err // each process sends its own spans, in its own time
	})
	return seen, err
}

// newIDs are a trace id and the id of the span that asks for it, which nobody used before and neither of which begins with a nought,
// so that no store writes it shorter.
func newIDs() (trace, span string) {
	chance := make([]byte, 24)
	_, _ = rand.Read(chance) // never fails
	chance[0], chance[16] = chance[0]|0x80, chance[16]|0x80
	return fmt.Sprintf("%x", chance[:16]), fmt.Sprintf("%x", chance[16:])
}

func (r *Request) claim(judge func(traced) *probe.Unmet) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		seen, err := r.seen.Try(ctx, "the trace of a request", r.within+patience, r.observe)
		evidence := probe.Evidence{Target: "trace " + seen.trace.ID, Asked: []string{seen.from}, Source: "the store's /api/traces", Observed: seen.trace}
		if err != nil {
			return evidence, err
		}
		if unmet := judge(seen); unmet != nil {
			unmet.From = seen.from
			return evidence, unmet
		}
		return evidence, nil
	}
}

// IsTraced claims that the store has at least one span of the request in time that is the application's own.
func (r *Request) IsTraced() probe.Claim {
	return r.claim(func(t traced) *probe.Unmet { return isTraced(t, r.service, r.within) })
}

func isTraced(t traced, service string, within time.Duration) *probe.Unmet {
	switch {
	case len(t.trace.Services) == 0:
		return &probe.Unmet{Class: "trace.missing", Want: fmt.Sprintf("a trace %s within %s", t.trace.ID, within), Got: "none, although the request was answered with " + t.answered,
			Fix: "see whether the application's tracing is set up, takes the traceparent header, and reaches the collector"}
	case !t.trace.Ours:
		return &probe.Unmet{Class: "trace.service", Want: "a span of " + service, Got: fmt.Sprintf("spans of %q alone", t.trace.Services),
			Fix: "see whether the application takes the traceparent header and sends its spans; its service.name is tracing.service in launch.yaml"}
	}
	return nil
}

// ReachesTheDatabase claims that the trace has at least one span that is a call to a database.
func (r *Request) ReachesTheDatabase() probe.Claim {
	return r.claim(reachesTheDatabase)
}

func reachesTheDatabase(t traced) *probe.Unmet {
	if t.trace.Database {
		return nil
	}
	return &probe.Unmet{Class: "trace.database", Want: "a span that asks the database", Got: fmt.Sprintf("spans of %q that ask none", t.trace.Services), Fix: "trace the database's driver too"}
}
