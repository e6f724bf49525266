package tlswire

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

func session(t *testing.T, address string, h Hello) *Session {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(3*time.Second)))
	h.Plain = true
	s, err := Start12(conn, h)
	require.NoError(t, err)
	return s
}

func TestASession(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	cert, err := authority.Issue(tlstest.Names("shop.example"), tlstest.RSA(2048))
	require.NoError(t, err)
	for _, version := range []uint16{TLS10, TLS11, TLS12} {
		for _, suite := range []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_AES_128_CBC_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256} {
			if known := Suites[suite]; version < TLS12 && (known.AEAD || suite == tls.TLS_RSA_WITH_AES_128_CBC_SHA256) {
				continue
			}
			config := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite}, ClientAuth: tls.RequestClientCert}
			server := tlstest.NewServer(t, tlstest.Serve(config, "X-Served: yes"))
			hello := Hello{Version: version, Suites: []uint16{suite}, ServerName: "shop.example"}
			s := session(t, server.Addr, hello)
			_, err := s.conn.Write(append(s.Finish(), s.Seal(23, []byte("GET / HTTP/1.0\r\n\r\n"))...))
			require.NoError(t, err)
			require.NoError(t, s.Accepted(), "%x %x", version, suite)
			kind, plain, err := s.Next()
			require.NoError(t, err)
			if kind == 23 && len(plain) < 2 { // TLS 1.0 may split a record
				_, plain, err = s.Next()
				require.NoError(t, err)
			}
			assert.Contains(t, string(plain), "TTP/1.1 200 OK")

			if !Suites[suite].CBC {
				continue
			}
			require.True(t, s.CBC())
			s = session(t, server.Addr, hello)
			_, err = s.conn.Write(append(s.Finish(), s.Broken(23, []byte("GET / HTTP/1.0\r\n\r\n"), func(content []byte, mac int) { content[mac] ^= 1 })...))
			require.NoError(t, err)
			require.NoError(t, s.Accepted())
			kind, plain, err = s.Next()
			require.NoError(t, err)
			assert.Equal(t, []any{uint8(21), []byte{2, 20}}, []any{kind, plain}, "bad_record_mac")
		}
	}
}

// FuzzStart12 reads flights that no server should send.
func FuzzStart12(f *testing.F) {
	hello := []byte("\x16\x03\x03\x00\x2a\x02\x00\x00\x26\x03\x03" + strings.Repeat("r", 32) + "\x00\x00\x9e\x00")
	f.Add(append(hello, "\x16\x03\x03\x00\x0d\x0c\x00\x00\x09\x00\x01\x61\x00\x01\x02\x00\x01\x05\x16\x03\x03\x00\x04\x0e\x00\x00\x00"...))
	f.Add(append(hello, "\x16\x03\x03\x00\x0c\x0c\x00\x00\x08\x03\x00\x1d\x04aaaa\x16\x03\x03\x00\x04\x0e\x00\x00\x00"...))
	f.Fuzz(func(t *testing.T, wire []byte) {
		s, err := Start12(trickle{io.Discard, bytes.NewReader(wire)}, Hello{Version: TLS12, Suites: []uint16{0x009e}, Plain: true})
		if err != nil {
			return
		}
		assert.NotEmpty(t, s.Finish())
		_, plain, err := s.Next()
		assert.True(t, err != nil && plain == nil, "nobody knows the keys")
	})
}

// FuzzOpen decrypts records that nobody sealed, after one that somebody did.
func FuzzOpen(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef"), uint16(0xc013), true)
	f.Fuzz(func(t *testing.T, body []byte, suite uint16, old bool) {
		version := TLS12
		if old {
			version = TLS10
		}
		known, ok := Suites[suite]
		if !ok {
			return
		}
		secret := bytes.Repeat([]byte{1}, 48)
		client, server, err := halves(version, known, secret, secret[:32], secret[:32])
		if err != nil {
			return
		}
		_, err = client.open(23, body)
		require.Error(t, err, "%x", body)
		*client = *server
		sealed := client.seal(23, body)
		plain, err := server.open(23, sealed[5:])
		require.NoError(t, err)
		assert.Equal(t, string(body), string(plain))
	})
}
