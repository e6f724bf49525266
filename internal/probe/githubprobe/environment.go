package githubprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// Environment is what guards deployments (https://docs.github.com/rest/deployments/environments#get-an-environment).
type Environment struct {
	AdminsBypass *bool `json:"can_admins_bypass"`
	Rules        []struct {
		Type      string `json:"type"`
		NotSelf   bool   `json:"prevent_self_review"`
		Reviewers []struct {
			Type string `json:"type"`
		} `json:"reviewers"`
	} `json:"protection_rules"`
	Policy *struct {
		Protected bool `json:"protected_branches"`
		Custom    bool `json:"custom_branch_policies"`
	} `json:"deployment_branch_policy"`

	Refs []string `json:"refs"` // what may be deployed from: branch policies, tag policies as refs/tags/…, or the protected branches
}

// EnvironmentGuarded claims that a deployment to the environment needs somebody else's approval, that administrators cannot go
// around it, and that it comes from the given refs only; with no refs, from the default branch.
func (r *Repository) EnvironmentGuarded(name string, refs []string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: r.name + ", environment " + name, Source: "GitHub, deployment environments"}
		if r.name == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "the application's repository", Got: "no github.repository in launch.yaml", Fix: "add it, as owner/name"}
		}
		branch, err := r.defaultBranch(ctx)
		if err != nil {
			return evidence, err
		}
		if len(refs) == 0 {
			refs = []string{branch}
		}
		path := "/environments/" + url.PathEscape(name)
		var e Environment
		answer, err := r.get(ctx, path, &e)
		switch {
		case err != nil:
			return evidence, err
		case answer.Status == http.StatusNotFound: // the repository was seen
			return evidence, &probe.Unmet{Class: "github.environment", Want: "the environment " + name, Got: "none", From: answer.From, Fix: "create it, and deploy through it"}
		case answer.Status != http.StatusOK:
			return evidence, answer.Unexpected()
		case e.AdminsBypass == nil || e.Rules == nil:
			return evidence, answer.Incomplete("protection rules")
		}
		if e.Refs, err = r.deployRefs(ctx, path, e); err != nil {
			return evidence, err
		}
		evidence.Observed, evidence.Asked = e, []string{answer.From}
		return evidence, guarded(e, refs, answer.From)
	}
}

// deployRefs are what the environment may be deployed from.
func (r *Repository) deployRefs(ctx context.Context, path string, e Environment) ([]string, error) {
	var all []string
	type ref struct{ Name, Type string } // https://docs.github.com/rest/deployments/branch-policies
	read := func(page json.RawMessage) error {
		var found []ref
		err := json.Unmarshal(page, &found)
		for _, f := range found {
			if f.Type == "tag" { // whoever may push a tag may give it the name of a branch
				f.Name = "refs/tags/" + f.Name
			}
			all = append(all, f.Name)
		}
		return err
	}
	switch {
	case e.Policy == nil:
		return nil, nil
	case e.Policy.Custom:
		path += "/deployment-branch-policies?per_page=100"
		inner := read
		read = func(page json.RawMessage) error {
			var found struct {
				Policies json.RawMessage `json:"branch_policies"`
			}
			if err := json.Unmarshal(page, &found); err != nil {
				return err
			}
			return inner(found.Policies)
		}
	default:
		path = "/branches?protected=true&per_page=100"
	}
	answer, err := r.pages(ctx, path, read)
	if answer != nil && answer.Status == http.StatusNotFound { // not of the repository, which was seen
		err = answer.Unexpected()
	}
	return all, err
}

func guarded(e Environment, refs []string, from string) error {
	var open []string
	reviewed := false
	for _, rule := range e.Rules {
		if rule.Type == "required_reviewers" && len(rule.Reviewers) > 0 {
			reviewed = true
			if !rule.NotSelf {
				open = append(open, "who starts a deployment may approve it")
			}
		}
	}
	if !reviewed {
		open = append(open, "nobody has to approve a deployment")
	}
	if e.AdminsBypass == nil || *e.AdminsBypass {
		open = append(open, "administrators may go around the rules")
	}
	switch {
	case e.Policy == nil:
		open = append(open, "any branch may be deployed")
	case len(e.Refs) == 0: // with no protected branch at all, every branch may be deployed
		open = append(open, "no branch is named or protected, so that any may be deployed or none")
	}
	for _, ref := range e.Refs {
		if !slices.Contains(refs, ref) {
			open = append(open, fmt.Sprintf("%q may be deployed", ref))
		}
	}
	if len(open) == 0 {
		return nil
	}
	return &probe.Unmet{Class: "github.environment", Want: "deployments that somebody else approves, from " + strings.Join(refs, ", ") + " only", Got: strings.Join(open, "; "), From: from,
		Fix: "correct the environment's protection rules, or github.deploy_refs"}
}
