package tlsprobe

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
)

// wanted is what a chain is judged by.
type wanted struct {
	name  string
	roots *x509.CertPool // nil means the system's
	now   time.Time
	at    time.Time // a second instant at which it must be valid, where it lies after now: the launch

	// known are certificates seen elsewhere, to tell an incomplete chain from an unknown authority.
	known []*x509.Certificate
}

// problem is one thing that is wrong with a chain.
type problem struct{ class, got, fix string }

// judge says everything that is wrong with the chain a server sent, leaf first, and with the OCSP response it stapled, or nil. The caller
// fills in From.
func (w wanted) judge(chain []*x509.Certificate, stapled []byte) *probe.Unmet {
	want := fmt.Sprintf("a trusted certificate for %s, valid now", w.name)
	if w.at.After(w.now) {
		want += " and at the launch " + stamp(w.at)
	}
	if len(chain) == 0 {
		return &probe.Unmet{Class: "tls.untrusted", Want: want, Got: "no certificate at all", Fix: "install one"}
	}
	problems := w.problems(chain)
	// A response that cannot be read says nothing, as if none were stapled.
	if at, revoked, err := tlsgrade.Revoked(stapled, chain); err == nil && revoked {
		problems = append([]problem{{"tls.revoked", "one that was revoked " + stamp(at) + ", as the stapled OCSP response says", "have it issued again, with a new key"}}, problems...)
	}
	if len(problems) == 0 {
		return nil
	}
	got := make([]string, len(problems))
	for i, p := range problems {
		got[i] = p.got
	}
	return &probe.Unmet{Class: problems[0].class, Want: want, Got: strings.Join(got, ", and "), Fix: problems[0].fix}
}

func (w wanted) problems(chain []*x509.Certificate) []problem {
	leaf := chain[0]
	var all []problem
	lifetime := w.lifetime(leaf)
	// Trust is judged at an instant inside the leaf's life, so that an expired certificate is not called untrusted too.
	moment := w.now
	if lifetime != nil {
		moment = leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	}
	if p := w.trust(chain, moment); p != nil {
		all = append(all, *p)
	} else if lifetime == nil && w.at.After(w.now) {
		// An intermediate can run out before its leaf.
		if p := w.trust(chain, w.at); p != nil {
			p.got += ", at the launch"
			all = append(all, *p)
		}
	}
	if lifetime != nil {
		all = append(all, *lifetime)
	}
	if key, is := leaf.PublicKey.(*rsa.PublicKey); is && key.N.BitLen() < 2048 {
		all = append(all, problem{"tls.weak-key", fmt.Sprintf("one with an RSA key of %d bits", key.N.BitLen()), "have it issued for a key of 2048 bits or more, as clients want it"})
	}
	if err := leaf.VerifyHostname(w.name); err != nil {
		names := "no name"
		if len(leaf.DNSNames) > 0 {
			names = strings.Join(leaf.DNSNames, ", ")
		}
		all = append(all, problem{"tls.name", fmt.Sprintf("one for %s, which does not cover %s", names, w.name),
			"issue it for this name too, or send the right one for this SNI"})
	}
	return all
}

// lifetime judges the leaf's dates, nil where they are right.
func (w wanted) lifetime(leaf *x509.Certificate) *problem {
	const renew = "renew it"
	switch {
	case w.now.After(leaf.NotAfter):
		return &problem{"tls.expired", fmt.Sprintf("one that expired %s, %s ago", stamp(leaf.NotAfter), days(w.now.Sub(leaf.NotAfter))), renew}
	case w.now.Before(leaf.NotBefore):
		return &problem{"tls.not-yet-valid", fmt.Sprintf("one that is not valid before %s, in %s", stamp(leaf.NotBefore), days(leaf.NotBefore.Sub(w.now))),
			"serve the certificate that is valid now, or set the clock right"}
	case w.at.After(leaf.NotAfter):
		return &problem{"tls.expired", fmt.Sprintf("one that expires %s, before the launch", stamp(leaf.NotAfter)), renew + " before the launch"}
	default:
		return nil
	}
}

// trust verifies the chain to the roots at one moment, nil where it does.
func (w wanted) trust(chain []*x509.Certificate, moment time.Time) *problem {
	leaf := chain[0]
	err := verify(chain, nil, w.roots, moment)
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return &problem{"tls.expired", fmt.Sprintf("a chain whose certificate %q is valid from %s to %s only", common(invalid.Cert), stamp(invalid.Cert.NotBefore), stamp(invalid.Cert.NotAfter)),
			"send the current intermediate"}
	case weak(chain) != nil:
		// The standard library calls such a chain one of an unknown authority.
		return &problem{"tls.sha1", fmt.Sprintf("one whose certificate %q is signed with %s", common(weak(chain)), weak(chain).SignatureAlgorithm), "have it issued again with SHA-256"}
	case leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil:
		return &problem{"tls.self-signed", "a self-signed one", "have it issued by a public authority"}
	}
	if missing := w.missing(chain, moment); missing != nil {
		return missing
	}
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		return &problem{"tls.untrusted", fmt.Sprintf("one issued by %q, an authority that is not trusted", issuer(chain[len(chain)-1])), "have it issued by an authority that clients trust"}
	}
	return &problem{"tls.untrusted", "one that does not verify: " + err.Error(), "have it issued again"}
}

// missing tells an incomplete chain: the leaf verifies with a certificate that another address sent, or it names a
// place to fetch its issuer from and the server did not send it.
func (w wanted) missing(chain []*x509.Certificate, moment time.Time) *problem {
	const fix = "serve the full chain, leaf and intermediates"
	leaf := chain[0]
	if len(w.known) > 0 && verify(chain, w.known, w.roots, moment) == nil {
		return &problem{"tls.incomplete", fmt.Sprintf("an incomplete chain: the leaf verifies only with intermediate %q, which the server does not send", issuer(leaf)), fix}
	}
	for _, sent := range chain[1:] {
		if leaf.CheckSignatureFrom(sent) == nil {
			return nil
		}
	}
	if len(leaf.IssuingCertificateURL) > 0 {
		return &problem{"tls.incomplete", fmt.Sprintf("an incomplete chain: the leaf is issued by intermediate %q, which the server does not send", issuer(leaf)), fix}
	}
	return nil
}

func verify(chain, more []*x509.Certificate, roots *x509.CertPool, moment time.Time) error {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	for _, c := range more {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: moment})
	return err
}

// weak is the first certificate of the chain signed with SHA-1 or older. A root's signature of itself proves nothing and does not count.
func weak(chain []*x509.Certificate) *x509.Certificate {
	for i, c := range chain {
		switch c.SignatureAlgorithm {
		case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
			if i == 0 || string(c.RawIssuer) != string(c.RawSubject) {
				return c
			}
		default:
		}
	}
	return nil
}

func common(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return c.Subject.String()
}

func issuer(c *x509.Certificate) string {
	if c.Issuer.CommonName != "" {
		return c.Issuer.CommonName
	}
	return c.Issuer.String()
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// days writes a span for people: "64 days", or hours below two days.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
