package tlswire

import (
	"crypto/rand"
	"net/netip"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// The versions as they stand on the wire.
const (
	SSL2  uint16 = 0x0002
	SSL3  uint16 = 0x0300
	TLS10 uint16 = 0x0301
	TLS11 uint16 = 0x0302
	TLS12 uint16 = 0x0303
	TLS13 uint16 = 0x0304
)

// The signalling suites (RFC 5746 3.3, RFC 7507).
const (
	RenegotiationSCSV uint16 = 0x00ff
	FallbackSCSV      uint16 = 0x5600
)

// The extensions that are sent or looked for.
const (
	extServerName        uint16 = 0
	extStatusRequest     uint16 = 5
	extGroups            uint16 = 10
	extPointFormats      uint16 = 11
	extSignatures        uint16 = 13
	extALPN              uint16 = 16
	ExtHeartbeat         uint16 = 15
	extExtendedMaster    uint16 = 23
	extPadding           uint16 = 21
	extTicket            uint16 = 35
	extSupportedVersions uint16 = 43
	extCookie            uint16 = 44
	extSignaturesCert    uint16 = 50
	extKeyShare          uint16 = 51
	ExtRenegotiation     uint16 = 0xff01
)

// Hello is a ClientHello. The zero values leave things out.
type Hello struct {
	Version     uint16 // the highest that is offered; with TLS 1.3 only that is, by supported_versions
	Suites      []uint16
	ServerName  string   // left out where it is an address
	Groups      []uint16 // supported_groups; nil means AllGroups
	Signatures  []uint16 // signature_algorithms of TLS 1.2 and later; nil means AllSignatures
	ALPN        []string
	Compression bool // DEFLATE is offered beside none
	Heartbeat   bool
	Status      bool // a stapled OCSP response is asked for
	Insecure    bool // without RFC 5746, as older clients are
	Plain       bool // without extended master secret and tickets, as Start12 needs it
	Older       bool // beside TLS 1.3 the older versions are offered too, as browsers do

	// What Handshake13 sets: random is kept for a second hello; without a share, a key of X25519 that nobody knows is sent.
	random, share, cookie []byte
	shareGroup            uint16
	again                 bool // it answers a HelloRetryRequest
	padding               int  // bytes
}

// AllGroups are the named groups, without the finite fields of RFC 7919: a server that sees those sends a prime of their
// size, and not its own.
var AllGroups = []uint16{29, 23, 24, 25, 30, 26, 27, 28, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}

// AllSignatures are all schemes, SHA-1 and MD5 too, so that no server has to refuse for want of one.
var AllSignatures = []uint16{0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b,
	0x0401, 0x0501, 0x0601, 0x0303, 0x0301, 0x0203, 0x0201, 0x0402, 0x0502, 0x0602, 0x0302, 0x0202, 0x0101}

// Marshal writes the hello in its record. The error is that of a list too long for its field.
func (h Hello) Marshal() ([]byte, error) {
	random := h.random
	if random == nil {
		random = make([]byte, 32)
		if _, err := rand.Read(random); err != nil {
			return nil, err
		}
	}
	wire, err := h.marshal(random)
	const header = 4
	if n := len(wire) - 5; err == nil && n >= 256 && n < 512 && h.Version > SSL3 { // some servers hang on such a length (RFC 7685 4)
		h.padding = max(1, 512-n-header)
		return h.marshal(random)
	}
	return wire, err
}

func (h Hello) marshal(random []byte) ([]byte, error) {
	legacy := min(h.Version, TLS12)
	var b cryptobyte.Builder
	b.AddUint8(22)
	if h.again { // RFC 8446 5.1
		b.AddUint16(TLS12)
	} else {
		b.AddUint16(max(SSL3, min(legacy, TLS10))) // RFC 8446 5.1: what old servers expect
	}
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(1)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(legacy)
			b.AddBytes(random)
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) {
				if h.Version == TLS13 {
					b.AddBytes(random) // middlebox compatibility (RFC 8446 D.4)
				}
			})
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addUint16s(b, h.Suites) })
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) {
				if h.Compression {
					b.AddUint8(1)
				}
				b.AddUint8(0)
			})
			if h.Version > SSL3 {
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { h.extensions(b, random) })
			}
		})
	})
	return b.Bytes()
}

