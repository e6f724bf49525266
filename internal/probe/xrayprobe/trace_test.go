package xrayprobe

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/xray"
	"github.com/aws/aws-sdk-go-v2/service/xray/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/awstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

const (
	plain = `{"id":"1","name":"drop-web"}`
	deep  = `{"id":"1","name":"drop-web","subsegments":[{"name":"handler","subsegments":[{"name":"drop-db","sql":{"database_type":"PostgreSQL"}}]}]}`
)

func segments(documents ...string) []types.Segment {
	var all []types.Segment
	for _, d := range documents {
		all = append(all, types.Segment{Id: aws.String("70de5b6f19ff9a0a"), Document: &d})
	}
	return all
}

func TestNewID(t *testing.T) {
	id := newID(time.Unix(0x5759e988, 0))
	assert.Regexp(t, `^1-5759e988-[0-9a-f]{24}$`, id)
	assert.NotEqual(t, id, newID(time.Unix(0x5759e988, 0)))
}

func TestSampled(t *testing.T) {
	header := sampled("1-5759e988-bd862e3fe1be46a994272793")
	assert.Equal(t, "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", header.Get("X-Amzn-Trace-Id"))
	assert.Regexp(t, "^00-5759e988bd862e3fe1be46a994272793-[0-9a-f]{16}-01$", header.Get("traceparent"))
}

func TestRead(t *testing.T) {
	for name, test := range map[string]struct {
		documents []string
		services  []string
		database  bool
		fails     bool
	}{
		"no segment":            {nil, nil, false, false},
		"one":                   {[]string{plain}, []string{"drop-web"}, false, false},
		"one asks the database": {[]string{plain, deep}, []string{"drop-web", "drop-web"}, true, false},
		"nothing of SQL":        {[]string{`{"name":"drop-web","sql":null}`}, []string{"drop-web"}, false, false},
		"no JSON":               {[]string{"<html>"}, nil, false, true},
		"empty":                 {[]string{""}, nil, false, true},
	} {
		services, database, err := read(segments(test.documents...))
		assert.Equal(t, test.services, services, name)
		assert.Equal(t, test.database, database, name)
		assert.Equal(t, test.fails, err != nil, name)
		if err != nil {
			assert.Equal(t, probe.Blocked, probe.StatusOf(err), name)
		}
	}
	assert.Nil(t, reachesTheDatabase(Trace{Database: true}))
	assert.ErrorContains(t, reachesTheDatabase(Trace{Services: []string{"drop-web"}}), "segments of [drop-web] that ask none")
}

// answers is an X-Ray that answers whatever it likes.
type answers []types.Trace

func (a answers) BatchGetTraces(context.Context, *xray.BatchGetTracesInput, ...func(*xray.Options)) (*xray.BatchGetTracesOutput, error) {
	return &xray.BatchGetTracesOutput{Traces: a}, nil
}

func TestAnotherTraceIsNotTheRequests(t *testing.T) {
	all, err := segmentsOf(t.Context(), answers{{Id: aws.String("another"), Segments: segments(plain)}, {Segments: segments(plain)}}, "mine")
	require.NoError(t, err)
	assert.Empty(t, all)
	all, err = segmentsOf(t.Context(), answers{{Id: aws.String("mine"), Segments: segments(plain)}}, "mine")
	require.NoError(t, err)
	assert.Len(t, all, 1)
}

func TestRequest(t *testing.T) {
	for name, test := range map[string]struct {
		sends  func(s *awstest.Server, id string)
		fails  error
		rules  awstest.Rules
		claim  func(*Request) probe.Claim
		status probe.Status
		said   string
	}{
		"traced":            {sends: sends(0, plain), status: probe.Pass},
		"a little later":    {sends: sends(400*time.Millisecond, plain), status: probe.Pass},
		"on several pages":  {sends: sends(0, plain, deep), rules: awstest.Rules{PageSize: 1}, claim: (*Request).ReachesTheDatabase, status: probe.Pass},
		"a database later":  {sends: func(s *awstest.Server, id string) { sends(0, plain)(s, id); sends(400*time.Millisecond, deep)(s, id) }, claim: (*Request).ReachesTheDatabase, status: probe.Pass},
		"not the database":  {sends: sends(0, plain), claim: (*Request).ReachesTheDatabase, status: probe.Fail, said: "ask none"},
		"another's trace":   {sends: func(s *awstest.Server, _ string) { sends(0, plain)(s, "1-5759e988-bd862e3fe1be46a994272793") }, status: probe.Fail, said: "got none, although the request was answered with 200"},
		"without a segment": {sends: sends(0), status: probe.Fail, said: "got none"},
		"unreadable":        {sends: sends(0, "<html>"), status: probe.Blocked, said: "want a segment document"},
		"no answer":         {fails: &probe.Unmet{Class: "tls.expired", Got: "an expired certificate"}, status: probe.Blocked, said: "mend the application first"},
		"broken":            {fails: errors.New("broken"), status: probe.Blocked, said: "broken"},
		"denied":            {sends: sends(0, plain), rules: awstest.Rules{Policy: awstest.Allowing()}, status: probe.Blocked, said: "allow xray:BatchGetTraces to " + awstest.CallerARN},
	} {
		t.Run(name, func(t *testing.T) {
			s := awstest.New(t, &awstest.Account{})
			s.Treat(test.rules)
			header := regexp.MustCompile(`^Root=(1-[0-9a-f]{8}-[0-9a-f]{24});Sampled=1$`)
			asked := 0
			request := New(awsprobe.New(awsprobe.Config{Network: &probe.Network{}, ID: awstest.ID, Region: awstest.Region}), time.Second, func(_ context.Context, h http.Header) (string, error) {
				asked++
				match := header.FindStringSubmatch(h.Get("X-Amzn-Trace-Id"))
				if assert.Len(t, match, 2) && test.fails == nil {
					test.sends(s, match[1])
				}
				return "200", test.fails
			})
			claim := (*Request).IsTraced
			if test.claim != nil {
				claim = test.claim
			}
			for range 2 { // the second time of what the first one saw
				_, err := claim(request)(t.Context())
				require.Equal(t, test.status, probe.StatusOf(err), "%v", err)
				if test.said != "" {
					assert.ErrorContains(t, err, test.said)
				}
			}
			assert.Equal(t, 1, asked)
		})
	}
}

// sends has a trace with these segments arrive after a time; a trace comes as one for each segment, as on pages of one.
func sends(after time.Duration, documents ...string) func(*awstest.Server, string) {
	return func(s *awstest.Server, id string) {
		time.AfterFunc(after, func() {
			s.Change(func(a *awstest.Account) {
				a.Traces = append(a.Traces, types.Trace{Id: aws.String(strings.Clone(id))})
				for _, d := range documents {
					a.Traces = append(a.Traces, types.Trace{Id: &id, Segments: segments(d)})
				}
			})
		})
	}
}
