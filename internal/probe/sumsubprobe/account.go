// Package sumsubprobe claims things about Sumsub, which checks identities, and about the application's endpoint that hears of its
// reviews: the account is the one of production, its webhooks lead to the launch, a real person was approved, and nobody but Sumsub
// is believed. It keeps neither a person's data nor a secret that an answer carries. It must import neither `testing` nor the gates.
package sumsubprobe

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Production is where Sumsub answers for production, and for the sandbox too. Its other hosts know other people: no launch names one.
const Production = "https://api.sumsub.com"

// levelsPath is what any valid token may read.
const levelsPath = "/resources/applicants/-/levels"

// entities are a list as far as it was sent.
type entities[T any] struct {
	Items []T  `json:"items"` // nil: there is no list
	Total *int `json:"totalItems"`
}

// cut says whether there are more items than were sent.
func (e entities[T]) cut() bool { return e.Total != nil && *e.Total > len(e.Items) }

// listed is how Sumsub answers with a list: its own programs look under list first, and its reference has the list alone
// (https://github.com/SUMSUB/agent-skills, https://docs.sumsub.com/reference/get-applicant-levels).
type listed[T any] struct {
	List *entities[T] `json:"list"`
	entities[T]
}

func (l listed[T]) all() entities[T] {
	if l.List != nil {
		return *l.List
	}
	return l.entities
}

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

// InProduction claims that the app token is one of production, that Sumsub takes it, and that it has a level that somebody could be
// checked for. The levels are what any valid token may read, in a documented shape (https://docs.sumsub.com/reference/get-applicant-levels);
// that of /resources/applicants/-/count is documented nowhere.
func (a *Account) InProduction() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: a.API.Base, Source: "Sumsub, app tokens"}
		var found listed[struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		}]
		answer, err := a.get(ctx, levelsPath, &found)
		switch {
		case err != nil:
			return evidence, err
		case answer.Status != http.StatusOK:
			return evidence, answer.Unexpected()
		case found.all().Items == nil || found.all().cut():
			return evidence, answer.Incomplete("all items")
		}
		names := []string{}
		for _, level := range found.all().Items {
			if level.ID == "" || level.Name == "" {
				return evidence, answer.Incomplete("the id and the name of each level")
			}
			names = append(names, level.Name)
		}
		evidence.Asked, evidence.Observed = []string{answer.From}, map[string]any{"token": "prd:", "levels": names}
		if len(names) == 0 {
			return evidence, &probe.Unmet{Class: "sumsub.levels", Want: "a level in production that people are checked for", Got: "none", From: answer.From, Fix: "create the levels in production mode: those of the sandbox are not there"}
		}
		return evidence, nil
	}
}
