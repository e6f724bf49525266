// Package flagsprobe claims things about feature flags: that what is new is behind them, that they are as planned in production,
// that the plan can be followed, and that one of them works as a kill switch. It asks a provider that speaks OFREP
// (https://openfeature.dev/docs/reference/other-technologies/ofrep, service/openapi.yaml in github.com/open-feature/protocol), or
// reads the environment variables of the service.
package flagsprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/getdrop/launchgate/internal/probe"
)

// Evaluation is what a provider says of a flag in production.
type Evaluation struct {
	Value  any
	Reason string
	Error  string // the provider's code, such as FLAG_NOT_FOUND
}

// Provider is what decides about flags.
type Provider interface {
	// Evaluate gives every flag that the provider shows, and those of the plan in any case.
	Evaluate(ctx context.Context, planned []Flag) (map[string]Evaluation, error)
	// String names the provider in messages.
	String() string
}

// MarshalJSON shows booleans only: what else a flag carries may be nobody's business.
func (e Evaluation) MarshalJSON() ([]byte, error) {
	shown := map[string]any{"reason": e.Reason, "error": e.Error}
	if on, boolean := e.Value.(bool); boolean {
		shown["value"] = on
	}
	return json.Marshal(shown)
}

// notFound is the code for a flag that the provider does not have (OFREP, flagNotFound).
const notFound = "FLAG_NOT_FOUND"

// state is whether a flag is on, or why nobody can tell. A value that the provider fell back to is nobody's decision: the
// application falls back to what its code says.
func (e Evaluation) state() (on bool, unknown string) {
	value, boolean := e.Value.(bool)
	switch {
	case e.Error != "":
		return false, e.Error
	case e.Value == nil:
		return false, "no value, so that the application takes its own default"
	case !boolean:
		return false, "a value that is neither true nor false"
	case e.Reason != "STATIC" && e.Reason != "DISABLED" && !e.partial():
		return value, fmt.Sprintf("%t by the reason %q, which is nobody's decision", value, e.Reason)
	}
	return value, ""
}

// partial says that the flag was decided for one context only, and may be otherwise for others.
func (e Evaluation) partial() bool {
	return slices.Contains([]string{"SPLIT", "TARGETING_MATCH", "TARGETING_MATCH_SPLIT"}, e.Reason)
}

// claim reads the plan, asks the provider and judges.
func claim(p Provider, file, source string, judge func(*Plan, map[string]Evaluation) error) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: file, Source: source}
		if p == nil {
			return evidence, unset("flags.provider", "name it: ofrep, environment, or none")
		}
		plan, err := read(file)
		if err != nil {
			return evidence, err
		}
		seen, err := p.Evaluate(ctx, plan.Flags)
		evidence.Asked = []string{p.String()}
		if err != nil {
			return evidence, err
		}
		evidence.Observed = seen
		return evidence, judge(plan, seen)
	}
}

func unset(key, fix string) error {
	return &probe.Unknown{Class: "not-configured", Want: key, Got: "none in launch.yaml", Fix: fix}
}

// outcome is the error for what is wrong, or else for what nobody can tell.
func outcome(class, want string, wrong, unknown []string, from, fix string) error {
	slices.Sort(wrong)
	slices.Sort(unknown)
	switch {
	case len(wrong) > 0:
		return &probe.Unmet{Class: class, Want: want, Got: join(append(wrong, unknown...)), From: from, Fix: fix}
	case len(unknown) > 0:
		return &probe.Unknown{Class: class, Want: want, Got: join(unknown), From: from, Fix: "have the provider decide it: " + fix}
	}
	return nil
}
