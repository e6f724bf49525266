package sumsubprobe

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/sumsubtest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

var update = flag.Bool("update", false, "write docs/webhooks.md")

const (
	statusToken = "status-token-of-the-test"
	canary      = "launchgate-canary"
)

// site is an application on loopback, and the endpoint as a launch has it.
type site struct {
	server   *servicetest.Service
	endpoint *Endpoint
}

func newSite(t *testing.T, manner sumsubtest.Manner) site {
	t.Helper()
	app := &sumsubtest.Application{Secret: hookKey, Canary: canary, Token: statusToken}
	app.Behave(manner)
	return behind(t, app)
}

func behind(t *testing.T, app http.Handler) site {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	server, err := servicetest.Start(authority, address, app, "drop.example")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, server.Close()) })
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	api := &jsonapi.Service{Name: "the application", Base: "https://drop.example", Network: network, Resolver: server, Token: says(statusToken), Key: "sumsub.webhook.canary.token"}
	return site{server, &Endpoint{URL: target, Web: &httpprobe.Client{Network: network, Resolver: server}, Secret: says(hookKey),
		Canary: Canary{User: canary, API: api, Path: sumsubtest.CanaryPath, Applied: "kyc.applied", Event: "kyc.event", Within: 200 * time.Millisecond}}}
}

// applications are what the gate is tried on: each manner, what it does in a sentence, and the deliveries that must be found wrong. What a
// queue holds is applied before a later look, and found wrong there.
var applications = []struct {
	manner sumsubtest.Manner
	does   string
	wrong  []string
}{
	{sumsubtest.Right, "correct", nil},
	{sumsubtest.AnyCase, "correct, takes digests in capitals too", nil},
	{sumsubtest.Queues, "correct, applies a while after it answers", nil},
	{sumsubtest.Unset, "no secret is set, and it takes everything", []string{Altered, Unsigned, Downgraded}},
	{sumsubtest.Presence, "looks only whether there is a digest", []string{Altered, Downgraded}},
	{sumsubtest.Reserialise, "digest over JSON that it wrote again", []string{Valid, Replay, Afterwards}},
	{sumsubtest.SHA1, "takes SHA-1", []string{Downgraded}},
	{sumsubtest.DefaultSHA1, "takes SHA-1 where no algorithm is named", []string{Downgraded}},
	{sumsubtest.AnyName, "takes any algorithm that its library has", []string{Downgraded}},
	{sumsubtest.Prefix, "compares the first 16 digits of the digest", []string{Altered}},
	{sumsubtest.Cut, "compares as many digits as were sent", []string{Altered, Unsigned}},
	{sumsubtest.Twice, "applies what comes again", []string{Replay}},
	{sumsubtest.RefusesTwin, "answers 409 to what comes again", []string{Replay}},
	{sumsubtest.Forgets, "answers 200 and applies nothing", []string{Valid, Afterwards}},
	{sumsubtest.Applauds, "answers 200 to what it refuses", []string{Altered, Unsigned, Downgraded}},
	{sumsubtest.First, "applies, and verifies then", []string{Altered, Unsigned, Downgraded}},
	{sumsubtest.QueuesAll, "puts everything into a queue, and verifies then", []string{Unsigned, Afterwards}},
	{sumsubtest.OtherSecret, "has the secret of another webhook", []string{Valid, Replay, Afterwards}},
	{sumsubtest.Fails, "answers 500", []string{Valid, Replay, Altered, Unsigned, Downgraded, Afterwards}},
	{sumsubtest.Missing, "has no such endpoint", []string{Valid, Replay, Altered, Unsigned, Downgraded, Afterwards}},
	{sumsubtest.Bans, "takes nothing more after a forgery", []string{Afterwards}},
}

