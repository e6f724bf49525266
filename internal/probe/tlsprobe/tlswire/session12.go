package tlswire

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
)

// Session is a handshake of TLS 1.0 to 1.2 that has come to the server's ServerHelloDone, with all that the client needs to write any records it
// likes. It is for tests of how a server meets what no library sends; it authenticates nobody.
type Session struct {
	Reply *Reply

	conn           io.ReadWriter
	in             *stream
	version        uint16
	client, server *half
	exchange       []byte // ClientKeyExchange, with an empty Certificate before it where one was asked for
	master         []byte
}

// Start12 puts a hello and reads the server's flight. The hello must be one without extended master secret.
func Start12(conn io.ReadWriter, h Hello) (*Session, error) {
	h.random = make([]byte, 32)
	_, _ = rand.Read(h.random) // it never fails
	wire, err := h.Marshal()
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	in := &stream{r: conn, old: true, transcript: bytes.Clone(wire[5:])}
	f := &flight{}
	for ended := false; !ended; {
		kind, body, err := in.message()
		if err != nil {
			return nil, err
		}
		if ended, err = f.message(kind, body); err != nil {
			return nil, err
		}
	}
	s := &Session{Reply: f.reply, conn: conn, in: in, version: f.reply.Version}
	if s.version < TLS10 || s.version > TLS12 {
		return nil, fmt.Errorf("version 0x%04x %w", s.version, ErrUnreadable)
	}
	return s, s.agree(h)
}

// agree makes the ClientKeyExchange and the keys.
func (s *Session) agree(h Hello) error {
	secret, message, err := s.premaster(h.Version)
	if err != nil {
		return err
	}
	if s.Reply.requested {
		s.exchange = []byte{11, 0, 0, 3, 0, 0, 0}
	}
	s.exchange = append(s.exchange, message...)
	s.in.transcript = append(s.in.transcript, s.exchange...)
	suite := Suites[s.Reply.Suite]
	s.master = prf(s.version, suite, secret, "master secret", append(bytes.Clone(h.random), s.Reply.random...), 48)
	s.client, s.server, err = halves(s.version, suite, s.master, h.random, s.Reply.random)
	return err
}

func clientKeyExchange(body func(*cryptobyte.Builder)) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddUint8(16)
	b.AddUint24LengthPrefixed(body)
	return b.Bytes()
}

// premaster agrees on a secret by RSA, ECDHE or DHE (RFC 5246 7.4.7, RFC 8422 5.7).
func (s *Session) premaster(offered uint16) (secret, message []byte, err error) {
	parameters := cryptobyte.String(s.Reply.keyExchange)
	prefixed := func(b *cryptobyte.Builder, body []byte) {
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(body) })
	}
	switch suite := Suites[s.Reply.Suite]; suite.Exchange {
	case "RSA":
		key, err := s.Reply.RSAKey()
		if err != nil {
			return nil, nil, err
		}
		secret = make([]byte, 48)
		_, _ = rand.Read(secret) // it never fails
		binary.BigEndian.PutUint16(secret, offered)
		encrypted, err := rsa.EncryptPKCS1v15(rand.Reader, key, secret) //nolint:staticcheck // what the key exchange is
		if err != nil {
			return nil, nil, err
		}
		message, err = clientKeyExchange(func(b *cryptobyte.Builder) { prefixed(b, encrypted) })
		return secret, message, err
	case "ECDHE":
		var kind uint8
		var group uint16
		var point cryptobyte.String
		if !parameters.ReadUint8(&kind) || !parameters.ReadUint16(&group) || !parameters.ReadUint8LengthPrefixed(&point) || agreeable[group] == nil {
			return nil, nil, fmt.Errorf("the group %s %w", s.Reply.Exchange.Group, ErrUnreadable)
		}
		private, err := agreeable[group].GenerateKey(rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		var public *ecdh.PublicKey
		if public, err = agreeable[group].NewPublicKey(point); err == nil {
			secret, err = private.ECDH(public)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%w: a key that is no point", ErrMalformed)
		}
		message, err = clientKeyExchange(func(b *cryptobyte.Builder) {
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(private.PublicKey().Bytes()) })
		})
		return secret, message, err
	case "DHE":
		var p, g, y cryptobyte.String
		if !parameters.ReadUint16LengthPrefixed(&p) || !parameters.ReadUint16LengthPrefixed(&g) || !parameters.ReadUint16LengthPrefixed(&y) {
			return nil, nil, ErrMalformed
		}
		prime := new(big.Int).SetBytes(p)
		if prime.BitLen() < 64 || prime.BitLen() > 1<<13 || prime.Bit(0) == 0 {
			return nil, nil, fmt.Errorf("a prime of %d bits %w", prime.BitLen(), ErrUnreadable)
		}
		exponent, err := rand.Int(rand.Reader, prime)
		if err != nil {
			return nil, nil, err
		}
		secret = new(big.Int).Exp(new(big.Int).SetBytes(y), exponent, prime).Bytes() // without leading zeros (RFC 5246 8.1.2)
		public := new(big.Int).Exp(new(big.Int).SetBytes(g), exponent, prime).Bytes()
		message, err = clientKeyExchange(func(b *cryptobyte.Builder) { prefixed(b, public) })
		return secret, message, err
	default:
		return nil, nil, fmt.Errorf("the key exchange of %s %w", suite.Name, ErrUnreadable)
	}
}

