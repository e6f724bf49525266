package tlsgrade

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"time"

	"golang.org/x/crypto/ocsp"
)

// hash is how far the hash of a signature can be relied on, worst first.
type hash int

const (
	hashBroken  hash = iota // MD2, MD4, MD5: F since 2009e
	hashWeak                // SHA-1: not trusted
	hashUnknown             // nobody knows what signed it
	hashGood
)

// signatures that the standard library does not name, by their OID.
var rareSignatures = map[string]struct {
	name string
	is   hash
}{
	"1.2.840.113549.1.1.2": {"MD2-RSA", hashBroken}, "1.3.14.7.2.3.1": {"MD2-RSA", hashBroken},
	"1.2.840.113549.1.1.3": {"MD4-RSA", hashBroken}, "1.3.14.3.2.2": {"MD4-RSA", hashBroken}, "1.3.14.3.2.4": {"MD4-RSA", hashBroken},
	"1.3.14.3.2.3": {"MD5-RSA", hashBroken}, "1.3.14.3.2.25": {"MD5-RSA", hashBroken},
	"1.3.14.3.2.27": {"DSA-SHA1", hashWeak}, "1.2.840.10040.4.3": {"DSA-SHA1", hashWeak},
	"1.3.101.113": {"Ed448", hashGood},
}

// signature is what a certificate is signed with.
func signature(cert *x509.Certificate) (name string, is hash) {
	switch cert.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA:
		return cert.SignatureAlgorithm.String(), hashBroken
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1:
		return cert.SignatureAlgorithm.String(), hashWeak
	case x509.UnknownSignatureAlgorithm:
	default:
		return cert.SignatureAlgorithm.String(), hashGood
	}
	var whole struct {
		Certificate asn1.RawValue
		Algorithm   pkix.AlgorithmIdentifier
		Signature   asn1.BitString
	}
	if _, err := asn1.Unmarshal(cert.Raw, &whole); err != nil {
		return "of an unknown kind", hashUnknown
	}
	oid := whole.Algorithm.Algorithm.String()
	if rare, known := rareSignatures[oid]; known {
		return rare.name, rare.is
	}
	return oid, hashUnknown
}

// Revoked says whether a stapled OCSP response says that the first certificate of a chain was revoked, and when. Where
// the chain lacks the issuer, the response is taken at its word: who staples that his own certificate is revoked does so against himself.
func Revoked(stapled []byte, chain []*x509.Certificate) (at time.Time, revoked bool, err error) {
	if len(stapled) == 0 || len(chain) == 0 {
		return time.Time{}, false, nil
	}
	var issuer *x509.Certificate
	for _, c := range chain[1:] {
		if chain[0].CheckSignatureFrom(c) == nil {
			issuer = c
			break
		}
	}
	response, err := ocsp.ParseResponseForCert(stapled, chain[0], issuer)
	if err != nil {
		return time.Time{}, false, err
	}
	return response.RevokedAt, response.Status == ocsp.Revoked, nil
}

func (j *judgement) stapled(chain Chain) {
	switch at, revoked, err := Revoked(chain.Stapled, chain.Certificates); {
	case err != nil:
		j.because("ocsp", "", "see what staples", "the stapled OCSP response cannot be read: %v", err)
	case revoked:
		j.because("revoked", "F", "have the certificate issued again", "the certificate was revoked %s", at.UTC().Format(time.RFC3339))
	}
}
