package cloudwatchprobe

import (
	"context"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/snsprobe"
)

// reaches claims that one of an alarm's actions reaches somebody. A topic reaches whoever has confirmed a subscription; what becomes of
// a function, an OpsItem or an incident is not looked at.
func (a *Alarms) reaches(ctx context.Context, seen *examined) (asked []string, err error) {
	if slices.ContainsFunc(seen.Actions, func(action string) bool { return calls(action) && !publishes(action) }) {
		return nil, nil
	}
	var unread error
	var elsewhere []string
	for _, action := range seen.Actions {
		if !publishes(action) {
			continue
		}
		if !strings.HasPrefix(strings.SplitN(action, ":", 4)[3], a.account.Region+":") {
			elsewhere = append(elsewhere, action)
			continue
		}
		topic, err := a.topics.Describe(ctx, action)
		asked = append(asked, topic.From)
		if err != nil {
			unread = err
			continue
		}
		seen.Topics = append(seen.Topics, topic)
	}
	return asked, reached(*seen, elsewhere, unread)
}

// publishes says whether an action is a topic.
func publishes(action string) bool {
	return calls(action) && strings.Count(action, ":") >= 3 && strings.Split(action, ":")[2] == "sns"
}

// reached judges the topics of an alarm by their subscriptions. Those of another region CloudWatch cannot publish to.
func reached(seen examined, elsewhere []string, unread error) error {
	if slices.ContainsFunc(seen.Topics, snsprobe.Topic.Reaches) {
		return nil
	}
	if unread != nil { // of that one nobody can tell
		return unread
	}
	var got, from []string
	for _, topic := range seen.Topics {
		got, from = append(got, topic.String()), append(from, topic.From)
	}
	for _, topic := range elsewhere {
		got = append(got, topic+", which is in another region")
	}
	return &probe.Unmet{Class: "alarm.topic", Want: "a topic that reaches somebody when " + seen.Name + " rings", Got: strings.Join(got, "; "),
		From: strings.Join(from, ", "), Fix: "have whoever is on call subscribe to it, and confirm the subscription; encrypt it with a key of your own that CloudWatch may use, if at all"}
}
