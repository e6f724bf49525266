package tlsprobe

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/delaytest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
)

// BenchmarkGradeAt50ms grades a healthy endpoint with 50 ms added to every round trip, over eight connections at a time. The goal is
// 0.4 s; with that many connections the lower bound is a round of two round trips for each eight hellos.
func BenchmarkGradeAt50ms(b *testing.B) {
	authority, err := tlstest.NewAuthority()
	require.NoError(b, err)
	cert, err := authority.Issue(tlstest.Names("shop.example"), tlstest.RSA(2048))
	require.NoError(b, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=63072000")
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the hellos that go nowhere
	server.StartTLS()
	b.Cleanup(server.Close)
	const public = "192.0.2.1:443"
	connect, relays, err := delaytest.Wrap(map[string]string{public: server.Listener.Addr().String()}, 50*time.Millisecond)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, relays.Close()) })
	var last Graded
	for b.Loop() {
		o := &Observer{Network: &probe.Network{Connect: connect, Roots: authority.Pool()}}
		last = o.Grade(b.Context(), public, "shop.example", time.Time{})
		require.Equal(b, "A+", last.Grade.Grade, "%s", last.Grade)
	}
	b.ReportMetric(float64(last.Connections), "connections")
}
