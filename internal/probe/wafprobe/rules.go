package wafprobe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/getdrop/launchgate/internal/probe"
)

func (a *ACL) fill(in *types.WebACL) {
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
		a.Rules = append(a.Rules, fromRule(r))
	}
}

// fromRule reads a rule. That of a group has no action of its own, and may turn the whole group, or some of its rules, to counting.
func fromRule(in types.Rule) Rule {
	r := Rule{Name: aws.ToString(in.Name), Action: action(in.Action)}
	if s := in.Statement; s != nil && s.RuleGroupReferenceStatement != nil {
		r.group = aws.ToString(s.RuleGroupReferenceStatement.ARN)
	}
	if in.OverrideAction != nil && in.OverrideAction.Count != nil {
		r.Action = "count"
		return r
	}
	if in.Statement == nil {
		return r
	}
	var overrides []types.RuleActionOverride
	var excluded []types.ExcludedRule
	switch {
	case in.Statement.ManagedRuleGroupStatement != nil:
		m := in.Statement.ManagedRuleGroupStatement
		r.Action, r.Blocks, overrides, excluded = "group", -1, m.RuleActionOverrides, m.ExcludedRules
	case in.Statement.RuleGroupReferenceStatement != nil:
		m := in.Statement.RuleGroupReferenceStatement
		r.Action, overrides, excluded = "group", m.RuleActionOverrides, m.ExcludedRules
	}
	for _, o := range overrides {
		if action(o.ActionToUse) == "count" {
			r.Counts = append(r.Counts, aws.ToString(o.Name))
		}
	}
	for _, e := range excluded { // as it was written before there were overrides: these count
		r.Counts = append(r.Counts, aws.ToString(e.Name))
	}
	return r
}

// look reads the rules of a group of one's own.
func (r *Rule) look(group *types.RuleGroup) {
	if group == nil || r.Action != "group" {
		return
	}
	for _, inner := range group.Rules {
		switch name := aws.ToString(inner.Name); {
		case slices.Contains(r.Counts, name):
		case action(inner.Action) == "count":
			r.Counts = append(r.Counts, name)
		case refuses(action(inner.Action)):
			r.Blocks++
		}
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
	var count []string
	refusing := acl.Default == "block"
	for _, r := range acl.Rules {
		refusing = refusing || refuses(r.Action) || r.Action == "group" && r.Blocks != 0
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
		return &probe.Unmet{Class: "waf.count", Want: want, Got: "rules that only count: " + strings.Join(count, ", "), From: acl.From, Fix: "set them to Block, or list them in cdn.waf.counting"}
	case !refusing:
		return &probe.Unmet{Class: "waf.nothing", Want: want, Got: fmt.Sprintf("%d rules, none of which refuses, and the default %s", len(acl.Rules), acl.Default), From: acl.From, Fix: "add rules such as AWSManagedRulesCommonRuleSet"}
	}
	return nil
}
