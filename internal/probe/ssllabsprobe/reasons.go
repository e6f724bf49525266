package ssllabsprobe

import (
	"fmt"
	"slices"
)

// findings are what the API says of an endpoint in EndpointDetails that costs it a grade, with the values that say so.
// JSON has one kind of number.
var findings = []struct {
	field  string
	values []any
	words  string
}{
	{"heartbleed", []any{true}, "Heartbleed"},
	{"openSslCcs", []any{3.0}, "early ChangeCipherSpec (CVE-2014-0224)"},
	{"openSSLLuckyMinus20", []any{2.0}, "padding oracle (CVE-2016-2107)"},
	{"ticketbleed", []any{2.0}, "Ticketbleed"},
	{"bleichenbacher", []any{2.0, 3.0}, "ROBOT"},
	{"zombiePoodle", []any{2.0, 3.0}, "Zombie POODLE"},
	{"goldenDoodle", []any{4.0, 5.0}, "GOLDENDOODLE"},
	{"zeroLengthPaddingOracle", []any{6.0, 7.0}, "0-length padding oracle"},
	{"sleepingPoodle", []any{10.0, 11.0}, "Sleeping POODLE"},
	{"poodle", []any{true}, "POODLE"},
	{"poodleTls", []any{2.0}, "POODLE over TLS"},
	{"freak", []any{true}, "FREAK"},
	{"logjam", []any{true}, "Logjam"},
	{"drownVulnerable", []any{true}, "DROWN"},
	{"rc4WithModern", []any{true}, "RC4 with modern clients"},
	{"supportsRc4", []any{true}, "RC4"},
	{"supportsAead", []any{false}, "no AEAD suite"},
	{"forwardSecrecy", []any{0.0, 1.0}, "no forward secrecy with modern clients"},
	{"renegSupport", []any{1.0, 3.0, 5.0, 7.0}, "insecure client-initiated renegotiation"},
	{"compressionMethods", []any{1.0}, "TLS compression"},
}

// certIssues are the bits of Cert.issues, lowest first.
var certIssues = []string{"no chain of trust", "certificate not valid yet", "certificate expired", "certificate for another name", "certificate revoked",
	"bad common name", "self-signed certificate", "certificate on a black list", "insecure signature", "insecure key"}

// reasons are what the API gives for an endpoint's grade.
func (r *report) reasons(e *endpoint) []string {
	var all []string
	for _, c := range r.leaves(e) {
		for bit, issue := range certIssues {
			if c.Issues&(1<<bit) != 0 && !slices.Contains(all, issue) {
				all = append(all, issue)
			}
		}
	}
	if e.GradeTrustIgnored != "" && e.GradeTrustIgnored != e.Grade {
		all = append(all, e.GradeTrustIgnored+" if trust is ignored")
	}
	for _, f := range findings {
		if slices.Contains(f.values, e.Details[f.field]) {
			all = append(all, f.words)
		}
	}
	protocols, _ := e.Details["protocols"].([]any) // absent where the details are
	for _, protocol := range protocols {
		fields, _ := protocol.(map[string]any)
		if id, is := fields["id"].(float64); is && id < 771 { // TLS 1.2
			all = append(all, fmt.Sprintf("%v %v", fields["name"], fields["version"]))
		}
	}
	if e.HasWarnings {
		all = append(all, "warnings")
	}
	return all
}
