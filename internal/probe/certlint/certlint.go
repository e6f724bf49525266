// Package certlint says what a certificate has wrong by the rules of its authority: the CA/Browser Forum's, those of RFC 5280 and of browsers'
// root programmes, as zlint reads them. It judges no endpoint, and only the command imports it: its rules take long to compile.
package certlint

import (
	"slices"
	"strings"

	"github.com/zmap/zcrypto/x509"
	"github.com/zmap/zlint/v3"
	"github.com/zmap/zlint/v3/lint"
)

// Lint is one rule that a certificate breaks.
type Lint struct {
	Name    string `json:"name"`   // zlint's
	Status  string `json:"status"` // "warn", "error" or "fatal"
	Details string `json:"details,omitempty"`
}

// Of are the rules that a certificate in DER breaks, by name. One that zlint cannot read breaks all of them, and says so.
func Of(der []byte) []Lint {
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return []Lint{{Name: "unreadable", Status: lint.Fatal.String(), Details: err.Error()}}
	}
	lints := []Lint{}
	for name, result := range zlint.LintCertificate(certificate).Results {
		if result.Status >= lint.Warn {
			lints = append(lints, Lint{Name: name, Status: result.Status.String(), Details: result.Details})
		}
	}
	slices.SortFunc(lints, func(a, b Lint) int { return strings.Compare(a.Name, b.Name) })
	return lints
}
