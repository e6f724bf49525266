package tlswire

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

func TestSuitesAreReadOffTheirNames(t *testing.T) {
	for id, want := range map[uint16]Suite{
		0x1301: {Name: "TLS_AES_128_GCM_SHA256", Bits: 128, BlockBits: 128, AEAD: true},
		0xc02f: {Name: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Exchange: "ECDHE", Auth: "RSA", Bits: 128, BlockBits: 128, AEAD: true},
		0xcca9: {Name: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", Exchange: "ECDHE", Auth: "ECDSA", Bits: 256, AEAD: true},
		0x000a: {Name: "TLS_RSA_WITH_3DES_EDE_CBC_SHA", Exchange: "RSA", Auth: "RSA", Bits: 168, BlockBits: 64, CBC: true},
		0x0005: {Name: "TLS_RSA_WITH_RC4_128_SHA", Exchange: "RSA", Auth: "RSA", Bits: 128},
		0x0003: {Name: "TLS_RSA_EXPORT_WITH_RC4_40_MD5", Exchange: "RSA", Auth: "RSA", Bits: 40, Export: true},
		0x0034: {Name: "TLS_DH_anon_WITH_AES_128_CBC_SHA", Exchange: "DH", Auth: "anon", Bits: 128, BlockBits: 128, CBC: true},
		0x0001: {Name: "TLS_RSA_WITH_NULL_MD5", Exchange: "RSA", Auth: "RSA"},
		0x0009: {Name: "TLS_RSA_WITH_DES_CBC_SHA", Exchange: "RSA", Auth: "RSA", Bits: 56, BlockBits: 64, CBC: true},
		0x0014: {Name: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", Exchange: "DHE", Auth: "RSA", Bits: 40, BlockBits: 64, CBC: true, Export: true},
	} {
		want.ID = id
		assert.Equal(t, want, Suites[id])
	}
	for _, s := range tls.CipherSuites() {
		known, ok := Suites[s.ID]
		require.True(t, ok, s.Name)
		assert.Equal(t, s.Name, known.Name)
	}
	assert.True(t, Suites[0x0005].RC4())
	assert.NotContains(t, Matching(func(Suite) bool { return true }), uint16(0x00ae), "a suite that needs a shared key proves nothing")
	assert.NotContains(t, Matching(func(Suite) bool { return true }), uint16(0x1301))
}

// answer is what a server of the standard library says to a hello.
func answer(t *testing.T, config *tls.Config, h Hello) (*Reply, error) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	cert, err := authority.Issue(tlstest.Names("shop.example"), tlstest.RSA(2048))
	require.NoError(t, err)
	config.Certificates = []tls.Certificate{cert}
	return over(t, tlstest.NewServer(t, tlstest.Serve(config)).Addr, h)
}

func over(t *testing.T, address string, h Hello) (*Reply, error) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(3*time.Second)))
	wire, err := h.Marshal()
	require.NoError(t, err)
	_, err = conn.Write(wire)
	require.NoError(t, err)
	return Read(iotest.OneByteReader(conn)) // records and messages may come in any pieces
}

func TestAServerOfTheStandardLibrary(t *testing.T) {
	all := func(Suite) bool { return true }
	r, err := answer(t, &tls.Config{}, Hello{Version: TLS12, Suites: Matching(all), ServerName: "shop.example", ALPN: []string{"h2"}, Status: true})
	require.NoError(t, err)
	assert.Equal(t, TLS12, r.Version)
	assert.Equal(t, "ECDHE", Suites[r.Suite].Exchange)
	assert.Equal(t, Parameters{"x25519", 256}, r.Exchange)
	assert.Len(t, r.Certificates, 2)
	assert.True(t, r.Done)
	assert.True(t, r.Extensions[ExtRenegotiation])

	r, err = answer(t, &tls.Config{}, Hello{Version: TLS13, Suites: Matching13(all), ServerName: "shop.example"})
	require.NoError(t, err)
	assert.Equal(t, []any{TLS13, false, "x25519"}, []any{r.Version, r.Retry, r.Exchange.Group})

	r, err = answer(t, &tls.Config{CurvePreferences: []tls.CurveID{tls.CurveP384}}, Hello{Version: TLS13, Suites: Matching13(all), ServerName: "shop.example"})
	require.NoError(t, err)
	assert.Equal(t, []any{TLS13, true, "secp384r1"}, []any{r.Version, r.Retry, r.Exchange.Group})

	var alert *Alert
	_, err = answer(t, &tls.Config{}, Hello{Version: TLS10, Suites: Matching(all)})
	require.ErrorAs(t, err, &alert)
	assert.Equal(t, "alert protocol_version", alert.Error())
	_, err = answer(t, &tls.Config{}, Hello{Version: TLS12, Suites: []uint16{0x0001}})
	require.ErrorAs(t, err, &alert)
	assert.Equal(t, "alert handshake_failure", alert.Error())
}

