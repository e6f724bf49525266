package tlswire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
)

// Reply is what a server said to a hello, up to the point where it waits for the client.
type Reply struct {
	Version      uint16
	Suite        uint16 // of SSL 2.0: 0, see Kinds
	Compression  uint8
	Retry        bool // a HelloRetryRequest, which names version, suite and group as a ServerHello does
	Extensions   map[uint16]bool
	Certificates [][]byte // leaf first, as sent; in TLS 1.3, where they are encrypted, of Handshake13 only
	Verify       uint16   // the signature scheme of the CertificateVerify, of Handshake13
	Stapled      []byte   // OCSP response
	Exchange     Parameters
	Done         bool     // the whole flight has come
	Kinds        []string // of SSL 2.0: the cipher kinds that the server has

	group         uint16 // of TLS 1.3: of the share, or the one that is wanted
	share, cookie []byte

	random, keyExchange []byte // of the ServerHello; the ServerKeyExchange
	requested           bool   // a client certificate
}

// Parameters are the ephemeral parameters of a key exchange.
type Parameters struct {
	Group string // the named group, where there is one
	Bits  int    // of the prime, the curve or the export key; 0 where nothing ephemeral was sent
}

// Alert is a fatal alert (RFC 8446 6).
type Alert struct{ Description uint8 }

func (a *Alert) Error() string {
	if name := alerts[a.Description]; name != "" {
		return "alert " + name
	}
	return fmt.Sprintf("alert %d", a.Description)
}

var alerts = map[uint8]string{10: "unexpected_message", 20: "bad_record_mac", 40: "handshake_failure", 47: "illegal_parameter", 50: "decode_error",
	51: "decrypt_error", 70: "protocol_version", 71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled",
	100: "no_renegotiation", 109: "missing_extension", 112: "unrecognized_name", 120: "no_application_protocol"}

// ErrMalformed is the cause where bytes are no TLS.
var ErrMalformed = errors.New("not TLS")

// The limits of what is read of one server: more than any chain of certificates needs.
const (
	maxRecord = 1<<14 + 2048
	maxFlight = 1 << 18
	maxKinds  = 64
)

// Read reads a server's flight. With an error it also returns what had come by then, or nil where no ServerHello had.
func Read(r io.Reader) (*Reply, error) {
	f := &flight{}
	for f.read < maxFlight {
		kind, body, err := record(r)
		if err != nil {
			return f.reply, err
		}
		f.read += len(body)
		switch kind {
		case 21:
			if err := alert(body); err != nil {
				return f.reply, err
			}
		case 22:
			f.pending = append(f.pending, body...)
			if ended, err := f.messages(); ended || err != nil {
				return f.reply, err
			}
		default:
			return f.reply, fmt.Errorf("%w: a record of type %d", ErrMalformed, kind)
		}
	}
	return f.reply, fmt.Errorf("%w: a flight of more than %d bytes", ErrMalformed, maxFlight)
}

func record(r io.Reader) (kind uint8, body []byte, err error) {
	var header [5]byte
	if n, err := io.ReadFull(r, header[:]); err != nil {
		if n > 0 && errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, nil, fmt.Errorf("%w: %d bytes, %q", ErrMalformed, n, header[:n])
		}
		return 0, nil, err
	}
	length := int(header[3])<<8 | int(header[4])
	if header[0] < 20 || header[0] > 24 || header[1] != 3 || length == 0 || length > maxRecord {
		return 0, nil, fmt.Errorf("%w: it begins with %q", ErrMalformed, header)
	}
	body = make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return header[0], body, nil
}

// alert passes warnings over, such as unrecognized_name (RFC 6066 3); what follows decides.
func alert(body []byte) error {
	const warning, closeNotify = 1, 0
	switch {
	case len(body) != 2:
		return fmt.Errorf("%w: an alert of %d bytes", ErrMalformed, len(body))
	case body[0] == warning && body[1] == closeNotify:
		return io.EOF
	case body[0] == warning:
		return nil
	default:
		return &Alert{body[1]}
	}
}

// flight gathers handshake messages, which records may cut anywhere.
type flight struct {
	reply   *Reply
	pending []byte
	read    int
}

func (f *flight) messages() (ended bool, err error) {
	for {
		s := cryptobyte.String(f.pending)
		var kind uint8
		var body cryptobyte.String
		if !s.ReadUint8(&kind) || !s.ReadUint24LengthPrefixed(&body) {
			return false, nil
		}
		f.pending = s
		if ended, err = f.message(kind, body); ended || err != nil {
			return ended, err
		}
	}
}

func (f *flight) message(kind uint8, body cryptobyte.String) (ended bool, err error) {
	const helloRequest, serverHello, ticket, certificate, keyExchange, certificateRequest, helloDone, status = 0, 2, 4, 11, 12, 13, 14, 22
	if f.reply == nil && kind != serverHello && kind != helloRequest {
		return false, fmt.Errorf("%w: handshake message %d before the ServerHello", ErrMalformed, kind)
	}
	ok := true
	switch kind {
	case serverHello:
		if f.reply != nil {
			return false, fmt.Errorf("%w: a second ServerHello", ErrMalformed)
		}
		f.reply, ok = readServerHello(body)
		if ok && f.reply.Version == TLS13 {
			f.reply.Done = true
			return true, nil
		}
	case certificate:
		f.reply.Certificates, ok = readCertificates(body)
	case status:
		var statusType uint8
		var response cryptobyte.String
		ok = body.ReadUint8(&statusType) && body.ReadUint24LengthPrefixed(&response)
		f.reply.Stapled = bytes.Clone(response)
	case keyExchange:
		f.reply.keyExchange = bytes.Clone(body)
		f.reply.Exchange, ok = readKeyExchange(Suites[f.reply.Suite], body)
	case helloDone:
		f.reply.Done = true
		return true, nil
	case certificateRequest:
		f.reply.requested = true
	case helloRequest, ticket:
	default:
		ok = false
	}
	if !ok {
		return false, fmt.Errorf("%w: handshake message %d cannot be read", ErrMalformed, kind)
	}
	return false, nil
}

