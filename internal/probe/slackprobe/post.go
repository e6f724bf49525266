// Package slackprobe posts to a Slack channel and claims that what is posted arrives there. A webhook's "ok" says that Slack took
// a message, not where it went: only the channel's own history shows that. It knows nothing of launch.yaml.
package slackprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/redact"
)

const byHand = "tell the channel by hand"

// Post posts a text to an incoming webhook, which answers 200 "ok" (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
// The webhook's address is a secret and stands in no error. Slack takes about one message a second: whom it asks to wait waits. at gives the
// service at a base such as https://hooks.slack.com.
func Post(ctx context.Context, at func(base string) *jsonapi.Service, webhook, text string) error {
	parsed, err := url.Parse(webhook)
	if err != nil || parsed.Hostname() == "" {
		return unposted("an address that is no URL", nil)
	}
	if len(parsed.Path) > redact.MinLength { // the path alone is all that anybody needs to post, and what an error page repeats
		if err := redact.Register("webhook", parsed.Path); err != nil {
			return unposted("an address that cannot be kept secret", err)
		}
	}
	answer, err := at(parsed.Scheme+"://"+parsed.Host).Do(ctx, jsonapi.Request{Method: http.MethodPost, Path: parsed.RequestURI(), JSON: map[string]string{"text": text}, Kind: "*/*"})
	if err != nil && !jsonapi.Refused(err) {
		return unposted(probe.Got(err, "no answer"), err) // without the address
	}
	return posted(answer.Status, strings.TrimSpace(string(answer.Body)))
}

// word is how Slack says why it does not take a message, such as no_service.
var word = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

// posted judges a webhook's answer. Slack's own refusals are plain words (…/incoming-webhooks#handling_errors); what is none of them
// is not Slack's.
func posted(status int, said string) error {
	got := fmt.Sprintf("%d and %.200q", status, redact.String(said))
	switch {
	case status == http.StatusOK && said == "ok":
		return nil
	case status >= 400 && word.MatchString(said), refused(said):
		return &probe.Unmet{Class: "chat.refused", Want: `200 and "ok"`, Got: got, From: "the chat's webhook", Fix: byHand + ", then see whether the channel was archived or the webhook revoked"}
	}
	return unposted(got, nil)
}

// refused says whether an answer is {"ok": false, "error": "…"} about the channel.
func refused(said string) bool {
	var answer status
	return json.Unmarshal([]byte(said), &answer) == nil && answer.OK != nil && !*answer.OK && slices.Contains(wrong, answer.Error)
}

func unposted(got string, err error) error {
	return &probe.Unknown{Class: "chat.unreachable", Want: "the message taken", Got: got, From: "the chat's webhook", Fix: byHand, Err: err}
}
