package ssllabsprobe

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/ssllabstest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

const (
	host  = "shop.example"
	other = "pay.example"
	email = "ops@shop.example"
)

var (
	v4 = netip.MustParseAddr("203.0.113.80")
	v6 = netip.MustParseAddr("2001:db8:80::80")
)

// names are what the DNS has.
type names map[string][]netip.Addr

func (n names) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	if n[name] == nil {
		return nil, errors.New("no such name")
	}
	return n[name], nil
}

// world is the service, and a shop with two addresses that it can assess.
type world struct {
	service   *ssllabstest.Server
	authority *tlstest.Authority
	network   *probe.Network
	names     names
	shop      *tlstest.Server
	leaf      string          // SHA-256 of what the shop sends
	waits     []time.Duration // that the probe has waited since the world began
}

func newWorld(t *testing.T) *world {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	w := &world{authority: authority, service: ssllabstest.New(t, ssllabstest.Config{Authority: authority, Email: email}),
		names: names{host: {v4, v6}, other: {v4}, ssllabstest.Name: {ssllabstest.Address}}}
	w.shop = tlstest.NewServer(t, tlstest.Silent)
	w.renew(t)
	w.network = &probe.Network{Roots: authority.Pool(), Connect: w.service.Connect()}
	for _, ip := range []netip.Addr{v4, v6} {
		w.network.Connect[netip.AddrPortFrom(ip, 443).String()] = w.shop.Addr
	}
	w.grade("A+", "A+")
	return w
}

// renew gives the shop a new certificate.
func (w *world) renew(t *testing.T) {
	t.Helper()
	cert, err := w.authority.Issue(tlstest.Names(host, other))
	require.NoError(t, err)
	sum := sha256.Sum256(cert.Certificate[0])
	w.leaf = hex.EncodeToString(sum[:])
	w.shop.Handle(tlstest.Serve(&tls.Config{Certificates: []tls.Certificate{cert}}))
}

// grade sets what assessments from now on find at the two addresses.
func (w *world) grade(first, second string) {
	w.service.Host(host, w.endpoint(v4, first), w.endpoint(v6, second))
	w.service.Host(other, w.endpoint(v4, first))
}

func (w *world) endpoint(ip netip.Addr, grade string) ssllabstest.Endpoint {
	return ssllabstest.Endpoint{Address: ip, Grade: grade, Leaf: strings.ToUpper(w.leaf)}
}

// probe is a new run, whose waits move the service's clock on.
func (w *world) probe() *Service {
	web := &httpprobe.Client{Network: w.network, Resolver: w.names}
	s := New(web, &tlsprobe.Observer{Network: w.network, Resolver: w.names}, email)
	s.now = w.service.Now
	s.wait = func(_ context.Context, d time.Duration) error {
		w.waits = append(w.waits, d)
		w.service.Advance(d)
		return nil
	}
	return s
}

// cached has another client ask for an assessment, which was done so long ago.
func (w *world) cached(ago time.Duration) {
	w.service.Assess(host)
	w.service.Advance(ssllabstest.DNSTime + 2*ssllabstest.EndpointTime + ago)
}

// analyzed are the calls of analyze so far, without what all have in common.
func (w *world) analyzed() []string {
	var calls []string
	for _, asked := range w.service.Asked() {
		if query, ok := strings.CutPrefix(asked, "/api/v4/analyze?all=done&"); ok {
			calls = append(calls, query)
		}
	}
	return calls
}

func (w *world) count(part string) int {
	n := 0
	for _, call := range w.service.Asked() {
		if strings.Contains(call, part) {
			n++
		}
	}
	return n
}

// run makes a claim within Patience, by the service's clock.
func (w *world) run(t *testing.T, claim probe.Claim) probe.Result {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), w.service.Now().Add(Patience))
	defer cancel()
	return probe.Run(ctx, "claim", claim)
}

// red asserts how a claim ended, and that its one line says all of the parts.
func red(t *testing.T, r probe.Result, status probe.Status, class string, parts ...string) {
	t.Helper()
	assert.Equal(t, status, r.Status, r.Message())
	assert.Equal(t, class, r.Class, r.Message())
	for _, part := range parts {
		assert.Contains(t, r.Message(), part)
	}
	assert.NotContains(t, r.Message(), "\n")
}

func green(t *testing.T, r probe.Result) {
	t.Helper()
	assert.Equal(t, probe.Pass, r.Status, r.Message())
}
