package tlsprobe

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// Old servers hang on a hello of 256 to 511 bytes (RFC 7685 4), others on one of more than 512 bytes or of more than 127 suites.
func TestHellosAreShort(t *testing.T) {
	asks := new(scan).firstWave()
	for _, v := range older {
		asks = append(asks, classAsks(v)...)
		asks = append(asks, fallbackAsk(v))
	}
	for _, list := range kinds {
		asks = append(asks, kindsAsk(list))
	}
	for _, a := range asks {
		if a.ssl2 {
			continue
		}
		a.hello.ServerName = name
		wire, err := a.hello.Marshal()
		require.NoError(t, err)
		length := len(wire) - 5
		assert.True(t, length < 256 || length == 512, "%s: %d bytes", a.what, length)
		assert.Less(t, len(a.hello.Suites), 128, a.what)
	}
}

// reused is a connection whose first bytes were looked at.
type reused struct {
	net.Conn
	io.Reader
}

func (r reused) Read(b []byte) (int, error) { return r.Reader.Read(b) }

func TestAServerThatHangsOnLongHellos(t *testing.T) {
	w := newWorld(t, 1)
	serve := tlstest.Serve(w.config(t, tlstest.RSA(2048)), yearsOfHSTS)
	w.servers[0].Handle(func(conn net.Conn) {
		r := bufio.NewReader(conn)
		head, err := r.Peek(5)
		if err != nil {
			return
		}
		if n := binary.BigEndian.Uint16(head[3:]); head[0] == 22 && (n > 255 && n < 512) {
			tlstest.Silent(conn)
			return
		}
		serve(reused{conn, r})
	})
	g := gradeOf(t, w)
	assert.Equal(t, "A+", g.Grade.Grade, "%s", g.Grade)
}

// What a server takes in suites that do not belong to the version is found, too.
func TestAnOldVersionWithSuitesOfALaterOne(t *testing.T) {
	w := newWorld(t, 1)
	cert, err := w.authority.Issue(tlstest.Names(name), tlstest.RSA(2048))
	require.NoError(t, err)
	odd := tlstest.Old{Versions: []uint16{tlswire.TLS10, tlswire.TLS11, tlswire.TLS12}, Suites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}, Chain: cert.Certificate}
	w.servers[0].Handle(odd.Serve)
	g := gradeOf(t, w)
	assert.Equal(t, tlsgrade.Accepted, g.observed.Protocols[tlsgrade.TLS10])
	assert.Equal(t, "B", g.Grade.Grade, "%s", g.Grade)
}
