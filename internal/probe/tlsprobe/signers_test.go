package tlsprobe

import (
	"context"
	"crypto/elliptic"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
)

const yearsOfHSTS = "Strict-Transport-Security: max-age=63072000"

// gradeOf is the grade of a server.
func gradeOf(t *testing.T, w *world) Graded {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), shakyTime)
	defer cancel()
	o := &Observer{Network: w.observer.Network}
	return o.Grade(ctx, "203.0.113.80:443", name, time.Time{})
}

// hasReason says whether a grade has a reason.
func hasReason(g Graded, id string) bool {
	for _, r := range g.Reasons {
		if r.ID == id {
			return true
		}
	}
	return false
}

// TLS 1.3 hides certificates, so that each kind must be asked for (RFC 8446 4.4.2.2): the one that a client of one kind gets may be good, and
// the other's not.
func TestEveryCertificateOfTLS13IsJudged(t *testing.T) {
	type options = []tlstest.Option
	for title, c := range map[string]struct {
		second options
		only13 bool
		groups []tls.CurveID
		want   string
		id     string
		chains int
	}{
		"both good":                 {options{tlstest.RSA(2048)}, true, nil, "A+", "", 2},
		"RSA expired":               {options{tlstest.RSA(2048), tlstest.Expired()}, true, nil, "T", "expired", 2},
		"RSA self-signed":           {options{tlstest.RSA(2048), tlstest.SelfSigned()}, true, nil, "T", "self-signed", 2},
		"RSA too short":             {options{tlstest.RSA(1024)}, true, nil, "B", "key-weak", 2},
		"P-384 expired":             {options{tlstest.Curve(elliptic.P384()), tlstest.Expired()}, true, nil, "T", "expired", 2},
		"Ed25519 expired":           {options{tlstest.Ed25519(), tlstest.Expired()}, true, nil, "T", "expired", 2},
		"RSA expired, P-384 groups": {options{tlstest.RSA(2048), tlstest.Expired()}, true, []tls.CurveID{tls.CurveP384}, "T", "expired", 2},
		"RSA expired, TLS 1.2 too":  {options{tlstest.RSA(2048), tlstest.Expired()}, false, nil, "T", "expired", 2},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			config := w.config(t)
			second, err := w.authority.Issue(append([]tlstest.Option{tlstest.Names(name)}, c.second...)...)
			require.NoError(t, err)
			config.Certificates, config.CurvePreferences = append(config.Certificates, second), c.groups
			config.ClientAuth = tls.RequestClientCert // a CertificateRequest comes before the certificate
			if c.only13 {
				config.MinVersion = tls.VersionTLS13
			}
			w.servers[0].Handle(tlstest.Serve(config, yearsOfHSTS))
			g := gradeOf(t, w)
			assert.Equal(t, c.want, g.Grade.Grade, "%s %s", g.Grade, g.Blocked)
			assert.Len(t, g.Certificates, c.chains)
			assert.True(t, c.id == "" || hasReason(g, c.id), "%s", g.Grade)
		})
	}
}

// A kind of certificate that nobody could ask for leaves no grade.
func TestACertificateThatCannotBeAskedForIsUnknown(t *testing.T) {
	for title, c := range map[string]struct {
		left int // bytes of the answer
		want string
	}{
		"closed in the middle of the answer": {1000, ""},
		"closed after the ServerHello":       {130, ""},
		"closed after the hello, every time": {0, "A+"}, // as servers do that send no alert
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			config := w.config(t)
			config.MinVersion = tls.VersionTLS13
			second, err := w.authority.Issue(tlstest.Names(name), tlstest.RSA(2048))
			require.NoError(t, err)
			config.Certificates = append(config.Certificates, second)
			config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
				if !slices.Contains(hello.SignatureSchemes, tls.ECDSAWithP256AndSHA256) && slices.Contains(hello.SignatureSchemes, tls.PSSWithSHA256) {
					hello.Conn.(*cut).left = c.left
				}
				return config, nil
			}
			serve := tlstest.Serve(config, yearsOfHSTS)
			w.servers[0].Handle(func(conn net.Conn) { serve(&cut{Conn: conn, left: 1 << 20}) })
			g := gradeOf(t, w)
			assert.Equal(t, c.want, g.Grade.Grade, "%s", g.Grade)
			if c.want == "" {
				assert.Contains(t, g.Blocked, "certificates of TLS 1.3 for RSA")
			}
		})
	}
}

// cut is a connection that ends after so many bytes.
type cut struct {
	net.Conn
	left int
}

func (c *cut) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b[:min(len(b), c.left)])
	if c.left -= n; c.left <= 0 && err == nil {
		err = errors.Join(net.ErrClosed, c.Close())
	}
	return n, err
}
