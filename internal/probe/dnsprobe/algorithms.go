package dnsprobe

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/miekg/dns"
)

// errUnverifiable says that a signature may be good for others, and cannot be verified here.
var errUnverifiable = errors.New("which cannot be verified here")

// verifiable are the algorithms whose signatures can be verified here.
var verifiable = []uint8{dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519}

// outdated are the algorithms that must not be signed with any more (RFC 9904, RFC 9905).
var outdated = []uint8{dns.RSAMD5, dns.DSA, dns.RSASHA1, dns.DSANSEC3SHA1, dns.RSASHA1NSEC3SHA1, dns.ECCGOST}

func algorithmName(algorithm uint8) string {
	if name, known := dns.AlgorithmToString[algorithm]; known {
		return name
	}
	return fmt.Sprint("number ", algorithm)
}

// beyondUs says what about a key is more or less than the libraries here verify with; "" where nothing is.
func beyondUs(key *dns.DNSKEY) string {
	if !slices.Contains(verifiable, key.Algorithm) {
		return "algorithm " + algorithmName(key.Algorithm)
	}
	if !slices.Contains([]uint8{dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512}, key.Algorithm) {
		return ""
	}
	modulus, exponent, ok := sizesOfRSA(key)
	const least, most, largest = 1024, 4096, 31 // bits
	switch {
	case !ok:
		return ""
	case modulus < least || modulus > most:
		return fmt.Sprintf("RSA with %d bits", modulus)
	case exponent > largest:
		return fmt.Sprintf("RSA with an exponent of %d bits", exponent)
	default:
		return ""
	}
}

// sizesOfRSA are the bits of a key's modulus and exponent (RFC 3110 2). A key that cannot be read is not ok.
func sizesOfRSA(key *dns.DNSKEY) (modulus, exponent int, ok bool) {
	data, err := base64.StdEncoding.DecodeString(key.PublicKey)
	if err != nil || len(data) < 4 {
		return 0, 0, false
	}
	length, at := int(data[0]), 1
	if length == 0 {
		length, at = int(data[1])<<8|int(data[2]), 3
	}
	if length == 0 || len(data) <= at+length {
		return 0, 0, false
	}
	return bitLength(data[at+length:]), bitLength(data[at : at+length]), true
}

func bitLength(number []byte) int {
	for i, octet := range number {
		if octet > 0 {
			return (len(number)-i-1)*8 + bits.Len8(octet)
		}
	}
	return 0
}
