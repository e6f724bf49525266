package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// decisionLimit is how long after the launch what opens a gate may still be good: nothing decided for one launch opens the next.
const decisionLimit = 30 * 24 * time.Hour

// Rejections lists the rejections that stand in this environment, whoever made them. Only the same person takes one back,
// by a later approval of the same gate or section.
func (l *Launch) Rejections() []Decision {
	var standing []Decision
	for _, d := range l.Decisions {
		takenBack := slices.ContainsFunc(l.Decisions, func(a Decision) bool {
			return a.Decision == "approve" && a.Gate == d.Gate && a.Person == d.Person && a.Environment == d.Environment && a.Signed.After(d.Signed.Time)
		})
		if d.Decision == "reject" && d.Environment == l.Environment && !takenBack {
			standing = append(standing, d)
		}
	}
	return standing
}

// OutOfForce says why a decision does not count at an instant, as the end of a sentence about it; empty where it counts. A
// waiver does not count from the owner of the gate: a second person must decide.
func (l *Launch) OutOfForce(d Decision, owner PersonID, now time.Time) string {
	switch {
	case d.Environment != l.Environment:
		return "is for " + d.Environment
	case d.Signed.After(now):
		return fmt.Sprintf("is dated %s, which is in the future", d.Signed.UTC().Format(time.RFC3339))
	case d.Expires.IsZero():
		return "has no end"
	case !now.Before(d.Expires.Time):
		return "expired at " + d.Expires.UTC().Format(time.RFC3339)
	case d.Decision == "waive" && d.Person == owner:
		return fmt.Sprintf("is by %s, who owns the gate; a second person must decide", d.Person)
	default:
		return ""
	}
}

// decisions reads every decision. Rules that need the facts of the launch apply to decisions about its own environment,
// and only where those facts could be read.
func (f folder) decisions(l *Launch, complete bool, environments []string, now time.Time) []Decision {
	var all []Decision
	for _, name := range f.yamlFiles("decisions") {
		text, err := os.ReadFile(filepath.Join(f.dir, name))
		if err != nil {
			f.problems.add(Position{File: f.shown(name)}, "", "want a file that can be read; got %v", err)
			continue
		}
		v := parse(f.shown(name), text, f.problems)
		if v == nil {
			continue
		}
		sum := sha256.Sum256(text)
		d := Decision{File: f.shown(name), SHA256: hex.EncodeToString(sum[:])}
		// Without lookup nothing is expanded: no machine changes what a person decided.
		reader := &decoder{problems: f.problems, positions: map[string]Position{}}
		reader.decode("", v, reflect.ValueOf(&d).Elem(), field{})
		rules := judging{d, reader.positions, f.problems}
		rules.form(environments, now)
		if complete && d.Environment == l.Environment {
			rules.facts(l)
		}
		all = append(all, d)
	}
	return all
}

// judging applies the rules to one decision.
type judging struct {
	Decision
	positions map[string]Position
	problems  *Problems
}

func (j judging) bad(key, format string, args ...any) {
	at, ok := j.positions[key]
	if !ok {
		at = j.positions[""]
	}
	j.problems.add(at, key, format, args...)
}

var (
	gateID    = regexp.MustCompile(`^([A-Z][A-Za-z0-9]*)(/[A-Z][A-Za-z0-9_]*){1,2}$`)
	sha256Hex = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// form applies the rules that need no facts of the launch. A key whose text could not be read is zero here and was
// reported before.
func (j judging) form(environments []string, now time.Time) {
	given := func(key string) bool { _, ok := j.positions[key]; return ok }
	if match := gateID.FindStringSubmatch(j.Gate); j.Gate != "" && (match == nil || !slices.Contains(Phases, Phase(match[1]))) {
		j.bad("gate", "want the id of a gate or section such as TMinus5/DNS/API; got %s; launchgate list prints them", quote(j.Gate))
	}
	if j.Role != "" && !slices.Contains(roleNames(), j.Role) {
		j.bad("role", "want a key of sections or roles; got %s; %s", quote(j.Role), nearest(j.Role, roleNames()))
	}
	if j.Environment != "" && !slices.Contains(environments, j.Environment) {
		j.bad("environment", "want the name of an environment; got %s; there are %s", quote(j.Environment), strings.Join(environments, ", "))
	}
	if j.Evidence != "" && !sha256Hex.MatchString(j.Evidence) {
		j.bad("evidence_sha256", "want 64 hexadecimal digits; got %s", quote(j.Evidence))
	}
	if j.Signed.After(now) {
		j.bad("signed", "want a point in time that has been; got %s, which is in the future", j.Signed.Format(time.RFC3339))
	}
	if given("expires") && !j.Expires.IsZero() && !j.Expires.After(j.Signed.Time) {
		j.bad("expires", "want it after signed (%s); got %s", j.Signed.Format(time.RFC3339), j.Expires.Format(time.RFC3339))
	}
	if j.Decision.Decision != "" && j.Decision.Decision != "reject" && !given("expires") {
		j.bad("expires", "want %s; got nothing; a decision to %s always ends", formats[reflect.TypeFor[Instant]()].want, j.Decision.Decision)
	}
	if j.Decision.Decision != "waive" {
		return
	}
	if strings.TrimSpace(j.Compensating) == "" {
		j.bad("compensating_control", "want what makes the waiver bearable; got nothing; say what is done instead")
	}
	switch {
	case !given("requested_by"):
		j.bad("requested_by", "want who asked for the waiver; got nothing; name a person who is not %s", quote(string(j.Person)))
	case j.RequestedBy != "" && j.RequestedBy == j.Person:
		j.bad("requested_by", "want somebody else than the person who grants the waiver; got %s; a second person must decide", quote(string(j.RequestedBy)))
	}
}

// facts applies the rules that need the people and the date of the launch.
func (j judging) facts(l *Launch) {
	for key, id := range map[string]PersonID{"person": j.Person, "requested_by": j.RequestedBy} {
		if id == "" {
			continue
		}
		switch p, known := l.People[id]; {
		case !known:
			j.bad(key, "%s", l.unknownPerson(id))
		case p.Bot && key == "person":
			j.bad(key, "want a person; got %s, which is a bot; an automation never decides", quote(string(id)))
		}
	}
	if last := l.At().Add(decisionLimit); j.Decision.Decision != "reject" && l.Schedule.Date != (Date{}) && j.Expires.After(last) {
		j.bad("expires", "want at most 30 days after the launch (%s); got %s", last.Format(time.RFC3339), j.Expires.Format(time.RFC3339))
	}
}

func (l *Launch) unknownPerson(id PersonID) string {
	var known []string
	for name := range l.People {
		known = append(known, string(name))
	}
	slices.Sort(known)
	return fmt.Sprintf("want a key of people; got %s; %s", quote(string(id)), nearest(string(id), known))
}