// RSAKey is the key of the certificate, where it is one of RSA.
func (r *Reply) RSAKey() (*rsa.PublicKey, error) {
	if len(r.Certificates) == 0 {
		return nil, errors.New("no certificate was sent")
	}
	certificate, err := x509.ParseCertificate(r.Certificates[0])
	if err != nil {
		return nil, err
	}
	key, is := certificate.PublicKey.(*rsa.PublicKey)
	if !is {
		return nil, errors.New("the certificate's key is not one of RSA")
	}
	return key, nil
}

// Finish is the client's second flight: ClientKeyExchange, ChangeCipherSpec and Finished. Records that Seal makes may follow it at once.
func (s *Session) Finish() []byte {
	h := &half{version: s.version}
	sum := prf(s.version, Suites[s.Reply.Suite], s.master, "client finished", s.digest(), 12)
	flight := append(h.header(22, len(s.exchange)), s.exchange...)
	flight = append(append(flight, h.header(20, 1)...), 1)
	return append(flight, s.client.seal(22, append([]byte{20, 0, 0, 12}, sum...))...)
}

// digest is the hash of the handshake so far.
func (s *Session) digest() []byte {
	if s.version < TLS12 {
		sum := md5Sum(s.in.transcript)
		return append(sum, sha1Sum(s.in.transcript)...)
	}
	h := finishHash(Suites[s.Reply.Suite])()
	h.Write(s.in.transcript)
	return h.Sum(nil)
}

// Seal is a sound record of the client. It must be sent in the order in which it was made.
func (s *Session) Seal(kind uint8, payload []byte) []byte { return s.client.seal(kind, payload) }

// CBC says whether records can be made with Broken.
func (s *Session) CBC() bool { return s.client.mac != nil }

// WithPadding is a payload, shortened at its beginning, after which a whole block of padding follows.
func (s *Session) WithPadding(payload []byte) []byte {
	return payload[(len(payload)+s.client.mac().Size())%s.client.block.BlockSize():]
}

// Broken is a record of CBC whose content, from payload to padding, was changed by spoil before it was encrypted.
func (s *Session) Broken(kind uint8, payload []byte, spoil func(content []byte, mac int)) []byte {
	mac := s.client.authenticated(kind, payload)
	content := padded(append(bytes.Clone(payload), mac...), s.client.block.BlockSize())
	spoil(content, len(payload))
	return s.client.encrypt(kind, content)
}

// Accepted reads to the server's Finished.
func (s *Session) Accepted() error {
	const changeCipherSpec, handshake, finished = 20, 22, 20
	for changed := false; ; {
		kind, body, err := record(s.conn)
		switch {
		case err != nil:
			return err
		case kind == 21 && !changed:
			if err := alert(body); err != nil {
				return err
			}
		case kind == changeCipherSpec:
			changed = true
		case kind == handshake && changed:
			plain, err := s.server.open(kind, body)
			if err != nil || len(plain) == 0 || plain[0] != finished {
				return errors.Join(fmt.Errorf("%w: no Finished", ErrMalformed), err)
			}
			return nil
		case kind == handshake: // a ticket
		default:
			return s.unexpected(kind, body)
		}
	}
}

func (s *Session) unexpected(kind uint8, body []byte) error {
	if plain, err := s.server.open(kind, body); kind == 21 && err == nil {
		if err := alert(plain); err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: a record of type %d", ErrMalformed, kind)
}

// Next reads a record after the handshake and decrypts it.
func (s *Session) Next() (kind uint8, plain []byte, err error) {
	kind, body, err := record(s.conn)
	if err != nil {
		return 0, nil, err
	}
	plain, err = s.server.open(kind, body)
	return kind, plain, err
}

// Again is a ClientHello as a message, to be sent within the session: what starts a renegotiation.
func (h Hello) Again() ([]byte, error) {
	wire, err := h.Marshal()
	if err != nil {
		return nil, err
	}
	return wire[5:], nil
}
