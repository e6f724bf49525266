package tlsprobe

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Seen is the evidence of one handshake.
type Seen struct {
	Version     string        `json:"version"`
	Suite       string        `json:"cipher_suite"`
	Chain       []Certificate `json:"chain"`
	OCSPStapled bool          `json:"ocsp_stapled"`
	SCTs        bool          `json:"certificate_transparency"` // proofs in the leaf or in the handshake; not verified
}

// Certificate is the evidence of one certificate.
type Certificate struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"`
	Names     []string  `json:"names,omitempty"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Signature string    `json:"signature"`
	SHA256    string    `json:"sha256"`
}

// ValidFor claims that every address of name sends a certificate for it that verifies to the trusted roots now and at
// the launch, with all its intermediates (RFC 5280 6.1, RFC 9525), and that no stapled response says it is revoked. A zero launch means now alone.
func ValidFor(o *Observer, name string, launch time.Time) probe.Claim {
	return o.valid(name, name, launch)
}

// WildcardCovers claims that the certificate served for any name below the wildcard's domain covers it. A wildcard has
// no address of its own: a random label below the domain is asked for (SNI) at every address of the domain itself.
func WildcardCovers(o *Observer, wildcard string, launch time.Time) probe.Claim {
	domain, ok := strings.CutPrefix(wildcard, "*.")
	if !ok {
		return func(context.Context) (probe.Evidence, error) {
			return probe.Evidence{Target: wildcard}, &probe.Unknown{Class: "not-configured", Want: "a wildcard such as *.example.com", Got: wildcard}
		}
	}
	label := make([]byte, 6)
	_, _ = rand.Read(label) // never fails, see crypto/rand
	return o.valid(domain, "launchgate-"+hex.EncodeToString(label)+"."+domain, launch)
}

func (o *Observer) valid(host, sni string, launch time.Time) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: sni, Source: "RFC 5280 6.1, RFC 9525"}
		if host != sni {
			evidence.Notes = append(evidence.Notes, "asked for at the addresses of "+host)
		}
		all, err := o.handshakes(ctx, host, sni)
		if err != nil {
			return evidence, err
		}
		w := wanted{name: sni, roots: o.Network.Roots, now: time.Now(), at: launch}
		return evidence, probe.Worst(&evidence, eachChain(all, w))
	}
}

// eachChain judges what every address sent. What one address sends helps to explain what another leaves out.
func eachChain(all []*handshake, w wanted) []probe.AtAddress {
	for _, h := range all {
		w.known = append(w.known, h.chain...)
	}
	return each(all, func(h *handshake) error {
		if unmet := w.judge(h.chain, h.state.OCSPResponse); unmet != nil {
			unmet.From = h.address
			return unmet
		}
		return nil
	})
}

// each judges every address that shook hands; one that did not has its error already.
func each(all []*handshake, judge func(*handshake) error) []probe.AtAddress {
	results := make([]probe.AtAddress, len(all))
	for i, h := range all {
		results[i] = probe.AtAddress{Address: h.address, Err: h.err}
		if h.err == nil {
			results[i].Seen, results[i].Err = h.seen(), judge(h)
		}
	}
	return results
}

// SameCertificate claims that every address of name sends the same leaf.
func SameCertificate(o *Observer, name string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: name}
		all, err := o.handshakes(ctx, name, name)
		if err != nil {
			return evidence, err
		}
		return evidence, probe.Worst(&evidence, eachSame(name, all))
	}
}

// eachSame compares every leaf with the one that most addresses send, the first of them where there is no majority.
func eachSame(name string, all []*handshake) []probe.AtAddress {
	votes := map[string]int{}
	var usual *handshake
	for _, h := range all {
		if h.err == nil {
			votes[fingerprint(h.chain[0])]++
		}
	}
	for _, h := range all {
		if h.err == nil && (usual == nil || votes[fingerprint(h.chain[0])] > votes[fingerprint(usual.chain[0])]) {
			usual = h
		}
	}
	return each(all, func(h *handshake) error {
		if fingerprint(h.chain[0]) == fingerprint(usual.chain[0]) {
			return nil
		}
		return &probe.Unmet{Class: "tls.different", Want: fmt.Sprintf("the same certificate for %s on every address: %s, as %s sends it", name, brief(usual.chain[0]), usual.address),
			Got: brief(h.chain[0]), From: h.address, Fix: "roll the certificate out to this address too, or take the address out of the DNS"}
	})
}

// brief names a certificate so that a person can find it: serial, end, first digits of the SHA-256.
func brief(c *x509.Certificate) string {
	return fmt.Sprintf("serial %x, valid to %s, sha256 %s…", c.SerialNumber, stamp(c.NotAfter), fingerprint(c)[:12])
}

// oidSCTs is the certificate extension with timestamps of transparency logs (RFC 6962 3.3).
var oidSCTs = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}

func (h *handshake) seen() Seen {
	s := Seen{Version: tls.VersionName(h.state.Version), Suite: tls.CipherSuiteName(h.state.CipherSuite),
		OCSPStapled: len(h.state.OCSPResponse) > 0, SCTs: len(h.state.SignedCertificateTimestamps) > 0}
	for _, extension := range h.chain[0].Extensions {
		s.SCTs = s.SCTs || extension.Id.Equal(oidSCTs)
	}
	for _, c := range h.chain {
		s.Chain = append(s.Chain, Certificate{Subject: c.Subject.String(), Issuer: c.Issuer.String(), Serial: fmt.Sprintf("%x", c.SerialNumber),
			Names: c.DNSNames, NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), Signature: c.SignatureAlgorithm.String(), SHA256: fingerprint(c)})
	}
	return s
}
