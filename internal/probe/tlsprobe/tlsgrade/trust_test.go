package tlsgrade

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

// patched is a chain of a leaf and its issuer, one of which has an algorithm that no library makes (any more): its OID is replaced.
func patched(t *testing.T, which int, old, replacement []byte) Chain {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	now := time.Now()
	var chain Chain
	for i, name := range []string{"leaf", "issuer"} {
		issuer := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: named("issuer's issuer")}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: named(name), DNSNames: []string{"shop.example"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
		if i == 0 {
			issuer.Subject = named("issuer")
		}
		der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, key)
		require.NoError(t, err)
		if i == which {
			require.Contains(t, string(der), string(old))
			der = bytes.ReplaceAll(der, old, replacement)
		}
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		chain.Certificates, chain.Raw = append(chain.Certificates, cert), append(chain.Raw, der)
	}
	return chain
}

var (
	sha256RSA = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11}
	plainRSA  = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1}
)

func named(name string) pkix.Name { return pkix.Name{CommonName: name} }

// ids are those of all reasons.
func ids(g Grade) []string {
	var list []string
	for _, r := range g.Reasons {
		list = append(list, r.ID)
	}
	return list
}

func pkcs1(last byte) []byte { return append(bytes.Clone(plainRSA[:8]), last) }

func TestBrokenSignaturesAreWorseThanNoTrust(t *testing.T) {
	for title, c := range map[string]struct {
		which int
		oid   byte
		want  string
		id    string
	}{
		"MD2, leaf": {0, 2, "F", "broken-signature"}, "MD4, leaf": {0, 3, "F", "broken-signature"}, "MD5, leaf": {0, 4, "F", "broken-signature"},
		"MD2, intermediate": {1, 2, "F", "broken-signature"}, "MD4, intermediate": {1, 3, "F", "broken-signature"}, "MD5, intermediate": {1, 4, "F", "broken-signature"},
		"SHA-1, leaf": {0, 5, "T", "sha1"}, "SHA-1, intermediate": {1, 5, "T", "sha1"}, "unknown, leaf": {0, 99, "", ""}, "SHA-256": {0, 11, "T", "untrusted"},
	} {
		t.Run(title, func(t *testing.T) {
			o := good(t)
			o.Chains = []Chain{patched(t, c.which, sha256RSA, pkcs1(c.oid))}
			g := Of(o)
			assert.Equal(t, c.want, g.Grade, "%s", g)
			if c.id != "" {
				assert.Contains(t, ids(g), c.id)
			}
		})
	}
}

func TestKeysOfRareKinds(t *testing.T) {
	o := good(t)
	o.Chains = []Chain{patched(t, 0, plainRSA, pkcs1(77))}
	g := Of(o)
	assert.Empty(t, g.Grade, "%s", g)
	assert.NotContains(t, ids(g), "key-broken", "%s", g)
	assert.Contains(t, g.String(), "how strong is a key of the unknown kind 1.2.840.113549.1.1.77")

	pss, bits := keyBits(patched(t, 0, plainRSA, pkcs1(10)).Certificates[0])
	assert.Equal(t, []any{"RSA-PSS 2048", 2048}, []any{pss, bits})

	// SubjectPublicKeyInfo of Ed448 and Ed25519 (RFC 8410 10.1).
	ed448 := append([]byte{0x30, 0x43, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71, 0x03, 0x3a, 0x00}, make([]byte, 57)...)
	what, bits := keyBits(&x509.Certificate{RawSubjectPublicKeyInfo: ed448})
	assert.Equal(t, []any{"Ed448", 7680}, []any{what, bits})
	what, bits = keyBits(&x509.Certificate{PublicKey: ed25519.PublicKey(make([]byte, 32))})
	assert.Equal(t, []any{"Ed25519", 3072}, []any{what, bits})
	what, bits = keyBits(&x509.Certificate{PublicKey: &ecdsa.PublicKey{Curve: elliptic.P521()}})
	assert.Equal(t, []any{"EC 521", 15360}, []any{what, bits})
}

// A signature that cannot be checked here is not the same as one by an authority that is not trusted.
func TestAnAuthorityWithEd448CannotBeJudged(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	leafKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: named("leaf"), DNSNames: []string{"shop.example"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: named("issuer")}, &leafKey.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(bytes.ReplaceAll(der, []byte{6, 3, 0x2b, 0x65, 0x70}, []byte{6, 3, 0x2b, 0x65, 0x71}))
	require.NoError(t, err)
	o := good(t)
	o.Chains = []Chain{{Certificates: []*x509.Certificate{cert}, Raw: [][]byte{cert.Raw}}}
	g := Of(o)
	assert.Empty(t, g.Grade, "%s", g)
	require.Len(t, g.Blocked, 1)
	assert.Contains(t, g.Blocked[0], "whether the certificate of CN=leaf is trusted")
	assert.Equal(t, "A+", g.IgnoringTrust)
}

func TestWhatAChainLacksMayBeInOneThatWasNotSeen(t *testing.T) {
	o := good(t)
	o.Chains[0].Certificates = o.Chains[0].Certificates[:1]
	assert.Equal(t, "T", Of(o).Grade)
	o.Unasked = []string{"certificates for RSA"}
	g := Of(o)
	assert.Equal(t, []string{"", "B"}, []string{g.Grade, g.Best}, "%s", g)
}

func TestAStapledRevocationIsF(t *testing.T) {
	for title, c := range map[string]struct {
		options []tlstest.Option
		status  int
		want    string
	}{
		"revoked": {nil, ocsp.Revoked, "F"}, "revoked, leaf only": {[]tlstest.Option{tlstest.MissingIntermediate()}, ocsp.Revoked, "F"}, "good": {nil, ocsp.Good, "A+"},
	} {
		t.Run(title, func(t *testing.T) {
			authority, err := tlstest.NewAuthority()
			require.NoError(t, err)
			cert, err := authority.Issue(append(c.options, tlstest.Names("shop.example"))...)
			require.NoError(t, err)
			o := good(t)
			o.Roots, o.Chains = authority.Pool(), []Chain{chainOf(t, cert)}
			o.Chains[0].Stapled, err = authority.Staple(cert.Leaf, c.status)
			require.NoError(t, err)
			g := Of(o)
			assert.Equal(t, c.want, g.Grade, "%s", g)
			assert.Equal(t, c.want == "F", slices.Contains(ids(g), "revoked"))
		})
	}
}
