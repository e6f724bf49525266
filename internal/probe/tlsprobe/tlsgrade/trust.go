package tlsgrade

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// trust judges every chain. What is wrong caps at T, another name at M, an incomplete chain at B; a grade that ignores trust leaves them out.
func (j *judgement) trust() {
	for i, chain := range j.o.Chains {
		if chain.Err != "" || len(chain.Certificates) == 0 {
			j.perhaps("unseen-certificate", "F", "certificate chain %d: %s", i+1, cmp.Or(chain.Err, "nothing was seen of it"))
		}
		if len(chain.Certificates) > 0 {
			j.leaf(chain.Certificates[0])
			j.signatures(chain)
			j.anchored(chain)
			j.ordered(chain)
			j.stapled(chain)
		}
	}
	if len(j.o.Chains) == 0 && !j.onlyAnonymous() {
		j.perhaps("unseen-certificate", "F", "the certificate: none was seen")
	}
}

func (j *judgement) onlyAnonymous() bool {
	return len(j.o.Suites) > 0 && !slices.ContainsFunc(j.o.Suites, func(s Suite) bool { return !s.Anonymous })
}

func (j *judgement) untrusted(id, limit, fix, format string, args ...any) {
	j.trusted = append(j.trusted, id)
	j.because(id, limit, fix, format, args...)
}

func (j *judgement) leaf(leaf *x509.Certificate) {
	who := leaf.Subject.String()
	stamp := j.o.At.UTC().Format(time.RFC3339)
	if j.o.At.After(leaf.NotAfter) {
		j.untrusted("expired", "T", "renew the certificate", "the certificate of %s ended %s, and is judged at %s", who, leaf.NotAfter.UTC().Format(time.RFC3339), stamp)
	}
	if j.o.At.Before(leaf.NotBefore) {
		j.untrusted("not-yet-valid", "T", "see the clock of who issued it", "the certificate of %s begins %s, and is judged at %s", who, leaf.NotBefore.UTC().Format(time.RFC3339), stamp)
	}
	const id = "name-mismatch"
	if j.o.Name == "" {
		j.trusted = append(j.trusted, id)
		j.perhaps(id, "M", "whether the certificate is valid for the name: none was given")
	} else if err := leaf.VerifyHostname(j.o.Name); err != nil {
		j.untrusted(id, "M", "have the certificate issued for the name", "the certificate is not valid for %s: it has %v", j.o.Name, leaf.DNSNames)
	}
}

// signatures are about broken hashes: who can find collisions can make a certificate of their own. The signature of an authority on its
// own certificate proves nothing and does not count.
func (j *judgement) signatures(chain Chain) {
	const again = "have the certificate issued again, with SHA-256"
	for i, cert := range chain.Certificates {
		if i > 0 && isSelfSigned(cert) {
			j.because("anchor-sent", "", "leave it out", "the authority's own certificate is sent too: %s", cert.Subject)
			continue
		}
		switch name, strength := signature(cert); strength {
		case hashBroken:
			j.because("broken-signature", "F", again, "%s is signed with %s", cert.Subject, name)
		case hashWeak:
			j.untrusted("sha1", "T", again, "%s is signed with %s", cert.Subject, name)
		case hashUnknown:
			j.perhaps("broken-signature", "F", "how strong the signature %s of %s is", name, cert.Subject)
		case hashGood:
		}
	}
}

// anchored follows the chain to the trusted authorities at a time when the leaf is valid: that it has expired is told apart.
func (j *judgement) anchored(chain Chain) {
	leaf := chain.Certificates[0]
	if isSelfSigned(leaf) && !j.verifies(leaf, nil) {
		j.untrusted("self-signed", "T", "have the certificate issued by an authority", "%s signed itself", leaf.Subject)
		return
	}
	sent := chain.Certificates[1:]
	if j.verifies(leaf, sent) {
		return
	}
	var all []*x509.Certificate
	for _, other := range j.o.Chains {
		all = append(all, other.Certificates...)
	}
	if j.verifies(leaf, all) {
		j.untrusted("chain-incomplete", "B", "send the intermediate certificates", "the chain of %s is incomplete", leaf.Subject)
		return
	}
	if slices.ContainsFunc(all, unchecked) {
		j.trusted = append(j.trusted, "untrusted")
		j.perhaps("untrusted", "T", "whether the certificate of %s is trusted: the chain has keys or signatures that cannot be checked here", leaf.Subject)
		return
	}
	if j.unread() {
		j.untrusted("chain-incomplete", "B", "send the intermediate certificates", "the chain of %s is incomplete", leaf.Subject)
		j.trusted = append(j.trusted, "untrusted")
		j.perhaps("untrusted", "T", "whether the certificate of %s is trusted: what it lacks may be in a chain that was not seen", leaf.Subject)
		return
	}
	err := j.verify(leaf, sent)
	j.untrusted("untrusted", "T", "send the whole chain of an authority that is trusted", "the certificate of %s, issued by %s, is not trusted: %v", leaf.Subject, leaf.Issuer, err)
}

// unchecked says whether the standard library cannot check what signed a certificate, or what it signs.
func unchecked(cert *x509.Certificate) bool {
	return cert.SignatureAlgorithm == x509.UnknownSignatureAlgorithm || cert.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm
}

// unread says whether the server has chains of which nobody knows what is in them.
func (j *judgement) unread() bool {
	return len(j.o.Unasked) > 0 || slices.ContainsFunc(j.o.Chains, func(c Chain) bool { return c.Err != "" || len(c.Certificates) == 0 })
}

func (j *judgement) verifies(leaf *x509.Certificate, intermediates []*x509.Certificate) bool {
	return j.verify(leaf, intermediates) == nil
}

func (j *judgement) verify(leaf *x509.Certificate, intermediates []*x509.Certificate) error {
	pool := x509.NewCertPool()
	for _, i := range intermediates {
		pool.AddCert(i)
	}
	at := j.o.At
	if at.After(leaf.NotAfter) || at.Before(leaf.NotBefore) {
		at = leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: j.o.Roots, Intermediates: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) && slices.ContainsFunc(append([]*x509.Certificate{leaf}, intermediates...), weakSignature) {
		return nil // the library refuses SHA-1 as if nobody had signed; that is told apart
	}
	return err
}

func weakSignature(cert *x509.Certificate) bool {
	_, is := signature(cert)
	return !isSelfSigned(cert) && is <= hashWeak
}

func isSelfSigned(cert *x509.Certificate) bool { return bytes.Equal(cert.RawIssuer, cert.RawSubject) }

// ordered tells of certificates that are sent in another order, or for nothing (RFC 5246 7.4.2).
func (j *judgement) ordered(chain Chain) {
	for i := 1; i < len(chain.Certificates); i++ {
		if !bytes.Equal(chain.Certificates[i-1].RawIssuer, chain.Certificates[i].RawSubject) {
			j.because("chain-order", "", "send each certificate before its issuer's, and no others", "%s does not issue the certificate before it", chain.Certificates[i].Subject)
		}
	}
}
