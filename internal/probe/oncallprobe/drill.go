package oncallprobe

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

const (
	// tidying is how long an incident may take to be resolved, whatever became of the claim.
	tidying = 15 * time.Second
	// rhythm is how often it is looked for an acknowledgement, at most.
	rhythm = 10 * time.Second
	// skew is how far the provider's clock may be behind the one here.
	skew = 30 * time.Second
)

// Drill is an alert that is no alarm.
type Drill struct {
	Tester string        // by e-mail: who lets it be fired, and so proves nothing by taking it
	Within time.Duration // how soon somebody takes it
	Says   string        // what it begins with
}

// Answers claims that somebody who is on call, other than the tester, takes an alert in time. The alert is ended in any case.
func Answers(p Provider, d Drill) probe.Claim {
	return func(ctx context.Context) (evidence probe.Evidence, err error) {
		nonce := "launchgate-" + strings.ToLower(rand.Text())
		evidence = probe.Evidence{Target: nonce, Asked: []string{p.Name()}}
		if d.Tester == "" {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "who fires the alert", Got: "no e-mail of oncall.tester in launch.yaml", Fix: "name a person with an e-mail: their own answer proves nothing"}
		}
		began := time.Now()
		onCall, err := p.Shifts(ctx, began, began.Add(d.Within+time.Minute)) // with those who come while it is waited
		if err != nil {
			return evidence, err
		}
		id, err := p.Fire(ctx, nonce, fmt.Sprintf("%s This is a test: acknowledge it. %s", d.Says, nonce))
		if err != nil && id == "" {
			return evidence, err
		}
		fired := time.Now() // not before: a provider that is busy takes the alert only when it is asked again
		defer func() {      // an alert that nobody ends calls everybody, one after the other
			if ended := end(ctx, p, id); ended != nil && err == nil {
				err = ended
			}
		}()
		if err != nil {
			return evidence, err
		}
		var seen Incident
		taken, err := probe.Await(ctx, d.Within, rhythm, func(ctx context.Context) (bool, error) {
			seen, err = p.State(ctx, id)
			return !seen.Taken.IsZero() || seen.By != "" || seen.Resolved, err
		})
		evidence.Observed = map[string]any{"incident": id, "fired": fired.UTC(), "acknowledged": seen, "on_call": onCall}
		if err != nil {
			return evidence, err
		}
		return evidence, answered(p.Name(), d, fired, taken, seen, onCall)
	}
}

// answered judges who took the alert, and when.
func answered(from string, d Drill, fired time.Time, taken bool, seen Incident, onCall []Shift) error {
	unmet := &probe.Unmet{Class: "oncall.silent", Want: fmt.Sprintf("the alert acknowledged within %s by somebody who is on call", d.Within), From: from, Fix: "see whether it reached anybody: contact methods, notification rules, the escalation policy"}
	switch {
	case !taken:
		unmet.Got = "nobody's acknowledgement"
	case seen.By == "" && seen.Taken.IsZero():
		unmet.Class, unmet.Got, unmet.Fix = "oncall.resolved", "an incident that was resolved without an acknowledgement", "let whoever is on call acknowledge it, and nobody resolve it"
	case seen.By == "" || seen.Taken.IsZero():
		return &probe.Unknown{Class: "oncall.unknown", Want: unmet.Want, Got: "an acknowledgement that does not say whose it is and of when", From: from, Fix: "look at the incident"}
	case seen.Taken.Before(fired.Add(-skew)):
		return &probe.Unknown{Class: "oncall.unknown", Want: unmet.Want, Got: fmt.Sprintf("one of %s, before it was fired at %s", seen.Taken.UTC().Format(time.RFC3339), fired.UTC().Format(time.RFC3339)), From: from, Fix: "set this machine's clock"}
	case seen.Taken.After(fired.Add(d.Within)):
		unmet.Class, unmet.Got = "oncall.late", fmt.Sprintf("one after %s by %s", seen.Taken.Sub(fired).Round(time.Second), seen.By)
	case strings.EqualFold(seen.By, d.Tester):
		unmet.Class, unmet.Got, unmet.Fix = "oncall.tester", "one by "+seen.By+", who fired it", "let whoever is on call take it"
	case !slices.ContainsFunc(onCall, func(s Shift) bool { return strings.EqualFold(s.Person, seen.By) && s.overlaps(fired, seen.Taken) }):
		unmet.Class, unmet.Got, unmet.Fix = "oncall.stranger", "one by "+seen.By+", who is not on call", "let whoever is on call take it"
	default:
		return nil
	}
	return unmet
}

// overlaps says whether a shift has any part of the time in which an alert waited: who is called may take it after the handover.
func (s Shift) overlaps(fired, taken time.Time) bool {
	if taken.Before(fired) {
		fired = taken // by another clock
	}
	return !s.From.After(taken) && s.To.After(fired)
}

// end resolves the alert, though the claim's own time may be over. Whoever took it may have ended it already, so that only the incident
// itself says whether it goes on.
func end(ctx context.Context, p Provider, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidying)
	defer cancel()
	unresolved := func(got string) error {
		return &probe.Unmet{Class: "oncall.unresolved", Want: "the test alert resolved", Got: got, From: p.Name(), Fix: "resolve the incident " + id + " by hand, now: it goes on calling people"}
	}
	refused := p.Resolve(ctx, id)
	resolved, err := probe.Await(ctx, tidying/2, time.Second, func(ctx context.Context) (bool, error) {
		seen, err := p.State(ctx, id)
		return seen.Resolved, err
	})
	switch {
	case err == nil && resolved:
		return nil
	case refused != nil:
		return unresolved(refused.Error())
	}
	return unresolved("an incident that goes on")
}
