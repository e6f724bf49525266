// Package slackprobe posts to a Slack channel and claims that what is posted arrives there. A webhook's "ok" says that Slack took
// a message, not where it went: only the channel's own history shows that. It knows nothing of launch.yaml.
package slackprobe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/providerapi"
	"github.com/getdrop/launchgate/internal/redact"
)

const (
	byHand = "tell the channel by hand"
	// tries is how often a message is sent that Slack asks to send again later.
	tries = 3
)

// Post posts a text to an incoming webhook, which answers 200 "ok" (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
// The webhook's address is a secret and stands in no error. Slack takes about one message a second: whom it asks to wait waits.
func Post(ctx context.Context, web *httpprobe.Client, webhook, text string) error {
	parsed, err := url.Parse(webhook)
	if err != nil || parsed.Hostname() == "" {
		return unposted("an address that is no URL", nil)
	}
	if len(parsed.Path) > redact.MinLength { // the path alone is all that anybody needs to post, and what an error page repeats
		if err := redact.Register("webhook", parsed.Path); err != nil {
			return unposted("an address that cannot be kept secret", err)
		}
	}
	body, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		return unposted("a text that is no JSON", err)
	}
	m := httpprobe.Message{Method: http.MethodPost, URL: webhook, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Most: 64 << 10}
	answer, err := web.Send(ctx, m)
	for try := 1; try < tries && err == nil && answer.Status == http.StatusTooManyRequests; try++ { // it was not taken
		pause, ok := providerapi.RetryAfter(ctx, answer.Header)
		if !ok {
			break
		}
		if err := probe.Wait(ctx, pause); err != nil {
			return unposted("no time left to wait, as Slack asked", err)
		}
		answer, err = web.Send(ctx, m)
	}
	if err != nil {
		return unposted(probe.Got(err, "no answer"), err) // without the address
	}
	return posted(answer.Status, strings.TrimSpace(string(answer.Body)))
}

// posted judges a webhook's answer. Slack's own refusals are plain words (…/incoming-webhooks#handling_errors); what is none of them
// is not Slack's.
func posted(status int, said string) error {
	got := fmt.Sprintf("%d and %.200q", status, redact.String(said))
	switch {
	case status == http.StatusOK && said == "ok":
		return nil
	case status == http.StatusTooManyRequests, status >= 500:
		return unposted(got, nil)
	case status >= 400 || refused(said):
		return &probe.Unmet{Class: "chat.refused", Want: `200 and "ok"`, Got: got, From: "the chat's webhook", Fix: byHand + ", then see whether the channel was archived or the webhook revoked"}
	}
	return unposted(got, nil)
}

// refused says whether an answer is {"ok": false, "error": "…"}.
func refused(said string) bool {
	var answer status
	return json.Unmarshal([]byte(said), &answer) == nil && answer.OK != nil && !*answer.OK
}

// unposted does not wrap a *probe.Unmet: a chat that is down tells nothing about the launch.
func unposted(got string, err error) error {
	var unmet *probe.Unmet
	if errors.As(err, &unmet) {
		err = nil
	}
	return &probe.Unknown{Class: "chat.unreachable", Want: "the message taken", Got: got, From: "the chat's webhook", Fix: byHand, Err: err}
}
