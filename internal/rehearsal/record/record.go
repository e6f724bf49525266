// Package record is what a rehearsal of a migration leaves behind: one JSON file with everything that was measured, from which the
// gates judge. It judges nothing itself, and needs no database.
package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/atomicfile"
)

// Format is the number of the file's format.
const Format = 1

// The steps of a rehearsal, in their order.
const (
	Start    = "start"
	Up       = "up"
	Again    = "up again"
	Down     = "down"
	Back     = "up after down"
	Behind   = "up behind an open transaction"
	Released = "up once that transaction has ended"
)

// Record is one rehearsal.
type Record struct {
	Format      int       `json:"format"`
	Launch      string    `json:"launch"`
	Tool        string    `json:"tool"`
	Migrations  string    `json:"migrations_sha256"`
	Files       int       `json:"files"`
	Script      string    `json:"script_sha256,omitempty"` // of the integrity script
	ForwardOnly bool      `json:"forward_only,omitempty"`
	Began       time.Time `json:"began"`
	Ended       time.Time `json:"ended"`
	Major       int       `json:"postgres_major"`
	Version     string    `json:"postgres_version"`
	Source      string    `json:"data_source"` // a dump, a script, or generated
	Bytes       int64     `json:"data_bytes"`
	Steps       []Step    `json:"steps"`
	Trials      []Trial   `json:"trials,omitempty"`
	SHA256      string    `json:"sha256"` // of the record without it
}

// Step is one step and the database after it.
type Step struct {
	Name    string        `json:"name"`
	Took    time.Duration `json:"took_ns"`
	Failure *Failure      `json:"failure,omitempty"`
	Schema  string        `json:"schema_sha256,omitempty"`
	Changed []string      `json:"changed,omitempty"` // objects that differ from the step that this one must equal, "+ …" and "- …"
	Tables  []Table       `json:"tables,omitempty"`
	Invalid []string      `json:"invalid_indexes,omitempty"`
	Held    *Lock         `json:"held,omitempty"`   // the longest ACCESS EXCLUSIVE lock on a table that was there before
	Waited  *Lock         `json:"waited,omitempty"` // the longest wait for a lock that keeps others from a table meanwhile
}

// Table is the rows of one table: how many, and a checksum in which their order does not count.
type Table struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	Sum  string `json:"sum"`
}

// Lock is how long a lock on a table was held or waited for.
type Lock struct {
	Relation string        `json:"relation"`
	Mode     string        `json:"mode"`
	For      time.Duration `json:"for_ns"`
}

// Failure is what a migration ended with.
type Failure struct {
	Where   string `json:"where,omitempty"` // file, or file:line
	Code    string `json:"code,omitempty"`  // SQLSTATE
	Message string `json:"message"`
}

// Trial is one run of the integrity script.
type Trial struct {
	Copy   string `json:"copy"` // what had been done to it; "" is the good copy
	Passed bool   `json:"passed"`
	Output string `json:"output,omitempty"` // its end
}

// Step is a step by its name, or nil.
func (r *Record) Step(name string) *Step {
	for i := range r.Steps {
		if r.Steps[i].Name == name {
			return &r.Steps[i]
		}
	}
	return nil
}

// seal is the record's own hash.
func (r *Record) seal() (string, error) {
	bare := *r
	bare.SHA256 = ""
	text, err := json.Marshal(bare)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// Encode seals the record and gives the text of its file.
func (r *Record) Encode() (text []byte, err error) {
	if r.SHA256, err = r.seal(); err != nil {
		return nil, err
	}
	text, err = json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}

// Write writes the record's file, whole or not at all.
func (r *Record) Write(path string) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	return atomicfile.Write(path, text)
}

// Read reads a record, and refuses one that is torn or was changed afterwards.
func Read(path string) (*Record, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r Record
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("a file that is torn: %w", err)
	}
	if r.Format != Format {
		return nil, fmt.Errorf("format %d, where this version reads %d", r.Format, Format)
	}
	switch sum, err := r.seal(); {
	case err != nil:
		return nil, err
	case sum != r.SHA256:
		return nil, errors.New("a file that was changed after the rehearsal: its hash is another")
	}
	return &r, nil
}

// Said is the failure in one line, without its place.
func (f *Failure) Said() string {
	text := strings.Join(strings.Fields(f.Message), " ")
	if f.Code != "" && !strings.Contains(text, f.Code) {
		text += " (SQLSTATE " + f.Code + ")"
	}
	return text
}
