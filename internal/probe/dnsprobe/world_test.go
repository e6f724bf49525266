package dnsprobe

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

// world is a private internet with Drop's zone on it, and what a healthy launch says about it.
type world struct {
	*dnstest.Internet
	config   Config
	records  []Record
	snapshot *Snapshot
}

const dropZone = `
@    60 A     203.0.113.80
@    60 AAAA  2001:db8:80::1
www  60 CNAME @
api  60 CNAME lb.cloud.example.
@    60 TXT   "v=spf1 -all"
@    60 MX    10 mail.cloud.example.
_dmarc     60 TXT "v=DMARC1; p=reject; rua=mailto:dmarc@drop.example"
_mta-sts   60 TXT "v=STSv1; id=1"
_smtp._tls 60 TXT "v=TLSRPTv1; rua=mailto:tls@drop.example"
`

const cloudZone = `
lb   60 A    203.0.113.90
lb   60 A    203.0.113.91
lb   60 AAAA 2001:db8:80::90
mail 60 A    203.0.113.25
`

const dropBefore = `
drop.example.     3600 IN A 203.0.113.8
drop.example.     3600 IN AAAA 2001:db8:8::1
www.drop.example. 3600 IN CNAME drop.example.
api.drop.example. 3600 IN A 203.0.113.9
`

var oldAddress = netip.MustParseAddr("203.0.113.8")

func newWorld(t testing.TB, servers int) *world {
	t.Helper()
	return newWorldOf(t, dnstest.Config{Servers: servers, Zones: []dnstest.Zone{{Origin: "drop.example.", Text: dropZone}, {Origin: "cloud.example.", Text: cloudZone}}})
}

func newWorldOf(t testing.TB, config dnstest.Config) *world {
	t.Helper()
	config.Regions = []string{"eu-north", "us-east"}
	in := dnstest.New(t, config)
	w := &world{Internet: in, records: []Record{
		{Name: "drop.example", A: []netip.Addr{netip.MustParseAddr("203.0.113.80")}, AAAA: []netip.Addr{netip.MustParseAddr("2001:db8:80::1")}, Old: []string{oldAddress.String()}},
		{Name: "www.drop.example", Target: "drop.example", Old: []string{"drop.example"}},
		{Name: "api.drop.example", Target: "lb.cloud.example"},
	}}
	file := filepath.Join(t.TempDir(), "before.zone")
	require.NoError(t, os.WriteFile(file, []byte(dropBefore), 0o600))
	w.snapshot = ReadSnapshot(file, "drop.example")
	w.config = Config{
		Network: &probe.Network{Connect: in.Connect()}, Domain: "drop.example", Roots: in.Roots(),
		Private: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		LowTTL:  5 * time.Minute, NegativeTTL: 15 * time.Minute, Regions: 2, Providers: 1,
		Cutover: time.Now().Add(48 * time.Hour), TTLLog: filepath.Join(t.TempDir(), "state", "ttl.jsonl"),
	}
	for _, r := range in.Resolvers() {
		w.config.Resolvers = append(w.config.Resolvers, Resolver{Addr: netip.AddrPortFrom(r.Addresses()[0], 53), Name: r.Name(), Region: r.Region})
	}
	return w
}

func (w *world) zone() *Zone { return New(w.config) }

// run makes all the claims at the same time, as a page of gates does.
func run(t testing.TB, claims []Named) []probe.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	results := make([]probe.Result, len(claims))
	done := make(chan struct{})
	for i, c := range claims {
		go func() {
			results[i] = probe.Run(ctx, c.Name, c.Claim)
			done <- struct{}{}
		}()
	}
	for range claims {
		<-done
	}
	return results
}
