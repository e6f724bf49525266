// Package tlswire builds the ClientHellos that the standard library will not send and reads what servers answer to them:
// SSL 2.0 to TLS 1.3, up to the point where keys would be agreed on. It opens no connection and keeps no state.
package tlswire

import (
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Suite is what the name of a cipher suite says of it.
type Suite struct {
	ID        uint16
	Name      string // IANA's
	Exchange  string // "RSA", "DHE", "ECDHE", "DH", "ECDH", "PSK", …; "" in TLS 1.3, where it is agreed on apart
	Auth      string // "RSA", "ECDSA", "DSS", "anon"; "" in TLS 1.3
	Bits      int    // of the cipher, as the rating guide counts: 0 for NULL, 168 for 3DES
	BlockBits int    // of a block cipher
	AEAD      bool
	CBC       bool
	Export    bool
}

//go:embed iana.txt
var iana string // id and name a line, from IANA's registry and from before it

// Suites are all suites by id, without the signalling values.
var Suites = parseSuites(iana)

func parseSuites(text string) map[uint16]Suite {
	all := map[uint16]Suite{}
	for line := range strings.Lines(text) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, err := strconv.ParseUint(id, 16, 16)
		if err != nil {
			panic(fmt.Sprintf("iana.txt: %q", line)) // the file is compiled in, and a test reads it
		}
		all[uint16(n)] = named(uint16(n), name)
	}
	return all
}

// named reads a suite's properties off its name: exchange, authentication, cipher.
func named(id uint16, name string) Suite {
	s := Suite{ID: id, Name: name}
	exchange, cipher, old := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(name, "TLS_"), "SSL_"), "_WITH_")
	if !old {
		cipher = exchange
	} else {
		s.Export = strings.Contains(exchange, "_EXPORT")
		exchange, _, _ = strings.Cut(exchange, "_EXPORT")
		var split bool
		if s.Exchange, s.Auth, split = strings.Cut(exchange, "_"); !split && exchange == "RSA" {
			s.Auth = "RSA"
		}
		if exchange == "NULL" || s.Auth == "anon" {
			s.Auth = "anon"
		}
	}
	s.AEAD = slices.ContainsFunc([]string{"GCM", "CCM", "POLY1305"}, func(mode string) bool { return strings.Contains(cipher, mode) })
	s.CBC = strings.Contains(cipher, "_CBC") || strings.HasPrefix(cipher, "DES40")
	s.Bits, s.BlockBits = strength(cipher)
	return s
}

// ciphers are how strong a cipher is, by the beginning of its name. The first that fits counts.
var ciphers = []struct {
	prefix      string
	bits, block int
}{
	{"NULL", 0, 0}, {"SHA", 0, 0}, {"RC4_40", 40, 0}, {"RC4_56", 56, 0}, {"RC4", 128, 0}, {"RC2_CBC_40", 40, 64}, {"RC2_56", 56, 64},
	{"DES40", 40, 64}, {"DES_CBC_40", 40, 64}, {"DES", 56, 64}, {"3DES", 168, 64}, {"IDEA", 128, 64}, {"SEED", 128, 128}, {"CHACHA20", 256, 0},
	{"28147", 256, 64}, {"MAGMA", 256, 64}, {"KUZNYECHIK", 256, 128}, {"SM4", 128, 128},
	{"AES_128", 128, 128}, {"AES_256", 256, 128}, {"ARIA_128", 128, 128}, {"ARIA_256", 256, 128}, {"CAMELLIA_128", 128, 128}, {"CAMELLIA_256", 256, 128},
}

func strength(cipher string) (bits, block int) {
	for _, c := range ciphers {
		if strings.HasPrefix(cipher, c.prefix) {
			return c.bits, c.block
		}
	}
	panic("tlswire: no strength for " + cipher) // the names are compiled in, and a test reads them all
}

// TLS13 says whether the suite belongs to TLS 1.3.
func (s Suite) TLS13() bool {
	return s.ID>>8 == 0x13 || s.ID == 0xc0b4 || s.ID == 0xc0b5 || s.ID == 0x00c6 || s.ID == 0x00c7
}

// RC4 says whether the cipher is RC4, in any strength.
func (s Suite) RC4() bool { return strings.Contains(s.Name, "_RC4_") }

// certified says whether a server needs no more than its certificate, or nothing at all, to choose the suite: no shared key, no password, no
// ticket of Kerberos, and no GOST.
func (s Suite) certified() bool {
	return s.TLS13() || slices.Contains([]string{"RSA", "DHE", "ECDHE", "DH", "ECDH", "NULL", "CECPQ1"}, s.Exchange) && s.Auth != "PSK"
}

// Matching are the ids of the suites before TLS 1.3 that match, strongest first.
func Matching(match func(Suite) bool) []uint16 {
	return ids(func(s Suite) bool { return !s.TLS13() && match(s) })
}

// Matching13 are those of TLS 1.3.
func Matching13(match func(Suite) bool) []uint16 {
	return ids(func(s Suite) bool { return s.TLS13() && match(s) })
}

func ids(match func(Suite) bool) []uint16 {
	var list []uint16
	for id, s := range Suites {
		if id != 0 && s.certified() && match(s) {
			list = append(list, id)
		}
	}
	slices.SortFunc(list, func(a, b uint16) int {
		if c := rank(Suites[b]) - rank(Suites[a]); c != 0 {
			return c
		}
		return int(b) - int(a)
	})
	return list
}

// rank orders suites as a client would that wants the best: forward secrecy, AEAD, bits.
func rank(s Suite) int {
	r := s.Bits
	if s.AEAD {
		r += 1000
	}
	if s.Exchange == "ECDHE" || s.Exchange == "DHE" {
		r += 2000
	}
	if s.Auth == "anon" {
		r -= 5000
	}
	return r
}