// TestDeliveries makes all deliveries to each application, and compares what was seen with docs/webhooks.md.
func TestDeliveries(t *testing.T) {
	var table bytes.Buffer
	rows := 0
	for _, a := range applications {
		s := newSite(t, a.manner)
		r := probe.Run(t.Context(), a.does, s.endpoint.BelievesOnlySumsub())
		seen, ok := r.Evidence.Observed.([]Delivered)
		require.True(t, ok, r.Message())
		require.Len(t, seen, 6, r.Message())
		var wrong, cells []string
		alone := "green"
		for _, d := range seen {
			mark := "✓"
			if d.wrong() != "" {
				wrong, mark = append(wrong, d.Name), "✗"
			}
			cells = append(cells, fmt.Sprintf("%s %s, %+d", mark, statuses(d), d.Applied))
			d.Applied = map[bool]int64{true: 1}[d.applies()]
			if d.wrong() != "" {
				alone = "red"
			}
		}
		verdict, want := "green", probe.Pass
		if a.wrong != nil {
			verdict, want = "red", probe.Fail
		}
		assert.Equal(t, want, r.Status, "%s: %s", a.does, r.Message())
		assert.Equal(t, a.wrong, wrong, "%s: %s", a.does, r.Message())
		unseen(t, r)
		rows++
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", a.does, strings.Join(cells, " | "), verdict, alone)
	}
	text := fmt.Sprintf(`# Deliveries to %d applications

Written by `+"`go test ./internal/probe/sumsubprobe -run TestDeliveries -update`"+`, which makes the deliveries of the gate `+"`TMinus2/Sumsub/Webhook`"+` to each
application on loopback and compares what the gate finds wrong with what is known to be. All are judged right. A cell has the statuses, in the order of
the ways below, and how many events were applied to the canary from this delivery to the next. *Valid again* comes last, so that what was put into a
queue before is seen. The last column is what the statuses alone would say: it is why a launch without a canary is BLOCKED
([ADR 16](adr/0016-a-webhook-is-judged-by-what-it-changes.md)).

| application | valid | replay | altered | unsigned | downgraded | valid again | the gate | by statuses alone |
|---|---|---|---|---|---|---|---|---|
%s
## What is delivered

| delivery | ways | wanted |
|---|---|---|
`, rows, table.String())
	for _, d := range deliveries(hookKey, canary, time.Now()) {
		var ways []string
		for _, m := range d.messages {
			ways = append(ways, m.how)
		}
		wanted := "401 or 403, +0"
		if seen := (Delivered{Name: d.name}); seen.applies() {
			wanted = "2xx, +1"
		} else if seen.signed() {
			wanted = "2xx, +0"
		}
		text += fmt.Sprintf("| %s | %s | %s |\n", d.name, strings.Join(ways, "; "), wanted)
	}
	path := filepath.Join("..", "..", "..", "docs", "webhooks.md")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	committed, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(committed), text, "run it with -update, and look at what changed")
}

// statuses are those of a delivery's answers, once where all are the same.
func statuses(d Delivered) string {
	var all []string
	same := true
	for _, a := range d.Answers {
		all = append(all, fmt.Sprint(a.Status))
		same = same && a.Status == d.Answers[0].Status
	}
	if same {
		return all[0]
	}
	return strings.Join(all, " ")
}

// unseen says that no secret is in what is shown.
func unseen(t *testing.T, r probe.Result) {
	t.Helper()
	shown, err := json.Marshal(r)
	require.NoError(t, err)
	for _, secret := range []string{hookKey, statusToken} {
		assert.NotContains(t, string(shown)+r.Message(), secret)
	}
}

func TestNothingIsDeliveredBefore(t *testing.T) {
	for title, change := range map[string]func(*Endpoint){
		"no secret":           func(e *Endpoint) { e.Secret = nil },
		"no canary":           func(e *Endpoint) { e.Canary.User = "" },
		"no document":         func(e *Endpoint) { e.Canary.API.Base = "" },
		"another token":       func(e *Endpoint) { e.Canary.API.Token = says("another-token") },
		"no such document":    func(e *Endpoint) { e.Canary.Path = "/api/kyc/other" },
		"no number":           func(e *Endpoint) { e.Canary.Applied = "user" },
		"nothing of the kind": func(e *Endpoint) { e.Canary.Applied = "kyc.other" },
	} {
		s := newSite(t, sumsubtest.Right)
		change(s.endpoint)
		r := probe.Run(t.Context(), title, s.endpoint.BelievesOnlySumsub())
		assert.Equal(t, probe.Blocked, r.Status, "%s: %s", title, r.Message())
		assert.NotContains(t, s.server.Asked(), "POST drop.example"+sumsubtest.WebhookPath, title)
		unseen(t, r)
	}
}

// TestSomebodyElseDelivers has another run deliver to the same canary, and an event_path that is not the event's id.
func TestSomebodyElseDelivers(t *testing.T) {
	app := &sumsubtest.Application{Secret: hookKey, Canary: canary, Token: statusToken}
	other := deliveries(hookKey, canary, time.Now())[0].messages[0]
	s := behind(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		app.ServeHTTP(w, r)
		if r.Method == http.MethodPost && r.Header.Get("X-Payload-Digest-Alg") == "NONE" {
			again := httptest.NewRequest(http.MethodPost, sumsubtest.WebhookPath, bytes.NewReader(other.body))
			again.Header = other.header()
			app.ServeHTTP(httptest.NewRecorder(), again)
		}
	}))
	r := probe.Run(t.Context(), "meddled", s.endpoint.BelievesOnlySumsub())
	assert.Equal(t, probe.Blocked, r.Status, r.Message())
	assert.Equal(t, "sumsub.canary", r.Class)

	s = newSite(t, sumsubtest.Right)
	s.endpoint.Canary.Event = "user"
	r = probe.Run(t.Context(), "another path", s.endpoint.BelievesOnlySumsub())
	assert.Equal(t, probe.Blocked, r.Status, r.Message())
}

