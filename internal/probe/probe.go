// Package probe holds what all probes share: the claim, its evidence, the three ways it can end, and the network it
// looks through. It knows nothing of launch.yaml, of gates or of `go test`, and must import none of them, so that a
// claim can be made from a gate, from the command line and from a test alike.
package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Claim observes the world and then judges what it saw. A nil error means the claim holds. *Unmet means it was measured
// and is wrong (FAIL). *NotApplicable means there was nothing to judge (NA). Any other error means nobody can tell
// (BLOCKED). The evidence is returned in every case, as far as it was gathered.
type Claim func(ctx context.Context) (Evidence, error)

// Evidence is what a claim saw. It is written to the gate's evidence file and never carries a secret.
type Evidence struct {
	Assertion string   `json:"assertion,omitempty"` // stable id from the design tables, such as "DEL-01"
	Target    string   `json:"target,omitempty"`    // the zone, host or URL the claim is about
	Asked     []string `json:"asked,omitempty"`     // every address that was asked, "ip:port/transport"
	Source    string   `json:"source,omitempty"`    // where the rule comes from, such as "RFC 6797 8.1"
	Observed  any      `json:"observed,omitempty"`  // what was seen, as JSON
	Notes     []string `json:"notes,omitempty"`     // worth a reader's while, judged by nobody

	// GuaranteedAfter is when a claim that holds wherever it was looked at holds everywhere else too, such as in caches
	// that nobody asked.
	GuaranteedAfter time.Time `json:"guaranteed_after,omitzero"`
}

// Unmet says that a claim was measured and does not hold.
type Unmet struct {
	Class string    // what kind of failure, such as "dns.mismatch": the failure type in JUnit
	Want  string    // what was wanted
	Got   string    // what was seen
	From  string    // who showed it: server, address, URL
	Fix   string    // what to do about it, in the imperative
	Until time.Time // when it will mend itself (a cache that runs out); zero where it will not
}

func (u *Unmet) Error() string { return sentence(u.Want, u.Got, u.From, u.Fix, u.Until) }

// Unknown says that nobody can tell whether a claim holds: the counterpart was silent, refused, or is not configured.
type Unknown struct {
	Class string // such as "timeout", "refused", "not-configured"
	Want  string // what would have been looked at
	Got   string // what happened instead
	From  string // whose silence it was
	Fix   string
	Err   error // the cause, for errors.Is; may be nil
}

func (u *Unknown) Error() string { return sentence(u.Want, u.Got, u.From, u.Fix, time.Time{}) }

func (u *Unknown) Unwrap() error { return u.Err }

// Got is what an *Unmet or an *Unknown saw, without the rest of its message, for a message about something else. Of any other error it is
// otherwise.
func Got(err error, otherwise string) string {
	var unmet *Unmet
	var unknown *Unknown
	switch {
	case errors.As(err, &unmet):
		return unmet.Got
	case errors.As(err, &unknown):
		return unknown.Got
	}
	return otherwise
}

// NotApplicable says that there was nothing to judge. A gate whose checks are all not applicable has checked nothing.
type NotApplicable struct{ Why string }

func (n *NotApplicable) Error() string { return "not applicable: " + n.Why }

func sentence(want, got, from, fix string, until time.Time) string {
	var b strings.Builder
	if want != "" {
		fmt.Fprintf(&b, "want %s; got ", want)
	}
	b.WriteString(got)
	if from != "" {
		fmt.Fprintf(&b, " from %s", from)
	}
	if fix != "" {
		fmt.Fprintf(&b, "; %s", fix)
	}
	if !until.IsZero() {
		fmt.Fprintf(&b, "; mends itself at %s", until.UTC().Format(time.RFC3339))
	}
	return b.String()
}

// Status is how one claim ended.
type Status string

// The ways a claim can end. A gate's own status adds WAIVED; see package gate.
const (
	Pass    Status = "PASS"
	Fail    Status = "FAIL"
	Warn    Status = "WARN" // a recommendation that is not followed: reported, opens and closes nothing
	NA      Status = "NA"
	Blocked Status = "BLOCKED"
)

// StatusOf translates a claim's error into its status.
func StatusOf(err error) Status {
	var unmet *Unmet
	var na *NotApplicable
	switch {
	case err == nil:
		return Pass
	case errors.As(err, &unmet):
		return Fail
	case errors.As(err, &na):
		return NA
	default:
		return Blocked
	}
}
