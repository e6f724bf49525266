// Package logsprobe claims that the application's logs arrive in CloudWatch Logs and are kept.
package logsprobe

import (
	"context"
	"fmt"
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
	poll    time.Duration
	seen    probe.Memo[string, described]
}

// New returns a log group that was not looked at yet.
func New(account *awsprobe.Account, name string) *Group {
	return &Group{account: account, name: name, poll: 2 * time.Second}
}

type described struct {
	group *types.LogGroup
	from  string
	err   error
}

func (g *Group) observe(ctx context.Context) described {
	cfg, who, err := g.account.Open(ctx, Needs)
	d := described{from: "logs:DescribeLogGroups as " + who.String(), err: err}
	if err != nil {
		return d
	}
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(cloudwatchlogs.NewFromConfig(cfg), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &g.name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			d.err = awsprobe.Unreadable("logs:DescribeLogGroups", "the log group "+g.name, who, err)
			return d
		}
		for i := range page.LogGroups {
			if aws.ToString(page.LogGroups[i].LogGroupName) == g.name {
				d.group = &page.LogGroups[i]
			}
		}
	}
	if d.group == nil {
		d.err = &probe.Unmet{Class: "logs.missing", Want: "the log group " + g.name, Got: "none of that name", From: d.from, Fix: "correct logs.group, or see why the service does not log"}
	}
	return d
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
		got := "no retention: kept without end"
		if r := d.group.RetentionInDays; r != nil {
			if int(*r) >= days {
				return evidence, nil
			}
			got = fmt.Sprintf("%d days", *r)
		}
		return evidence, &probe.Unmet{Class: "logs.retention", Want: fmt.Sprintf("a retention of at least %d days", days), Got: got, From: d.from, Fix: "set the group's retention"}
	}
}

func (g *Group) describe(ctx context.Context) (described, error) {
	if g.name == "" {
		return described{}, &probe.Unknown{Class: "not-configured", Want: "the application's log group", Got: "no logs.group in launch.yaml", Fix: "add it"}
	}
	d, err := g.seen.Do(ctx, "the log group "+g.name, awsprobe.Patience, g.observe)
	if err == nil {
		err = d.err
	}
	return d, err
}

// Captures claims that a request that carries a nonce is found in the logs within a time. emit makes the request. When a stream
// last had an event is not asked: AWS says that for up to an hour later.
func (g *Group) Captures(nonce string, within time.Duration, emit func(context.Context) error) probe.Claim {
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
		client := cloudwatchlogs.NewFromConfig(cfg)
		began := time.Now()
		if err := emit(ctx); err != nil {
			return evidence, &probe.Unknown{Class: "logs.request", Want: "a request that the application logs", Got: err.Error(), Fix: "mend the application first", Err: err}
		}
		for {
			event, err := find(ctx, client, g.name, nonce, began.Add(-time.Minute))
			if err != nil {
				return evidence, awsprobe.Unreadable("logs:FilterLogEvents", "the request "+nonce, who, err)
			}
			if event != nil {
				evidence.Observed = map[string]any{"event": aws.ToString(event.EventId), "stream": aws.ToString(event.LogStreamName), "after": time.Since(began).Round(time.Millisecond).String()}
				return evidence, nil
			}
			if time.Since(began)+g.poll > within {
				return evidence, &probe.Unmet{Class: "logs.silent", Want: fmt.Sprintf("the request %s in the log within %s", nonce, within), Got: "nothing", From: from,
					Fix: "see whether the application logs its requests, query included, and to this group"}
			}
			if err := probe.Wait(ctx, g.poll); err != nil {
				return evidence, &probe.Unknown{Class: "timeout", Want: "the request " + nonce, Got: "no time left to wait for it", From: from, Err: err, Fix: "give the gate more time than logs.within"}
			}
		}
	}
}

func find(ctx context.Context, client cloudwatchlogs.FilterLogEventsAPIClient, group, nonce string, since time.Time) (*types.FilteredLogEvent, error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group,
		FilterPattern: aws.String(`"` + nonce + `"`), StartTime: aws.Int64(since.UnixMilli())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if len(page.Events) > 0 {
			return &page.Events[0], nil
		}
	}
	return nil, nil
}