// helloRetry is the random of a HelloRetryRequest (RFC 8446 4.1.3).
var helloRetry = []byte{0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c}

func readServerHello(s cryptobyte.String) (*Reply, bool) {
	r := &Reply{Extensions: map[uint16]bool{}}
	var random []byte
	var session cryptobyte.String
	if !s.ReadUint16(&r.Version) || !s.ReadBytes(&random, 32) || !s.ReadUint8LengthPrefixed(&session) || !s.ReadUint16(&r.Suite) || !s.ReadUint8(&r.Compression) {
		return nil, false
	}
	r.random = random
	r.Retry = bytes.Equal(random, helloRetry)
	if s.Empty() {
		return r, true
	}
	var extensions cryptobyte.String
	if !s.ReadUint16LengthPrefixed(&extensions) || !s.Empty() {
		return nil, false
	}
	for !extensions.Empty() {
		var id uint16
		var body cryptobyte.String
		if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&body) {
			return nil, false
		}
		r.Extensions[id] = true
		switch id {
		case extSupportedVersions:
			if !body.ReadUint16(&r.Version) {
				return nil, false
			}
		case extKeyShare:
			if !body.ReadUint16(&r.group) {
				return nil, false
			}
			r.Exchange = curve(r.group)
			var share cryptobyte.String
			if !r.Retry && body.ReadUint16LengthPrefixed(&share) {
				r.share = bytes.Clone(share)
			}
		case extCookie:
			var cookie cryptobyte.String
			if !body.ReadUint16LengthPrefixed(&cookie) {
				return nil, false
			}
			r.cookie = bytes.Clone(cookie)
		}
	}
	return r, true
}

func readCertificates(s cryptobyte.String) ([][]byte, bool) {
	var list cryptobyte.String
	if !s.ReadUint24LengthPrefixed(&list) || !s.Empty() {
		return nil, false
	}
	var all [][]byte
	for !list.Empty() {
		var one cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&one) || len(one) == 0 {
			return nil, false
		}
		all = append(all, bytes.Clone(one))
	}
	return all, true
}

// readKeyExchange reads the size of the ephemeral parameters, by the kind of the suite (RFC 5246 7.4.3, RFC 8422 5.4).
func readKeyExchange(suite Suite, s cryptobyte.String) (Parameters, bool) {
	switch suite.Exchange {
	case "DHE", "DH", "RSA": // RSA: the modulus of an export key stands where DHE has its prime
		var modulus cryptobyte.String
		if !s.ReadUint16LengthPrefixed(&modulus) || len(modulus) == 0 {
			return Parameters{}, false
		}
		return Parameters{Bits: new(big.Int).SetBytes(modulus).BitLen()}, true
	case "ECDHE", "ECDH":
		const explicitPrime, explicitChar2, named = 1, 2, 3
		var kind uint8
		var group uint16
		if !s.ReadUint8(&kind) {
			return Parameters{}, false
		}
		switch kind {
		case named:
			if !s.ReadUint16(&group) {
				return Parameters{}, false
			}
			return curve(group), true
		case explicitPrime:
			var prime cryptobyte.String
			if !s.ReadUint8LengthPrefixed(&prime) {
				return Parameters{}, false
			}
			return Parameters{Group: "explicit prime", Bits: new(big.Int).SetBytes(prime).BitLen()}, true
		case explicitChar2:
			var m uint16
			ok := s.ReadUint16(&m)
			return Parameters{Group: "explicit char2", Bits: int(m)}, ok
		}
		return Parameters{}, false
	default:
		return Parameters{}, true // a hint for a shared key, which no suite that is offered has
	}
}

// curves are the named groups (RFC 8422, RFC 8446, RFC 7027) by id.
var curves = map[uint16]Parameters{
	1: {"sect163k1", 163}, 2: {"sect163r1", 163}, 3: {"sect163r2", 163}, 4: {"sect193r1", 193}, 5: {"sect193r2", 193}, 6: {"sect233k1", 233},
	7: {"sect233r1", 233}, 8: {"sect239k1", 239}, 9: {"sect283k1", 283}, 10: {"sect283r1", 283}, 11: {"sect409k1", 409}, 12: {"sect409r1", 409},
	13: {"sect571k1", 571}, 14: {"sect571r1", 571}, 15: {"secp160k1", 160}, 16: {"secp160r1", 160}, 17: {"secp160r2", 160}, 18: {"secp192k1", 192},
	19: {"secp192r1", 192}, 20: {"secp224k1", 224}, 21: {"secp224r1", 224}, 22: {"secp256k1", 256}, 23: {"secp256r1", 256}, 24: {"secp384r1", 384},
	25: {"secp521r1", 521}, 26: {"brainpoolP256r1", 256}, 27: {"brainpoolP384r1", 384}, 28: {"brainpoolP512r1", 512}, 29: {"x25519", 256}, 30: {"x448", 448},
}

func curve(id uint16) Parameters {
	if known, ok := curves[id]; ok {
		return known
	}
	return Parameters{Group: fmt.Sprintf("group 0x%04x", id)}
}

func curveName(id uint16) string { return curve(id).Group }

// GroupBits is the size of a named group; 0 where it is not known.
func GroupBits(id uint16) int { return curves[id].Bits }
