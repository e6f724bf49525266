package tlsprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe/httpprobe/hsts"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
)

// browse shakes hands as the standard library does, keeps the certificates that TLS 1.3 hides from the raw hellos, and asks
// for the page: Strict-Transport-Security is a part of the grade.
func (s *scan) browse(ctx context.Context) {
	s.hsts = tlsgrade.HSTS{State: tlsgrade.HSTSUnknown, Reason: "nobody asked"}
	const tries = 3
	for range tries {
		header, err := s.get(ctx, "https://"+net.JoinHostPort(hostOf(s.name, s.address), "443")+"/")
		if err == nil {
			s.hsts = readHSTS(header)
			return
		}
		if strings.Contains(err.Error(), "malformed HTTP") { // the standard library has no type for it
			s.hsts.State = tlsgrade.HSTSNoHTTP
			return
		}
		s.hsts.Reason = "the page could not be fetched: " + said(err)
		var alert *net.OpError
		var slow net.Error
		if ctx.Err() != nil || errors.As(err, &alert) && alert.Op == "remote error" || errors.As(err, &slow) && slow.Timeout() {
			return
		}
	}
}

func hostOf(name, address string) string {
	if name != "" {
		return name
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}

// get asks for a URL and returns the head of the answer. Redirects on the same host are followed, five at most.
func (s *scan) get(ctx context.Context, target string) (http.Header, error) {
	transport := &http.Transport{DisableKeepAlives: true, ForceAttemptHTTP2: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.shake(ctx) }}
	client := http.Client{Transport: transport, Timeout: 2 * helloTimeout, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		const most = 5
		if len(via) > most || next.URL.Scheme != "https" || next.URL.Hostname() != via[0].URL.Hostname() || hasHSTS(next.Response) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	parsed, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, parsed.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "launchgate")
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	return response.Header, response.Body.Close()
}

func hasHSTS(r *http.Response) bool {
	return r != nil && len(r.Header.Values("Strict-Transport-Security")) > 0
}

func (s *scan) shake(ctx context.Context) (net.Conn, error) {
	conn, done, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	started := time.Now()
	secure := tls.Client(&released{Conn: conn, done: sync.OnceFunc(done)}, unverified(s.name, tls.VersionTLS10, 0))
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = secure.Close() // the first error is the one that tells something
		return nil, err
	}
	// Who shakes hands at once and then keeps silent has no page.
	if err := secure.SetDeadline(time.Now().Add(min(helloTimeout, max(pageTimeout, 4*time.Since(started))))); err != nil {
		_ = secure.Close() // the first error is the one that tells something
		return nil, err
	}
	state := secure.ConnectionState()
	var raw [][]byte
	for _, c := range state.PeerCertificates {
		raw = append(raw, c.Raw)
	}
	s.mu.Lock()
	s.addChain(raw, tlsgrade.Suite{Version: tlsgrade.Version(state.Version), ID: state.CipherSuite, Name: tls.CipherSuiteName(state.CipherSuite)}, state.OCSPResponse)
	s.mu.Unlock()
	return secure, nil // the transport looks at what it agreed on: HTTP/2 where that is all the endpoint speaks
}

// released gives its slot back when it is closed.
type released struct {
	net.Conn
	done func()
}

func (r *released) Close() error {
	defer r.done()
	return r.Conn.Close()
}

// addChain keeps a chain once.
func (s *scan) addChain(raw [][]byte, suite tlsgrade.Suite, stapled []byte) {
	if len(raw) == 0 {
		return
	}
	for i := range s.chains {
		if sameChain(s.chains[i].Raw, raw) {
			if len(s.chains[i].Stapled) == 0 {
				s.chains[i].Stapled = stapled
			}
			return
		}
	}
	chain := tlsgrade.Chain{Raw: raw, Suite: suite, Stapled: stapled}
	for _, der := range raw {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			chain.Err = err.Error()
			break
		}
		chain.Certificates = append(chain.Certificates, c)
	}
	s.chains = append(s.chains, chain)
}

// readHSTS reads the first header, as browsers do (RFC 6797 8.1).
func readHSTS(header http.Header) tlsgrade.HSTS {
	values := header.Values("Strict-Transport-Security")
	if len(values) == 0 {
		return tlsgrade.HSTS{State: tlsgrade.HSTSAbsent}
	}
	h := tlsgrade.HSTS{State: tlsgrade.HSTSPresent, Header: values[0]}
	policy, err := hsts.Parse(values[0])
	switch {
	case err != nil:
		h.State = tlsgrade.HSTSInvalid
	case policy.MaxAge == 0:
		h.State = tlsgrade.HSTSDisabled
	default:
		h.MaxAge = policy.MaxAge
	}
	return h
}
