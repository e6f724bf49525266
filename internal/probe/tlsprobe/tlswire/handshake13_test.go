package tlswire

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

// trickle gives a byte at a time: records and messages may come in any pieces.
type trickle struct {
	io.Writer
	io.Reader
}

func handshake(t *testing.T, config *tls.Config, h Hello) (*Reply, error) {
	t.Helper()
	conn, err := net.Dial("tcp", tlstest.NewServer(t, tlstest.Serve(config)).Addr)
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(3*time.Second)))
	return Handshake13(trickle{conn, iotest.OneByteReader(conn)}, h)
}

func TestTheCertificatesOfTLS13(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	many := make([]string, 1000) // their certificate fills two records
	for i := range many {
		many[i] = fmt.Sprintf("name-number-%04d.example", i)
	}
	ecdsa, err := authority.Issue(tlstest.Names("shop.example"))
	require.NoError(t, err)
	rsa, err := authority.Issue(append([]tlstest.Option{tlstest.Names(append(many, "shop.example")...)}, tlstest.RSA(2048))...)
	require.NoError(t, err)
	rsa.OCSPStaple = []byte("a response")
	require.Greater(t, len(rsa.Certificate[0]), 1<<14)
	rsaOnly := []uint16{0x0804, 0x0805}
	for _, suite := range Readable13 {
		for _, group := range []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521} {
			config := &tls.Config{Certificates: []tls.Certificate{ecdsa, rsa}, CurvePreferences: []tls.CurveID{group}, ClientAuth: tls.RequestClientCert}
			r, err := handshake(t, config, Hello{Version: TLS13, Suites: []uint16{suite}, ServerName: "shop.example", Signatures: rsaOnly, Status: true})
			require.NoError(t, err, "%x %s", suite, group)
			assert.Equal(t, rsa.Certificate, r.Certificates)
			assert.Equal(t, []any{suite, uint16(0x0804), "a response", true}, []any{r.Suite, r.Verify, string(r.Stapled), r.Done})
		}
	}
	r, err := handshake(t, &tls.Config{Certificates: []tls.Certificate{ecdsa, rsa}}, Hello{Version: TLS13, Suites: Readable13, ServerName: "shop.example"})
	require.NoError(t, err)
	assert.Equal(t, ecdsa.Certificate, r.Certificates)

	var alert *Alert
	_, err = handshake(t, &tls.Config{Certificates: []tls.Certificate{ecdsa}}, Hello{Version: TLS13, Suites: Readable13, Signatures: rsaOnly})
	require.ErrorAs(t, err, &alert)
	_, err = handshake(t, &tls.Config{Certificates: []tls.Certificate{ecdsa}, MaxVersion: tls.VersionTLS12}, Hello{Version: TLS13, Suites: Readable13})
	require.ErrorAs(t, err, &alert)
}

func TestWhatCannotBeFollowed(t *testing.T) {
	hello := func(suite, group uint16, retry bool) []byte {
		random := bytes.Repeat([]byte{7}, 32)
		share := []byte{byte(group >> 8), byte(group)}
		if retry {
			random = helloRetry
		} else {
			share = append(share, 0, 1, 4)
		}
		body := append(append([]byte{3, 3}, random...), 0, byte(suite>>8), byte(suite), 0)
		extensions := append([]byte{0, 43, 0, 2, 3, 4, 0, 51, 0, byte(len(share))}, share...)
		body = append(append(body, 0, byte(len(extensions))), extensions...)
		body = append([]byte{2, 0, 0, byte(len(body))}, body...)
		return append([]byte{22, 3, 3, 0, byte(len(body))}, body...)
	}
	for title, c := range map[string]struct {
		wire []byte
		want error
	}{
		"a suite that is not known here":  {hello(0x1304, 29, false), ErrUnreadable},
		"a group that is not known here":  {hello(0x1301, 30, true), ErrUnreadable},
		"a retry in an unknown suite":     {hello(0x1304, 24, true), ErrUnreadable},
		"two retries":                     {append(hello(0x1301, 24, true), hello(0x1301, 23, true)...), ErrMalformed},
		"a share of another group":        {hello(0x1301, 23, false), ErrMalformed},
		"a share that is no point":        {hello(0x1301, 29, false), ErrMalformed},
		"the end":                         {nil, io.EOF},
		"the end after a retry":           {hello(0x1301, 24, true), io.EOF},
		"HTTP":                            {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), ErrMalformed},
		"encrypted before keys are known": {[]byte("\x17\x03\x03\x00\x01x"), ErrMalformed},
	} {
		t.Run(title, func(t *testing.T) {
			_, err := Handshake13(trickle{io.Discard, bytes.NewReader(c.wire)}, Hello{Version: TLS13, Suites: Readable13})
			require.ErrorIs(t, err, c.want)
		})
	}
}

func FuzzCertified(f *testing.F) {
	f.Add([]byte("\x16\x03\x03\x00\x06\x08\x00\x00\x02\x00\x00" + "\x16\x03\x03\x00\x1a\x0b\x00\x00\x16\x00\x00\x00\x12\x00\x00\x03abc\x00\x0a\x00\x05\x00\x06\x01\x00\x00\x02ok" + "\x16\x03\x03\x00\x08\x0f\x00\x00\x04\x08\x04\x00\x00"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		reply := &Reply{}
		if err := certified(&stream{r: bytes.NewReader(wire)}, reply); err != nil {
			assert.False(t, reply.Done)
			return
		}
		total := len(reply.Stapled)
		for _, der := range reply.Certificates {
			total += len(der)
		}
		assert.True(t, reply.Done && len(reply.Certificates) > 0)
		assert.LessOrEqual(t, total, len(wire), "nothing comes from nowhere")
	})
}

func FuzzServerHello13(f *testing.F) {
	f.Add([]byte("\x16\x03\x03\x00\x06\x02\x00\x00\x02\x03\x03"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		r, err := Handshake13(trickle{io.Discard, bytes.NewReader(wire)}, Hello{Version: TLS13, Suites: Readable13})
		require.Error(t, err, "nobody knows the keys")
		assert.True(t, r == nil || !r.Done)
	})
}
