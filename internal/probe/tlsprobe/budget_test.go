package tlsprobe

import (
	"net"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
)

// A server that has everything that was ever wrong takes the most hellos: what is not asked any more when they are spent is unknown.
func TestNoEndpointGetsMoreThanItsConnections(t *testing.T) {
	w := newWorld(t, 1)
	cert, err := w.authority.Issue(tlstest.Names(name), tlstest.RSA(2048))
	require.NoError(t, err)
	worst := tlstest.Old{Versions: []uint16{0x0300, 0x0301, 0x0302, 0x0303}, Kinds: []uint32{0x010080}, Suites: []uint16{0x0001, 0x0018, 0x0003, 0x0009, 0x0005, 0x000a, 0x002f, 0x0035},
		Chain: cert.Certificate, Insecure: true, Heartbeat: true, Compression: true}
	w.servers[0].Handle(worst.Serve)
	g := gradeOf(t, w)
	assert.Equal(t, "F", g.Grade.Grade)
	assert.LessOrEqual(t, w.servers[0].Connections(), maxConnections)

	var asked atomic.Int32                    // connections are served side by side, one still closing
	w.servers[0].Handle(func(conn net.Conn) { // one hello at a time, so that nothing is lost by chance
		if asked.Add(1)%2 == 0 {
			return
		}
		worst.Serve(conn)
	})
	before := w.servers[0].Connections()
	s := scanEndpoint(t.Context(), w.observer.Network, "203.0.113.80:443", name, 1)
	assert.LessOrEqual(t, w.servers[0].Connections()-before, maxConnections)
	o := s.observation(launch, nil)
	for _, c := range unwanted {
		offer := o.Answer(c.question)
		assert.NotEqual(t, tlsgrade.Refused, offer.Answer, "%s: %s", offer.Question, offer.Proof)
	}
}
