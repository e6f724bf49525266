package tlswire

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
)

// ErrUnreadable is the cause where a server chose what cannot be followed here, so that its certificates stay hidden.
var ErrUnreadable = errors.New("cannot be read here")

// Handshake13 puts a hello of TLS 1.3 and follows the server as far as its CertificateVerify: the certificates are encrypted (RFC 8446 4.4.2).
// Without them there is an error; an alert is the server's refusal. The reply says by Verify with which scheme the server signed.
func Handshake13(conn io.ReadWriter, h Hello) (*Reply, error) {
	s := &stream{r: conn}
	private, reply, err := agree(s, conn, h)
	if err != nil {
		return nil, err
	}
	how, known := sealings[reply.Suite]
	if !known {
		return nil, fmt.Errorf("the suite 0x%04x %w", reply.Suite, ErrUnreadable)
	}
	public, err := private.Curve().NewPublicKey(reply.share)
	if err != nil {
		return nil, fmt.Errorf("%w: a key share that is no point", ErrMalformed)
	}
	shared, err := private.ECDH(public)
	if err != nil {
		return nil, fmt.Errorf("%w: a key share that is no point", ErrMalformed)
	}
	if s.opener, err = newOpener(how, shared, s.transcript); err != nil {
		return nil, err
	}
	reply.Done = false
	return reply, certified(s, reply)
}

// agree sends the hello, once more where the server wants another group (RFC 8446 4.1.4), and returns the ServerHello.
func agree(s *stream, conn io.Writer, h Hello) (*ecdh.PrivateKey, *Reply, error) {
	h.random = make([]byte, 32)
	if _, err := rand.Read(h.random); err != nil {
		return nil, nil, err
	}
	group := uint16(29)
	for retried := false; ; retried = true {
		curve, known := agreeable[group]
		if !known {
			return nil, nil, fmt.Errorf("the group %s %w", curveName(group), ErrUnreadable)
		}
		private, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			return nil, nil, err
		}
		h.shareGroup, h.share = group, private.PublicKey().Bytes()
		wire, err := h.Marshal()
		if err != nil {
			return nil, nil, err
		}
		s.transcript = append(s.transcript, wire[5:]...)
		if _, err := conn.Write(wire); err != nil {
			return nil, nil, err
		}
		kind, body, err := s.message()
		if err != nil {
			return nil, nil, err
		}
		reply, ok := readServerHello(body)
		switch {
		case kind != 2 || !ok || reply.Retry && retried:
			return nil, nil, fmt.Errorf("%w: handshake message %d where a ServerHello belongs", ErrMalformed, kind)
		case reply.Version != TLS13:
			return nil, nil, fmt.Errorf("%w: version 0x%04x, which was not offered", ErrMalformed, reply.Version)
		case !reply.Retry && reply.group != group:
			return nil, nil, fmt.Errorf("%w: a key of group %s, for which none was sent", ErrMalformed, curveName(reply.group))
		case !reply.Retry:
			return private, reply, nil
		}
		if reply.group != 0 { // 0: a cookie is all that it wants
			group = reply.group
		}
		h.cookie, h.again = reply.cookie, true
		how, known := sealings[reply.Suite]
		if !known {
			return nil, nil, fmt.Errorf("the suite 0x%04x %w", reply.Suite, ErrUnreadable)
		}
		s.restart(how, wire[5:])
	}
}

// certified reads from the EncryptedExtensions to the CertificateVerify.
func certified(s *stream, reply *Reply) error {
	const encryptedExtensions, certificate, request, verify = 8, 11, 13, 15
	for {
		kind, body, err := s.message()
		if err != nil {
			return err
		}
		ok := true
		switch kind {
		case encryptedExtensions, request:
		case certificate:
			reply.Certificates, reply.Stapled, ok = readCertificates13(body)
		case verify:
			if ok = len(reply.Certificates) > 0 && body.ReadUint16(&reply.Verify); ok {
				reply.Done = true
				return nil
			}
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("%w: handshake message %d of TLS 1.3 cannot be read", ErrMalformed, kind)
		}
	}
}

