// Package wafprobe claims that a web ACL stands before something and refuses, by its configuration. Whether it refuses the right
// things is for cdnprobe, which attacks.
package wafprobe

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes for the web ACL of a distribution.
var Needs = awsprobe.Needs{
	"WAFV2.GetWebACL":                {Action: "wafv2:GetWebACL", On: awsprobe.WebACLs},
	"WAFV2.GetRuleGroup":             {Action: "wafv2:GetRuleGroup", On: awsprobe.WebACLs},
	"WAFV2.DescribeManagedRuleGroup": {Action: "wafv2:DescribeManagedRuleGroup", On: awsprobe.Everything},
}

// RegionalNeeds are the calls that it makes for what has a web ACL in its own region. For App Runner, the service is asked too.
// https://docs.aws.amazon.com/apprunner/latest/dg/waf.html
var RegionalNeeds = awsprobe.Needs{
	"WAFV2.GetWebACLForResource": {Action: "wafv2:GetWebACLForResource", On: awsprobe.RegionalWebACLs, Also: "apprunner:DescribeWebAclForService", AlsoOn: awsprobe.Service},
	"WAFV2.GetWebACL":            {Action: "wafv2:GetWebACL", On: awsprobe.RegionalWebACLs},
	"WAFV2.GetRuleGroup":         {Action: "wafv2:GetRuleGroup", On: awsprobe.RegionalWebACLs},

	"WAFV2.DescribeManagedRuleGroup": {Action: "wafv2:DescribeManagedRuleGroup", On: awsprobe.Everything},
}

// Before is a resource of the account's region that has a web ACL of its own, such as an App Runner service or a load balancer.
func Before(account *awsprobe.Account, resource string, requests ...Request) Where {
	return Where{What: resource, Requests: requests, ACL: func(ctx context.Context) (string, error) {
		cfg, who, err := account.Open(ctx, RegionalNeeds)
		if err != nil {
			return "", err
		}
		out, err := wafv2.NewFromConfig(cfg).GetWebACLForResource(ctx, &wafv2.GetWebACLForResourceInput{ResourceArn: &resource})
		switch {
		case awsprobe.Missing(err):
			return "", &probe.Unmet{Class: "waf.absent", Want: "a web ACL before " + resource, Got: "no such resource", From: "wafv2:GetWebACLForResource as " + who.String(), Fix: "correct cdn.waf.resource"}
		case err != nil:
			action := "wafv2:GetWebACLForResource"
			if strings.Contains(resource, ":apprunner:") {
				action += " and apprunner:DescribeWebAclForService"
			}
			return "", awsprobe.Unreadable(action, "the web ACL before "+resource, who, err)
		case out.WebACL == nil:
			return "", nil
		}
		return aws.ToString(out.WebACL.ARN), nil
	}}
}

// Where is what a web ACL must stand before.
type Where struct {
	What     string                                // in words
	ACL      func(context.Context) (string, error) // the ARN of its web ACL, "" where it has none
	Requests []Request                             // some of those that visitors make of it
}

// ACL is a web ACL.
type ACL struct {
	ARN     string `json:"arn"`
	Name    string `json:"name"`
	Default string `json:"default_action"`
	Rules   []Rule `json:"rules"`
	From    string `json:"-"`
}

// Rule is one rule, and what it does with a request that matches.
type Rule struct {
	Name   string   `json:"name"`
	Action string   `json:"action"`           // block, captcha, challenge, allow, count; group: what the rules of its group do
	Counts []string `json:"counts,omitempty"` // rules of the group that count, or that an override keeps from refusing
	Scope  string   `json:"scope,omitempty"`  // where it is narrowed down
	Blocks int      `json:"blocks,omitempty"` // rules of the group that refuse; -1: AWS or a vendor looks after them, and nothing is overridden

	own       string                           // ARN of a group of one's own
	vendors   *types.ManagedRuleGroupStatement // a group with overrides, which is looked after by AWS or a vendor
	reaches   truth                            // whether it is for any of the launch's requests
	narrow    bool                             // it is not meant to be for all
	overrides map[string]string                // name of a rule of the group → action instead of its own
}

