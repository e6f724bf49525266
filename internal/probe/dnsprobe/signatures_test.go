package dnsprobe

import (
	"crypto"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Servers answer with the letter case of the zone's file, which need not be the same in all records of an RRset.
func TestVerifiedWhateverTheCase(t *testing.T) {
	key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "drop.example.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 60}, Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}
	private, err := key.Generate(256)
	require.NoError(t, err)
	rrset := []dns.RR{record(t, "www.drop.example. 60 A 192.0.2.1"), record(t, "www.drop.example. 60 A 192.0.2.2")}
	now := time.Now()
	sig := &dns.RRSIG{Algorithm: key.Algorithm, KeyTag: key.KeyTag(), SignerName: "drop.example.", Inception: uint32(now.Unix() - 60), Expiration: uint32(now.Unix() + 60)}
	require.NoError(t, sig.Sign(private.(crypto.Signer), rrset))
	rrset[1].Header().Name = "WWW.Drop.example."
	_, err = verified(rrset, []dns.RR{sig}, []*dns.DNSKEY{key}, now)
	assert.NoError(t, err)
	rrset[1].(*dns.A).A[3]++
	_, err = verified(rrset, []dns.RR{sig}, []*dns.DNSKEY{key}, now)
	assert.ErrorContains(t, err, "does not verify")
}

// What is more or less than the libraries can do is not called wrong.
func TestVerifiedByOthersOnly(t *testing.T) {
	rsa := func(exponent []byte, modulus int) []byte {
		return append(append([]byte{byte(len(exponent))}, exponent...), append([]byte{0x80}, make([]byte, modulus-1)...)...)
	}
	for title, c := range map[string]struct {
		algorithm uint8
		key       []byte
		blind     bool
	}{
		"Ed448":                 {dns.ED448, make([]byte, 57), true},
		"GOST":                  {dns.ECCGOST, make([]byte, 64), true},
		"RSA with 512 bits":     {dns.RSASHA256, rsa([]byte{1, 0, 1}, 64), true},
		"RSA with 8192 bits":    {dns.RSASHA256, rsa([]byte{1, 0, 1}, 1024), true},
		"RSA, a large exponent": {dns.RSASHA256, rsa([]byte{1, 0, 0, 0, 1}, 256), true},
		"RSA with 2048 bits":    {dns.RSASHA256, rsa([]byte{1, 0, 1}, 256), false},
		"RSA that is cut off":   {dns.RSASHA256, []byte{3, 1}, false},
		"Ed25519":               {dns.ED25519, make([]byte, 32), false},
	} {
		t.Run(title, func(t *testing.T) {
			key := &dns.DNSKEY{Hdr: dns.RR_Header{Name: "drop.example.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET}, Flags: 257, Protocol: 3, Algorithm: c.algorithm, PublicKey: base64.StdEncoding.EncodeToString(c.key)}
			sig := &dns.RRSIG{Hdr: dns.RR_Header{Name: "drop.example.", Rrtype: dns.TypeRRSIG, Class: dns.ClassINET}, TypeCovered: dns.TypeA, Algorithm: c.algorithm, Labels: 2, KeyTag: key.KeyTag(), SignerName: "drop.example.",
				Signature: base64.StdEncoding.EncodeToString(make([]byte, 64))}
			_, err := verified([]dns.RR{record(t, "drop.example. 60 A 192.0.2.1")}, []dns.RR{sig}, []*dns.DNSKEY{key}, time.Now())
			if c.blind {
				assert.ErrorIs(t, err, errUnverifiable)
				assert.Equal(t, unknown, stateOf(badSignature("A", err, "")))
			} else {
				require.Error(t, err)
				assert.NotErrorIs(t, err, errUnverifiable)
				assert.Equal(t, bogus, stateOf(badSignature("A", err, "")))
			}
		})
	}
}

// An RRset that a zone below has signed is that zone's, unless this one has signed it too.
func TestOfZone(t *testing.T) {
	a := record(t, "www.drop.example. 60 A 192.0.2.1")
	by := func(signer string) dns.RR {
		return record(t, "www.drop.example. 60 RRSIG A 13 3 60 20300101000000 20260101000000 1 "+signer+" AAAA")
	}
	for signers, want := range map[string]bool{"": true, "drop.example.": true, "example.": true, "www.drop.example.": false, "drop.example. www.drop.example.": true, "www.drop.example. drop.example.": true} {
		var beside []dns.RR
		for signer := range strings.FieldsSeq(signers) {
			beside = append(beside, by(signer))
		}
		assert.Equal(t, want, ofZone([]dns.RR{a}, beside, "drop.example."), signers)
	}
	assert.False(t, ofZone([]dns.RR{a}, nil, "shop.example."))
}

func record(t *testing.T, text string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(text)
	require.NoError(t, err)
	return rr
}
