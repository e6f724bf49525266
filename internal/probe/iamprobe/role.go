// Package iamprobe claims what a role may and may not do, by IAM's own simulation. The simulation does not know service control
// policies and resource policies: what an action really needs shows only when it is done.
package iamprobe

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"IAM.SimulatePrincipalPolicy": {Action: "iam:SimulatePrincipalPolicy", On: awsprobe.Role},
}

// Permission is an action on a resource: "<action> <resource ARN>" in launch.yaml.
type Permission struct {
	Action   string `json:"action"`
	Resource string `json:"resource"`
}

// Parse reads a permission as launch.yaml writes it.
func Parse(entry string) Permission {
	action, resource, _ := strings.Cut(entry, " ")
	return Permission{action, resource}
}

// Role is one role and everything that is to be known of it, simulated at once.
type Role struct {
	account *awsprobe.Account
	arn     string
	asked   []Permission
	seen    probe.Memo[string, simulated]
}

// New returns a role and the permissions that claims will be made about.
func New(account *awsprobe.Account, arn string, asked ...Permission) *Role {
	return &Role{account: account, arn: arn, asked: asked}
}

type simulated struct {
	decisions map[Permission]string
	missing   map[Permission][]string // context keys that the policies ask for and nobody knows
	from      string
}

// circumstances are what is known of every call to a resource: that it comes over TLS, and to which region.
func circumstances(resource string) []types.ContextEntry {
	known := []types.ContextEntry{{ContextKeyName: aws.String("aws:SecureTransport"), ContextKeyType: types.ContextKeyTypeEnumBoolean, ContextKeyValues: []string{"true"}}}
	if parts := strings.Split(resource, ":"); len(parts) > 3 && parts[3] != "" {
		known = append(known, types.ContextEntry{ContextKeyName: aws.String("aws:RequestedRegion"), ContextKeyType: types.ContextKeyTypeEnumString, ContextKeyValues: []string{parts[3]}})
	}
	return known
}

// observe simulates the actions of one resource in one call: the API simulates every action on every resource that it is given.
func (r *Role) observe(ctx context.Context) (simulated, error) {
	cfg, who, err := r.account.Open(ctx, Needs)
	seen := simulated{decisions: map[Permission]string{}, missing: map[Permission][]string{}, from: "iam:SimulatePrincipalPolicy as " + who.String()}
	if err != nil {
		return seen, err
	}
	client := iam.NewFromConfig(cfg)
	byResource := map[string][]string{}
	for _, p := range r.asked {
		if !slices.Contains(byResource[p.Resource], p.Action) {
			byResource[p.Resource] = append(byResource[p.Resource], p.Action)
		}
	}
	for resource, actions := range byResource {
		pages := iam.NewSimulatePrincipalPolicyPaginator(client, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &r.arn, ActionNames: actions, ResourceArns: []string{resource}, ContextEntries: circumstances(resource)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return seen, r.refused(who, err)
			}
			for _, result := range page.EvaluationResults {
				p := Permission{aws.ToString(result.EvalActionName), resource}
				seen.decisions[p] = string(result.EvalDecision)
				seen.missing[p] = result.MissingContextValues
				for _, one := range result.ResourceSpecificResults {
					seen.missing[p] = append(seen.missing[p], one.MissingContextValues...)
				}
			}
		}
	}
	return seen, nil
}

func (r *Role) refused(who awsprobe.Identity, err error) error {
	if awsprobe.Missing(err) {
		return &probe.Unmet{Class: "iam.missing", Want: "the role " + r.arn, Got: "no such role", From: "iam:SimulatePrincipalPolicy as " + who.String(), Fix: "correct iam.role"}
	}
	return awsprobe.Unreadable("iam:SimulatePrincipalPolicy", "what "+r.arn+" may do", who, err)
}

// May claims that the role may do something.
func (r *Role) May(p Permission) probe.Claim {
	return r.claim(p, func(decision string) *probe.Unmet {
		if decision == string(types.PolicyEvaluationDecisionTypeAllowed) {
			return nil
		}
		return &probe.Unmet{Class: "iam.denied", Want: "allowed: " + p.Action + " on " + p.Resource, Got: decision, Fix: "allow it in the role's policy"}
	})
}

// MayNot claims that the role may not do something.
func (r *Role) MayNot(p Permission) probe.Claim {
	return r.claim(p, func(decision string) *probe.Unmet {
		if decision != string(types.PolicyEvaluationDecisionTypeAllowed) {
			return nil
		}
		return &probe.Unmet{Class: "iam.allowed", Want: "denied: " + p.Action + " on " + p.Resource, Got: decision, Fix: "take it out of the role's policies"}
	})
}

func (r *Role) claim(p Permission, judge func(decision string) *probe.Unmet) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.arn, Source: "IAM SimulatePrincipalPolicy"}
		if r.arn == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the application's role", Got: "no iam.role in launch.yaml", Fix: "add its ARN"}
		}
		seen, err := r.seen.Try(ctx, "what "+r.arn+" may do", awsprobe.Patience, r.observe)
		evidence.Asked = []string{seen.from}
		if err != nil {
			return evidence, err
		}
		decision, answered := seen.decisions[p]
		evidence.Observed = map[string]string{"action": p.Action, "resource": p.Resource, "decision": decision}
		if !answered || decision == "" {
			return evidence, &probe.Unknown{Class: "iam.unanswered", Want: p.Action + " on " + p.Resource, Got: "no decision", From: seen.from, Fix: "see whether the action is spelled right"}
		}
		if missing := seen.missing[p]; len(missing) > 0 { // a statement with a condition on it did not match, whatever the real call has
			return evidence, &probe.Unknown{Class: "iam.condition", Want: p.Action + " on " + p.Resource, Got: decision + " without " + strings.Join(slices.Compact(slices.Sorted(slices.Values(missing))), ", ") + ", by which the role's policies decide",
				From: seen.from, Fix: "see what the statement with this condition allows or denies; this needs the sign-off of its owner, as a waiver of this gate"}
		}
		if unmet := judge(decision); unmet != nil {
			unmet.From = seen.from
			return evidence, unmet
		}
		return evidence, nil
	}
}