func TestAnOldServer(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	cert, err := authority.Issue(tlstest.RSA(2048))
	require.NoError(t, err)
	old := tlstest.Old{Versions: []uint16{SSL3, TLS10}, Suites: []uint16{0x0033}, Bits: 1024, Chain: cert.Certificate, Compression: true, Kinds: []uint32{0x010080, 0x123456}}
	server := tlstest.NewServer(t, old.Serve)
	for _, version := range []uint16{SSL3, TLS10} {
		r, err := over(t, server.Addr, Hello{Version: version, Suites: []uint16{0x0033}, Compression: true})
		require.NoError(t, err)
		assert.Equal(t, []any{version, uint16(0x0033), uint8(1), 1024}, []any{r.Version, r.Suite, r.Compression, r.Exchange.Bits})
	}
	conn, err := net.Dial("tcp", server.Addr)
	require.NoError(t, err)
	defer conn.Close()
	_, err = conn.Write(SSL2Hello())
	require.NoError(t, err)
	r, err := ReadSSL2(conn)
	require.NoError(t, err)
	assert.Equal(t, []string{"SSL_CK_RC4_128_WITH_MD5", "SSL 2.0 kind 123456"}, r.Kinds)
	assert.Equal(t, cert.Certificate[:1], r.Certificates)
}

func TestWhatIsNoTLS(t *testing.T) {
	for title, c := range map[string]struct {
		wire string
		want error
	}{
		"nothing":                         {"", io.EOF},
		"HTTP":                            {"HTTP/1.1 400 Bad Request\r\n\r\n", ErrMalformed},
		"half a header":                   {"\x16\x03", ErrMalformed},
		"half a record":                   {"\x16\x03\x03\x00\x10\x02", io.ErrUnexpectedEOF},
		"a warning, then the end":         {"\x15\x03\x03\x00\x02\x01\x70", io.EOF},
		"close_notify":                    {"\x15\x03\x03\x00\x02\x01\x00", io.EOF},
		"a certificate first":             {"\x16\x03\x03\x00\x07\x0b\x00\x00\x03\x00\x00\x00", ErrMalformed},
		"an empty record":                 {"\x16\x03\x03\x00\x00", ErrMalformed},
		"an alert that is too long":       {"\x15\x03\x03\x00\x03\x02\x28\x00", ErrMalformed},
		"application data":                {"\x17\x03\x03\x00\x01x", ErrMalformed},
		"a ServerHello that is too short": {"\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03", ErrMalformed},
	} {
		t.Run(title, func(t *testing.T) {
			r, err := Read(bytes.NewReader([]byte(c.wire)))
			assert.Nil(t, r)
			require.ErrorIs(t, err, c.want)
		})
	}
	_, err := ReadSSL2(bytes.NewReader([]byte("\x15\x03\x01\x00\x02\x02\x46")))
	var alert *Alert
	require.ErrorAs(t, err, &alert)
	endless := io.MultiReader(bytes.NewReader(bytes.Repeat([]byte("\x16\x03\x03\x00\x04\x00\x00\x00\x00"), maxFlight)))
	_, err = Read(endless)
	require.ErrorIs(t, err, ErrMalformed, "HelloRequests without an end")
}

func FuzzRead(f *testing.F) {
	old := tlstest.Old{Versions: []uint16{TLS12}, Suites: []uint16{0xc02f}, Group: 23, Chain: [][]byte{{1, 2, 3}}, Heartbeat: true}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		old.Serve(server)
	}()
	wire, err := Hello{Version: TLS12, Suites: []uint16{0xc02f}}.Marshal()
	require.NoError(f, err)
	_, err = client.Write(wire)
	require.NoError(f, err)
	var flight bytes.Buffer
	_, err = Read(io.TeeReader(client, &flight))
	require.NoError(f, err)
	client.Close()
	f.Add(flight.Bytes())
	f.Add([]byte("\x15\x03\x03\x00\x02\x02\x28"))
	f.Add([]byte("\x80\x0b\x04\x00\x01\x00\x02\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		if r, err := Read(bytes.NewReader(wire)); err == nil {
			assert.True(t, r.Done)
			total := 0
			for _, der := range r.Certificates {
				total += len(der)
			}
			assert.LessOrEqual(t, total, len(wire), "nothing comes from nowhere")
		}
		r, err := ReadSSL2(bytes.NewReader(wire))
		assert.True(t, err != nil || len(r.Kinds) <= maxKinds)
		assert.NotErrorIs(t, err, io.ErrNoProgress)
	})
}
