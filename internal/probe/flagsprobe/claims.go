package flagsprobe

import (
	"fmt"
	"slices"

	"github.com/getdrop/launchgate/internal/probe"
)

// Covered claims that every feature of the release is behind a flag that the provider has, or exempt for a reason.
func Covered(p Provider, file string, features []string) probe.Claim {
	return claim(p, file, "flags.features, the rollout plan and the provider", func(plan *Plan, seen map[string]Evaluation) error {
		if len(features) == 0 {
			return unset("flags.features", "list what is new in the release")
		}
		wrong, unknown := plan.uncovered(features, seen)
		return outcome("flags.coverage", fmt.Sprintf("%d features behind flags, or exempt", len(features)), wrong, unknown, plan.name, "put it behind a flag, or exempt it with a reason")
	})
}

func (p *Plan) uncovered(features []string, seen map[string]Evaluation) (wrong, unknown []string) {
	for _, name := range features {
		at := slices.IndexFunc(p.Features, func(f Feature) bool { return f.Name == name })
		if at < 0 {
			wrong = append(wrong, name+": not in the plan's features")
			continue
		}
		f := p.Features[at]
		where := fmt.Sprintf("%s:%d: %s: ", p.name, f.line, name)
		evaluation, there := seen[f.Flag]
		switch {
		case f.Flag == "" && blank(f.Exempt):
			wrong = append(wrong, where+"neither a flag nor a reason to be exempt")
		case f.Flag == "":
		case !slices.ContainsFunc(p.Flags, func(flag Flag) bool { return flag.Key == f.Flag }):
			wrong = append(wrong, where+"flag "+f.Flag+" is not in the plan's flags")
		case !there || evaluation.Error == notFound:
			wrong = append(wrong, where+"the provider has no flag "+f.Flag)
		case evaluation.Error != "":
			unknown = append(unknown, where+"flag "+f.Flag+": "+evaluation.Error)
		}
	}
	return wrong, unknown
}

// OffByDefault claims that in production every flag is off but those that are planned on: those that nobody planned, too.
func OffByDefault(p Provider, file string) probe.Claim {
	return claim(p, file, "the provider's flags in production", func(plan *Plan, seen map[string]Evaluation) error {
		wrong, unknown := plan.notOff(seen)
		if len(plan.Flags) == 0 {
			unknown = append(unknown, "no flag in "+plan.name)
		}
		return outcome("flags.on", "every flag off in production but those planned on", wrong, unknown, p.String(), "turn it off, or plan it")
	})
}

func (p *Plan) notOff(seen map[string]Evaluation) (wrong, unknown []string) {
	planned := map[string]Flag{}
	for _, f := range p.Flags {
		planned[f.Key] = f
	}
	for key, e := range seen {
		f, inPlan := planned[key]
		if inPlan && f.AtLaunch != nil && *f.AtLaunch {
			continue
		}
		if _, boolean := e.Value.(bool); !inPlan && e.Error == "" && e.Value != nil && !boolean {
			text, _ := e.Value.(string)
			if on, _ := meaning(text); on && text != "1" {
				wrong = append(wrong, key+" is on")
			}
			continue // a setting that nobody planned is no feature flag
		}
		on, why := e.state()
		switch {
		case on:
			wrong = append(wrong, key+" is on")
		case e.partial() && !f.Targeted:
			wrong = append(wrong, key+" is off for this context only: "+e.Reason)
		case why != "":
			unknown = append(unknown, key+": "+why)
		}
	}
	for key := range planned {
		if _, there := seen[key]; !there {
			unknown = append(unknown, key+": not shown")
		}
	}
	return wrong, unknown
}

// AsPlanned claims that every flag of the plan is in production what the plan says, and that there is one.
func AsPlanned(p Provider, file string) probe.Claim {
	return claim(p, file, "the rollout plan and the provider's flags in production", func(plan *Plan, seen map[string]Evaluation) error {
		if len(plan.Flags) == 0 {
			return &probe.Unmet{Class: "flags.plan", Want: "the table of flags at launch", Got: "an empty one", From: plan.name, Fix: "fill it in"}
		}
		wrong, unknown := plan.differences(seen)
		return outcome("flags.at-launch", fmt.Sprintf("%d flags as planned", len(plan.Flags)), wrong, unknown, p.String(), "set the flag, or correct the plan")
	})
}

func (p *Plan) differences(seen map[string]Evaluation) (wrong, unknown []string) {
	for _, f := range p.Flags {
		e, there := seen[f.Key]
		on, why := e.state()
		switch {
		case f.AtLaunch == nil:
			wrong = append(wrong, f.Key+" has no planned state")
		case !there:
			unknown = append(unknown, f.Key+": not shown")
		case e.Error == notFound:
			wrong = append(wrong, f.Key+": the provider does not have it")
		case why != "":
			unknown = append(unknown, f.Key+": "+why)
		case on != *f.AtLaunch:
			wrong = append(wrong, fmt.Sprintf("%s is %s, planned %s", f.Key, word(on), word(*f.AtLaunch)))
		case e.partial() && !f.Targeted:
			wrong = append(wrong, f.Key+" is so for this context only: "+e.Reason)
		}
	}
	return wrong, unknown
}

func word(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
