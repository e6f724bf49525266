package dnsprobe

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

// resolver starts a further resolver and names it in the launch.
func (w *world) resolver(t *testing.T, region string) *dnstest.Resolver {
	t.Helper()
	n := len(w.config.Resolvers)
	address := netip.MustParseAddr("198.51.100.200")
	for range n {
		address = address.Next()
	}
	r := dnstest.NewResolver(t, dnstest.ResolverConfig{Region: region, Addresses: []netip.Addr{address}, Roots: w.Roots(), Connect: w.Connect()})
	for from, to := range r.Connect() {
		w.config.Network.Connect[from] = to
	}
	w.config.Resolvers = append(w.config.Resolvers, Resolver{Addr: netip.AddrPortFrom(address, 53), Name: "r" + strconv.Itoa(n), Region: region})
	return r
}

// cluster puts several resolvers behind the address of one: each query goes to any of them.
func (w *world) cluster(t *testing.T, front Resolver, caches ...*dnstest.Resolver) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(out dns.ResponseWriter, m *dns.Msg) {
		answer, err := dns.ExchangeContext(context.Background(), m, caches[rand.IntN(len(caches))].Addr())
		if err == nil {
			_ = out.WriteMsg(answer) // a client that has gone is its own affair
		}
	})}
	done := make(chan error, 1)
	go func() { done <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		assert.NoError(t, conn.Close())
		<-done
	})
	w.config.Network.Connect[front.Addr.String()] = conn.LocalAddr().String()
}

func refuse(r *dnstest.Resolver) {
	r.Set(func(b *dnstest.Behaviour) { b.Rcode = dns.RcodeRefused })
}

// How many vantages must be conclusive, over real resolvers.
func TestVantagesThatCannotTell(t *testing.T) {
	w := newWorld(t, 2)
	propagated := func() probe.Result {
		return run(t, []Named{{"propagated", true, Propagated(w.zone(), w.records[apexRecord], w.snapshot)}})[0]
	}
	refuse(w.Resolvers()[1])
	got := propagated()
	assert.Equal(t, probe.Blocked, got.Status)
	assert.Contains(t, got.Message(), "answers from 1 region(s) (REFUSED) from us-east")

	w.resolver(t, "us-east")
	w.resolver(t, "ap-south")
	assert.Contains(t, propagated().Message(), "answers from 3 of 4 (REFUSED)")

	stale := w.resolver(t, "ap-south")
	assert.Equal(t, probe.Pass, propagated().Status, "4 of 5 are 80 %")

	must(t)(stale.Hold(oldApex, 600, dnstest.UntilExpiry))
	got = propagated()
	assert.Equal(t, probe.Fail, got.Status, "what one has is measured, whatever the others cannot tell")
	assert.Contains(t, got.From, "r4 (198.51.100.204:53) for ")

	refuse(stale)
	w.resolver(t, "eu-north")
	w.resolver(t, "eu-north")
	assert.Contains(t, propagated().Message(), "answers from 5 of 7")
}

// Several resolvers with old answers: who, and the time when the last one has let go. One that never will comes first.
func TestSeveralStaleResolvers(t *testing.T) {
	w := newWorld(t, 2)
	must(t)(w.Resolvers()[0].Hold(oldApex, 600, dnstest.UntilExpiry))
	must(t)(w.Resolvers()[1].Hold(oldApex, 1800, dnstest.UntilExpiry))
	got := run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], nil)}})[0]
	assert.Equal(t, "dns.stale", got.Class, got.Message())
	assert.Regexp(t, `^eu-north \(198.51.100.101:53\) for (600|599) s more \(drop.example A+\), us-east \(198.51.100.102:53\) for (1800|1799) s more`, got.From)
	require.NotNil(t, got.Until)
	assert.WithinDuration(t, time.Now().Add(30*time.Minute), *got.Until, 10*time.Second)

	must(t)(w.Resolvers()[1].Hold(oldApex, 1800, dnstest.Frozen))
	got = run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], nil)}})[0]
	assert.Equal(t, "dns.not-converging", got.Class, got.Message())
	assert.Contains(t, got.From, "us-east")
	assert.Nil(t, got.Until, "no end for one is no end for the whole")
}

