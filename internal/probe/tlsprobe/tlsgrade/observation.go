// Package tlsgrade computes the SSL Labs grade of a TLS server from what was observed of it, by the Qualys SSL Server
// Rating Guide. It is pure: it looks at nothing itself, so that every rule has a test without a network.
package tlsgrade

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Rules is the version of the rating guide that Of follows (16 May 2025).
const Rules = "2009r"

// Version is a protocol version as it stands on the wire.
type Version uint16

// The protocol versions, oldest first.
const (
	SSL2  Version = 0x0002
	SSL3  Version = 0x0300
	TLS10 Version = 0x0301
	TLS11 Version = 0x0302
	TLS12 Version = 0x0303
	TLS13 Version = 0x0304
)

// Versions are all versions, oldest first.
var Versions = []Version{SSL2, SSL3, TLS10, TLS11, TLS12, TLS13}

// String is the version's usual name.
func (v Version) String() string {
	switch v {
	case SSL2:
		return "SSL 2.0"
	case SSL3:
		return "SSL 3.0"
	default:
		return fmt.Sprintf("TLS 1.%d", v-TLS10)
	}
}

// Answer is how a server met an offer. The zero value is Unknown: what nobody has measured is never read as a refusal.
type Answer int

// The answers. A reset, a time-out or a rate limit is Unknown, never Refused.
const (
	Unknown Answer = iota
	Refused
	Accepted
)

// String is the answer in words.
func (a Answer) String() string {
	return [...]string{Unknown: "unknown", Refused: "refused", Accepted: "accepted"}[a]
}

// Observation is what one endpoint, an address and port, showed for one server name.
type Observation struct {
	Name      string             // the host name that a certificate must be valid for
	At        time.Time          // the instant that certificates are judged at: now, or the launch's
	Roots     *x509.CertPool     // nil means the system's
	Protocols map[Version]Answer // each of Versions
	Suites    []Suite            // every suite that the server was seen to choose, each once a version
	Offers    []Offer            // every further question whose answer can change the grade
	Chains    []Chain            // each distinct certificate chain that it sent
	Reference []Negotiated       // what each reference browser got
	HSTS      HSTS
	Unasked   []string // what else nobody could tell, in words; each could hide something that makes the grade worse
}

// Suite is one cipher suite that the server chose in one version, with the key exchange it used then.
type Suite struct {
	Version Version
	ID      uint16 // IANA's id; for SSL 2.0 the lower 16 bits of the cipher kind, with Kind in Name
	Name    string // IANA's name
	// Bits is the strength of the cipher as the guide counts it: 0 for NULL, 40 for export, 56 for DES, 128 for RC4, 168 for 3DES, 128 or 256 for the others.
	Bits      int
	AEAD      bool
	BlockBits int      // 64 for DES, 3DES, IDEA, RC2; 128 for AES, Camellia, ARIA, SEED; 0 for stream ciphers and NULL
	Stream    bool     // RC4 and other stream ciphers; with AEAD, ChaCha20
	Exchange  Exchange // how keys are exchanged
	Anonymous bool     // nobody is authenticated
	Export    bool
	Strange   bool // nobody knows what the id stands for; the fields between Name and here say nothing then
}

func (s Suite) rc4() bool { return s.Stream && !s.AEAD }

// Exchange is a key exchange.
type Exchange struct {
	Kind  string // "RSA", "DHE", "ECDHE", "DH", "ECDH", "PSK", …
	Group string // the named group, such as "x25519", where there is one
	Bits  int    // of the ephemeral parameters as sent: the prime of DHE, the curve of ECDHE, the export RSA key; 0 where there are none
}

// ForwardSecret says whether the exchange is ephemeral.
func (e Exchange) ForwardSecret() bool { return e.Kind == "DHE" || e.Kind == "ECDHE" }

// sizeUnknown says whether ephemeral parameters were used and nobody knows how strong they are.
func (s Suite) sizeUnknown() bool {
	fixed := []string{"RSA", "DH", "ECDH"} // the certificate has the key
	return s.Exchange.Bits == 0 && !s.Anonymous && !s.Export && !slices.Contains(fixed, s.Exchange.Kind)
}

// Negotiated is what one reference browser got from the server.
type Negotiated struct {
	Client string
	Modern bool   // forward secrecy is expected for it
	Answer Answer // Refused: no handshake with this browser
	Suite  Suite  // where Accepted
	Proof  string
}

// Chain is one certificate chain as it was sent, leaf first.
type Chain struct {
	Certificates []*x509.Certificate
	Raw          [][]byte // as sent, also what x509 cannot parse
	Err          string   // why one of Raw could not be parsed
	Suite        Suite    // one that it was sent with
	Stapled      []byte   // OCSP response, where one was stapled
}

// HSTS is the first Strict-Transport-Security header of GET /.
type HSTS struct {
	State  HSTSState     `json:"state"`
	Header string        `json:"header,omitempty"`
	MaxAge time.Duration `json:"max_age_ns,omitempty"`
	Reason string        `json:"reason,omitempty"` // why it is unknown
}

// HSTSState is what became of the header; the API of SSL Labs separates these, and so does the guide.
type HSTSState string

// The states.
const (
	HSTSUnknown  HSTSState = "unknown"  // the page was not fetched
	HSTSNoHTTP   HSTSState = "not-http" // what answered the request for the page was not HTTP
	HSTSAbsent   HSTSState = "absent"
	HSTSPresent  HSTSState = "present"
	HSTSInvalid  HSTSState = "invalid"
	HSTSDisabled HSTSState = "disabled" // max-age=0
)
