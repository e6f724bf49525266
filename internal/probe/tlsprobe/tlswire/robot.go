package tlswire

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"math/big"
)

// Bleichenbacher are the client's flights, in words, that a server must not tell apart where the key exchange is RSA (RFC 5246 7.4.7.1): those of the
// ROBOT paper (Böck, Somorovsky, Young: Return Of Bleichenbacher's Oracle Threat, 2018, 3.1). No Finished in them is right.
func (r *Reply) Bleichenbacher(offered uint16) (map[string][]byte, error) {
	key, err := r.RSAKey()
	if err != nil {
		return nil, err
	}
	size := key.Size()
	secret := make([]byte, 46)
	_, _ = rand.Read(secret) // it never fails
	sound := func(version uint16) []byte {
		block := bytes.Repeat([]byte{0xa5}, size)
		block[0], block[1], block[size-49] = 0, 2, 0
		binary.BigEndian.PutUint16(block[size-48:], version)
		copy(block[size-46:], secret)
		return block
	}
	spoilt := func(spoil func(block []byte)) []byte {
		block := sound(offered)
		spoil(block)
		return block
	}
	flights := map[string][]byte{}
	for what, block := range map[string][]byte{
		"a sound block":       sound(offered),
		"wrong first bytes":   spoilt(func(b []byte) { b[0], b[1] = 0x41, 0x17 }),
		"a secret of 2 bytes": spoilt(func(b []byte) { b[size-49], b[size-3] = 0xa5, 0 }),
		"no end of padding":   spoilt(func(b []byte) { b[size-49], b[size-48], b[size-47] = 0xa5, 3, 3; filled(b[size-46:]) }),
		"a wrong version":     sound(0x0202),
	} {
		sealed := new(big.Int).Exp(new(big.Int).SetBytes(block), big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, size))
		message := []byte{16, 0}
		message = binary.BigEndian.AppendUint16(message, uint16(size+2)) //nolint:gosec // a key of RSA
		message = binary.BigEndian.AppendUint16(message, uint16(size))   //nolint:gosec // the same
		message = append(message, sealed...)
		if r.requested {
			message = append([]byte{11, 0, 0, 3, 0, 0, 0}, message...)
		}
		h := &half{version: r.Version}
		finished := make([]byte, 64)
		_, _ = rand.Read(finished) // it never fails
		flight := append(h.header(22, len(message)), message...)
		flight = append(append(flight, h.header(20, 1)...), 1)
		flights[what] = append(append(flight, h.header(22, len(finished))...), finished...)
	}
	return flights, nil
}

// filled takes the zeros out of random bytes.
func filled(b []byte) {
	for i := range b {
		b[i] |= 1
	}
}