// readCertificates13 reads a Certificate (RFC 8446 4.4.2), and the response that is stapled to the leaf.
func readCertificates13(s cryptobyte.String) (all [][]byte, stapled []byte, ok bool) {
	var context, list cryptobyte.String
	if !s.ReadUint8LengthPrefixed(&context) || !s.ReadUint24LengthPrefixed(&list) || !s.Empty() {
		return nil, nil, false
	}
	for !list.Empty() {
		var one, extensions cryptobyte.String
		if !list.ReadUint24LengthPrefixed(&one) || len(one) == 0 || !list.ReadUint16LengthPrefixed(&extensions) {
			return nil, nil, false
		}
		for !extensions.Empty() {
			var id uint16
			var body, response cryptobyte.String
			if !extensions.ReadUint16(&id) || !extensions.ReadUint16LengthPrefixed(&body) {
				return nil, nil, false
			}
			if id != extStatusRequest || len(all) > 0 {
				continue
			}
			if !body.Skip(1) || !body.ReadUint24LengthPrefixed(&response) {
				return nil, nil, false
			}
			stapled = bytes.Clone(response)
		}
		all = append(all, bytes.Clone(one))
	}
	return all, stapled, true
}

// stream reads handshake messages, which records may cut anywhere, and keeps the transcript.
type stream struct {
	r          io.Reader
	opener     *opener // nil until keys are agreed on
	pending    []byte
	transcript []byte
	read       int
	old        bool // of a version before TLS 1.3
}

func (s *stream) message() (kind uint8, body cryptobyte.String, err error) {
	for {
		rest := cryptobyte.String(s.pending)
		if rest.ReadUint8(&kind) && rest.ReadUint24LengthPrefixed(&body) {
			length := len(s.pending) - len(rest)
			if s.opener == nil && !s.old && kind == 2 && len(rest) > 0 {
				return 0, nil, fmt.Errorf("%w: plain text after the ServerHello", ErrMalformed)
			}
			s.transcript = append(s.transcript, s.pending[:length]...)
			s.pending = rest
			return kind, body, nil
		}
		if s.read > maxFlight {
			return 0, nil, fmt.Errorf("%w: a flight of more than %d bytes", ErrMalformed, maxFlight)
		}
		if err := s.record(); err != nil {
			return 0, nil, err
		}
	}
}

func (s *stream) record() error {
	const changeCipherSpec, alertRecord, handshake, applicationData = 20, 21, 22, 23
	kind, body, err := record(s.r)
	if err != nil {
		return err
	}
	s.read += len(body)
	if kind == changeCipherSpec { // for middleboxes, and means nothing (RFC 8446 D.4)
		return nil
	}
	if kind == applicationData && s.opener != nil {
		if kind, body, err = s.opener.open(body); err != nil {
			return err
		}
	} else if kind == handshake && s.opener != nil {
		return fmt.Errorf("%w: plain text where it must be encrypted", ErrMalformed)
	}
	switch kind {
	case alertRecord:
		return alert(body)
	case handshake:
		s.pending = append(s.pending, body...)
		return nil
	default:
		return fmt.Errorf("%w: a record of type %d", ErrMalformed, kind)
	}
}

// restart puts a hash in the place of the first hello, as a HelloRetryRequest makes it (RFC 8446 4.4.1).
func (s *stream) restart(how sealing, hello []byte) {
	retry := bytes.Clone(s.transcript[len(hello):])
	sum := how.hash()
	sum.Write(hello)
	digest := sum.Sum(nil)
	s.transcript = append(binary.BigEndian.AppendUint16([]byte{254, 0}, how.hashSize), digest...)
	s.transcript = append(s.transcript, retry...)
}
