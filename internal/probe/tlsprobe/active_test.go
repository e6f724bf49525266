package tlsprobe

import (
	"crypto/rsa"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// old is a stand-in that can finish a handshake.
func old(t *testing.T, w *world, change func(*tlstest.Old)) tlstest.Old {
	t.Helper()
	cert, err := w.authority.Issue(tlstest.Names(name), tlstest.RSA(2048))
	require.NoError(t, err)
	o := tlstest.Old{Versions: []uint16{tlswire.TLS12}, Suites: []uint16{0x002f}, Chain: cert.Certificate, Key: cert.PrivateKey.(*rsa.PrivateKey)}
	change(&o)
	return o
}

func TestRenegotiationWithoutRFC5746(t *testing.T) {
	for title, c := range map[string]struct {
		change func(*tlstest.Old)
		ends   bool // the session, with a ClientHello in it
		want   tlsgrade.Answer
		grade  string
	}{
		"secure":                      {func(*tlstest.Old) {}, false, tlsgrade.Refused, "B"},
		"refused":                     {func(o *tlstest.Old) { o.Insecure = true }, false, tlsgrade.Refused, "B"},
		"accepted":                    {func(o *tlstest.Old) { o.Insecure, o.Renegotiates = true, true }, false, tlsgrade.Accepted, "F"},
		"accepted in TLS 1.0":         {func(o *tlstest.Old) { o.Insecure, o.Renegotiates, o.Versions = true, true, []uint16{tlswire.TLS10} }, false, tlsgrade.Accepted, "F"},
		"no session can be made":      {func(o *tlstest.Old) { o.Insecure, o.Key = true, nil }, false, tlsgrade.Unknown, ""},
		"the session ends every time": {func(o *tlstest.Old) { o.Insecure = true }, true, tlsgrade.Refused, "B"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			o := old(t, w, c.change)
			o.EndsSession = c.ends
			w.servers[0].Handle(func(conn net.Conn) { o.Serve(conn) })
			g := gradeOf(t, w)
			got := g.observed.Answer(tlsgrade.AskInsecureReneg)
			assert.Equal(t, c.want, got.Answer, "%s", got.Proof)
			assert.Equal(t, c.grade, g.Grade.Grade, "%s", g.Grade)
		})
	}
}
