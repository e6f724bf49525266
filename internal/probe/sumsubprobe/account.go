// Package sumsubprobe claims things about Sumsub, which checks identities, and about the application's endpoint that hears of its
// reviews: the account is the one of production, its webhooks lead to the launch, a real person was approved, and nobody but Sumsub
// is believed. It keeps neither a person's data nor a secret that an answer carries. It must import neither `testing` nor the gates.
package sumsubprobe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Account is the account at Sumsub. Its calls are signed one by one (https://docs.sumsub.com/reference/authentication).
type Account struct {
	API   *jsonapi.Service
	Token func(context.Context) (string, error) // app token; nil: launch.yaml names none
	Key   func(context.Context) (string, error) // its secret key
	Now   func() time.Time                      // nil: the clock
}

func (a *Account) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}

// Signature is what X-App-Access-Sig has to be for a call at a time in seconds.
func Signature(key, ts, method, path string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(ts + method + path))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// get makes one signed call. Without a token of production it makes none: the sandbox is behind the same host, and only the token
// decides which of the two worlds answers.
func (a *Account) get(ctx context.Context, path string, into any) (*jsonapi.Answer, error) {
	token, err := probe.Reveal(ctx, "sumsub.token", a.Token)
	if err != nil {
		return nil, err
	}
	if err := production(token); err != nil {
		return nil, err
	}
	key, err := probe.Reveal(ctx, "sumsub.secret_key", a.Key)
	if err != nil {
		return nil, err
	}
	ts := strconv.FormatInt(a.now().Unix(), 10)
	answer, err := a.API.Do(ctx, jsonapi.Request{Method: http.MethodGet, Path: path, Header: http.Header{"X-App-Token": {token}, "X-App-Access-Ts": {ts},
		"X-App-Access-Sig": {Signature(key, ts, http.MethodGet, path, nil)}}})
	if err != nil || answer.Status != http.StatusOK {
		return answer, err
	}
	return answer, answer.Read(into)
}

// production judges the kind of a token, and never repeats it.
func production(token string) error {
	if rest, ok := strings.CutPrefix(token, "prd:"); ok && rest != "" {
		return nil
	}
	got := "one of another kind"
	if strings.HasPrefix(token, "sbx:") {
		got = "one of the sandbox, sbx:…"
	}
	return &probe.Unmet{Class: "sumsub.sandbox", Want: "an app token of production, prd:…", Got: got, From: "sumsub.token", Fix: "create an app token in production mode, and store it with its secret key"}
}

// InProduction claims that the app token is one of production and that Sumsub takes it.
func (a *Account) InProduction() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: a.API.Base, Source: "Sumsub, app tokens"}
		var counted json.RawMessage
		answer, err := a.get(ctx, "/resources/applicants/-/count", &counted)
		switch {
		case err != nil:
			return evidence, err
		case answer.Status != http.StatusOK:
			return evidence, answer.Unexpected()
		case !isCount(counted):
			return evidence, answer.Incomplete("a number of applicants")
		}
		evidence.Asked, evidence.Observed = []string{answer.From}, map[string]string{"token": "prd:", "status": fmt.Sprint(answer.Status)}
		return evidence, nil
	}
}

// isCount says whether there is a number of applicants in an answer: it alone, or as a value of an object.
func isCount(answer json.RawMessage) bool {
	var number uint64
	if json.Unmarshal(answer, &number) == nil && string(answer) != "null" {
		return true
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(answer, &object) != nil {
		return false
	}
	for _, value := range object {
		if string(value) != "null" && json.Unmarshal(value, &number) == nil {
			return true
		}
	}
	return false
}
