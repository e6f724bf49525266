// Package xrayprobe claims that a request to the application is traced by AWS X-Ray.
package xrayprobe

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{"XRay.BatchGetTraces": {Action: "xray:BatchGetTraces", On: awsprobe.Everything}}

// slowest is how often X-Ray is asked in the end.
const slowest = 8 * time.Second

// Request is one request to the application, made once, and the trace that came of it. Its claims share what was seen.
type Request struct {
	account *awsprobe.Account
	within  time.Duration
	emit    func(context.Context, http.Header) (string, error)
	seen    probe.Memo[string, traced]
}

// New returns a request that was not made yet. emit makes it, with the headers that ask for a trace of it whatever the share of
// requests that are traced otherwise, and says how it was answered.
func New(account *awsprobe.Account, within time.Duration, emit func(context.Context, http.Header) (string, error)) *Request {
	return &Request{account: account, within: within, emit: emit}
}

// Trace is what X-Ray has of the request.
type Trace struct {
	ID       string   `json:"id"`
	Services []string `json:"services"` // the names of its segments
	Database bool     `json:"database"` // one of them asked a database
}

type traced struct {
	trace Trace
	from  string
}

func (r *Request) observe(ctx context.Context) (traced, error) {
	cfg, who, err := r.account.Open(ctx, Needs)
	seen := traced{from: "xray:BatchGetTraces as " + who.String()}
	if err != nil {
		return seen, err
	}
	seen.trace.ID = newID(time.Now())
	answered, err := r.emit(ctx, sampled(seen.trace.ID))
	if err != nil { // its kind is not passed on: that the application does not answer says nothing of its traces
		return seen, &probe.Unknown{Class: "trace.request", Want: "a request that is traced", Got: err.Error(), Fix: "mend the application first"}
	}
	client := xray.NewFromConfig(cfg)
	found := false
	_, err = probe.Await(ctx, r.within, slowest, func(ctx context.Context) (bool, error) {
		segments, err := segmentsOf(ctx, client, seen.trace.ID)
		if err != nil {
			return false, awsprobe.Unreadable("xray:BatchGetTraces", "the trace "+seen.trace.ID, who, err)
		}
		found = len(segments) > 0
		seen.trace.Services, seen.trace.Database, err = read(segments)
		return seen.trace.Database, err // each process sends its own segments, in its own time
	})
	if err == nil && !found {
		err = &probe.Unmet{Class: "trace.missing", Want: fmt.Sprintf("a trace %s within %s", seen.trace.ID, r.within),
			Got: "none, although the request was answered with " + answered, From: seen.from, Fix: "see whether the application's tracing is set up, takes the X-Amzn-Trace-Id or traceparent header, and may send segments"}
	}
	return seen, err
}

// newID is a new trace id: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-traceids
func newID(now time.Time) string {
	chance := make([]byte, 12)
	_, _ = rand.Read(chance) // never fails
	return fmt.Sprintf("1-%08x-%s", now.Unix(), hex.EncodeToString(chance))
}

// sampled asks for a trace in X-Ray's words and in those of W3C Trace Context, whichever the application understands: the id is the
// same, written otherwise.
func sampled(id string) http.Header {
	parent := make([]byte, 8)
	_, _ = rand.Read(parent) // never fails
	hexadecimal := strings.ReplaceAll(strings.TrimPrefix(id, "1-"), "-", "")
	return http.Header{"X-Amzn-Trace-Id": {"Root=" + id + ";Sampled=1"}, "Traceparent": {fmt.Sprintf("00-%s-%x-01", hexadecimal, parent)}}
}

func segmentsOf(ctx context.Context, client xray.BatchGetTracesAPIClient, id string) ([]types.Segment, error) {
	var all []types.Segment
	pages := xray.NewBatchGetTracesPaginator(client, &xray.BatchGetTracesInput{TraceIds: []string{id}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, trace := range page.Traces {
			if aws.ToString(trace.Id) == id {
				all = append(all, trace.Segments...)
			}
		}
	}
	return all, nil
}

// segment is a segment document, as far as it is read: https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
type segment struct {
	Name        string          `json:"name"`
	SQL         json.RawMessage `json:"sql"`
	Subsegments []segment       `json:"subsegments"`
}

func (s segment) database() bool {
	return len(s.SQL) > 0 && string(s.SQL) != "null" || slices.ContainsFunc(s.Subsegments, segment.database)
}

func read(segments []types.Segment) (services []string, database bool, err error) {
	for _, s := range segments {
		var document segment
		if err := json.Unmarshal([]byte(aws.ToString(s.Document)), &document); err != nil {
			return nil, false, &probe.Unknown{Class: "trace.unreadable", Want: "a segment document", Got: err.Error(), From: "the segment " + aws.ToString(s.Id), Fix: "see what sends it"}
		}
		services, database = append(services, document.Name), database || document.database()
	}
	return services, database, nil
}

func (r *Request) claim(judge func(Trace) *probe.Unmet) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		seen, err := r.seen.Try(ctx, "the trace of a request", r.within+awsprobe.Patience, r.observe)
		evidence := probe.Evidence{Target: "trace " + seen.trace.ID, Asked: []string{seen.from}, Source: "X-Ray BatchGetTraces", Observed: seen.trace}
		if err != nil {
			return evidence, err
		}
		if unmet := judge(seen.trace); unmet != nil {
			unmet.From = seen.from
			return evidence, unmet
		}
		return evidence, nil
	}
}

// IsTraced claims that X-Ray has at least one segment of the request in time.
func (r *Request) IsTraced() probe.Claim { return r.claim(func(Trace) *probe.Unmet { return nil }) }

// ReachesTheDatabase claims that the trace shows what was asked of a database.
func (r *Request) ReachesTheDatabase() probe.Claim { return r.claim(reachesTheDatabase) }

func reachesTheDatabase(t Trace) *probe.Unmet {
	if t.Database {
		return nil
	}
	return &probe.Unmet{Class: "trace.database", Want: "a segment that asks the database", Got: fmt.Sprintf("segments of %v that ask none", t.Services), Fix: "trace the database's driver too"}
}
