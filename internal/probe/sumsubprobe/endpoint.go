package sumsubprobe

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// Endpoint is where the application hears of reviews.
type Endpoint struct {
	URL    string
	Web    *httpprobe.Client
	Secret func(context.Context) (string, error) // of the webhook; nil: launch.yaml names none
	Canary Canary
}

// Delivered is what became of a delivery: the evidence.
type Delivered struct {
	Name    string   `json:"delivery"`
	Answers []Answer `json:"answers"`
	Applied int64    `json:"applied"` // events that were applied to the canary from this delivery to the next
}

// Answer is what the endpoint said to one message.
type Answer struct {
	How    string `json:"how"`
	Status int    `json:"status"`
}

// believed says whether an answer takes a message. Sumsub sends again what is not taken (https://docs.sumsub.com/docs/webhook-manager).
func (a Answer) believed() bool { return a.Status >= 200 && a.Status <= 299 }

// BelievesOnlySumsub claims that the endpoint takes what Sumsub signs, applies it once however often it comes, and answers 401 or 403 to
// everything else without a change. It delivers: where it is made, events of the canary are applied.
func (e *Endpoint) BelievesOnlySumsub() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: e.URL, Source: "Sumsub, webhook manager: verify webhook sender"}
		secret, err := probe.Reveal(ctx, "sumsub.webhook.secret", e.Secret)
		if err != nil {
			return evidence, err
		}
		if e.Canary.User == "" || e.Canary.API.Base == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a canary of the application's, and the document that says what was applied to it", Got: "no sumsub.webhook.canary in launch.yaml",
				Fix: "add it: without it nobody can tell an endpoint that works from one that says 200 and forgets"}
		}
		evidence.Asked = []string{"POST " + e.URL, "GET " + e.Canary.API.Base + e.Canary.Path}
		seen, err := e.deliver(ctx, deliveries(secret, e.Canary.User, time.Now()))
		evidence.Observed = seen
		if err != nil {
			return evidence, err
		}
		return evidence, judged(seen, e.URL)
	}
}

// deliver makes all deliveries, whatever becomes of one.
func (e *Endpoint) deliver(ctx context.Context, all []delivery) ([]Delivered, error) {
	ours := map[string]bool{}
	for _, d := range all {
		for _, m := range d.messages {
			ours[m.event] = true
		}
	}
	before, err := e.Canary.look(ctx)
	if err != nil {
		return nil, err
	}
	var seen []Delivered
	for _, d := range all {
		made := Delivered{Name: d.name}
		awaited := ""
		for _, m := range d.messages {
			answer, err := e.Web.Send(ctx, httpprobe.Message{Method: http.MethodPost, URL: e.URL, Header: m.header(), Body: m.body, Most: httpprobe.MaxBody})
			if err != nil {
				return seen, err
			}
			answered := Answer{How: m.how, Status: answer.Status}
			made.Answers = append(made.Answers, answered)
			if made.applies() && answered.believed() {
				awaited = m.event
			}
		}
		after, err := e.Canary.shows(ctx, awaited)
		if err != nil {
			return seen, err
		}
		if after.Applied < before.Applied || after.Applied != before.Applied && !ours[after.Event] {
			return seen, &probe.Unknown{Class: "sumsub.canary", Want: "nobody else's events applied to the canary while it is used", Got: fmt.Sprintf("%d before and %d after, the last one of somebody else", before.Applied, after.Applied),
				From: e.Canary.API.Base + e.Canary.Path, Fix: "run the gate again while nobody else does, and see that sumsub.webhook.canary.event_path is the event's correlationId"}
		}
		made.Applied = after.Applied - before.Applied
		before, seen = after, append(seen, made)
	}
	return seen, nil
}

// shows looks until the document shows an event, or once where none is waited for. One that never comes is told by the number.
func (c Canary) shows(ctx context.Context, event string) (last state, err error) {
	if event == "" {
		return c.look(ctx)
	}
	_, err = probe.Await(ctx, c.Within, max(c.Within/10, 50*time.Millisecond), func(ctx context.Context) (bool, error) {
		var err error
		last, err = c.look(ctx)
		return last.Event == event, err
	})
	return last, err
}

// wrong is what is wrong with how a delivery was answered and what it changed; empty: nothing.
func (d Delivered) wrong() string {
	var wrong []string
	for _, a := range d.Answers {
		refused := a.Status == http.StatusUnauthorized || a.Status == http.StatusForbidden
		if d.signed() && !a.believed() || !d.signed() && !refused {
			wrong = append(wrong, fmt.Sprintf("status %d to %s", a.Status, a.How))
		}
	}
	want := int64(0)
	if d.applies() {
		want = 1
	}
	if d.Applied != want {
		wrong = append(wrong, fmt.Sprintf("%d applied", d.Applied))
	}
	return strings.Join(wrong, ", ")
}

// applies says whether the delivery has to change something, and signed whether it is one as of Sumsub's.
func (d Delivered) applies() bool { return d.Name == Valid || d.Name == Afterwards }
func (d Delivered) signed() bool  { return d.applies() || d.Name == Replay }

// fixes say what to do, and its kind, for the first delivery that is wrong.
var fixes = map[string][2]string{
	Valid:      {"sumsub.delivery", "verify the digest of the raw body, with the secret of the webhook in production, and apply the event"},
	Replay:     {"sumsub.replay", "keep the correlationId of what was applied, and answer 2xx to one that comes again"},
	Altered:    {"sumsub.forged", "compare the whole digest of the raw body in constant time, and apply nothing before"},
	Unsigned:   {"sumsub.forged", "refuse what has no digest, and refuse everything where no secret is set"},
	Downgraded: {"sumsub.downgrade", "take HMAC_SHA256_HEX and nothing weaker, nothing unknown and nothing by default"},
	Afterwards: {"sumsub.late", "see what the application put into a queue before it verified, and whether it still takes what is signed"},
}

// judged judges what became of all deliveries.
func judged(seen []Delivered, from string) error {
	var first string
	var got []string
	for _, d := range seen {
		if wrong := d.wrong(); wrong != "" {
			got = append(got, d.Name+": "+wrong)
			if first == "" {
				first = d.Name
			}
		}
	}
	if first == "" {
		return nil
	}
	return &probe.Unmet{Class: fixes[first][0], Want: "what Sumsub signs taken and applied once, and 401 or 403 and no change for all else", Got: strings.Join(got, "; "), From: from, Fix: fixes[first][1]}
}
