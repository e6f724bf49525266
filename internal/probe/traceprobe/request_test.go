package traceprobe

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/fixtures/tracetest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

const token = "may-read-traces"

var authority = func() *tlstest.Authority {
	a, err := tlstest.NewAuthority()
	if err != nil {
		panic(err)
	}
	return a
}()

// store is a store, and how it is asked.
func store(t *testing.T, kind string, state tracetest.State) (*tracetest.Server, func(token string) *jsonapi.Service) {
	t.Helper()
	server := tracetest.New(t, tracetest.Config{Authority: authority, Store: kind, Host: "traces.example", Address: netip.MustParseAddr("203.0.113.151"), Token: token, State: state})
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	return server, func(token string) *jsonapi.Service {
		return &jsonapi.Service{Name: "the trace store", Base: "https://traces.example", Network: network, Resolver: server, Key: "tracing.token", Patience: time.Second,
			Token: func(context.Context) (string, error) { return token, nil }}
	}
}

func TestRequest(t *testing.T) {
	whole := tracetest.Request("drop-web")
	for name, test := range map[string]struct {
		spans    []tracetest.Span
		takes    time.Duration
		fails    error
		traced   probe.Status
		database probe.Status
		said     string // of the first that does not hold
	}{
		"whole":                   {spans: whole, traced: probe.Pass, database: probe.Pass},
		"span by span":            {spans: whole, takes: 100 * time.Millisecond, traced: probe.Pass, database: probe.Pass},
		"by earlier conventions":  {spans: append(whole[:2:2], tracetest.Span{Service: "drop-web", Attributes: map[string]string{"db.system": "postgresql"}}), traced: probe.Pass, database: probe.Pass},
		"a database's own span":   {spans: append(whole[:2:2], tracetest.Span{Service: "drop-db", Attributes: map[string]string{"db.type": "sql"}}), traced: probe.Pass, database: probe.Pass},
		"never":                   {traced: probe.Fail, database: probe.Fail, said: "got none, although the request was answered with 200"},
		"only the edge's":         {spans: whole[:1], traced: probe.Fail, database: probe.Fail, said: `want a span of drop-web; got spans of ["edge"] alone`},
		"another service's":       {spans: tracetest.Request("drop-staging"), traced: probe.Fail, database: probe.Pass, said: `got spans of ["drop-staging" "edge"] alone`},
		"not the database":        {spans: whole[:2], traced: probe.Pass, database: probe.Fail, said: "that ask none"},
		"a database without name": {spans: append(whole[:2:2], tracetest.Span{Service: "drop-web", Attributes: map[string]string{"db.system": ""}}), traced: probe.Pass, database: probe.Fail, said: "that ask none"},
		"no answer":               {spans: whole, fails: &probe.Unmet{Class: "tls.expired", Got: "an expired certificate"}, traced: probe.Blocked, database: probe.Blocked, said: "mend the application first"},
	} {
		for _, kind := range []string{tracetest.Jaeger, tracetest.Tempo} {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				server, as := store(t, kind, tracetest.State{Spans: test.spans, Takes: test.takes})
				asked := 0
				request := New(as(token), kind, "drop-web", time.Second, func(_ context.Context, h http.Header) (string, error) {
					asked++
					if test.fails == nil {
						server.Serve(h)
					}
					return "200", test.fails
				})
				traced, database := probe.Run(t.Context(), "traced", request.IsTraced()), probe.Run(t.Context(), "database", request.ReachesTheDatabase())
				assert.Equal(t, test.traced, traced.Status, traced.Message())
				assert.Equal(t, test.database, database.Status, database.Message())
				first := traced
				if first.Status == probe.Pass {
					first = database
				}
				assert.Contains(t, first.Message(), test.said)
				assert.Equal(t, 1, asked, "the claims share one request")
			})
		}
	}
}

// TestAnotherTraceIsNotTheRequests has a store answer with the spans of another trace, whatever it is asked for.
func TestAnotherTraceIsNotTheRequests(t *testing.T) {
	for kind, body := range map[string]string{
		tracetest.Jaeger: `{"data":[{"spans":[{"traceID":"0af7651916cd43dd8448eb211c80319c","processID":"p1","tags":[{"key":"db.system","value":"postgresql"}]}],"processes":{"p1":{"serviceName":"drop-web"}}}]}`,
		tracetest.Tempo:  `{"batches":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"drop-web"}}]},"scopeSpans":[{"spans":[{"traceId":"CvdlGRbNQ92ESOshHIAxnA==","attributes":[{"key":"db.system","value":{"stringValue":"postgresql"}}]}]}]}]}`,
	} {
		result := answered(t, kind, http.StatusOK, "application/json", body)
		assert.Equal(t, probe.Fail, result.Status, "%s: %s", kind, result.Message())
		assert.Equal(t, "trace.missing", result.Class)
	}
}

