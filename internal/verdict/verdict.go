// Package verdict decides whether a launch may go on: it compares what ran with the catalogue of what must run, and
// each gate's word with its evidence. It decides and does nothing else: no network, no clock, no output. It imports
// neither `testing` nor a probe's package other than internal/probe, whose results the evidence holds.
package verdict

import (
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/stream"
)

// The statuses that only a verdict gives.
const (
	Missing evidence.Status = "MISSING" // it did not run
	Stale   evidence.Status = "STALE"   // it ran, but too long ago, out of a cache, or under other facts
)

// Outcome is the verdict in words.
type Outcome string

// The outcomes.
const (
	Go          Outcome = "GO"
	NoGo        Outcome = "NO-GO"        // something was measured, and it is wrong
	NotMeasured Outcome = "NOT MEASURED" // nobody can tell: red, but nothing was seen to be wrong
)

// The exit codes.
const (
	ExitGo          = 0
	ExitNoGo        = 1
	ExitNotMeasured = 2
	ExitUsage       = 3 // nothing selected, or a launch.yaml that cannot be used
	ExitWaivers     = 4 // GO with waivers, where Input.RefuseWaivers asks for it
)

// Input is all that a verdict rests on.
type Input struct {
	Catalogue     catalogue.Catalogue // the whole runbook, in its order
	Select        []string            // what to decide: ids or their beginnings, such as TMinus5 or TMinus5/DNS
	Streams       []stream.Stream
	Evidence      func(gate string) (*evidence.Gate, string, error) // a gate's evidence and its hash, as evidence.Read
	Launch        *launch.Launch                                    // nil where launch.yaml cannot be used
	ConfigError   error                                             // why it cannot
	Now           time.Time
	RefuseWaivers bool
}

// Verdict is the answer. Its JSON form is stable: fields are added, never renamed or removed.
type Verdict struct {
	Outcome     Outcome   `json:"outcome"`   // GO, NO-GO or NOT MEASURED
	ExitCode    int       `json:"exit_code"` // 0 GO, 1 NO-GO, 2 not measured, 3 usage or configuration, 4 GO with refused waivers
	Selection   []string  `json:"selection"` // what was decided; a GO says nothing beyond it
	Launch      string    `json:"launch"`
	Environment string    `json:"environment"`
	Config      string    `json:"config_sha256"`
	Catalogue   string    `json:"catalogue_sha256"`    // of the selected gates
	At          time.Time `json:"at"`                  // when it was decided
	GoodUntil   time.Time `json:"good_until,omitzero"` // of a GO: when its first result runs out
	Counts      Counts    `json:"counts"`
	Gates       []Gate    `json:"gates"`    // every selected gate once, in the runbook's order
	Problems    []Problem `json:"problems"` // what is wrong with the run as a whole; any of them is red
	Blockers    []string  `json:"blockers"` // ids of the gates that block, worst first
}

// Counts says how many gates ended how. The sum of all but Total is Total.
type Counts struct {
	Total    int `json:"total"`
	Pass     int `json:"pass"`
	Fail     int `json:"fail"`
	Blocked  int `json:"blocked"`
	Waived   int `json:"waived"`
	NA       int `json:"na"`
	Missing  int `json:"missing"` // did not run
	Stale    int `json:"stale"`
	Recorded int `json:"recorded"` // red gates of severity info, which decide nothing
}

// Gate is one gate of the catalogue and how it stands.
type Gate struct {
	ID          string             `json:"id"`
	Phase       string             `json:"phase"`
	Section     string             `json:"section"`
	Name        string             `json:"name"`
	Claim       string             `json:"claim"`
	Severity    catalogue.Severity `json:"severity"`
	Status      evidence.Status    `json:"status"`
	Blocks      bool               `json:"blocks"` // it keeps the launch from going on
	Class       string             `json:"class,omitempty"`
	Message     string             `json:"message"` // one line: what was wanted, what was got, what to do
	Want        string             `json:"want,omitempty"`
	Got         string             `json:"got,omitempty"`
	From        string             `json:"from,omitempty"`
	Fix         string             `json:"fix,omitempty"`
	More        int                `json:"more,omitempty"`     // how many checks are red beside the one that is told
	Measured    evidence.Status    `json:"measured,omitempty"` // of a WAIVED gate: what was really seen
	Decision    *evidence.Decision `json:"decision,omitempty"` // what WAIVED and NA rest on
	Role        string             `json:"role"`
	Owner       string             `json:"owner,omitempty"`
	Due         time.Time          `json:"due,omitzero"`
	File        string             `json:"file"` // the gate's place in the source, relative to the repository
	Line        int                `json:"line"`
	Seconds     float64            `json:"seconds"` // how long the test took
	Evidence    string             `json:"evidence,omitempty"`
	EvidenceSHA string             `json:"evidence_sha256,omitempty"`
	Finished    time.Time          `json:"finished,omitzero"`
	Expires     time.Time          `json:"expires,omitzero"`
	Output      string             `json:"-"` // what the test printed, shortened
}

// Problem is something wrong with the run as a whole.
type Problem struct {
	Class   string `json:"class"`
	Message string `json:"message"`
	Fix     string `json:"fix"` // what to do about it
	Package string `json:"package,omitempty"`
}
