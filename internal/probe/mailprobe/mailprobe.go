// Package mailprobe claims that mail of the launch arrives authenticated. It has the application send one real message and reads it where
// it arrived, in an inbox with the API of Mailpit (https://mailpit.axllent.org/docs/api-v1/). It believes no header that the sender can
// have written: DKIM is verified against the DNS (RFC 6376), SPF for the address that the receiving server saw (RFC 7208), and alignment
// with the From header (RFC 7489 3.1).
package mailprobe

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"blitiri.com.ar/go/spf"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Test is how the message is sent and where it arrives.
type Test struct {
	Send      *jsonapi.Service // the application's own way to send
	Path      string
	Body      string // JSON; {recipient} stands for the address
	Inbox     *jsonapi.Service
	Recipient string // {nonce} stands for what makes the message ours
	Receiver  string // host name of the receiving server, as it writes itself into Received
	Authserv  string // the receiver's authserv-id; empty: it writes no Authentication-Results
	Domain    string // of the From header
	Envelope  string // domain of the envelope sender
	Within    time.Duration
	DNS       spf.DNSResolver
}

// Authenticated claims that a message which the application sends now arrives in time, with SPF, DKIM and DMARC that pass.
func Authenticated(t Test) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: "mail of " + t.Domain, Source: "RFC 6376, RFC 7208, RFC 7489; a message that was sent now"}
		if t.Send.Base == "" || t.Inbox.Base == "" || t.Receiver == "" || !strings.Contains(t.Recipient, "{nonce}") || !strings.Contains(t.Body, "{recipient}") {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a way to send a message and an inbox to read it", Got: "not all of mail.test in launch.yaml", Fix: "see docs/launch-yaml.md"}
		}
		recipient := strings.ReplaceAll(t.Recipient, "{nonce}", strings.ToLower(rand.Text()))
		if err := t.send(ctx, recipient); err != nil {
			return evidence, err
		}
		raw, returnPath, err := t.arrived(ctx, recipient)
		if err != nil {
			return evidence, err
		}
		a := t.examine(ctx, raw, returnPath, recipient)
		evidence.Observed, evidence.Asked = a, []string{t.Send.Base, t.Inbox.Base}
		return evidence, judge(a, t)
	}
}

func (t Test) send(ctx context.Context, recipient string) error {
	answer, err := t.Send.Do(ctx, jsonapi.Request{Method: http.MethodPost, Path: t.Path, JSON: json.RawMessage(strings.ReplaceAll(t.Body, "{recipient}", recipient))})
	if err == nil && (answer.Status < 200 || answer.Status > 299) {
		err = answer.Unexpected()
	}
	return err
}

// arrived waits for the message (GET /api/v1/search, /api/v1/message/{ID}, /api/v1/message/{ID}/raw).
func (t Test) arrived(ctx context.Context, recipient string) (raw []byte, returnPath string, err error) {
	var id string
	found, err := probe.Await(ctx, t.Within, 2*time.Second, func(ctx context.Context) (bool, error) {
		var list struct {
			Messages *[]struct{ ID string } `json:"messages"`
		}
		answer, err := t.Inbox.Fetch(ctx, "/api/v1/search?"+url.Values{"query": {`to:"` + recipient + `"`}}.Encode(), &list)
		switch {
		case err != nil:
			return false, err
		case list.Messages == nil:
			return false, answer.Incomplete("messages")
		case len(*list.Messages) == 0:
			return false, nil
		}
		id = url.PathEscape((*list.Messages)[0].ID)
		return true, nil
	})
	if err != nil {
		return nil, "", err
	}
	if !found {
		return nil, "", &probe.Unmet{Class: "mail.lost", Want: "the message within " + t.Within.String(), Got: "no message", From: t.Inbox.Base, Fix: "see the log of the application and of the mail service: a sandboxed or suspended account sends nothing"}
	}
	var message struct{ ReturnPath string }
	if _, err := t.Inbox.Fetch(ctx, "/api/v1/message/"+id, &message); err != nil {
		return nil, "", err
	}
	answer, err := t.Inbox.Do(ctx, jsonapi.Request{Path: "/api/v1/message/" + id + "/raw", Kind: "text/plain"})
	if err == nil && answer.Status != http.StatusOK {
		err = answer.Unexpected()
	}
	if err != nil {
		return nil, "", err
	}
	return answer.Body, message.ReturnPath, nil
}
