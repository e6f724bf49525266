// Package logsprobe claims that the application's logs arrive in CloudWatch Logs and are kept.
package logsprobe

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"CloudWatch Logs.DescribeLogGroups": {Action: "logs:DescribeLogGroups", On: awsprobe.Everything},
	"CloudWatch Logs.FilterLogEvents":   {Action: "logs:FilterLogEvents", On: awsprobe.LogGroup},
}

// Group is one log group.
type Group struct {
	account *awsprobe.Account
	name    string
	seen    probe.Memo[string, described]
}

// slowest is how often the logs are looked at in the end.
const slowest = 2 * time.Second

// New returns a log group that was not looked at yet.
func New(account *awsprobe.Account, name string) *Group {
	return &Group{account: account, name: name}
}

type described struct {
	group *types.LogGroup
	from  string
}

func (g *Group) observe(ctx context.Context) (described, error) {
	cfg, who, err := g.account.Open(ctx, Needs)
	d := described{from: "logs:DescribeLogGroups as " + who.String()}
	if err != nil {
		return d, err
	}
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(cloudwatchlogs.NewFromConfig(cfg), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &g.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return d, awsprobe.Unreadable("logs:DescribeLogGroups", "the log group "+g.name, who, err)
		}
		for i := range page.LogGroups {
			if aws.ToString(page.LogGroups[i].LogGroupName) == g.name {
				d.group = &page.LogGroups[i]
			}
		}
	}
	if d.group == nil {
		return d, &probe.Unmet{Class: "logs.missing", Want: "the log group " + g.name, Got: "none of that name", From: d.from, Fix: "correct logs.group, or see why the service does not log"}
	}
	return d, nil
}

// Exists claims that the group is there.
func (g *Group) Exists() probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		d, err := g.describe(ctx)
		return probe.Evidence{Target: g.name, Asked: []string{d.from}, Source: "CloudWatch Logs DescribeLogGroups"}, err
	}
}

// Kept claims that logs are kept for some days, and not without end or a word about it.
func (g *Group) Kept(days int) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		d, err := g.describe(ctx)
		evidence := probe.Evidence{Target: g.name, Asked: []string{d.from}, Source: "CloudWatch Logs DescribeLogGroups"}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = map[string]any{"retention_days": d.group.RetentionInDays}
		if unmet := kept(d.group.RetentionInDays, days); unmet != nil {
			unmet.From = d.from
			return evidence, unmet
		}
		return evidence, nil
	}
}

func kept(retention *int32, days int) *probe.Unmet {
	got := "no retention: kept without end"
	if retention != nil {
		if int(*retention) >= days {
			return nil
		}
		got = fmt.Sprintf("%d days", *retention)
	}
	return &probe.Unmet{Class: "logs.retention", Want: fmt.Sprintf("a retention of at least %d days", days), Got: got, Fix: "set the group's retention"}
}

func (g *Group) describe(ctx context.Context) (described, error) {
	if g.name == "" {
		return described{}, &probe.Unknown{Class: "not-configured", Want: "the application's log group", Got: "no logs.group in launch.yaml", Fix: "add it"}
	}
	return g.seen.Try(ctx, "the log group "+g.name, awsprobe.Patience, g.observe)
}

// Captures claims that a request that carries a nonce is found in the logs within a time. emit makes the request and says how it
// was answered. When a stream last had an event is not asked: AWS says that for up to an hour later.
func (g *Group) Captures(nonce string, within time.Duration, emit func(context.Context) (string, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: g.name, Source: "CloudWatch Logs FilterLogEvents"}
		if d, err := g.describe(ctx); err != nil {
			evidence.Asked = []string{d.from}
			return evidence, err
		}
		cfg, who, err := g.account.Open(ctx, Needs)
		from := "logs:FilterLogEvents as " + who.String()
		evidence.Asked = []string{from}
		if err != nil {
			return evidence, err
		}
		began := time.Now()
		answered, err := emit(ctx)
		if err != nil { // its kind is not passed on: that the application does not answer says nothing of its logs
			return evidence, &probe.Unknown{Class: "logs.request", Want: "a request that the application logs", Got: err.Error(), Fix: "mend the application first"}
		}
		sent := time.Now()
		client := cloudwatchlogs.NewFromConfig(cfg)
		found, err := probe.Await(ctx, within, slowest, func(ctx context.Context) (bool, error) {
			event, err := find(ctx, client, g.name, nonce, began.Add(-skew))
			if event != nil {
				evidence.Observed = map[string]any{"event": aws.ToString(event.EventId), "stream": aws.ToString(event.LogStreamName), "after": time.Since(sent).Round(time.Millisecond).String()}
			}
			if err != nil {
				err = awsprobe.Unreadable("logs:FilterLogEvents", "the request "+nonce, who, err)
			}
			return event != nil, err
		})
		if err == nil && !found {
			err = &probe.Unmet{Class: "logs.silent", Want: fmt.Sprintf("the request %s in %s within %s", nonce, g.name, within), Got: "nothing, although the request was answered with " + answered,
				From: from, Fix: "see whether the application logs its requests, query included, and to this group"}
		}
		return evidence, err
	}
}

// skew is how far the clocks of this machine and of the application may be apart: an event bears the application's time.
const skew = 5 * time.Minute

// find looks for an event that carries the nonce, whatever else CloudWatch takes for a match.
func find(ctx context.Context, client cloudwatchlogs.FilterLogEventsAPIClient, group, nonce string, since time.Time) (*types.FilteredLogEvent, error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group,
		FilterPattern: aws.String(`"` + nonce + `"`), StartTime: aws.Int64(since.UnixMilli())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for i := range page.Events {
			if strings.Contains(aws.ToString(page.Events[i].Message), nonce) {
				return &page.Events[i], nil
			}
		}
	}
	return nil, nil
}
