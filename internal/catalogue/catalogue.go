// Package catalogue knows every gate of the runbook: the list that the gates themselves declare, kept in catalogue.json
// by `make generate`. A verdict compares what ran with this list, so that what did not run cannot pass. It holds data
// only and imports neither launch.yaml nor `testing`.
package catalogue

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// Severity says what a gate's red means.
type Severity string

// The severities.
const (
	Hard Severity = "hard"    // blocks promotion
	Soft Severity = "warning" // needs a waiver with an expiry to pass
	Info Severity = "info"    // recorded, decides nothing
)

// Gate is one line of the runbook.
type Gate struct {
	ID       string   `json:"id"`       // "TMinus5/DNS/LowTTL", which is also the test's path without "Test"
	Phase    string   `json:"phase"`    // "TMinus5"
	Section  string   `json:"section"`  // "DNS"
	Name     string   `json:"name"`     // "LowTTL"
	Claim    string   `json:"claim"`    // the runbook's line
	Severity Severity `json:"severity"` //
	Role     string   `json:"role"`     // who owns it: a key of `sections` or `roles` in launch.yaml
	ValidFor Validity `json:"valid_for"`
	File     string   `json:"file"` // relative to the repository
	Line     int      `json:"line"`
}

// Validity is how long a gate's result stays good.
type Validity time.Duration

// MarshalText writes the validity as "24h0m0s".
func (v Validity) MarshalText() ([]byte, error) { return []byte(time.Duration(v).String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (v *Validity) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	*v = Validity(d)
	return err
}

// Catalogue is a list of gates in runbook order.
type Catalogue []Gate

//go:embed catalogue.json
var embedded []byte

// All is the whole runbook's catalogue, as it was when this program was built.
func All() (Catalogue, error) {
	var all Catalogue
	if err := json.Unmarshal(embedded, &all); err != nil {
		return nil, fmt.Errorf("internal/catalogue/catalogue.json: want what `make generate` writes; got %w", err)
	}
	return all, nil
}

// Phase is the part of the catalogue that belongs to one phase.
func (c Catalogue) Phase(phase string) Catalogue {
	var part Catalogue
	for _, g := range c {
		if g.Phase == phase {
			part = append(part, g)
		}
	}
	return part
}

// SHA256 is the hash of what the gates claim. Where they stand in the source does not count.
func (c Catalogue) SHA256() string {
	h := sha256.New()
	for _, g := range c {
		g.File, g.Line = "", 0
		line, err := json.Marshal(g)
		if err != nil {
			panic(err) // a struct of strings and numbers always encodes
		}
		h.Write(append(line, '\n'))
	}
	return hex.EncodeToString(h.Sum(nil))
}
