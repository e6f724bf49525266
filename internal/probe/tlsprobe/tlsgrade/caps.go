package tlsgrade

import (
	"crypto/x509"
	"fmt"
	"slices"
)

// caps are the rules that limit the grade whatever the score (guide, "Changes").
func (c *computation) caps() {
	c.protocolCaps()
	c.suiteCaps()
	c.keyCaps()
	c.browserCaps()
	c.flagCaps()
}

func (c *computation) protocolCaps() {
	const off = "switch it off"
	versions := c.versions()
	if c.accepts(SSL2) {
		c.because("ssl2", "F", off, "SSL 2.0 is accepted")
	}
	if c.accepts(SSL3) {
		if versions[len(versions)-1] == SSL3 {
			c.because("ssl3-best", "F", "offer TLS 1.2 and 1.3", "SSL 3.0 is the best version")
		}
		c.because("ssl3", "B", off, "SSL 3.0 is accepted")
		if i := slices.IndexFunc(c.o.Suites, func(s Suite) bool { return s.Version == SSL3 && s.BlockBits > 0 }); i >= 0 {
			c.because("poodle", "C", off, "POODLE: SSL 3.0 with %s", c.o.Suites[i].Name)
		}
	}
	for _, v := range []Version{TLS10, TLS11} {
		if c.accepts(v) {
			c.because(fmt.Sprintf("tls1.%d", v-TLS10), "B", off, "%s is accepted", v)
		}
	}
	if !c.accepts(TLS12) && !c.accepts(TLS13) {
		c.because("no-tls1.2", "C", "offer TLS 1.2 and 1.3", "neither TLS 1.2 nor TLS 1.3 is accepted")
	}
	if !c.accepts(TLS13) {
		c.because("no-tls1.3", "A-", "offer TLS 1.3", "TLS 1.3 is not accepted")
	}
}

func (c *computation) suiteCaps() {
	for _, rule := range []struct {
		q             Question
		id, cap, what string
	}{
		{AskSuitesNULL, "null", "F", "suites without encryption"},
		{AskSuitesAnonymous, "anonymous", "F", "anonymous suites"},
		{AskSuitesExport, "export", "F", "export suites"},
		{AskSuitesWeak, "weak-cipher", "F", "suites with less than 112 bits"},
		{AskSuitesRC4, "rc4", "B", "RC4"},
	} {
		if a := c.o.Answer(rule.q); a.Answer == Accepted {
			c.because(rule.id, rule.cap, "switch them off", "%s: %s", rule.what, a.Proof)
		}
	}
	if !slices.ContainsFunc(c.o.Suites, func(s Suite) bool { return !s.Stream || s.Bits == 0 }) {
		c.because("rc4-only", "F", "offer AES-GCM and ChaCha20", "only RC4 suites are accepted")
	}
	if c.o.Answer(AskSuitesAEAD).Answer == Refused && !slices.ContainsFunc(c.o.Suites, func(s Suite) bool { return s.AEAD }) {
		c.because("no-aead", "B", "offer AES-GCM and ChaCha20", "no authenticated encryption (AEAD)")
	}
}

// keyCaps are about the sizes of keys and of the ephemeral parameters, and about signatures by broken hashes.
func (c *computation) keyCaps() {
	for _, chain := range c.o.Chains {
		for i, cert := range chain.Certificates {
			if i == 0 {
				what, bits := keyBits(cert)
				c.keyCap("key", what+" in the certificate", bits)
			}
			if selfSigned := i > 0 && isSelfSigned(cert); !selfSigned && slices.Contains([]x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA}, cert.SignatureAlgorithm) {
				c.because("md5", "F", "have the certificate issued again", "%s signed with %s", cert.Subject, cert.SignatureAlgorithm)
			}
		}
	}
	for _, s := range c.o.Suites {
		switch {
		case s.Exchange.Bits == 0 || s.Export:
		case s.Exchange.Kind == "ECDHE" || s.Exchange.Kind == "ECDH":
			c.keyCap("curve", fmt.Sprintf("the curve %s in %s", s.Exchange.Group, s.Name), asRSA(s.Exchange.Bits))
		default:
			c.keyCap("dh", fmt.Sprintf("Diffie-Hellman with %d bits in %s %s", s.Exchange.Bits, s.Version, s.Name), s.Exchange.Bits)
		}
	}
	c.reasons = slices.CompactFunc(c.reasons, func(a, b Reason) bool { return a == b })
}

func (c *computation) keyCap(id, what string, bits int) {
	switch {
	case bits < 1024:
		c.because(id+"-broken", "F", "take at least 2048 bits, or a curve of 256", "%s", what)
	case bits < 2048:
		c.because(id+"-weak", "B", "take at least 2048 bits, or a curve of 256", "%s", what)
	}
}

// browserCaps are about what reference browsers really get.
func (c *computation) browserCaps() {
	var connected, secret int
	for _, r := range c.o.Reference {
		if r.Answer != Accepted {
			continue
		}
		if r.Modern {
			connected++
		}
		if r.Modern && r.Suite.Exchange.ForwardSecret() {
			secret++
		}
		if r.Suite.Version >= TLS11 && r.Suite.Version < TLS13 {
			if r.Suite.Stream && !r.Suite.AEAD {
				c.because("rc4-modern", "C", "prefer AES-GCM and ChaCha20", "%s gets %s in %s", r.Client, r.Suite.Name, r.Suite.Version)
			}
			if r.Suite.BlockBits == 64 {
				c.because("64-bit-blocks", "C", "prefer AES-GCM and ChaCha20", "%s gets %s in %s", r.Client, r.Suite.Name, r.Suite.Version)
			}
		}
	}
	if secret < connected || connected == 0 {
		c.because("no-forward-secrecy", "B", "offer and prefer ECDHE", "%d of %d modern browsers get forward secrecy", secret, connected)
	}
}

func (c *computation) flagCaps() {
	if a := c.o.Answer(AskCompression); a.Answer == Accepted {
		c.because("compression", "C", "switch TLS compression off", "CRIME: TLS compression is accepted")
	}
	if a := c.o.Answer(AskInsecureReneg); a.Answer == Accepted {
		c.because("insecure-renegotiation", "F", "switch client-initiated renegotiation off", "insecure client-initiated renegotiation: %s", a.Proof)
	}
	if a := c.o.Answer(AskRenegotiation); a.Answer == Refused {
		c.because("no-secure-renegotiation", "A-", "support RFC 5746", "secure renegotiation is not supported: %s", a.Proof)
	}
	for _, q := range Vulnerabilities {
		if a := c.o.Answer(q); a.Answer == Accepted {
			c.because("vulnerable", "F", "update the TLS library", "%s: %s", a.Question, a.Proof)
		}
	}
	switch c.o.HSTS.State {
	case HSTSDisabled:
		c.because("hsts-disabled", "A-", "raise max-age", "Strict-Transport-Security is switched off: %q", c.o.HSTS.Header)
	case HSTSInvalid:
		c.because("hsts-invalid", "A-", "mend the header", "Strict-Transport-Security cannot be read: %q", c.o.HSTS.Header)
	case HSTSUnknown, HSTSAbsent, HSTSPresent:
	}
}
