package mailtext

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseDKIM(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	p := base64.StdEncoding.EncodeToString(spki)
	bare := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	ed := base64.StdEncoding.EncodeToString(make([]byte, 32))
	for text, want := range map[string]DKIM{
		"v=DKIM1; k=rsa; p=" + p:               {Kind: "rsa", Bits: 1024},
		"p=" + p:                               {Kind: "rsa", Bits: 1024},
		"p=" + bare + ";":                      {Kind: "rsa", Bits: 1024},
		"v=DKIM1;p=" + p[:20] + " \t" + p[20:]: {Kind: "rsa", Bits: 1024},
		"v=DKIM1; k=ed25519; p=" + ed:          {Kind: "ed25519"},
		"v=DKIM1; p=":                          {Kind: "rsa", Revoked: true},
		"v=DKIM1; t=y:s; h=sha1:sha256; s=email; n=note; x=y; p=" + p: {Kind: "rsa", Bits: 1024, Testing: true},
	} {
		got, err := ParseDKIM(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"": "empty tag", "v=DKIM1": "no p", "k=rsa; v=DKIM1; p=" + p: "stand first", "v=DKIM2; p=" + p: "must be DKIM1", "p=" + p + "; p=" + p: "stands twice", "p=!": "no base64", "p=AAAA": "no RSA key",
		"k=ed25519; p=AAAA": "3 bytes", "k=dsa; p=AAAA": "no kind of key", "h=sha1; p=" + p: "leaves SHA-256 out", "s=other; p=" + p: "leaves e-mail out", "v=DKIM1;; p=" + p: "empty tag", "nonsense": "is not tag=value",
		"p=" + base64.StdEncoding.EncodeToString(append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00}, make([]byte, 32)...)): "another kind",
	} {
		_, err := ParseDKIM(text)
		assert.ErrorContains(t, err, want, text)
	}
}

func TestParseDMARC(t *testing.T) {
	for text, want := range map[string]bool{"v=DMARC1; p=none": true, "v=DMARC1;p=none": true, "v = DMARC1 ; p=none": true, "v=dmarc1; p=none": false, "p=none; v=DMARC1": false, "v=DMARC1": true, "v=DMARC12; p=none": false} {
		assert.Equal(t, want, IsDMARC(text), text)
	}
	got, err := ParseDMARC("v=DMARC1; p=Quarantine; sp=none; t=y; aspf=s; pct=50; rua=mailto:a@x.example!10m, mailto:b@y.example; psd=n")
	require.NoError(t, err)
	assert.Equal(t, DMARC{Policy: "quarantine", Subdomains: "none", NonExistent: "none", Testing: true, Percent: 50, StrictSPF: true, PSD: "n", Reports: []string{"mailto:a@x.example!10m", "mailto:b@y.example"}}, got)
	got, err = ParseDMARC("v=DMARC1; p=none; np=reject")
	require.NoError(t, err)
	assert.Equal(t, DMARC{Policy: "none", Subdomains: "none", NonExistent: "reject", Percent: 100, PSD: "u"}, got)
	for text, want := range map[string]string{"v=DMARC1": "no p", "v=DMARC1; p=all": "no policy", "v=DMARC1; p=none; sp=x": "no policy", "v=DMARC1; p=none; pct=101": "no percentage", "v=DMARC1; p=none; p=reject": "stands twice"} {
		_, err := ParseDMARC(text)
		assert.ErrorContains(t, err, want, text)
	}
	domain, err := ReportDomain("mailto:dmarc@Reports.Example!10m")
	require.NoError(t, err)
	assert.Equal(t, "reports.example", domain)
	for _, bad := range []string{"https://x.example/", "mailto:nobody", "x", "mailto:a@b@c", "%"} {
		_, err := ReportDomain(bad)
		assert.Error(t, err, bad)
	}
}

func TestPolicyTexts(t *testing.T) {
	assert.True(t, IsSTS("v=STSv1; id=1"))
	assert.False(t, IsSTS("v=STSv2; id=1"))
	require.NoError(t, CheckSTS("v=STSv1; id=20270101T000000;"))
	for _, bad := range []string{"v=STSv1", "v=STSv1; id=", "v=STSv1; id=a-b", "v=STSv1; id=123456789012345678901234567890123"} {
		assert.Error(t, CheckSTS(bad), bad)
	}
	assert.True(t, IsTLSRPT("v=TLSRPTv1; rua=mailto:a@b.example"))
	require.NoError(t, CheckTLSRPT("v=TLSRPTv1;rua=mailto:a@b.example,https://c.example/v1"))
	for _, bad := range []string{"v=TLSRPTv1", "v=TLSRPTv1; rua=", "v=TLSRPTv1; rua=ftp://x"} {
		assert.Error(t, CheckTLSRPT(bad), bad)
	}
}

func FuzzTags(f *testing.F) {
	for _, seed := range []string{"v=DKIM1; k=rsa; h=sha256; s=*; t=y:s; p=MIGf", "v=DMARC1; p=none; rua=mailto:a@b!1m; pct=5", "v=STSv1; id=1", "v=TLSRPTv1; rua=mailto:a@b,https://c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDKIM(text); err == nil && !d.Revoked && d.Kind == "rsa" {
			assert.Positive(t, d.Bits)
		}
		if d, err := ParseDMARC(text); err == nil {
			assert.Contains(t, []string{"none", "quarantine", "reject"}, d.Policy)
			assert.Contains(t, []string{"none", "quarantine", "reject"}, d.NonExistent)
			for _, uri := range d.Reports {
				_, _ = ReportDomain(uri) // it must not panic
			}
		}
		_ = CheckSTS(text)
		_ = CheckTLSRPT(text)
	})
}
