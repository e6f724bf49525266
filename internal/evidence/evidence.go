// Package evidence is the record that a gate leaves behind: one JSON file for each gate, and the attributes in the
// `go test -json` stream that point to it. The gate harness writes it, the verdict reads it, and nobody else does.
package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/getdrop/launchgate/internal/atomicfile"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Status is how a gate ended: the probe's statuses and WAIVED.
type Status string

// The statuses a gate can have. Only PASS, WAIVED and NA open a gate.
const (
	Pass    Status = "PASS"
	Fail    Status = "FAIL"    // measured, and wrong
	Blocked Status = "BLOCKED" // nobody can tell
	Waived  Status = "WAIVED"  // red, and a waiver is in force
	NA      Status = "NA"      // declared not applicable
)

// Open says whether the status lets a launch go on.
func (s Status) Open() bool { return s == Pass || s == Waived || s == NA }

// Gate is one gate's evidence file: reports/evidence/<phase>/<section>/<name>.json.
type Gate struct {
	Gate        string         `json:"gate"`
	Claim       string         `json:"claim"`
	Status      Status         `json:"status"`
	Message     string         `json:"message"` // one line: why it is not PASS
	Class       string         `json:"class,omitempty"`
	Severity    string         `json:"severity"`
	Role        string         `json:"role"`
	Owner       string         `json:"owner,omitempty"` // the person's name
	Due         time.Time      `json:"due,omitzero"`
	Launch      string         `json:"launch"`
	Environment string         `json:"environment"`
	Config      string         `json:"config_sha256"`
	Catalogue   string         `json:"catalogue_sha256"` // of the gate's phase
	Commit      string         `json:"commit,omitempty"` // of the suite
	Tool        string         `json:"tool"`             // version of launchgate and of Go
	Runner      string         `json:"runner"`
	Started     time.Time      `json:"started"`
	Finished    time.Time      `json:"finished"`
	Expires     time.Time      `json:"expires"`
	Decision    *Decision      `json:"decision,omitempty"`
	Measured    Status         `json:"measured,omitempty"` // of a WAIVED gate: what was really seen
	Checks      []probe.Result `json:"checks"`
	File        string         `json:"file"` // the gate's place in the source, relative to the repository
	Line        int            `json:"line"`
}

// Decision is the waiver or the declaration that a gate rests on.
type Decision struct {
	File    string    `json:"file"`
	SHA256  string    `json:"sha256"`
	Person  string    `json:"person"`
	Reason  string    `json:"reason"`
	Expires time.Time `json:"expires"`
}

// The attribute keys in the test stream. Only AttrGate, AttrStatus, AttrFile and AttrSHA256 decide anything, together
// with the file they point to; the others are for reporters.
const (
	AttrGate        = "launchgate.gate"
	AttrStatus      = "launchgate.status"
	AttrSeverity    = "launchgate.severity"
	AttrOwner       = "launchgate.owner"
	AttrDue         = "launchgate.due"
	AttrEnvironment = "launchgate.environment"
	AttrFile        = "launchgate.evidence"        // path relative to the reports folder
	AttrSHA256      = "launchgate.evidence_sha256" // of that file
	AttrSource      = "launchgate.source"          // file:line of the gate
)

// Reports is the folder for evidence and reports: LAUNCH_REPORTS, else `reports` in the repository.
func Reports(root string) string {
	if dir := os.Getenv("LAUNCH_REPORTS"); dir != "" {
		return dir
	}
	return filepath.Join(root, "reports")
}

// Path is where a gate's evidence lies below the reports folder.
func Path(gate string) string { return filepath.Join("evidence", filepath.FromSlash(gate)+".json") }

// Encode turns a gate's evidence into the bytes of its file, without secrets.
func (g *Gate) Encode() ([]byte, error) {
	text, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("evidence of %s: %w", g.Gate, err)
	}
	return redact.JSON(append(text, '\n')), nil
}

// Write puts the bytes of a gate's evidence below the reports folder, whole or not at all, and returns their hash.
func Write(reports, gate string, text []byte) (sha string, err error) {
	if err := atomicfile.Write(filepath.Join(reports, Path(gate)), text); err != nil {
		return "", err
	}
	return Sum(text), nil
}

// Read loads a gate's evidence from below the reports folder and the hash of the file's bytes.
func Read(reports, gate string) (*Gate, string, error) {
	text, err := os.ReadFile(filepath.Join(reports, Path(gate)))
	if err != nil {
		return nil, "", err
	}
	var g Gate
	if err := json.Unmarshal(text, &g); err != nil {
		return nil, "", fmt.Errorf("%s: want a gate's evidence; got %w", Path(gate), err)
	}
	return &g, Sum(text), nil
}

// Sum is the hex SHA-256 of text.
func Sum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
