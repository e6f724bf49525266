// Package tlsprobe makes claims about the TLS of a host name on every address it has: the certificate, how long it
// lasts, and which protocol versions and cipher suites are accepted. It must import neither `testing` nor the gates,
// and it grades nothing.
package tlsprobe

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// Timeout bounds one handshake after the connection stands; probe.ConnectTimeout bounds the connection.
const Timeout = 3 * time.Second

// flightTime bounds a shared observation: connection, handshake, and the wait for a free slot of a busy address.
const flightTime = probe.ConnectTimeout + Timeout + 4*time.Second

// Observer looks at TLS servers. Claims made with the same Observer share their handshakes: one for each name and
// address, whenever it is asked for. Make a new Observer to look again. It must not be copied.
type Observer struct {
	Network  *probe.Network
	Resolver probe.Resolver
	Port     uint16 // 0 means 443

	Connections int // open at a time to one address while it is graded; 0 means 8

	seen  probe.Memo[string, *handshake]
	scans probe.Memo[string, *scan]
}

func (o *Observer) port() uint16 {
	if o.Port == 0 {
		return 443
	}
	return o.Port
}

// handshake is what one address showed for one name.
type handshake struct {
	address string // "ip:port"
	chain   []*x509.Certificate
	state   tls.ConnectionState
	err     error // why there is no chain: *probe.Unmet or *probe.Unknown
}

// handshakes are the standard handshakes for sni with every address of host.
func (o *Observer) handshakes(ctx context.Context, host, sni string) ([]*handshake, error) {
	return probe.EveryAddress(ctx, o.Resolver, host, func(ctx context.Context, ip netip.Addr) *handshake {
		address := netip.AddrPortFrom(ip, o.port()).String()
		h, err := o.seen.Do(ctx, sni+" at "+address, flightTime, func(ctx context.Context) *handshake {
			return o.observe(ctx, address, sni)
		})
		if err != nil {
			return &handshake{address: address, err: err}
		}
		return h
	})
}

func (o *Observer) observe(ctx context.Context, address, sni string) *handshake {
	// Old versions are offered too: a certificate is judged whatever else is wrong with the server.
	conn, err := shake(ctx, o.Network, address, unverified(sni, tls.VersionTLS10, 0))
	if err != nil {
		return &handshake{address: address, err: err}
	}
	defer func() { _ = conn.Close() }() // the handshake has told all there is to tell
	state := conn.ConnectionState()
	return &handshake{address: address, chain: state.PeerCertificates, state: state}
}

// Dial opens a verified TLS connection to address ("ip:port") for name, for a probe that speaks something over it. The
// errors are those of the claims here: *probe.Unmet or *probe.Unknown.
func Dial(ctx context.Context, network *probe.Network, address, name string) (*tls.Conn, error) {
	config := unverified(name, tls.VersionTLS10, 0)
	config.NextProtos = []string{"http/1.1"} // what the probes speak
	conn, err := shake(ctx, network, address, config)
	if err != nil {
		return nil, err
	}
	state := conn.ConnectionState()
	wanted := wanted{name: name, roots: network.Roots, now: time.Now()}
	if unmet := wanted.judge(state.PeerCertificates, state.OCSPResponse); unmet != nil {
		unmet.From = address
		return nil, errors.Join(unmet, conn.Close())
	}
	return conn, nil
}

// unverified is a client configuration that shakes hands with any certificate, because judging it is our own work: the
// standard library stops at the first thing that is wrong, and knows no reference time. It names the protocols that
// browsers name, because a server may insist (RFC 7301), and offers every suite, because a certificate is judged whatever
// else is wrong with the server.
func unverified(sni string, minVersion, maxVersion uint16) *tls.Config {
	return &tls.Config{ServerName: sni, MinVersion: minVersion, MaxVersion: maxVersion, InsecureSkipVerify: true, //nolint:gosec // judged by wanted.judge; old versions are what is looked for
		NextProtos: []string{"h2", "http/1.1"}, CipherSuites: everySuite()}
}

// everySuite are the ids of all suites for TLS 1.2 and older that the standard library has. TLS 1.3 has its own, which are always offered.
func everySuite() []uint16 {
	var ids []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !slices.Equal(suite.SupportedVersions, []uint16{tls.VersionTLS13}) {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// shake connects to address and shakes hands.
func shake(ctx context.Context, network *probe.Network, address string, config *tls.Config) (*tls.Conn, error) {
	raw, err := network.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, probe.Unreached(err, address)
	}
	ear := &heard{Conn: raw}
	conn := tls.Client(ear, config)
	limited, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	if err := conn.HandshakeContext(limited); err != nil {
		_ = raw.Close() // the handshake's error is the one that tells something
		if ctx.Err() != nil {
			return nil, probe.Unreached(ctx.Err(), address)
		}
		return nil, unshaken(err, ear, address)
	}
	return conn, nil
}

// heard keeps the first bytes that the server sent.
type heard struct {
	net.Conn
	first []byte
}

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	if room := 256 - len(h.first); room > 0 {
		h.first = append(h.first, b[:min(n, room)]...)
	}
	return n, err
}

// unshaken explains a handshake that failed after the connection stood. All of it was measured, so it is Unmet.
func unshaken(err error, ear *heard, address string) error {
	unmet := &probe.Unmet{Want: "a TLS handshake", From: address}
	var record tls.RecordHeaderError
	var op *net.OpError
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		unmet.Class, unmet.Fix = "tls.silent", "see whether the server hangs, and what really listens there"
		unmet.Got = fmt.Sprintf("a server that accepted the connection and said nothing for %.0f s", Timeout.Seconds())
		if len(ear.first) > 0 {
			unmet.Got = fmt.Sprintf("a server that fell silent in the middle of the handshake, for %.0f s in all", Timeout.Seconds())
		}
	case errors.As(err, &record):
		unmet.Class, unmet.Fix = "tls.plaintext", "turn TLS on for this port, or send it to the port that speaks TLS"
		unmet.Got = fmt.Sprintf("plain text on the TLS port: %q", firstLine(ear.first))
	case errors.As(err, &op) && op.Op == "remote error":
		unmet.Class, unmet.Fix = "tls.alert", "see the server's TLS configuration and that it knows this name"
		unmet.Got = "a TLS alert, " + op.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		unmet.Class, unmet.Fix = "tls.closed", "see the server's TLS configuration and that it knows this name"
		unmet.Got = "a connection closed after the ClientHello"
	default:
		var reached *probe.Unmet
		if errors.As(probe.Unreached(err, address), &reached) {
			reached.Want, reached.Got = unmet.Want, reached.Got+" after the ClientHello"
			return reached
		}
		unmet.Class, unmet.Got, unmet.Fix = "tls.handshake", "a handshake that failed: "+err.Error(), "see the server's TLS configuration"
	}
	return unmet
}

// firstLine is the beginning of a plain text. Secrets go first: half of one would not be known any more.
func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(redact.Bytes(b), []byte("\n"))
	return string(bytes.TrimSpace(line[:min(len(line), 60)]))
}