// Behind one address there can be many caches, and one of them still has the old answer. A look that misses it is taken
// again: one in 2^8 does.
func TestOneCacheOfACluster(t *testing.T) {
	w := newWorld(t, 2)
	fresh, old := w.Resolvers()[0], w.resolver(t, "eu-north")
	w.config.Resolvers, w.config.Regions = w.config.Resolvers[:1], 1
	w.cluster(t, w.config.Resolvers[0], fresh, old)
	look := func() probe.Result {
		var got probe.Result
		for range 4 {
			if got = run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], nil)}})[0]; got.Status == probe.Fail {
				break
			}
		}
		return got
	}
	assert.Equal(t, probe.Pass, look().Status)
	must(t)(old.Hold(oldApex, 900, dnstest.UntilExpiry))
	got := look()
	assert.Equal(t, "dns.stale", got.Class, got.Message())
	require.NotNil(t, got.Until)
	assert.WithinDuration(t, time.Now().Add(15*time.Minute), *got.Until, 10*time.Second)
	must(t)(old.Hold(oldApex, 900, dnstest.Frozen))
	assert.Equal(t, "dns.not-converging", look().Class)
}

// A resolver that keeps records for longer than it was told has an end all the same; one that answers slowly has its say.
func TestCapsAndSlowness(t *testing.T) {
	w := newWorld(t, 2)
	w.replaceEverywhere(t, "drop.example. 1 A 203.0.113.8")
	w.Resolvers()[0].MinimumTTL(900)
	first := run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], nil)}})[0]
	assert.Equal(t, probe.Fail, first.Status, "the source has the old answer")
	w.replaceEverywhere(t, "drop.example. 60 A 203.0.113.80")
	got := run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], nil)}})[0]
	assert.Equal(t, "dns.stale", got.Class, got.Message())
	require.NotNil(t, got.Until)
	assert.WithinDuration(t, time.Now().Add(15*time.Minute), *got.Until, 15*time.Second)

	w.Resolvers()[0].Flush()
	w.Resolvers()[0].Set(func(b *dnstest.Behaviour) { b.Delay = 1500 * time.Millisecond })
	got = run(t, []Named{{"", true, Propagated(w.zone(), w.records[apexRecord], nil)}})[0]
	assert.Equal(t, probe.Pass, got.Status, got.Message())
}

