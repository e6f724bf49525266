package traceprobe

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// span is a span of the request's trace, as far as it is read.
type span struct {
	service  string
	database bool
}

// reader reads what a store answers about a trace. Of a 404 it says whether the store has no such trace, or something else is there.
type reader interface {
	spans(answer *jsonapi.Answer, id string) ([]span, error)
	absent(body []byte) bool
}

var readers = map[string]reader{"jaeger": jaeger{}, "tempo": tempo{}}

// look asks the store for a trace. One that it does not have yet has no spans.
func (r *Request) look(ctx context.Context, id string) ([]span, string, error) {
	answer, err := r.api.Do(ctx, jsonapi.Request{Path: "/api/traces/" + id, Absent: true})
	switch {
	case err != nil && answer == nil:
		return nil, "", err
	case err != nil:
		return nil, answer.From, err
	case answer.Status == http.StatusNotFound && r.read.absent(answer.Body):
		return nil, answer.From, nil
	case answer.Status != http.StatusOK:
		return nil, answer.From, answer.Unexpected()
	}
	spans, err := r.read.spans(answer, id)
	return spans, answer.From, err
}

// isDatabase says whether an attribute is that of a call to a database: of today's and of earlier semantic conventions
// (https://opentelemetry.io/docs/specs/semconv/database/database-spans/), and of OpenTracing.
func isDatabase(key, value string) bool {
	return value != "" && (key == "db.system.name" || key == "db.system" || key == "db.type")
}

// jaeger is Jaeger's query service (https://www.jaegertracing.io/docs/latest/apis/#http-json), which its own pages use:
// cmd/query/app/http_handler.go of github.com/jaegertracing/jaeger has the errors, model/json/model.go the traces.
type jaeger struct{}

func (jaeger) spans(answer *jsonapi.Answer, id string) ([]span, error) {
	var body struct {
		Data *[]struct {
			Spans []struct {
				TraceID   string
				ProcessID string
				Tags      []struct {
					Key   string
					Value any
				}
			}
			Processes map[string]struct{ ServiceName string }
		}
	}
	if err := answer.Read(&body); err != nil {
		return nil, err
	}
	if body.Data == nil {
		return nil, answer.Incomplete("data")
	}
	var all []span
	for _, trace := range *body.Data {
		for _, s := range trace.Spans {
			if s.TraceID != id {
				continue
			}
			one := span{service: trace.Processes[s.ProcessID].ServiceName}
			for _, tag := range s.Tags {
				text, _ := tag.Value.(string)
				one.database = one.database || isDatabase(tag.Key, text)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// absent: 404, with the error in JSON that is sent as text.
func (jaeger) absent(body []byte) bool {
	var said struct {
		Errors []struct {
			Code int
			Msg  string
		}
	}
	return json.Unmarshal(body, &said) == nil && len(said.Errors) > 0 && strings.Contains(said.Errors[0].Msg, "trace not found")
}

// tempo is Grafana Tempo's query frontend (https://grafana.com/docs/tempo/latest/api_docs/#query): OpenTelemetry's own traces, in
// the JSON of protocol buffers, where bytes are base64.
type tempo struct{}

// attribute is a KeyValue of opentelemetry/proto/common/v1/common.proto.
type attribute struct {
	Key   string
	Value struct{ StringValue string }
}

type scope struct{ Spans []tempoSpan }

type tempoSpan struct {
	TraceID    string
	Attributes []attribute
}

func (tempo) spans(answer *jsonapi.Answer, id string) ([]span, error) {
	type resource struct {
		Resource  struct{ Attributes []attribute }
		Scopes    []scope `json:"scopeSpans"`
		Libraries []scope `json:"instrumentationLibrarySpans"` // of earlier versions
	}
	var body struct {
		Batches   *[]resource
		Resources *[]resource `json:"resourceSpans"`
	}
	if err := answer.Read(&body); err != nil {
		return nil, err
	}
	batches := body.Batches
	if batches == nil {
		batches = body.Resources
	}
	if batches == nil {
		return nil, answer.Incomplete("batches")
	}
	var all []span
	for _, batch := range *batches {
		service := ""
		for _, a := range batch.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.StringValue
			}
		}
		for _, s := range append(batch.Scopes, batch.Libraries...) {
			for _, one := range s.Spans {
				if sameID(one.TraceID, id) {
					all = append(all, span{service: service, database: one.database()})
				}
			}
		}
	}
	return all, nil
}

func (s tempoSpan) database() bool {
	for _, a := range s.Attributes {
		if isDatabase(a.Key, a.Value.StringValue) {
			return true
		}
	}
	return false
}

func sameID(told, id string) bool {
	raw, err := base64.StdEncoding.DecodeString(told)
	return strings.EqualFold(told, id) || err == nil && hex.EncodeToString(raw) == id
}

// absent: 404, with "trace not found" or with nothing. Anything else has another page under that path.
func (tempo) absent(body []byte) bool {
	text := strings.TrimSpace(string(body))
	return text == "" || strings.Contains(text, "trace not found")
}
