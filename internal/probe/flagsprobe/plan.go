package flagsprobe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/getdrop/launchgate/internal/probe"
)

// Plan is the rollout plan, a file that people write: which flags, what each is at launch, in which order they are turned on, on
// what criteria.
type Plan struct {
	Flags    []Flag    `yaml:"flags"`
	Features []Feature `yaml:"features"`

	problems []string
	name     string
}

// Flag is one flag of the plan.
type Flag struct {
	Key      string   `yaml:"key"`
	Variable string   `yaml:"variable"`     // that carries it, where flags are environment variables; otherwise the key does
	AtLaunch *bool    `yaml:"on_at_launch"` // what it must be at launch
	Targeted bool     `yaml:"targeted"`     // rules decide about it, so that it may be on for some
	Owner    string   `yaml:"owner"`
	Order    int      `yaml:"order"` // 1 is turned on first
	Criteria Criteria `yaml:"criteria"`
	Rollback string   `yaml:"rollback"`
	Notes    string   `yaml:"notes"`

	line int
}

// Criteria are what must hold to go on; the rollout is aborted when they do not.
type Criteria struct {
	Metric    string `yaml:"metric"`
	Threshold string `yaml:"threshold"`
}

// Feature is something new in the release: behind a flag, or exempt for a reason.
type Feature struct {
	Name   string `yaml:"name"`
	Flag   string `yaml:"flag"`
	Exempt string `yaml:"exempt"`

	line int
}

// UnmarshalYAML keeps the line.
func (f *Flag) UnmarshalYAML(node *yaml.Node) error {
	type plain Flag
	err := node.Decode((*plain)(f))
	f.line = node.Line
	return err
}

// UnmarshalYAML keeps the line.
func (f *Feature) UnmarshalYAML(node *yaml.Node) error {
	type plain Feature
	err := node.Decode((*plain)(f))
	f.line = node.Line
	return err
}

// read reads the plan. One that is not there, or is no YAML, is measured and wrong: people have to write it.
func read(file string) (*Plan, error) {
	if file == "" {
		return nil, unset("flags.plan", "name the file of the rollout plan")
	}
	p := &Plan{name: filepath.Base(file)}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &probe.Unmet{Class: "flags.plan", Want: "the rollout plan " + p.name, Got: "no such file", From: "the folder of launch.yaml", Fix: "write it; docs/launch-yaml.md has an example"}
	case err != nil:
		return nil, &probe.Unknown{Class: "flags.plan", Want: "the rollout plan " + p.name, Got: err.Error(), Err: err}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, p.broken(err)
	}
	if err := root.Decode(p); err != nil {
		return nil, p.broken(err)
	}
	p.strange(&root, "", map[string][]string{"": {"flags", "features"}, "flags": {"key", "variable", "on_at_launch", "targeted", "owner", "order", "criteria", "rollback", "notes"},
		"criteria": {"metric", "threshold"}, "features": {"name", "flag", "exempt"}})
	return p, nil
}

func (p *Plan) broken(err error) error {
	return &probe.Unmet{Class: "flags.plan", Want: "a rollout plan that can be read", Got: strings.Join(strings.Fields(err.Error()), " "), From: p.name, Fix: "correct it"}
}

// strange notes keys that the plan does not have: a misspelt one would be missing without a word.
func (p *Plan) strange(node *yaml.Node, under string, known map[string][]string) {
	for i, child := range node.Content {
		switch {
		case node.Kind != yaml.MappingNode:
			p.strange(child, under, known)
		case i%2 == 1:
			key := node.Content[i-1]
			if !slices.Contains(known[under], key.Value) {
				p.problem(key.Line, "unknown key "+key.Value)
			} else if _, deeper := known[key.Value]; deeper {
				p.strange(child, key.Value, known)
			}
		}
	}
}

func (p *Plan) problem(line int, text string) {
	p.problems = append(p.problems, fmt.Sprintf("%s:%d: %s", p.name, line, text))
}

// Complete claims that the plan says of every flag which it is, whose, in what order it comes, on what criterion the rollout goes on
// or is aborted, and how it is taken back. All that is missing is named at once, with its line.
func Complete(file string, people []string) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: file, Source: "the rollout plan"}
		plan, err := read(file)
		if err != nil {
			return evidence, err
		}
		evidence.Observed = plan
		problems := plan.incomplete(people)
		if len(problems) == 0 {
			return evidence, nil
		}
		return evidence, &probe.Unmet{Class: "flags.plan", Want: "a complete rollout plan", Got: join(problems), From: plan.name, Fix: "complete it"}
	}
}

func (p *Plan) incomplete(people []string) []string {
	if len(p.Flags) == 0 {
		p.problem(1, "no flags: the table is empty")
	}
	keys, orders := map[string]bool{}, map[int]bool{}
	for _, f := range p.Flags {
		for _, missing := range []struct {
			is   bool
			what string
		}{
			{f.Key == "", "no key"}, {keys[f.Key] && f.Key != "", f.Key + " again"},
			{f.AtLaunch == nil, "no on_at_launch"}, {f.Owner == "", "no owner"}, {f.Owner != "" && !slices.Contains(people, f.Owner), f.Owner + " is nobody in launch.yaml"},
			{f.Order < 1, "no order, from 1"}, {orders[f.Order] && f.Order > 0, fmt.Sprintf("order %d again: one flag at a time", f.Order)},
			{blank(f.Criteria.Metric), "no criteria.metric"}, {blank(f.Criteria.Threshold), "no criteria.threshold: nobody would know when to abort"}, {blank(f.Rollback), "no rollback"},
		} {
			if missing.is {
				p.problem(f.line, missing.what)
			}
		}
		keys[f.Key], orders[f.Order] = true, true
	}
	return p.problems
}

func blank(text string) bool {
	t := strings.ToLower(strings.TrimSpace(text))
	return t == "" || t == "tbd" || t == "todo" || t == "?"
}

func join(list []string) string { return strings.Join(list, "; ") }
