package slackprobe

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Secret reads a secret; nil where there is none.
type Secret = func(context.Context) (string, error)

// Channel is where a launch is talked about.
type Channel struct {
	Name    string // such as #drop-ops
	ID      string // such as C0123456789, which the Web API asks by
	Webhook Secret
	Within  time.Duration // how soon a message shows
	Says    string        // what a test message begins with

	At  func(base string) *jsonapi.Service // the service that the webhook is on
	API *jsonapi.Service                   // at API, with the token of a bot with channels:read and channels:history, which is in the channel
}

// API is where the Web API is, and hook the host of every webhook of Slack's.
const (
	API  = "https://slack.com/api"
	hook = "hooks.slack.com"
)

// Readable says whether anybody but a person can look into the channel.
func (c Channel) Readable() bool { return c.API.Token != nil }

// TakesMessages claims that the webhook is one of Slack's, and takes a message. Where it arrives is another claim.
func (c Channel) TakesMessages() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: c.Name, Source: "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"}
		nonce, err := c.say(ctx)
		evidence.Observed = map[string]string{"nonce": nonce}
		return evidence, err
	}
}

// say posts a message with a text that nobody wrote before.
func (c Channel) say(ctx context.Context) (nonce string, err error) {
	if c.Webhook == nil {
		return "", &probe.Unknown{Class: "not-configured", Want: "a webhook", Got: "no chat.webhook in launch.yaml", Fix: "create an incoming webhook for the channel, and add it as a secret: reference"}
	}
	webhook, err := c.Webhook(ctx)
	if err != nil {
		return "", &probe.Unknown{Class: "not-configured", Want: "the webhook", Got: err.Error(), From: "chat.webhook", Fix: "see that the run has the secret", Err: err}
	}
	if parsed, err := url.Parse(webhook); err != nil || parsed.Scheme != "https" || parsed.Host != hook {
		return "", &probe.Unmet{Class: "chat.webhook", Want: "the address of a webhook on " + hook, Got: "another address, which is a secret", From: "chat.webhook", Fix: "copy it from the app's settings"}
	}
	nonce = "launchgate-" + strings.ToLower(rand.Text())
	return nonce, Post(ctx, c.At, webhook, fmt.Sprintf("%s This is a test, nothing is wrong. %s", c.Says, nonce))
}

// Receives claims that what the webhook takes arrives in the channel, which is not archived.
func (c Channel) Receives() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: c.Name, Source: "https://docs.slack.dev/reference/methods/conversations.history"}
		if !c.Readable() {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the token of a bot in the channel", Got: "no chat.token in launch.yaml", Fix: "add it, as a secret: reference"}
		}
		if c.ID == "" || c.Name == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the channel", Got: "no chat.channel and chat.channel_id in launch.yaml", Fix: "copy the id from the channel's details in Slack"}
		}
		var about info
		if _, err := c.API.Fetch(ctx, "/conversations.info?channel="+url.QueryEscape(c.ID), &about); err != nil {
			return evidence, err
		}
		if err := about.right(c); err != nil {
			return evidence, err
		}
		nonce, err := c.say(ctx)
		if err != nil {
			return evidence, err
		}
		var seen message
		// A channel's history may be asked for fifty times a minute, and by apps of some kinds once.
		found, err := probe.Await(ctx, c.Within, 8*time.Second, func(ctx context.Context) (found bool, err error) {
			seen, found, err = c.find(ctx, nonce)
			return found, err
		})
		evidence.Observed = map[string]any{"nonce": nonce, "ts": seen.TS, "channel": c.ID}
		switch {
		case err != nil:
			return evidence, err
		case !found:
			return evidence, &probe.Unmet{Class: "chat.elsewhere", Want: fmt.Sprintf("the message in %s within %s", c.Name, c.Within), Got: "none, although Slack took it", From: c.Name,
				Fix: "see which channel the webhook belongs to: a message cannot choose another"}
		}
		return evidence, nil
	}
}

// status is how every answer of the Web API begins: it is 200 where something failed, too.
type status struct {
	OK    *bool
	Error string
}

// wrong are errors that say what is wrong with the channel; the others say why nobody can tell (…/methods/conversations.history#errors).
var wrong = []string{"channel_not_found", "is_archived", "channel_is_archived", "invalid_channel"}

func (s status) problem() error {
	const want = "an answer with ok: true"
	switch {
	case s.OK == nil:
		return &probe.Unknown{Class: "api.malformed", Want: want, Got: "neither true nor false", From: "slack.com/api", Fix: "see what answers there"}
	case *s.OK:
		return nil
	case slices.Contains(wrong, s.Error):
		return &probe.Unmet{Class: "chat.channel", Want: want, Got: "200 with ok: false, " + s.Error, From: "slack.com/api", Fix: "correct chat.channel_id, or invite the bot to the channel"}
	}
	return &probe.Unknown{Class: "chat.denied", Want: want, Got: fmt.Sprintf("200 with ok: false, %.60q", s.Error), From: "slack.com/api", Fix: "give the bot channels:read and channels:history, and invite it to the channel"}
}

// info is https://docs.slack.dev/reference/methods/conversations.info.
type info struct {
	status
	Channel *struct {
		ID       string
		Name     string
		Archived *bool `json:"is_archived"`
	}
}

func (i info) right(c Channel) error {
	if err := i.problem(); err != nil {
		return err
	}
	from := "the channel " + c.ID
	switch {
	case i.Channel == nil || i.Channel.Archived == nil || i.Channel.ID != c.ID:
		return &probe.Unknown{Class: "api.malformed", Want: "what the channel is", Got: "an answer that does not say it", From: from, Fix: "see the provider's documentation for what changed"}
	case *i.Channel.Archived:
		return &probe.Unmet{Class: "chat.archived", Want: "a channel that people read", Got: "an archived one", From: from, Fix: "unarchive it, or name another"}
	case i.Channel.Name != strings.TrimPrefix(c.Name, "#"):
		return &probe.Unmet{Class: "chat.channel", Want: c.Name, Got: "#" + i.Channel.Name, From: from, Fix: "correct chat.channel or chat.channel_id"}
	}
	return nil
}

type message struct {
	Text string
	TS   string
}

// find looks for a nonce among the newest messages of the channel, by whatever clock.
func (c Channel) find(ctx context.Context, nonce string) (message, bool, error) {
	var history struct {
		status
		Messages *[]message
	}
	query := url.Values{"channel": {c.ID}, "limit": {"200"}}
	if _, err := c.API.Fetch(ctx, "/conversations.history?"+query.Encode(), &history); err != nil {
		return message{}, false, err
	}
	if err := history.problem(); err != nil {
		return message{}, false, err
	}
	if history.Messages == nil {
		return message{}, false, &probe.Unknown{Class: "api.malformed", Want: "the channel's messages", Got: "an answer without them", From: "slack.com/api", Fix: "see the provider's documentation for what changed"}
	}
	for _, m := range *history.Messages {
		if strings.Contains(m.Text, nonce) {
			return m, true, nil
		}
	}
	return message{}, false, nil
}
