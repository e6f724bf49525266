package wafprobe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/getdrop/launchgate/internal/probe"
)

func (a *ACL) fill(in *types.WebACL, requests []Request) {
	a.Name = aws.ToString(in.Name)
	if d := in.DefaultAction; d != nil {
		switch {
		case d.Block != nil:
			a.Default = "block"
		case d.Allow != nil:
			a.Default = "allow"
		}
	}
	for _, r := range all(in) {
		rule := fromRule(r)
		rule.within(r.Statement, requests)
		a.Rules = append(a.Rules, rule)
	}
}

// fromRule reads a rule. That of a group has no action of its own, and may turn the whole group to counting, or have some of its rules do something else.
func fromRule(in types.Rule) Rule {
	r := Rule{Name: aws.ToString(in.Name), Action: action(in.Action)}
	s := in.Statement
	if s == nil || s.ManagedRuleGroupStatement == nil && s.RuleGroupReferenceStatement == nil {
		return r
	}
	if in.OverrideAction != nil && in.OverrideAction.Count != nil {
		r.Action = "count"
		return r
	}
	r.Action, r.overrides = "group", map[string]string{}
	var overrides []types.RuleActionOverride
	var excluded []types.ExcludedRule
	if m := s.ManagedRuleGroupStatement; m != nil {
		overrides, excluded, r.Blocks = m.RuleActionOverrides, m.ExcludedRules, -1
		if len(overrides)+len(excluded) > 0 {
			r.vendors, r.Blocks = m, 0
		}
	} else {
		m := s.RuleGroupReferenceStatement
		overrides, excluded, r.own = m.RuleActionOverrides, m.ExcludedRules, aws.ToString(m.ARN)
	}
	for _, e := range excluded { // as it was written before there were overrides: these count
		r.overrides[aws.ToString(e.Name)] = "count"
	}
	for _, o := range overrides {
		r.overrides[aws.ToString(o.Name)] = action(o.ActionToUse)
	}
	return r
}

// take reads a rule of the group. An override of a rule that is not there means nothing, which AWS does not say.
func (r *Rule) take(name, own string) {
	now, overridden := r.overrides[name]
	if !overridden {
		now = own
	}
	switch {
	case refuses(now):
		r.Blocks++
	case refuses(own), now == "count" && r.own != "": // a vendor's rule may count by itself
		r.Counts = append(r.Counts, name)
	}
}

func action(in *types.RuleAction) string {
	switch {
	case in == nil:
		return ""
	case in.Block != nil:
		return "block"
	case in.Captcha != nil:
		return "captcha"
	case in.Challenge != nil:
		return "challenge"
	case in.Allow != nil:
		return "allow"
	case in.Count != nil:
		return "count"
	}
	return ""
}

func refuses(action string) bool {
	return action == "block" || action == "captcha" || action == "challenge"
}

func blocks(acl ACL, counting []string) error {
	var count, out, perhaps []string
	refusing := acl.Default == "block"
	for _, r := range acl.Rules {
		if refuses(r.Action) || r.Action == "group" && r.Blocks != 0 {
			switch {
			case r.reaches == yes:
				refusing = true
			case r.reaches == unsure:
				perhaps = append(perhaps, r.Name)
			case !r.narrow && !slices.Contains(counting, r.Name):
				out = append(out, r.Name+" ("+r.Scope+")")
			}
		}
		if r.Action == "count" && !slices.Contains(counting, r.Name) {
			count = append(count, r.Name)
		}
		for _, inner := range r.Counts {
			if name := r.Name + "/" + inner; !slices.Contains(counting, r.Name) && !slices.Contains(counting, name) {
				count = append(count, name)
			}
		}
	}
	want := "rules of " + acl.Name + " that refuse"
	switch {
	case len(count) > 0:
		return &probe.Unmet{Class: "waf.count", Want: want, Got: "rules that refuse nothing: " + strings.Join(count, ", "), From: acl.From, Fix: "set them to Block, or list them in cdn.waf.counting"}
	case len(out) > 0:
		return &probe.Unmet{Class: "waf.scope", Want: want, Got: "rules that are for none of the launch's requests: " + strings.Join(out, ", "), From: acl.From,
			Fix: "widen their scope-down statements, have the paths that they are for in cdn.behaviors, or list the rules in cdn.waf.counting"}
	case !refusing && len(perhaps) > 0:
		return &probe.Unknown{Class: "waf.scope", Want: want, Got: "no rule that does so but those that are narrowed down to some paths, or by what nobody can tell here: " + strings.Join(perhaps, ", "), From: acl.From,
			Fix: "have one for all of the launch's paths; else this needs the sign-off of its owner, as a waiver of this gate"}
	case !refusing:
		return &probe.Unmet{Class: "waf.nothing", Want: want, Got: fmt.Sprintf("%d rules, none of which refuses, and the default %s", len(acl.Rules), acl.Default), From: acl.From, Fix: "add rules such as AWSManagedRulesCommonRuleSet"}
	}
	return nil
}
