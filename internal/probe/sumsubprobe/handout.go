package sumsubprobe

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/redact"
)

// Handout is where the application hands out access tokens, with which a person's browser goes through a check.
type Handout struct {
	Application *jsonapi.Service
	Path        string // asked with POST; empty: launch.yaml names none
	Header      string // that carries the session of an account which exists for this
	Session     func(context.Context) (string, error)
	At          string // where in the answer the token stands, as dotted keys
}

// What Sumsub's access tokens begin with (https://docs.sumsub.com/reference/generate-access-token).
const (
	anyToken  = "_act-"
	ofSandbox = "_act-sbx-"
)

// HandsOut claims that the application gets access tokens from Sumsub: a new one each time it is asked, and of production.
func HandsOut(h Handout) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: h.Path, Source: "Sumsub, access tokens"}
		if h.Path == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "where the application hands out access tokens of Sumsub's", Got: "no sumsub.smoke.path in launch.yaml", Fix: "add it, with the session of an account that exists for this"}
		}
		session, err := probe.Reveal(ctx, "sumsub.smoke.session", h.Session)
		if err != nil {
			return evidence, err
		}
		var tokens [2]string
		for i := range tokens {
			answer, err := h.Application.Do(ctx, jsonapi.Request{Method: http.MethodPost, Path: h.Path, JSON: struct{}{}, Header: http.Header{h.Header: {session}}})
			switch {
			case err != nil:
				return evidence, err
			case answer.Status != http.StatusOK && answer.Status != http.StatusCreated:
				return evidence, answer.Unexpected()
			}
			var document any
			if err := json.Unmarshal(answer.Body, &document); err != nil {
				return evidence, answer.Incomplete("JSON")
			}
			tokens[i], _ = httpprobe.At(document, h.At).(string)
			evidence.Asked = append(evidence.Asked, answer.From)
			if tokens[i] == "" {
				return evidence, answer.Incomplete("a text at " + h.At)
			}
			if err := redact.Register("access token of Sumsub's", tokens[i]); err != nil {
				return evidence, answer.Incomplete("a token at " + h.At)
			}
		}
		return evidence, judgeTokens(tokens, evidence.Asked[0])
	}
}

func judgeTokens(tokens [2]string, from string) error {
	bad := func(class, got, fix string) error {
		return &probe.Unmet{Class: class, Want: "a new access token of Sumsub's production each time, " + anyToken + "…", Got: got, From: from, Fix: fix}
	}
	for _, token := range tokens {
		switch {
		case strings.HasPrefix(token, ofSandbox):
			return bad("sumsub.sandbox", "one of the sandbox, "+ofSandbox+"…", "run the application with the app token of production")
		case !strings.HasPrefix(token, anyToken) || token == anyToken:
			return bad("sumsub.mock", "something that is none", "see what hands it out: something that stands in for Sumsub may be switched on")
		}
	}
	if tokens[0] == tokens[1] {
		return bad("sumsub.mock", "the same one twice", "see what hands it out: something that stands in for Sumsub, or a cache")
	}
	return nil
}
