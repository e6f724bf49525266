package tlswire

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // a suite that old servers have only
	"crypto/hmac"
	"crypto/md5" //nolint:gosec // what old versions derive their keys with
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"strings"
)

// half is one direction of a connection before TLS 1.3, in a suite with AES or 3DES.
type half struct {
	version  uint16
	sequence uint64
	block    cipher.Block
	mac      func() hash.Hash // of CBC; nil with GCM
	macKey   []byte
	iv       []byte // of GCM the fixed part; of CBC in TLS 1.0 the last block
}

// finishHash is what a suite of TLS 1.2 derives its keys and its Finished with.
func finishHash(suite Suite) func() hash.Hash {
	if strings.HasSuffix(suite.Name, "_SHA384") {
		return sha512.New384
	}
	return sha256.New
}

// macOf is the hash that a CBC suite authenticates with.
func macOf(suite Suite) (new func() hash.Hash, size int) {
	switch {
	case strings.HasSuffix(suite.Name, "_SHA256"):
		return sha256.New, sha256.Size
	case strings.HasSuffix(suite.Name, "_SHA384"):
		return sha512.New384, sha512.Size384
	default:
		return sha1.New, sha1.Size
	}
}

// prf derives length bytes (RFC 5246 5, RFC 2246 5).
func prf(version uint16, suite Suite, secret []byte, label string, seed []byte, length int) []byte {
	seed = append([]byte(label), seed...)
	if version >= TLS12 {
		return pHash(finishHash(suite), secret, seed, length)
	}
	middle := (len(secret) + 1) / 2
	out := pHash(md5.New, secret[:middle], seed, length)
	for i, b := range pHash(sha1.New, secret[len(secret)-middle:], seed, length) {
		out[i] ^= b
	}
	return out
}

func md5Sum(b []byte) []byte {
	sum := md5.Sum(b) //nolint:gosec // what old versions finish with
	return sum[:]
}

func sha1Sum(b []byte) []byte {
	sum := sha1.Sum(b) //nolint:gosec // the same
	return sum[:]
}

func pHash(h func() hash.Hash, secret, seed []byte, length int) []byte {
	sum := func(parts ...[]byte) []byte {
		mac := hmac.New(h, secret)
		for _, part := range parts {
			mac.Write(part)
		}
		return mac.Sum(nil)
	}
	var out []byte
	for a := sum(seed); len(out) < length; a = sum(a) {
		out = append(out, sum(a, seed)...)
	}
	return out[:length]
}

// halves are the two directions' keys (RFC 5246 6.3).
func halves(version uint16, suite Suite, master, clientRandom, serverRandom []byte) (client, server *half, err error) {
	mac, macSize := macOf(suite)
	newBlock, keySize, ivSize := aes.NewCipher, suite.Bits/8, 0
	switch {
	case strings.Contains(suite.Name, "_3DES_EDE_CBC_"):
		newBlock, keySize, ivSize = des.NewTripleDESCipher, 24, des.BlockSize
	case !strings.Contains(suite.Name, "_AES_") || !suite.CBC && !strings.Contains(suite.Name, "GCM"):
		return nil, nil, fmt.Errorf("the suite %s %w", suite.Name, ErrUnreadable)
	case suite.AEAD:
		mac, macSize, ivSize = nil, 0, 4
	default:
		ivSize = aes.BlockSize
	}
	if version >= TLS11 && !suite.AEAD { // stands in the records
		ivSize = 0
	}
	material := prf(version, suite, master, "key expansion", append(bytes.Clone(serverRandom), clientRandom...), 2*(macSize+keySize+ivSize))
	take := func(n int) []byte {
		part := material[:n]
		material = material[n:]
		return part
	}
	client, server = &half{version: version, mac: mac}, &half{version: version, mac: mac}
	client.macKey, server.macKey = take(macSize), take(macSize)
	for _, h := range []*half{client, server} {
		if h.block, err = newBlock(take(keySize)); err != nil {
			return nil, nil, err
		}
	}
	client.iv, server.iv = take(ivSize), take(ivSize)
	return client, server, nil
}

