package tlswire

import (
	"bytes"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
)

// kinds are the cipher kinds of SSL 2.0, which are its suites.
var kinds = map[uint32]string{0x010080: "SSL_CK_RC4_128_WITH_MD5", 0x020080: "SSL_CK_RC4_128_EXPORT40_WITH_MD5", 0x030080: "SSL_CK_RC2_128_CBC_WITH_MD5",
	0x040080: "SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5", 0x050080: "SSL_CK_IDEA_128_CBC_WITH_MD5", 0x060040: "SSL_CK_DES_64_CBC_WITH_MD5",
	0x0700c0: "SSL_CK_DES_192_EDE3_CBC_WITH_MD5"}

// ReadSSL2 reads the SERVER-HELLO of SSL 2.0. A server that answers in the records of a later version has declined.
func ReadSSL2(r io.Reader) (*Reply, error) {
	var header [3]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	if header[0] == 21 && header[1] == 3 { // an alert of SSL 3.0 or later
		_, body, err := record(io.MultiReader(bytes.NewReader(header[:]), r))
		if err != nil {
			return nil, err
		}
		if err := alert(body); err != nil {
			return nil, err
		}
		return nil, &Alert{body[1]} // a warning, after which nothing of SSL 2.0 can follow
	}
	length := int(header[0]&0x7f)<<8 | int(header[1])
	const errorMessage, serverHello = 0, 4
	if header[0]&0x80 == 0 || length < 3 || header[2] != serverHello && header[2] != errorMessage {
		return nil, fmt.Errorf("%w: it begins with %q", ErrMalformed, header)
	}
	body := make([]byte, length-1)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	if header[2] == errorMessage {
		return nil, &Alert{40}
	}
	s := cryptobyte.String(body)
	var hit, certificateType uint8
	reply := &Reply{Done: true}
	var certificate, kinds, id uint16
	var der, specs []byte
	if !s.ReadUint8(&hit) || !s.ReadUint8(&certificateType) || !s.ReadUint16(&reply.Version) || reply.Version != SSL2 || !s.ReadUint16(&certificate) ||
		!s.ReadUint16(&kinds) || !s.ReadUint16(&id) || !s.ReadBytes(&der, int(certificate)) || !s.ReadBytes(&specs, int(kinds)) {
		return nil, fmt.Errorf("%w: a SERVER-HELLO that cannot be read", ErrMalformed)
	}
	if len(der) > 0 {
		reply.Certificates = [][]byte{der}
	}
	reply.Kinds = kindNames(specs)
	return reply, nil
}

func kindNames(specs []byte) []string {
	var names []string
	for ; len(specs) >= 3 && len(names) < maxKinds; specs = specs[3:] {
		id := uint32(specs[0])<<16 | uint32(specs[1])<<8 | uint32(specs[2])
		name, known := kinds[id]
		if !known {
			name = fmt.Sprintf("SSL 2.0 kind %06x", id)
		}
		names = append(names, name)
	}
	return names
}
