package flagsprobe

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// OFREP is a provider that speaks the OpenFeature remote evaluation protocol. It must not be copied.
type OFREP struct {
	api     *jsonapi.Service
	context map[string]string

	mu   sync.Mutex
	etag string // of the last bulk answer
	bulk map[string]Evaluation
}

// NewOFREP returns a provider that evaluates for one context, such as {"targetingKey": "launchgate"}.
func NewOFREP(api *jsonapi.Service, evaluationContext map[string]string) *OFREP {
	return &OFREP{api: api, context: evaluationContext}
}

func (o *OFREP) String() string { return o.api.Base }

// evaluated is an answer for one flag, a success or a failure.
type evaluated struct {
	Key     string `json:"key"`
	Value   any    `json:"value"`
	Reason  string `json:"reason"`
	Code    string `json:"errorCode"`
	Details string `json:"errorDetails"`
}

func (e evaluated) evaluation() Evaluation {
	return Evaluation{Value: e.Value, Reason: e.Reason, Error: e.Code}
}

// Evaluate asks for all flags at once, and then for those of the plan that were not among them: a provider may show only some.
func (o *OFREP) Evaluate(ctx context.Context, planned []Flag) (map[string]Evaluation, error) {
	seen, err := o.all(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range planned {
		if _, there := seen[f.Key]; there || f.Key == "" {
			continue
		}
		if seen[f.Key], err = o.one(ctx, f.Key); err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// all asks for what has changed since the last time (postApiEvaluateFlags, ETag and If-None-Match).
func (o *OFREP) all(ctx context.Context) (map[string]Evaluation, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	request := o.request("/ofrep/v1/evaluate/flags")
	if o.etag != "" {
		request.Header = http.Header{"If-None-Match": {o.etag}}
	}
	answer, err := o.api.Do(ctx, request)
	switch {
	case err != nil:
		return nil, err
	case answer.Status == http.StatusNotModified && o.etag != "":
		return maps.Clone(o.bulk), nil
	case answer.Status != http.StatusOK:
		return nil, answer.Unexpected()
	}
	var found struct {
		Flags *[]evaluated `json:"flags"`
	}
	if err := answer.Read(&found); err != nil {
		return nil, err
	}
	if found.Flags == nil {
		return nil, answer.Incomplete("flags")
	}
	o.bulk, o.etag = map[string]Evaluation{}, answer.Header.Get("ETag")
	for _, e := range *found.Flags {
		if e.Key == "" {
			return nil, answer.Incomplete("the key of a flag")
		}
		o.bulk[e.Key] = e.evaluation()
	}
	return maps.Clone(o.bulk), nil
}

// one asks for one flag: 400 and 404 have a reason of their own (postApiEvaluateFlagsKey).
func (o *OFREP) one(ctx context.Context, key string) (Evaluation, error) {
	answer, err := o.api.Do(ctx, o.request("/ofrep/v1/evaluate/flags/"+url.PathEscape(key)))
	if err != nil {
		return Evaluation{}, err
	}
	var e evaluated
	if err := answer.Read(&e); err != nil {
		return Evaluation{}, err
	}
	switch {
	case answer.Status != http.StatusOK && e.Code == "":
		return Evaluation{}, answer.Unexpected()
	case e.Key != key:
		return Evaluation{}, answer.Incomplete("the flag that was asked for")
	}
	return e.evaluation(), nil
}

func (o *OFREP) request(path string) jsonapi.Request {
	return jsonapi.Request{Method: http.MethodPost, Path: path, JSON: map[string]any{"context": o.context}}
}

// Environment is the provider of flags that are environment variables of the service.
type Environment struct {
	variables func(context.Context) (map[string]string, error)
}

// NewEnvironment returns a provider that reads the variables of the service that runs.
func NewEnvironment(variables func(context.Context) (map[string]string, error)) *Environment {
	return &Environment{variables: variables}
}

func (*Environment) String() string { return "the environment variables of the service" }

// Evaluate reads the variables of the plan's flags; of all others nobody knows whether they are flags.
func (e *Environment) Evaluate(ctx context.Context, planned []Flag) (map[string]Evaluation, error) {
	variables, err := e.variables(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[string]Evaluation{}
	for _, f := range planned {
		value, there := variables[cmp.Or(f.Variable, f.Key)]
		switch on, known := meaning(value); {
		case !there:
			seen[f.Key] = Evaluation{Error: notFound} // the application takes its own default, which is nobody's answer
		case !known:
			seen[f.Key] = Evaluation{Value: "another text", Reason: "STATIC"}
		default:
			seen[f.Key] = Evaluation{Value: on, Reason: "STATIC"}
		}
	}
	return seen, nil
}

func meaning(value string) (on, known bool) {
	switch strings.ToLower(value) {
	case "true", "on", "1", "enabled":
		return true, true
	case "false", "off", "0", "disabled":
		return false, true
	}
	return false, false
}