func addUint16s(b *cryptobyte.Builder, list []uint16) {
	for _, v := range list {
		b.AddUint16(v)
	}
}

func (h Hello) extensions(b *cryptobyte.Builder, random []byte) {
	add := func(id uint16, body func(*cryptobyte.Builder)) {
		b.AddUint16(id)
		b.AddUint16LengthPrefixed(body)
	}
	list16 := func(values []uint16) func(*cryptobyte.Builder) {
		return func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { addUint16s(b, values) })
		}
	}
	nothing := func(*cryptobyte.Builder) {}
	if _, err := netip.ParseAddr(h.ServerName); err != nil && h.ServerName != "" {
		add(extServerName, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(h.ServerName)) })
			})
		})
	}
	if h.Version < TLS13 || h.Older {
		if !h.Insecure {
			add(ExtRenegotiation, func(b *cryptobyte.Builder) { b.AddUint8(0) })
		}
		add(extPointFormats, func(b *cryptobyte.Builder) { b.AddUint8(1); b.AddUint8(0) })
		if !h.Plain {
			add(extExtendedMaster, nothing)
			add(extTicket, nothing)
		}
	}
	groups := h.Groups
	if groups == nil {
		groups = AllGroups
	}
	add(extGroups, list16(groups))
	if h.Version >= TLS12 {
		signatures := h.Signatures
		if signatures == nil {
			signatures = AllSignatures
		}
		add(extSignatures, list16(signatures))
		if h.Signatures != nil && h.Version == TLS13 { // the authorities may sign as they like
			add(extSignaturesCert, list16(AllSignatures))
		}
	}
	if h.Status {
		add(extStatusRequest, func(b *cryptobyte.Builder) { b.AddUint8(1); b.AddUint16(0); b.AddUint16(0) })
	}
	if h.Heartbeat {
		add(ExtHeartbeat, func(b *cryptobyte.Builder) { b.AddUint8(1) })
	}
	if len(h.ALPN) > 0 {
		add(extALPN, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, p := range h.ALPN {
					b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(p)) })
				}
			})
		})
	}
	if h.padding > 0 {
		add(extPadding, func(b *cryptobyte.Builder) { b.AddBytes(make([]byte, h.padding)) })
	}
	if h.Version < TLS13 {
		return
	}
	versions := []uint16{TLS13}
	if h.Older {
		versions = append(versions, TLS12)
	}
	add(extSupportedVersions, func(b *cryptobyte.Builder) {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { addUint16s(b, versions) })
	})
	if len(h.cookie) > 0 {
		add(extCookie, func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(h.cookie) })
		})
	}
	group, share := h.shareGroup, h.share
	if share == nil && slices.Contains(groups, 29) { // any 32 bytes are a point of X25519; for other groups the server asks (RFC 8446 4.1.4)
		group, share = 29, random
	}
	add(extKeyShare, func(b *cryptobyte.Builder) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			if share != nil {
				b.AddUint16(group)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(share) })
			}
		})
	})
}

// SSL2Hello is a CLIENT-HELLO of SSL 2.0 with all its cipher kinds.
func SSL2Hello() []byte {
	kinds := []byte{1, 0, 0x80, 2, 0, 0x80, 3, 0, 0x80, 4, 0, 0x80, 5, 0, 0x80, 6, 0, 0x40, 7, 0, 0xc0}
	const challenge, length = 16, 9 + 3*7 + 16
	hello := append([]byte{0x80, length, 1, 0, 2, 0, 3 * 7, 0, 0, 0, challenge}, kinds...)
	return append(hello, make([]byte, challenge)...)
}
