// Package snsprobe tells whom a topic of SNS reaches: what is published to one that nobody has subscribed to is gone. It judges
// nothing: it must know no alarm.
package snsprobe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"SNS.ListSubscriptionsByTopic": {Action: "sns:ListSubscriptionsByTopic", On: awsprobe.Topics},
	"SNS.GetTopicAttributes":       {Action: "sns:GetTopicAttributes", On: awsprobe.Topics},
}

// Topics are the topics that an account's alarms publish to.
type Topics struct {
	account *awsprobe.Account
	seen    probe.Memo[string, Topic]
}

// Topic is a topic and how many subscribed to it, by protocol: whoever they are is nobody's business here.
type Topic struct {
	ARN         string         `json:"arn"`
	From        string         `json:"from"`
	Missing     bool           `json:"missing,omitempty"`
	Confirmed   map[string]int `json:"confirmed"`
	Unconfirmed int            `json:"unconfirmed"` // who was asked and has not said yes, or has left
	Key         string         `json:"kms_key,omitempty"`
}

// New returns topics that were not looked at yet.
func New(account *awsprobe.Account) *Topics { return &Topics{account: account} }

// Describe asks for the subscriptions of a topic, once.
func (t *Topics) Describe(ctx context.Context, arn string) (Topic, error) {
	return t.seen.Try(ctx, "the subscriptions of "+arn, awsprobe.Patience, func(ctx context.Context) (Topic, error) {
		return t.observe(ctx, arn)
	})
}

func (t *Topics) observe(ctx context.Context, arn string) (Topic, error) {
	cfg, who, err := t.account.Open(ctx, Needs)
	topic := Topic{ARN: arn, From: fmt.Sprintf("sns:ListSubscriptionsByTopic %s as %s", arn, who), Confirmed: map[string]int{}}
	if err != nil {
		return topic, err
	}
	client := sns.NewFromConfig(cfg)
	pages := sns.NewListSubscriptionsByTopicPaginator(client, &sns.ListSubscriptionsByTopicInput{TopicArn: &arn})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		switch {
		case awsprobe.Missing(err):
			topic.Missing = true
			return topic, nil
		case err != nil:
			return topic, awsprobe.Unreadable("sns:ListSubscriptionsByTopic", "who subscribed to "+arn, who, err)
		}
		for _, s := range page.Subscriptions {
			// Of one that is not confirmed, or deleted, the ARN is a word: PendingConfirmation, Deleted.
			if !strings.HasPrefix(aws.ToString(s.SubscriptionArn), "arn:") {
				topic.Unconfirmed++
				continue
			}
			topic.Confirmed[aws.ToString(s.Protocol)]++
		}
	}
	out, err := client.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &arn})
	if err != nil {
		return topic, awsprobe.Unreadable("sns:GetTopicAttributes", "the key of "+arn, who, err)
	}
	topic.Key = out.Attributes["KmsMasterKeyId"]
	return topic, nil
}

// locked says whether the topic is encrypted with AWS's own key for SNS, whose policy lets no service of AWS publish and cannot be changed.
// What the policy of another key says is not looked at.
// https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
func (t Topic) locked() bool {
	return t.Key == "alias/aws/sns" || strings.HasSuffix(t.Key, ":alias/aws/sns")
}

// stores are protocols behind which a message is kept, and nobody is told.
var stores = []string{"firehose"}

// Reaches says whether an alarm can publish to it, and somebody, or a program that somebody wrote to be told, has confirmed a subscription.
func (t Topic) Reaches() bool {
	if t.locked() {
		return false
	}
	for protocol := range t.Confirmed {
		if !slices.Contains(stores, protocol) {
			return true
		}
	}
	return false
}

func (t Topic) String() string {
	name := t.ARN[strings.LastIndexByte(t.ARN, ':')+1:]
	switch {
	case t.Missing:
		return name + ", which is no topic"
	case t.locked():
		return name + ", to which no alarm can publish: it is encrypted with " + t.Key
	case len(t.Confirmed) == 0 && t.Unconfirmed == 0:
		return name + ", to which nobody subscribed"
	case len(t.Confirmed) == 0:
		return fmt.Sprintf("%s, to which nobody has confirmed a subscription (%d not confirmed)", name, t.Unconfirmed)
	case !t.Reaches():
		return name + ", which only keeps what it gets (" + strings.Join(stores, ", ") + ")"
	}
	return name
}