// Blocks claims that a web ACL stands before the place, that it refuses something, and that no rule only counts, or is for none of the
// requests, but those that somebody decided on: "<rule>", or "<rule>/<rule of its group>".
func Blocks(account *awsprobe.Account, where Where, counting ...string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: where.What, Source: "WAFV2 GetWebACL"}
		arn, err := where.ACL(ctx)
		if err != nil {
			return evidence, err
		}
		if arn == "" {
			return evidence, &probe.Unmet{Class: "waf.absent", Want: "a web ACL before " + where.What, Got: "none", From: where.What, Fix: "associate one"}
		}
		acl, err := observe(ctx, account, arn, where.Requests)
		evidence.Asked = []string{acl.From}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = acl
		for _, r := range acl.Rules {
			if r.Scope != "" {
				evidence.Notes = append(evidence.Notes, r.Name+" is "+r.Scope)
			}
		}
		return evidence, blocks(acl, counting)
	}
}

func observe(ctx context.Context, account *awsprobe.Account, arn string, requests []Request) (ACL, error) {
	cfg, who, err := account.Open(ctx, Needs)
	acl := ACL{ARN: arn, From: "wafv2:GetWebACL as " + who.String()}
	if err != nil {
		return acl, err
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "wafv2" {
		return acl, &probe.Unknown{Class: "waf.classic", Want: "a web ACL of AWS WAF", Got: arn + ", of WAF Classic", From: acl.From, Fix: "move the rules to a web ACL of AWS WAF"}
	}
	cfg.Region = parts[3] // that of CloudFront are in us-east-1
	client := wafv2.NewFromConfig(cfg)
	out, err := client.GetWebACL(ctx, &wafv2.GetWebACLInput{ARN: &arn})
	switch {
	case awsprobe.Missing(err):
		return acl, &probe.Unmet{Class: "waf.absent", Want: "the web ACL " + arn, Got: "no such web ACL", From: acl.From, Fix: "create it, or associate another"}
	case err != nil:
		return acl, awsprobe.Unreadable("wafv2:GetWebACL", "the web ACL "+arn, who, err)
	case out.WebACL == nil:
		return acl, &probe.Unknown{Class: "aws.error", Want: "the web ACL " + arn, Got: "an empty answer", From: acl.From, Fix: "ask again"}
	}
	acl.fill(out.WebACL, requests)
	for i := range acl.Rules {
		if err := acl.Rules[i].look(ctx, client, arn, who); err != nil {
			return acl, err
		}
	}
	return acl, nil
}

// look reads the rules of a group. AWS's and a vendor's refuse, so that they are read only where something of them is overridden
// (https://docs.aws.amazon.com/waf/latest/APIReference/API_DescribeManagedRuleGroup.html).
func (r *Rule) look(ctx context.Context, client *wafv2.Client, acl string, who awsprobe.Identity) error {
	switch {
	case r.own != "":
		out, err := client.GetRuleGroup(ctx, &wafv2.GetRuleGroupInput{ARN: &r.own})
		if err != nil || out.RuleGroup == nil {
			return awsprobe.Unreadable("wafv2:GetRuleGroup", "the rule group "+r.own, who, cmp.Or(err, errEmpty))
		}
		for _, inner := range out.RuleGroup.Rules {
			r.take(aws.ToString(inner.Name), action(inner.Action))
		}
	case r.vendors != nil:
		in := &wafv2.DescribeManagedRuleGroupInput{Name: r.vendors.Name, VendorName: r.vendors.VendorName, VersionName: r.vendors.Version, Scope: types.ScopeRegional}
		if strings.Contains(acl, ":global/") {
			in.Scope = types.ScopeCloudfront
		}
		out, err := client.DescribeManagedRuleGroup(ctx, in)
		if err != nil || len(out.Rules) == 0 {
			return awsprobe.Unreadable("wafv2:DescribeManagedRuleGroup", "the rule group "+aws.ToString(in.Name), who, cmp.Or(err, errEmpty))
		}
		for _, inner := range out.Rules {
			r.take(aws.ToString(inner.Name), action(inner.Action))
		}
	}
	return nil
}

var errEmpty = errors.New("an empty answer")

// all are the rules in the order in which Firewall Manager's stand around the ACL's own.
func all(in *types.WebACL) []types.Rule {
	var rules []types.Rule
	managed := func(groups []types.FirewallManagerRuleGroup) {
		for _, g := range groups {
			rule := types.Rule{Name: g.Name, OverrideAction: g.OverrideAction, Statement: &types.Statement{}}
			if g.FirewallManagerStatement != nil {
				rule.Statement.ManagedRuleGroupStatement, rule.Statement.RuleGroupReferenceStatement = g.FirewallManagerStatement.ManagedRuleGroupStatement, g.FirewallManagerStatement.RuleGroupReferenceStatement
			}
			rules = append(rules, rule)
		}
	}
	managed(in.PreProcessFirewallManagerRuleGroups)
	rules = append(rules, in.Rules...)
	managed(in.PostProcessFirewallManagerRuleGroups)
	return rules
}
