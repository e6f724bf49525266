package ssllabsprobe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

// grades are the API's grades, best first. T (no trust) and M (name mismatch) are no better than F.
var grades = map[string]int{"A+": 1, "A": 2, "A-": 3, "B": 4, "C": 5, "D": 6, "E": 7, "F": 8, "T": 8, "M": 8}

// mismatch is the service's word for a name mismatch.
const mismatch = "Certificate not valid for domain name"

// seen is the evidence of one address.
type seen struct {
	Status       string   `json:"status,omitempty"`
	Grade        string   `json:"grade,omitempty"`
	TrustIgnored string   `json:"grade_ignoring_trust,omitempty"`
	Future       string   `json:"future_grade,omitempty"`
	Reasons      []string `json:"reasons,omitempty"`
	Leaf         string   `json:"leaf_sha256,omitempty"` // as it is served now
}

// ofAnotherTime says where the report is not about what is served now, and where that cannot be told of a report that this
// run has not waited for.
func (a *assessment) ofAnotherTime() string {
	for _, leaf := range a.leaves {
		endpoints := a.report.at(address(leaf))
		if len(endpoints) == 0 && !a.watched {
			return "of before this run, without " + leaf.Address
		}
		for _, e := range endpoints {
			if got := a.otherCertificate(leaf, e); e.Grade != "" && got != "" { // no grade counts for nothing
				return got
			}
		}
	}
	return ""
}

func (a *assessment) otherCertificate(leaf tlsprobe.Leaf, e *endpoint) string {
	certs := a.report.leaves(e)
	switch {
	case leaf.Err == nil && slices.ContainsFunc(certs, func(c cert) bool { return c.SHA256Hash == leaf.SHA256 }):
		return ""
	case leaf.Err == nil && len(certs) > 0:
		return fmt.Sprintf("on another certificate than %s sends now (sha256 %s…)", leaf.Address, leaf.SHA256[:12])
	case a.watched: // the service has just looked
		return ""
	case leaf.Err != nil:
		return fmt.Sprintf("of before this run, while it cannot be seen from here what %s sends now: %s", leaf.Address, what(leaf.Err))
	default:
		return "of before this run that does not say which certificate it is on"
	}
}

// judge judges every address of the host, and every further one that the service has found.
func (a *assessment) judge(want string) []probe.AtAddress {
	var all []probe.AtAddress
	judged := map[*endpoint]bool{}
	for _, leaf := range a.leaves {
		endpoints := a.report.at(address(leaf))
		for _, e := range endpoints {
			judged[e] = true
			all = append(all, a.judgeAt(leaf.Address, leaf.SHA256, e, want))
		}
		if len(endpoints) == 0 {
			all = append(all, a.judgeAt(leaf.Address, leaf.SHA256, nil, want))
		}
	}
	for i := range a.report.Endpoints {
		if e := &a.report.Endpoints[i]; !judged[e] {
			all = append(all, a.judgeAt(e.IPAddress, "", e, want))
		}
	}
	return all
}

func (a *assessment) judgeAt(at, leaf string, e *endpoint, want string) probe.AtAddress {
	result := probe.AtAddress{Address: at}
	wanted := fmt.Sprintf("the SSL Labs grade %s or better for %s", want, a.host)
	ungraded := &probe.Unknown{Class: "ssllabs.ungraded", Want: wanted, From: at, Fix: "see the report on www.ssllabs.com; set tls.grade_source to local to grade it from here"}
	if e == nil {
		ungraded.Got = "no assessment of this address, which the DNS names"
		result.Err = ungraded
		return result
	}
	reasons := a.report.reasons(e)
	result.Seen = seen{Status: e.StatusMessage, Grade: e.Grade, TrustIgnored: e.GradeTrustIgnored, Future: e.FutureGrade, Reasons: reasons, Leaf: leaf}
	grade, known := grades[e.Grade]
	switch {
	case e.Grade == "" && e.StatusMessage == mismatch: // the service stops there; asked to go on, it would say M or worse
		got := "M: a certificate for another name"
		if len(a.report.CertHostnames) > 0 {
			got += ": " + strings.Join(a.report.CertHostnames, ", ")
		}
		result.Err = &probe.Unmet{Class: "tls.grade", Want: wanted, Got: got, From: at, Fix: "have the certificate issued for the name"}
	case e.Grade == "" || e.StatusMessage != "Ready":
		ungraded.Got = "no grade: " + cmp.Or(e.StatusMessage, "no reason given")
		if len(a.report.CertHostnames) > 0 {
			ungraded.Got += ", with a certificate for " + strings.Join(a.report.CertHostnames, ", ")
		}
		result.Err = ungraded
	case !known:
		ungraded.Got = fmt.Sprintf("grade %q, which this program does not know", e.Grade)
		result.Err = ungraded
	case grade > grades[want]:
		if len(reasons) == 0 {
			reasons = []string{"the report says why"}
		}
		result.Err = &probe.Unmet{Class: "tls.grade", Want: wanted, Got: e.Grade + ": " + strings.Join(reasons, ", "), From: at,
			Fix: "mend what the report on www.ssllabs.com names"}
	}
	return result
}
