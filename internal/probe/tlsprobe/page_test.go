package tlsprobe

import (
	"bufio"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
)

// A page that could not be fetched says nothing of Strict-Transport-Security: switched off, it would cost the A.
func TestAPageThatCannotBeFetchedIsUnknown(t *testing.T) {
	for title, c := range map[string]struct {
		serve  func(net.Conn, *tls.Config)
		reason string
	}{
		"closed after the request": {func(conn net.Conn, config *tls.Config) {
			secure := tls.Server(conn, config)
			_, _ = http.ReadRequest(bufio.NewReader(secure))
		}, "closed without a word"},
		"silent after the request": {func(conn net.Conn, config *tls.Config) {
			_, _ = io.Copy(io.Discard, tls.Server(conn, config))
		}, "silent"},
		"half an answer": {func(conn net.Conn, config *tls.Config) {
			secure := tls.Server(conn, config)
			_, _ = http.ReadRequest(bufio.NewReader(secure))
			_, _ = io.WriteString(secure, "HTTP/1.1 200 OK\r\nStrict-Trans")
		}, "transport connection broken"},
		"an alert for want of a certificate": {func(conn net.Conn, config *tls.Config) {
			config.ClientAuth = tls.RequireAnyClientCert
			_ = tls.Server(conn, config).Handshake()
			_ = conn.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = io.Copy(io.Discard, conn)
		}, "certificate required"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			config := w.config(t)
			w.servers[0].Handle(func(conn net.Conn) { c.serve(conn, config.Clone()) })
			g := gradeOf(t, w)
			assert.Equal(t, tlsgrade.HSTSUnknown, g.HSTS.State)
			assert.Contains(t, g.HSTS.Reason, c.reason)
			assert.Empty(t, g.Grade.Grade, "%s", g.Grade)
			assert.Contains(t, g.Blocked, "Strict-Transport-Security: the page could not be fetched")
		})
	}
}

func TestAPageInHTTP2Only(t *testing.T) {
	w := newWorld(t, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(answer http.ResponseWriter, _ *http.Request) {
		answer.Header().Set("Strict-Transport-Security", "max-age=63072000")
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the hellos that go nowhere
	server.TLS, server.EnableHTTP2 = w.config(t), true
	server.TLS.NextProtos = []string{"h2"}
	server.StartTLS()
	t.Cleanup(server.Close)
	w.observer.Network.Connect["203.0.113.80:443"] = server.Listener.Addr().String()
	g := gradeOf(t, w)
	assert.Equal(t, "A+", g.Grade.Grade, "%s", g.Grade)
}
