package tlswire

import (
	"crypto/tls"
	"net"
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
