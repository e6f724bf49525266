// Package drillprobe claims that a backup was restored, and that the database was brought back to a point in time, by the reports that
// drills leave behind. It never restores anything: `launchgate drill` does, hours before somebody reads the page.
package drillprobe

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/getdrop/launchgate/internal/atomicfile"
)

// The kinds of drill.
const (
	Restore = "restore" // the newest backup
	PITR    = "pitr"    // a point in time
)

// Report is what a drill saw. Its hash tells of a hand or a disk that changed it, not of somebody who seals it again.
type Report struct {
	Kind        string `json:"kind"`
	Launch      string `json:"launch"`
	Environment string `json:"environment"`
	Database    string `json:"database"`
	Source      string `json:"source"` // rds, dump or base
	Run         string `json:"run"`    // names the drill in the restored server's tags

	Backup Backup    `json:"backup"`
	Target time.Time `json:"target,omitzero"` // PITR: the point
	// Restorable is when the point could first be restored to: what lies between the two is what a disaster would have cost.
	Restorable time.Time `json:"restorable,omitzero"`

	Began    time.Time `json:"began"`    // the restore was asked for
	Ready    time.Time `json:"ready"`    // the restored database answered
	Verified time.Time `json:"verified"` // all was looked at
	Restored string    `json:"restored"` // where to, which is gone by now

	Canary Canary     `json:"canary"`          // that must be there
	After  *Canary    `json:"after,omitempty"` // PITR: that must not, because it was written after the point
	Tables []Compared `json:"tables"`

	Failure *Failure `json:"failure,omitempty"` // what ended the drill before all was looked at, measured

	SHA256 string `json:"sha256"` // of this file with an empty hash
}

// Backup is what was restored.
type Backup struct {
	ID     string    `json:"id"`
	Made   time.Time `json:"made"`
	Within int       `json:"within_seconds"` // how exact Made is: a dump does not say in which time zone it was made
}

// Canary is a row that was written into the live database to be looked for in the restored one.
type Canary struct {
	ID    string    `json:"id"`
	Made  time.Time `json:"made"` // by the live database's clock
	Found bool      `json:"found"`
}

// Table is a table whose rows are never changed once they are written, and the columns that are compared.
type Table struct {
	Name    string   `json:"name"`
	Key     string   `json:"key"` // grows with every row
	Columns []string `json:"columns"`
}

// Figures are what a table's rows were, up to a key.
type Figures struct {
	Table
	UpTo string `json:"up_to"`
	Rows int64  `json:"rows"`
	Sum  string `json:"sum"` // of the hashes of the rows' columns
}

// Compared is a table as the live database had it when the canary was written, and as it was restored.
type Compared struct {
	Live     Figures `json:"live"`
	Restored Figures `json:"restored"`
}

// Failure is a *probe.Unmet in a report.
type Failure struct {
	Class string `json:"class"`
	Want  string `json:"want"`
	Got   string `json:"got"`
	Fix   string `json:"fix"`
}

// Path is where the newest report of a kind lies, below the folder for reports of drills.
func Path(environment, kind string) string { return filepath.Join(environment, kind+".json") }

// Encode seals a report.
func (r Report) Encode() ([]byte, error) {
	r.SHA256 = ""
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	r.SHA256 = hex.EncodeToString(sum[:])
	text, err = json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// Write puts a report below a folder, whole or not at all.
func (r Report) Write(dir string) (string, error) {
	text, err := r.Encode()
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, Path(r.Environment, r.Kind))
	return file, atomicfile.Write(file, text)
}

// errTorn and errChanged say how a report is not what a drill wrote.
var (
	errTorn    = errors.New("not a whole report")
	errChanged = errors.New("a report that was changed after it was written")
)

func decode(text []byte) (Report, error) {
	var r Report
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		return r, fmt.Errorf("%w: %w", errTorn, err)
	}
	if again, err := r.Encode(); err != nil || !bytes.Equal(again, text) {
		return r, errChanged
	}
	return r, nil
}
