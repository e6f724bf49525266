package tlsprobe

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
)

// gradeTime bounds the observation that a grade is computed from; a healthy endpoint needs some 12 round trips.
const gradeTime = 45 * time.Second

// Graded is one endpoint's grade and what it was computed from.
type Graded struct {
	Address string `json:"address"` // "ip:port"
	tlsgrade.Grade
	Blocked      string            `json:"blocked,omitempty"` // why there is no grade
	Protocols    map[string]string `json:"protocols"`
	Suites       []GradedSuite     `json:"suites"`
	Certificates []GradedChain     `json:"certificates"`
	HSTS         tlsgrade.HSTS     `json:"hsts"`
	Offers       map[string]string `json:"offers"`
	Browsers     map[string]string `json:"browsers"`
	Connections  int               `json:"connections"`
	Seconds      float64           `json:"seconds"`

	observed  tlsgrade.Observation
	unreached error // why nothing was seen: *probe.Unmet or *probe.Unknown
}

var noInstant time.Time

// GradedSuite is a suite that the endpoint chose.
type GradedSuite struct {
	Version  string `json:"version"`
	Name     string `json:"name"`
	Bits     int    `json:"bits"`
	Exchange string `json:"exchange"`
}

// GradedChain is a chain that the endpoint sent.
type GradedChain struct {
	Certificates []GradedCertificate `json:"certificates"`
	Stapled      bool                `json:"stapled"`
	Error        string              `json:"error,omitempty"`
}

// GradedCertificate is a certificate of a chain.
type GradedCertificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names,omitempty"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Signature string    `json:"signature"`
	Key       string    `json:"key"`
	SHA256    string    `json:"sha256"`

	DER []byte `json:"-"`
}

// GradeAtLeast claims that every address of name has at least a grade, "A" or "A+", by the SSL Server Rating Guide; the certificates are
// judged at the instant at, or now where it is zero.
func GradeAtLeast(o *Observer, name, least string, at time.Time) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: name, Source: "SSL Server Rating Guide " + tlsgrade.Rules}
		all, err := o.Grades(ctx, name, at)
		if err != nil {
			return evidence, err
		}
		results := make([]probe.AtAddress, len(all))
		for i, g := range all {
			results[i] = probe.AtAddress{Address: g.Address, Seen: g, Err: g.judge(least)}
			if note := "not checked: " + strings.Join(g.NotChecked, ", "); len(g.NotChecked) > 0 && !slices.Contains(evidence.Notes, note) {
				evidence.Notes = append(evidence.Notes, note)
			}
		}
		return evidence, probe.Worst(&evidence, results)
	}
}

func (g Graded) judge(least string) error {
	want := "an SSL Labs grade of " + least + " or better"
	switch {
	case g.unreached != nil:
		return g.unreached
	case g.Best != "" && tlsgrade.Rank(g.Best) > tlsgrade.Rank(least):
		return &probe.Unmet{Class: "tls.grade", Want: want, Got: g.String(), From: g.Address, Fix: fixes(g.Reasons, least)}
	case !g.AtLeast(least):
		return &probe.Unknown{Class: "tls.ungraded", Want: want, Got: "no grade: " + g.Blocked, From: g.Address, Fix: "see whether the endpoint answers every connection from this machine"}
	default:
		return nil
	}
}

// fixes are what to change for a grade, each once.
func fixes(reasons []tlsgrade.Reason, least string) string {
	var all []string
	for _, r := range reasons {
		if r.Cap != "" && tlsgrade.Rank(r.Cap) > tlsgrade.Rank(least) && r.Fix != "" && !slices.Contains(all, r.ID+": "+r.Fix) {
			all = append(all, r.ID+": "+r.Fix)
		}
	}
	return strings.Join(all, "; ")
}

// Grades are the grades of every address of name, each observed once.
func (o *Observer) Grades(ctx context.Context, name string, at time.Time) ([]Graded, error) {
	return probe.EveryAddress(ctx, o.Resolver, name, func(ctx context.Context, ip netip.Addr) Graded {
		return o.Grade(ctx, netip.AddrPortFrom(ip, o.port()).String(), name, at)
	})
}

// Grade is the grade of one address ("ip:port") for a server name.
func (o *Observer) Grade(ctx context.Context, address, name string, at time.Time) Graded {
	if at.IsZero() {
		at = time.Now()
	}
	connections := o.Connections
	if connections == 0 {
		connections = 8
	}
	started := time.Now()
	s, err := o.scans.Do(ctx, name+" at "+address, gradeTime, func(ctx context.Context) *scan {
		return scanEndpoint(ctx, o.Network, address, name, connections)
	})
	if err != nil {
		return Graded{Address: address, Blocked: err.Error(), unreached: err}
	}
	observed := s.observation(at, o.Network.Roots)
	g := Graded{Address: address, Grade: tlsgrade.Of(observed), Protocols: map[string]string{}, HSTS: observed.HSTS, Offers: map[string]string{}, Browsers: map[string]string{},
		Connections: s.connections, Seconds: time.Since(started).Seconds(), observed: observed}
	if s.control == nil {
		g.unreached = s.unreached(ctx)
	}
	g.Blocked = strings.Join(g.Grade.Blocked, "; ")
	g.describe(observed)
	return g
}

func (g *Graded) describe(o tlsgrade.Observation) {
	for _, v := range tlsgrade.Versions {
		g.Protocols[v.String()] = o.Protocol(v).String()
	}
	for _, s := range o.Suites {
		exchange := s.Exchange.Kind
		if s.Exchange.Group != "" {
			exchange += " " + s.Exchange.Group
		} else if s.Exchange.Bits > 0 {
			exchange += fmt.Sprintf(" %d", s.Exchange.Bits)
		}
		g.Suites = append(g.Suites, GradedSuite{s.Version.String(), s.Name, s.Bits, exchange})
	}
	for _, offer := range o.Offers {
		g.Offers[string(offer.Question)] = offer.Answer.String() + ": " + offer.Proof
	}
	for _, b := range o.Reference {
		g.Browsers[b.Client] = b.Proof
	}
	for _, chain := range o.Chains {
		seen := GradedChain{Stapled: len(chain.Stapled) > 0, Error: chain.Err}
		for _, c := range chain.Certificates {
			seen.Certificates = append(seen.Certificates, GradedCertificate{Subject: c.Subject.String(), Issuer: c.Issuer.String(), Names: c.DNSNames, NotBefore: c.NotBefore,
				NotAfter: c.NotAfter, Signature: c.SignatureAlgorithm.String(), Key: tlsgrade.Key(c), SHA256: fingerprint(c), DER: c.Raw})
		}
		g.Certificates = append(g.Certificates, seen)
	}
}

// Compare orders endpoints from best to worst; one without a grade is the worst.
func (g Graded) Compare(other Graded) int {
	return tlsgrade.Rank(g.Grade.Grade) - tlsgrade.Rank(other.Grade.Grade)
}
