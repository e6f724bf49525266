package tlsgrade

import (
	"crypto/dsa" //nolint:staticcheck // certificates with DSA keys are judged too
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// exchange is about the sizes of keys and of the ephemeral parameters.
func (j *judgement) exchange() {
	for _, chain := range j.o.Chains {
		if len(chain.Certificates) > 0 {
			what, bits := keyBits(chain.Certificates[0])
			j.keyCap("key", what+" in the certificate", bits)
		}
	}
	for _, s := range j.o.suites() {
		what := fmt.Sprintf("Diffie-Hellman with %d bits in %s %s", s.Exchange.Bits, s.Version, s.Name)
		id := "dh"
		if s.elliptic() {
			id, what = "curve", fmt.Sprintf("the curve %s in %s", s.Exchange.Group, s.Name)
		}
		switch {
		case s.Strange || s.Export || s.Exchange.Bits == 0 && !s.sizeUnknown():
		case s.sizeUnknown():
			j.perhaps(id+"-broken", "F", "how strong the key exchange of %s %s is", s.Version, s.Name)
		default:
			j.keyCap(id, what, s.strength())
		}
	}
	for _, lost := range []struct {
		q  Question
		id string
	}{{AskSuitesDHE, "dh-broken"}, {AskWeakCurves, "curve-broken"}} {
		// A size that was seen is that of one hello: it does not make up for another that was lost.
		given, seen := j.o.given(lost.q), false
		for _, s := range j.o.suites() {
			seen = seen || classes[lost.q](s)
		}
		if given.Answer == Unknown || given.Answer == Accepted && !seen {
			j.perhaps(lost.id, "F", "%s: %s", lost.q, given.Proof)
		}
	}
}

func (s Suite) elliptic() bool { return s.Exchange.Kind == "ECDHE" || s.Exchange.Kind == "ECDH" }

// strength is that of the ephemeral parameters, as an RSA key.
func (s Suite) strength() int {
	if s.elliptic() {
		return asRSA(s.Exchange.Bits)
	}
	return s.Exchange.Bits
}

func (j *judgement) keyCap(id, what string, bits int) {
	const fix = "take at least 2048 bits, or a curve of 256"
	switch {
	case bits == 0:
		j.perhaps(id+"-broken", "F", "how strong is %s", what)
	case bits < 1024:
		j.because(id+"-broken", "F", fix, "%s", what)
	case bits < 2048:
		j.because(id+"-weak", "B", fix, "%s", what)
	}
}

// asRSA is the RSA key that is as strong as an elliptic curve (NIST SP 800-57 1, table 2, as SSL Labs counts).
func asRSA(curve int) int {
	switch {
	case curve < 160:
		return 512
	case curve < 224:
		return 1024
	case curve < 255:
		return 2048
	case curve < 384:
		return 3072
	case curve < 512:
		return 7680
	default:
		return 15360
	}
}

// keyBits is a certificate's key in words, and its strength as an RSA key: 0 where nobody can tell.
func keyBits(cert *x509.Certificate) (what string, bits int) {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen()), key.N.BitLen()
	case *ecdsa.PublicKey:
		size := key.Curve.Params().BitSize
		return fmt.Sprintf("EC %d", size), asRSA(size)
	case ed25519.PublicKey:
		return "Ed25519", asRSA(255)
	case *dsa.PublicKey:
		return fmt.Sprintf("DSA %d", key.P.BitLen()), key.P.BitLen()
	default:
		return rareKey(cert.RawSubjectPublicKeyInfo)
	}
}

// rareKey reads the kinds of keys that the standard library leaves alone: Ed448 (RFC 8410), and RSA for PSS only (RFC 4055).
func rareKey(der []byte) (what string, bits int) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return "a key of an unknown kind", 0
	}
	switch oid := info.Algorithm.Algorithm.String(); oid {
	case "1.3.101.113":
		return "Ed448", asRSA(448)
	case "1.2.840.113549.1.1.10":
		if key, err := x509.ParsePKCS1PublicKey(info.Key.Bytes); err == nil {
			return fmt.Sprintf("RSA-PSS %d", key.N.BitLen()), key.N.BitLen()
		}
		fallthrough
	default:
		return "a key of the unknown kind " + oid, 0
	}
}

// Key is a certificate's key in words, such as "EC 256".
func Key(cert *x509.Certificate) string {
	what, _ := keyBits(cert)
	return what
}
