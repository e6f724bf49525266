package tlsgrade

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"
)

// trust judges every chain. What is wrong caps at T, an incomplete chain at B; a grade that ignores trust leaves both out.
func (c *computation) trust() {
	for _, chain := range c.o.Chains {
		if len(chain.Certificates) > 0 {
			c.chainTrust(chain)
		}
	}
	c.reasons = slices.CompactFunc(c.reasons, func(a, b Reason) bool { return a == b })
}

func (c *computation) untrusted(id, limit, fix, format string, args ...any) {
	c.trustIDs = append(c.trustIDs, id)
	c.because(id, limit, fix, format, args...)
}

func (c *computation) chainTrust(chain Chain) {
	leaf := chain.Certificates[0]
	who := leaf.Subject.String()
	stamp := c.o.At.UTC().Format(time.RFC3339)
	if c.o.At.After(leaf.NotAfter) {
		c.untrusted("expired", "T", "renew the certificate", "the certificate of %s ended %s, and is judged at %s", who, leaf.NotAfter.UTC().Format(time.RFC3339), stamp)
	}
	if c.o.At.Before(leaf.NotBefore) {
		c.untrusted("not-yet-valid", "T", "see the clock of who issued it", "the certificate of %s begins %s, and is judged at %s", who, leaf.NotBefore.UTC().Format(time.RFC3339), stamp)
	}
	if err := leaf.VerifyHostname(c.o.Name); c.o.Name != "" && err != nil {
		c.untrusted("name-mismatch", "T", "have the certificate issued for the name", "the certificate is not valid for %s: it has %v", c.o.Name, leaf.DNSNames)
	}
	for i, cert := range chain.Certificates {
		if i > 0 && isSelfSigned(cert) {
			c.because("anchor-sent", "", "leave it out", "the authority's own certificate is sent too: %s", cert.Subject)
			continue
		}
		if slices.Contains([]x509.SignatureAlgorithm{x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1}, cert.SignatureAlgorithm) {
			c.untrusted("sha1", "T", "have the certificate issued again", "%s is signed with %s", cert.Subject, cert.SignatureAlgorithm)
		}
	}
	c.anchored(chain)
	c.ordered(chain)
	c.stapled(chain)
}

// anchored follows the chain to the trusted authorities at a time when the leaf is valid: that it has expired is told apart.
func (c *computation) anchored(chain Chain) {
	leaf := chain.Certificates[0]
	if isSelfSigned(leaf) && !c.verifies(leaf, nil) {
		c.untrusted("self-signed", "T", "have the certificate issued by an authority", "%s signed itself", leaf.Subject)
		return
	}
	sent := chain.Certificates[1:]
	if c.verifies(leaf, sent) {
		return
	}
	var all []*x509.Certificate
	for _, other := range c.o.Chains {
		all = append(all, other.Certificates...)
	}
	if c.verifies(leaf, all) {
		c.untrusted("chain-incomplete", "B", "send the intermediate certificates", "the chain of %s is incomplete", leaf.Subject)
		return
	}
	err := c.verify(leaf, sent)
	c.untrusted("untrusted", "T", "send the whole chain of an authority that is trusted", "the certificate of %s, issued by %s, is not trusted: %v", leaf.Subject, leaf.Issuer, err)
}

func (c *computation) verifies(leaf *x509.Certificate, intermediates []*x509.Certificate) bool {
	return c.verify(leaf, intermediates) == nil
}

func (c *computation) verify(leaf *x509.Certificate, intermediates []*x509.Certificate) error {
	pool := x509.NewCertPool()
	for _, i := range intermediates {
		pool.AddCert(i)
	}
	at := c.o.At
	if at.After(leaf.NotAfter) || at.Before(leaf.NotBefore) {
		at = leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: c.o.Roots, Intermediates: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) && slices.ContainsFunc(append([]*x509.Certificate{leaf}, intermediates...), weakSignature) {
		return nil // the library refuses SHA-1 as if nobody had signed; that is told apart
	}
	return err
}

func weakSignature(cert *x509.Certificate) bool {
	return !isSelfSigned(cert) && slices.Contains([]x509.SignatureAlgorithm{x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1, x509.MD5WithRSA, x509.MD2WithRSA}, cert.SignatureAlgorithm)
}

func isSelfSigned(cert *x509.Certificate) bool { return bytes.Equal(cert.RawIssuer, cert.RawSubject) }

// ordered tells of certificates that are sent in another order, or for nothing (RFC 5246 7.4.2).
func (c *computation) ordered(chain Chain) {
	for i := 1; i < len(chain.Certificates); i++ {
		if !bytes.Equal(chain.Certificates[i-1].RawIssuer, chain.Certificates[i].RawSubject) {
			c.because("chain-order", "", "send each certificate before its issuer's, and no others", "%s does not issue the certificate before it", chain.Certificates[i].Subject)
		}
	}
}

func (c *computation) stapled(chain Chain) {
	if len(chain.Stapled) == 0 || len(chain.Certificates) < 2 {
		return
	}
	response, err := ocsp.ParseResponseForCert(chain.Stapled, chain.Certificates[0], chain.Certificates[1])
	switch {
	case err != nil:
		c.because("ocsp", "", "see what staples", "the stapled OCSP response cannot be read: %v", err)
	case response.Status == ocsp.Revoked:
		c.because("revoked", "F", "have the certificate issued again", "the certificate was revoked %s", response.RevokedAt.UTC().Format(time.RFC3339))
	}
}