func TestAnApplicationInTrouble(t *testing.T) {
	for _, trouble := range servicetest.Troubles {
		if trouble == servicetest.Slow { // the same as Cut to whoever waits no longer
			continue
		}
		s := newSite(t, sumsubtest.Right)
		s.server.Fail(trouble)
		r := probe.Run(t.Context(), string(trouble), s.endpoint.BelievesOnlySumsub())
		if trouble == servicetest.Yesterday { // a document from a cache tells nothing
			assert.Equal(t, "api.stale", r.Class)
		}
		assert.Equal(t, probe.Blocked, r.Status, "%s: %s", trouble, r.Message())
		unseen(t, r)
	}
}

// TestPayload has the shape of https://docs.sumsub.com/docs/user-verification-webhooks, and bytes that no encoder writes.
func TestPayload(t *testing.T) {
	raw := payload("e1", `us"er`, "RED", time.Date(2027, 1, 10, 12, 0, 0, 5e6, time.UTC))
	var event struct {
		Type, CorrelationID, ExternalUserID, LevelName, ReviewStatus, CreatedAtMs, ApplicantID string
		SandboxMode                                                                            *bool
		ReviewResult                                                                           struct{ ReviewAnswer string }
	}
	require.NoError(t, json.Unmarshal(raw, &event))
	assert.Equal(t, []string{"applicantReviewed", "e1", `us"er`, "launchgate-canary", "completed", "2027-01-10 12:00:00.005", "RED"},
		[]string{event.Type, event.CorrelationID, event.ExternalUserID, event.LevelName, event.ReviewStatus, event.CreatedAtMs, event.ReviewResult.ReviewAnswer})
	assert.Len(t, event.ApplicantID, 24)
	assert.False(t, *event.SandboxMode)
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, raw))
	assert.NotEqual(t, compact.Bytes(), raw)
}

func TestDigests(t *testing.T) {
	all := deliveries("key", canary, time.Now())
	events := map[string]int{}
	for _, d := range all {
		for _, m := range d.messages {
			events[m.event]++
		}
	}
	assert.Len(t, events, 11, "each message but the replay has an event of its own")
	assert.Equal(t, all[0].messages[0].digest, Signature("key", "", "", "", all[0].messages[0].body))
	assert.Equal(t, all[0].messages[0].digest, all[2].messages[0].digest)
	assert.NotEqual(t, all[0].messages[0].body, all[2].messages[0].body)
	assert.Len(t, all[4].messages[0].digest, 40)
	assert.Len(t, all[4].messages[2].digest, 32)
}

func TestSigns(t *testing.T) {
	good := sumsubtest.Webhook{ID: "1", Target: target, Types: []string{"applicantReviewed"}, SecretKey: hookKey, Algorithm: SHA256}
	with := func(changes ...func(*sumsubtest.Webhook)) []sumsubtest.Webhook {
		h := good
		for _, change := range changes {
			change(&h)
		}
		return []sumsubtest.Webhook{h}
	}
	off := func(h *sumsubtest.Webhook) { h.Disabled = true }
	other := func(h *sumsubtest.Webhook) { h.SecretKey = "another-secret-of-the-test" }
	for title, test := range map[string]struct {
		hooks []sumsubtest.Webhook
		want  probe.Status
		class string
	}{
		"as it must be":         {with(), probe.Pass, ""},
		"another secret":        {with(other), probe.Fail, "sumsub.secret"},
		"one of two":            {append(with(), with(other)...), probe.Fail, "sumsub.secret"},
		"another that is off":   {append(with(), with(other, off)...), probe.Pass, ""},
		"another's elsewhere":   {append(with(), with(other, func(h *sumsubtest.Webhook) { h.Target = "https://staging.drop.example/api/kyc/webhook" })...), probe.Pass, ""},
		"SHA-1":                 {with(func(h *sumsubtest.Webhook) { h.Algorithm = "HMAC_SHA1_HEX" }), probe.Fail, "sumsub.algorithm"},
		"SHA-512":               {with(func(h *sumsubtest.Webhook) { h.Algorithm = "HMAC_SHA512_HEX" }), probe.Fail, "sumsub.algorithm"},
		"no algorithm is shown": {with(func(h *sumsubtest.Webhook) { h.Algorithm = "" }), probe.Blocked, "sumsub.secret"},
		"no secret is shown":    {with(func(h *sumsubtest.Webhook) { h.SecretKey = "" }), probe.Blocked, "sumsub.secret"},
		"none that is on":       {with(off), probe.Fail, "sumsub.webhook"},
		"none of 50":            {slices.Repeat(with(off), mostListed), probe.Blocked, "sumsub.webhooks-cut"},
	} {
		w := newWorld(t)
		w.server.Change(func(a *sumsubtest.Account) { a.Webhooks = test.hooks })
		r := probe.Run(t.Context(), title, w.account.Signs(target, says(hookKey)))
		assert.Equal(t, test.want, r.Status, "%s: %s", title, r.Message())
		assert.Equal(t, test.class, r.Class, title)
		unseen(t, r)
	}
	w := newWorld(t)
	every(t, map[string]probe.Claim{"no secret": w.account.Signs(target, nil)}, probe.Blocked)
}