func (h *half) header(kind uint8, length int) []byte {
	b := binary.BigEndian.AppendUint16([]byte{kind}, h.version)
	return binary.BigEndian.AppendUint16(b, uint16(length)) //nolint:gosec // what is sent is short, and what is read bounded
}

// authenticated is the MAC of a record.
func (h *half) authenticated(kind uint8, payload []byte) []byte {
	mac := hmac.New(h.mac, h.macKey)
	mac.Write(binary.BigEndian.AppendUint64(nil, h.sequence))
	mac.Write(h.header(kind, len(payload)))
	mac.Write(payload)
	return mac.Sum(nil)
}

// padded is a payload and its MAC with sound padding.
func padded(content []byte, block int) []byte {
	n := block - len(content)%block
	return append(bytes.Clone(content), bytes.Repeat([]byte{byte(n - 1)}, n)...) //nolint:gosec // at most a block
}

// seal is one record.
func (h *half) seal(kind uint8, payload []byte) []byte {
	if h.mac != nil {
		return h.encrypt(kind, padded(append(bytes.Clone(payload), h.authenticated(kind, payload)...), h.block.BlockSize()))
	}
	explicit := binary.BigEndian.AppendUint64(nil, h.sequence)
	aead, err := cipher.NewGCM(h.block)
	if err != nil {
		panic(err) // the block is one of AES
	}
	sealed := aead.Seal(nil, append(bytes.Clone(h.iv), explicit...), payload, append(bytes.Clone(explicit), h.header(kind, len(payload))...)) // the number of the record is the nonce (RFC 5288 3)
	h.sequence++
	return append(append(h.header(kind, len(explicit)+len(sealed)), explicit...), sealed...)
}

// encrypt is one record of CBC with whole blocks as they are, sound or not.
func (h *half) encrypt(kind uint8, blocks []byte) []byte {
	h.sequence++
	iv, lead := h.iv, 0
	if h.version >= TLS11 {
		iv, lead = make([]byte, h.block.BlockSize()), h.block.BlockSize()
		_, _ = rand.Read(iv) // it never fails
	}
	out := append(bytes.Clone(iv[:lead]), make([]byte, len(blocks))...)
	cipher.NewCBCEncrypter(h.block, iv).CryptBlocks(out[lead:], blocks)
	if h.version < TLS11 {
		h.iv = out[len(out)-h.block.BlockSize():]
	}
	return append(h.header(kind, len(out)), out...)
}

// open is what is in a record.
func (h *half) open(kind uint8, body []byte) ([]byte, error) {
	bad := fmt.Errorf("%w: a record that cannot be decrypted", ErrMalformed)
	if h.mac == nil {
		aead, err := cipher.NewGCM(h.block)
		if err != nil || len(body) < 8+aead.Overhead() {
			return nil, bad
		}
		sequence := binary.BigEndian.AppendUint64(nil, h.sequence)
		h.sequence++
		plain, err := aead.Open(nil, append(bytes.Clone(h.iv), body[:8]...), body[8:], append(sequence, h.header(kind, len(body)-8-aead.Overhead())...))
		if err != nil {
			return nil, bad
		}
		return plain, nil
	}
	iv := h.iv
	if h.version >= TLS11 && len(body) >= h.block.BlockSize() {
		iv, body = body[:h.block.BlockSize()], body[h.block.BlockSize():]
	}
	if len(body) == 0 || len(body)%h.block.BlockSize() != 0 {
		return nil, bad
	}
	plain := make([]byte, len(body))
	cipher.NewCBCDecrypter(h.block, iv).CryptBlocks(plain, body)
	if h.version < TLS11 {
		h.iv = bytes.Clone(body[len(body)-h.block.BlockSize():])
	}
	length := len(plain) - 1 - int(plain[len(plain)-1]) - h.mac().Size()
	if length < 0 {
		return nil, bad
	}
	mac := h.authenticated(kind, plain[:length])
	h.sequence++
	if !hmac.Equal(mac, plain[length:length+len(mac)]) {
		return nil, bad
	}
	return plain[:length], nil
}
