package tlswire

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/cryptobyte"
)

// sealing is how a suite of TLS 1.3 encrypts (RFC 8446 B.4). Those that the libraries here lack are not among them.
type sealing struct {
	hash              func() hash.Hash
	hashSize, keySize uint16
	aead              func(key []byte) (cipher.AEAD, error)
}

var sealings = map[uint16]sealing{
	0x1301: {sha256.New, sha256.Size, 16, gcm},
	0x1302: {sha512.New384, sha512.Size384, 32, gcm},
	0x1303: {sha256.New, sha256.Size, chacha20poly1305.KeySize, chacha20poly1305.New},
}

// Readable13 are the suites in which Handshake13 can read the certificates.
var Readable13 = []uint16{0x1301, 0x1302, 0x1303}

// agreeable are the groups in which a key can be agreed on here.
var agreeable = map[uint16]ecdh.Curve{23: ecdh.P256(), 24: ecdh.P384(), 25: ecdh.P521(), 29: ecdh.X25519()}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// opener decrypts a server's records under its handshake secret (RFC 8446 5.2).
type opener struct {
	aead     cipher.AEAD
	iv       []byte
	sequence uint64
}

// newOpener derives the server's handshake keys (RFC 8446 7.1, 7.3) from the shared secret and the transcript up to the ServerHello.
func newOpener(s sealing, shared, transcript []byte) (*opener, error) {
	empty, size := s.hash().Sum(nil), s.hashSize
	early, err := hkdf.Extract(s.hash, make([]byte, size), nil)
	if err != nil {
		return nil, err
	}
	derived, err := expand(s.hash, early, "derived", empty, size)
	if err != nil {
		return nil, err
	}
	handshake, err := hkdf.Extract(s.hash, shared, derived)
	if err != nil {
		return nil, err
	}
	sum := s.hash()
	sum.Write(transcript)
	traffic, err := expand(s.hash, handshake, "s hs traffic", sum.Sum(nil), size)
	if err != nil {
		return nil, err
	}
	key, err := expand(s.hash, traffic, "key", nil, s.keySize)
	if err != nil {
		return nil, err
	}
	iv, err := expand(s.hash, traffic, "iv", nil, 12)
	if err != nil {
		return nil, err
	}
	aead, err := s.aead(key)
	return &opener{aead: aead, iv: iv}, err
}

// expand is HKDF-Expand-Label (RFC 8446 7.1).
func expand(h func() hash.Hash, secret []byte, label string, context []byte, length uint16) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddUint16(length)
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("tls13 " + label)) })
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(context) })
	info, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	return hkdf.Expand(h, secret, string(info), int(length))
}

// open decrypts the body of one record and returns what is in it.
func (o *opener) open(body []byte) (kind uint8, plain []byte, err error) {
	nonce := binary.BigEndian.AppendUint64(make([]byte, 4), o.sequence)
	subtle.XORBytes(nonce, nonce, o.iv)
	o.sequence++
	header := binary.BigEndian.AppendUint16([]byte{23, 3, 3}, uint16(len(body))) //nolint:gosec // record reads no more than maxRecord
	if plain, err = o.aead.Open(nil, nonce, body, header); err != nil {
		return 0, nil, fmt.Errorf("%w: a record that cannot be decrypted", ErrMalformed)
	}
	for i := len(plain) - 1; i >= 0; i-- {
		if plain[i] != 0 { // padding stands after the type (RFC 8446 5.4)
			return plain[i], plain[:i], nil
		}
	}
	return 0, nil, fmt.Errorf("%w: a record of padding only", ErrMalformed)
}
