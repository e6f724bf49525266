package ssllabsprobe

import (
	"fmt"
	"net/netip"
	"strings"
)

// info is the API's object of that name, as far as it is read.
type info struct {
	EngineVersion        string
	CriteriaVersion      string
	MaxAssessments       int
	CurrentAssessments   int
	NewAssessmentCoolOff int64 // milliseconds
}

// report is the API's Host object, as far as it is read. Times are in milliseconds since 1970.
type report struct {
	Host            string
	Port            int
	Protocol        string
	Status          string
	StatusMessage   string
	TestTime        int64
	EngineVersion   string
	CriteriaVersion string
	CacheExpiryTime int64
	CertHostnames   []string
	Endpoints       []endpoint
	Certs           []cert
}

// endpoint is the API's object of that name, as far as it is read.
type endpoint struct {
	IPAddress            string
	StatusMessage        string
	StatusDetailsMessage string
	Grade                string
	GradeTrustIgnored    string
	FutureGrade          string
	HasWarnings          bool
	ETA                  int
	Details              map[string]any // of many kinds, and read one by one: see reasons
}

// cert is the API's Cert object, as far as it is read.
type cert struct {
	ID         string
	SHA256Hash string
	Issues     int
}

func (r *report) underWay() bool {
	return r != nil && (r.Status == "DNS" || r.Status == "IN_PROGRESS")
}

// progress says how far an assessment is.
func (r *report) progress() string {
	if r == nil {
		return "the service has not answered"
	}
	text := r.Status
	for _, e := range r.Endpoints {
		if e.StatusDetailsMessage != "" && e.StatusMessage != "Ready" {
			text += fmt.Sprintf(", %s: %s, %d s to go", e.IPAddress, e.StatusDetailsMessage, e.ETA)
		}
	}
	return text
}

// at are the endpoints with an address: one, where the service is in order.
func (r *report) at(ip netip.Addr) []*endpoint {
	var all []*endpoint
	for i := range r.Endpoints {
		if at, err := netip.ParseAddr(r.Endpoints[i].IPAddress); err == nil && at.Unmap() == ip {
			all = append(all, &r.Endpoints[i])
		}
	}
	return all
}

// leaves are the certificates that an endpoint sent to clients that name the host, first of each chain.
func (r *report) leaves(e *endpoint) []cert {
	var all []cert
	chains, _ := e.Details["certChains"].([]any) // absent where the details are
	for _, chain := range chains {
		fields, _ := chain.(map[string]any)
		ids, _ := fields["certIds"].([]any)
		if noSNI, _ := fields["noSni"].(bool); noSNI || len(ids) == 0 {
			continue
		}
		for _, c := range r.Certs {
			if c.ID == ids[0] {
				c.SHA256Hash = strings.ToLower(c.SHA256Hash)
				all = append(all, c)
			}
		}
	}
	return all
}