// Each of the assertions says for itself what it is about.
func TestPropagationAssertions(t *testing.T) {
	subnet := netip.MustParsePrefix("198.18.7.0/24")
	const pass, fail, blocked, na = probe.Pass, probe.Fail, probe.Blocked, probe.NA
	cases := []struct {
		name  string
		fault func(*testing.T, *world)
		want  [4]probe.Status // PRO-02 to PRO-05
	}{
		{"healthy", func(*testing.T, *world) {}, [4]probe.Status{pass, pass, na, pass}},
		{"stale", func(t *testing.T, w *world) { must(t)(w.Resolvers()[0].Hold(oldApex, 900, dnstest.UntilExpiry)) }, [4]probe.Status{fail, pass, na, pass}},
		{"pinned", func(t *testing.T, w *world) { must(t)(w.Resolvers()[0].Hold(oldApex, 900, dnstest.Frozen)) }, [4]probe.Status{fail, fail, na, pass}},
		{"split horizon", func(t *testing.T, w *world) { must(t)(w.Resolvers()[0].Hold(oldApex, 900, dnstest.SplitHorizon)) }, [4]probe.Status{fail, fail, na, pass}},
		{"served stale", func(t *testing.T, w *world) { must(t)(w.Resolvers()[0].Hold(oldApex, 30, dnstest.ServedStale)) }, [4]probe.Status{fail, fail, na, fail}},
		{"SERVFAIL", func(_ *testing.T, w *world) {
			w.Resolvers()[0].Set(func(b *dnstest.Behaviour) { b.Rcode = dns.RcodeServerFailure })
		}, [4]probe.Status{fail, pass, na, fail}},
		{"REFUSED", func(_ *testing.T, w *world) { refuse(w.Resolvers()[0]) }, [4]probe.Status{blocked, blocked, na, blocked}},
		{"stale, and so is a server", func(t *testing.T, w *world) {
			must(t)(w.Resolvers()[0].Hold("drop.example. 60 A 203.0.113.7", 900, dnstest.UntilExpiry))
			oneOldServer(t, w)
		}, [4]probe.Status{fail, fail, na, pass}},
		{"stale, and a server is lame", func(t *testing.T, w *world) {
			must(t)(w.Resolvers()[0].Hold(oldApex, 900, dnstest.UntilExpiry))
			must(t)(w.second().RemoveZone("drop.example."))
		}, [4]probe.Status{fail, pass, na, pass}},
		{"subnets have the new answer", func(_ *testing.T, w *world) { w.config.Resolvers[0].Subnet = subnet }, [4]probe.Status{pass, pass, pass, pass}},
		{"a subnet has an address of its own, a new one", func(t *testing.T, w *world) {
			w.config.Resolvers[0].Subnet = subnet
			w.records[apexRecord] = Record{Name: "drop.example", Target: "lb.cloud.example"}
			for _, s := range w.Servers() {
				must(t)(s.Replace("drop.example. 60 A 203.0.113.90\ndrop.example. 60 AAAA 2001:db8:80::90"))
				must(t)(s.ForSubnet(subnet, "drop.example. 60 A 203.0.113.91"))
			}
		}, [4]probe.Status{pass, pass, pass, pass}},
		{"one subnet has the old answer at the source", func(t *testing.T, w *world) {
			w.config.Resolvers[0].Subnet = subnet
			for _, s := range w.Servers() {
				must(t)(s.ForSubnet(subnet, "drop.example. 300 A 203.0.113.8"))
			}
		}, [4]probe.Status{fail, fail, fail, pass}},
		{"the old answer for one subnet is in the resolver's cache", func(t *testing.T, w *world) {
			w.config.Resolvers[0].Subnet = subnet
			for _, s := range w.Servers() {
				must(t)(s.ForSubnet(subnet, "drop.example. 300 A 203.0.113.8"))
			}
			run(t, []Named{{"fills the cache", true, Propagated(w.zone(), w.records[apexRecord], nil)}})
			for _, s := range w.Servers() {
				must(t)(s.ForSubnet(subnet, "drop.example. 300 A 203.0.113.80"))
			}
		}, [4]probe.Status{fail, pass, fail, pass}},
		{"servers that do not know client subnets", func(_ *testing.T, w *world) {
			w.config.Resolvers[0].Subnet = subnet
			w.behave(func(b *dnstest.Behaviour) { b.FormErrEDNS = true })
		}, [4]probe.Status{pass, pass, pass, pass}},
		{"the vantage for the subnet cannot tell", func(_ *testing.T, w *world) {
			w.config.Resolvers[0].Subnet = subnet
			refuse(w.Resolvers()[0])
		}, [4]probe.Status{blocked, blocked, blocked, blocked}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			c.fault(t, w)
			z, r := w.zone(), w.records[apexRecord]
			for i, got := range run(t, []Named{{"PRO-02", true, Propagated(z, r, w.snapshot)}, {"PRO-03", true, OldRunsOut(z, r)}, {"PRO-04", true, PropagatedToSubnets(z, r)}, {"PRO-05", true, ResolversSound(z, r)}}) {
				assert.Equal(t, c.want[i], got.Status, "%s: %s", got.Name, got.Message())
				assert.Equal(t, got.Name, got.Assertion)
			}
		})
	}
}

func TestRegionsCovered(t *testing.T) {
	at := func(regions string, answers ...bool) []Standing {
		standings := make([]Standing, len(answers))
		for i, answered := range answers {
			standings[i] = Standing{Region: regions[i : i+1], Who: regions[i : i+1], Status: probe.Pass}
			if !answered {
				standings[i].Status, standings[i].Err = probe.Blocked, &probe.Unknown{Got: "silence"}
			}
		}
		return standings
	}
	const six = "aabbcc"
	assert.NoError(t, regionsCovered(3, at(six, true, true, true, true, true, false)), "83 % conclusive")
	assert.ErrorContains(t, regionsCovered(3, at(six, true, true, true, false, true, false)), "4 of 6 (silence)")
	assert.ErrorContains(t, regionsCovered(2, at(six, true, true, true, true, false, false)), "no answer from c")
	assert.ErrorContains(t, regionsCovered(4, at(six, true, true, true, true, true, true)), "3 region(s)")
	assert.Error(t, regionsCovered(0, nil), "no resolver is no evidence")
}
