package gate

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
)

// SignOff declares the gate of the line "Owner: …, Due: …" below a section: the section has an owner, the owner approved it,
// and did so in time.
func (s *Section) SignOff(name, section string, role launch.Role) {
	signed := fmt.Sprintf("%s/%s", s.page.phase, section)
	phase := s.page.phase
	s.declare(name, Hard, role, fmt.Sprintf("%s has an owner, who approved it by the day it is due.", section), func(g *G) {
		l := g.Launch()
		g.Check("approved by its owner", func(context.Context) (probe.Evidence, error) {
			return approved(l, signed, role, l.Due(phase), time.Now())
		})
	})
}

// Owners declares the gate that every section of the runbook has an owner, on whatever page it stands.
func (s *Section) Owners(name string) {
	s.declare(name, Warn, s.role, "Every section of the runbook has an owner.", func(g *G) {
		sections := map[string][]string{}
		all, _ := catalogue.All() // without one there is nothing to check, which is BLOCKED
		for _, line := range all {
			if section := line.Phase + "/" + line.Section; !slices.Contains(sections[line.Role], section) {
				sections[line.Role] = append(sections[line.Role], section)
			}
		}
		for _, role := range slices.Sorted(maps.Keys(sections)) {
			g.Check(role, owned(g.Launch(), launch.Role(role), sections[role]))
		}
	})
}

// owned claims that sections of the runbook have an owner.
func owned(l *launch.Launch, role launch.Role, sections []string) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		id, _, ok := l.Owner(role)
		seen := probe.Evidence{Target: string(role), Observed: map[string]any{"owner": id, "sections": sections}}
		if !ok {
			return seen, &probe.Unmet{Class: "owner.none", Want: "an owner of " + strings.Join(sections, ", "), Got: "none", From: "launch.yaml", Fix: fmt.Sprintf("name a person under sections.%s", role)}
		}
		return seen, nil
	}
}

// approved judges what the decisions say about a section. A rejection that stands is red, whoever made it.
func approved(l *launch.Launch, section string, role launch.Role, due, now time.Time) (probe.Evidence, error) {
	id, owner, ok := l.Owner(role)
	seen := probe.Evidence{Target: section, Observed: map[string]any{"owner": id, "due": due.UTC()}}
	if !ok {
		return seen, &probe.Unknown{Class: "not-configured", Want: fmt.Sprintf("an owner of %s", section), Got: "none",
			From: "launch.yaml", Fix: fmt.Sprintf("name a person under sections.%s", role)}
	}
	if r := rejection(l, section); r != nil {
		seen.Observed = map[string]any{"owner": id, "due": due.UTC(), "decision": r.Decision, "person": r.Person, "file": r.File, "sha256": r.SHA256}
		return seen, &probe.Unmet{Class: "rejected", Want: fmt.Sprintf("%s approved", section),
			Got:  fmt.Sprintf("rejected by %s at %s: %s", r.Person, r.Signed.UTC().Format(time.RFC3339), r.Reason),
			From: r.File, Fix: "settle the reason, then let them approve anew"}
	}
	var newest *launch.Decision
	for i, d := range l.Decisions {
		about := d.Gate == section && d.Environment == l.Environment && d.Decision == "approve"
		if about && d.Person == id && !d.Signed.After(now) && (newest == nil || d.Signed.After(newest.Signed.Time)) {
			newest = &l.Decisions[i]
		}
	}
	if newest == nil {
		return seen, &probe.Unknown{Class: "unsigned", Want: fmt.Sprintf("the approval of %s by %s", section, owner.Name), Got: "no decision of theirs",
			From: "decisions", Fix: fmt.Sprintf("add decisions/*.yaml with gate: %s, decision: approve, person: %s, environment: %s", section, id, l.Environment)}
	}
	signed := newest.Signed.UTC().Format(time.RFC3339)
	seen.Observed = map[string]any{"owner": id, "due": due.UTC(), "decision": newest.Decision, "signed": signed, "file": newest.File, "sha256": newest.SHA256}
	switch {
	case !newest.Expires.IsZero() && !now.Before(newest.Expires.Time):
		return seen, &probe.Unmet{Class: "unsigned", Want: fmt.Sprintf("an approval of %s that is still good", section),
			Got: "one that expired at " + newest.Expires.UTC().Format(time.RFC3339), From: newest.File, Fix: "let the owner approve anew"}
	case !due.IsZero() && newest.Signed.After(due):
		return seen, &probe.Unmet{Class: "late", Want: fmt.Sprintf("%s approved by %s", section, due.UTC().Format(time.RFC3339)), Got: "approved at " + signed,
			From: newest.File, Fix: "a late approval needs a waiver of this gate"}
	}
	return seen, nil
}

// Confirmed claims that the owner of this gate confirmed, by a decision that approves it, what no machine can see.
func (g *G) Confirmed() probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		return approved(g.launch, g.gate.ID, launch.Role(g.gate.Role), time.Time{}, time.Now())
	}
}

// ApprovedFile claims that the owner of this gate approved a file exactly as it is now: a decision about the gate that
// names the file's hash.
func (g *G) ApprovedFile(path string) probe.Claim {
	return func(context.Context) (probe.Evidence, error) {
		return approvedFile(g.launch, g.gate, path, time.Now())
	}
}

func approvedFile(l *launch.Launch, g catalogue.Gate, path string, now time.Time) (probe.Evidence, error) {
	seen := probe.Evidence{Target: path}
	owner, _, ok := l.Owner(launch.Role(g.Role))
	if !ok {
		return seen, &probe.Unknown{Class: "not-configured", Want: "an owner of " + g.ID, Got: "none", From: "launch.yaml", Fix: "name a person for " + g.Role}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return seen, &probe.Unknown{Class: "not-configured", Want: "a file that somebody approved", Got: err.Error(), From: path, Fix: "write it and commit it"}
	}
	sum := evidence.Sum(text)
	seen.Observed = map[string]any{"sha256": sum}
	want := fmt.Sprintf("a decision that approves the file with sha256 %s", sum)
	fix := fmt.Sprintf("let the owner read the file, then add decisions/*.yaml with gate: %s, decision: approve, person: %s, evidence_sha256: %s", g.ID, owner, sum)
	other := ""
	for _, d := range l.Decisions {
		switch {
		case d.Gate != g.ID || d.Decision != "approve" || d.Environment != l.Environment || d.Signed.After(now):
		case d.Person != owner:
			other = "one by " + string(d.Person)
		case !d.Expires.IsZero() && !now.Before(d.Expires.Time):
			other = "one that expired at " + d.Expires.UTC().Format(time.RFC3339)
		case d.Evidence == sum:
			return seen, nil
		default:
			other = fmt.Sprintf("one about sha256 %s", d.Evidence)
		}
	}
	if other != "" {
		return seen, &probe.Unmet{Class: "approval.other", Want: want, Got: other, From: "decisions", Fix: fix}
	}
	return seen, &probe.Unknown{Class: "unsigned", Want: want, Got: "none", From: "decisions", Fix: fix}
}