// answered asks a store that has one answer.
func answered(t *testing.T, kind string, status int, contentType, body string) probe.Result {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a client that has gone needs no answer
	}))
	defer server.Close()
	api := &jsonapi.Service{Name: "the trace store", Base: "http://traces.example", Resolver: loopback{}, Network: &probe.Network{Connect: map[string]string{"203.0.113.151:80": server.Listener.Addr().String()}}}
	return probe.Run(t.Context(), kind, New(api, kind, "drop-web", 50*time.Millisecond, func(context.Context, http.Header) (string, error) { return "200", nil }).IsTraced())
}

type loopback struct{}

func (loopback) Addresses(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("203.0.113.151")}, nil
}

// TestWhatIsNotThere tells a trace that is not there from a path behind which there is something else.
func TestWhatIsNotThere(t *testing.T) {
	const notFound = `{"data":null,"errors":[{"code":404,"msg":"trace not found"}]}`
	for name, test := range map[string]struct {
		kind, contentType, body string
		status                  int
		want                    probe.Status
	}{
		"Jaeger's":                   {tracetest.Jaeger, "text/plain; charset=utf-8", notFound, 404, probe.Fail},
		"Jaeger's, as JSON":          {tracetest.Jaeger, "application/json", notFound, 404, probe.Fail},
		"Tempo's":                    {tracetest.Tempo, "text/plain; charset=utf-8", "trace not found\n", 404, probe.Fail},
		"Tempo's, without a word":    {tracetest.Tempo, "", "", 404, probe.Fail},
		"no such path":               {tracetest.Tempo, "text/plain; charset=utf-8", "404 page not found\n", 404, probe.Blocked},
		"no such path for Jaeger":    {tracetest.Jaeger, "text/plain; charset=utf-8", "404 page not found\n", 404, probe.Blocked},
		"another error of Jaeger's":  {tracetest.Jaeger, "application/json", `{"errors":[{"code":404,"msg":"no storage"}]}`, 404, probe.Blocked},
		"a page":                     {tracetest.Tempo, "text/html", "<p>trace not found", 404, probe.Blocked},
		"nothing to read":            {tracetest.Jaeger, "application/json", `{}`, 200, probe.Blocked},
		"nothing to read of Tempo's": {tracetest.Tempo, "application/json", `{}`, 200, probe.Blocked},
		"a bad question":             {tracetest.Tempo, "application/json", `{}`, 400, probe.Blocked},
		"no trace in the answer":     {tracetest.Jaeger, "application/json", `{"data":[]}`, 200, probe.Fail},
	} {
		result := answered(t, test.kind, test.status, test.contentType, test.body)
		assert.Equal(t, test.want, result.Status, "%s: %s", name, result.Message())
	}
}

func TestNoOutageIsAPass(t *testing.T) {
	for _, kind := range []string{tracetest.Jaeger, tracetest.Tempo} {
		server, as := store(t, kind, tracetest.State{Spans: tracetest.Request("drop-web")})
		emit := func(_ context.Context, h http.Header) (string, error) { server.Serve(h); return "200", nil }
		result := probe.Run(t.Context(), kind, New(as("another-token"), kind, "drop-web", 50*time.Millisecond, emit).IsTraced())
		assert.Equal(t, probe.Blocked, result.Status, result.Message())
		for _, trouble := range servicetest.Troubles {
			server.Fail(trouble)
			result := probe.Run(t.Context(), kind, New(as(token), kind, "drop-web", 50*time.Millisecond, emit).IsTraced())
			assert.Equal(t, probe.Blocked, result.Status, "%s, %s: %s", kind, trouble, result.Message())
			assert.NotContains(t, result.Message(), token)
		}
	}
	_, as := store(t, tracetest.Jaeger, tracetest.State{})
	result := probe.Run(t.Context(), "none", New(as(token), "xray", "drop-web", time.Second, func(context.Context, http.Header) (string, error) { return "", errors.New("nobody asks") }).IsTraced())
	assert.Equal(t, "not-configured", result.Class)
}

func TestIDs(t *testing.T) {
	trace, span := newIDs()
	assert.Regexp(t, "^[89a-f][0-9a-f]{31}$", trace)
	assert.Regexp(t, "^[89a-f][0-9a-f]{15}$", span)
	other, _ := newIDs()
	require.NotEqual(t, trace, other)
}
