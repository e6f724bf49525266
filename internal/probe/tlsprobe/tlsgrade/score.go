package tlsgrade

import (
	"crypto/dsa" //nolint:staticcheck // certificates with DSA keys are judged too
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
)

// score is the three categories (guide, "Protocol support", "Key exchange", "Cipher strength").
func (c *computation) score() Score {
	versions := c.versions()
	protocol := (protocolPoints[versions[0]] + protocolPoints[versions[len(versions)-1]]) / 2
	strongest, weakest := -1, -1
	for _, s := range c.o.Suites {
		points := cipherPoints(s.Bits)
		strongest = max(strongest, points)
		if weakest < 0 || points < weakest {
			weakest = points
		}
	}
	return Score{Protocol: protocol, KeyExchange: c.exchangePoints(), Cipher: (strongest + weakest) / 2}
}

var protocolPoints = map[Version]int{SSL2: 0, SSL3: 80, TLS10: 90, TLS11: 95, TLS12: 100, TLS13: 100}

func cipherPoints(bits int) int {
	switch {
	case bits == 0:
		return 0
	case bits < 128:
		return 20
	case bits < 256:
		return 80
	default:
		return 100
	}
}

// exchangePoints are those of the weakest key: a certificate's, or an ephemeral one.
func (c *computation) exchangePoints() int {
	points := 100
	for _, chain := range c.o.Chains {
		if len(chain.Certificates) > 0 {
			_, bits := keyBits(chain.Certificates[0])
			points = min(points, keyPoints(bits))
		}
	}
	for _, s := range c.o.Suites {
		points = min(points, ephemeralPoints(s))
	}
	return points
}

func ephemeralPoints(s Suite) int {
	switch {
	case s.Anonymous:
		return 0
	case s.Export:
		return 40
	case s.Exchange.Kind == "ECDHE" && s.Exchange.Bits > 0:
		return keyPoints(asRSA(s.Exchange.Bits))
	case s.Exchange.Bits > 0:
		return keyPoints(s.Exchange.Bits)
	default:
		return 100
	}
}

func keyPoints(bits int) int {
	switch {
	case bits < 512:
		return 20
	case bits < 1024:
		return 40
	case bits < 2048:
		return 80
	case bits < 4096:
		return 90
	default:
		return 100
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

// keyBits is a certificate's key in words, and its strength as an RSA key.
func keyBits(cert *x509.Certificate) (what string, bits int) {
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen()), key.N.BitLen()
	case *ecdsa.PublicKey:
		size := key.Curve.Params().BitSize
		return fmt.Sprintf("EC %d", size), asRSA(size)
	case ed25519.PublicKey:
		return "Ed25519", 3072
	case *dsa.PublicKey:
		return fmt.Sprintf("DSA %d", key.P.BitLen()), key.P.BitLen()
	default:
		return "a key of an unknown kind", 0
	}
}

// Key is a certificate's key in words, such as "EC 256".
func Key(cert *x509.Certificate) string {
	what, _ := keyBits(cert)
	return what
}

// letter is the grade that the score gives, and the reasons for points lost.
func (c *computation) letter(s Score) string {
	for _, lost := range []struct {
		id, what, fix string
		points        int
	}{
		{"score-protocol", "the protocol score", "switch old versions off", s.Protocol},
		{"score-key-exchange", "the key-exchange score", "take a larger key or stronger ephemeral parameters", s.KeyExchange},
		{"score-cipher", "the cipher score", "switch weak suites off", s.Cipher},
	} {
		if lost.points == 0 {
			c.because(lost.id, "F", lost.fix, "%s is 0", lost.what)
		} else if lost.points < 100 {
			c.because(lost.id, "", lost.fix, "%s is %d of 100", lost.what, lost.points)
		}
	}
	for _, l := range []struct {
		least  float64
		letter string
	}{{80, "A"}, {65, "B"}, {50, "C"}, {35, "D"}, {20, "E"}} {
		if s.total() >= l.least {
			if l.letter != "A" {
				c.because("score", l.letter, "see the categories", "a score of %.0f", s.total())
				return l.letter
			}
			return c.best()
		}
	}
	c.because("score", "F", "see the categories", "a score of %.0f", s.total())
	return "F"
}

const halfYear = 15552000 // s, of max-age

// best is A+ or A: A+ asks for Strict-Transport-Security for half a year. The caps come on top.
func (c *computation) best() string {
	switch h := c.o.HSTS; {
	case h.State == HSTSPresent && h.MaxAge.Seconds() >= halfYear:
		return "A+"
	case h.State == HSTSPresent:
		c.because("hsts-short", "A", "raise max-age to at least 15552000", "Strict-Transport-Security for %.0f s only", h.MaxAge.Seconds())
	case h.State == HSTSAbsent:
		c.because("hsts-absent", "A", "send Strict-Transport-Security for at least half a year", "no Strict-Transport-Security")
	case h.State == HSTSUnknown:
		c.because("hsts-unknown", "A", "see whether the page can be fetched from this machine", "whether there is Strict-Transport-Security is unknown: %s", h.Reason)
	}
	return "A"
}
