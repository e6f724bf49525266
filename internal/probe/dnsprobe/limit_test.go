package dnsprobe

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/delaytest"
	"github.com/getdrop/launchgate/internal/probe"
)

const rtt = 100 * time.Millisecond

// far puts a round trip of 100 ms before every server of the world, and leaves the launch with apex and www.
func (w *world) far(t testing.TB) {
	t.Helper()
	connect, relays, err := delaytest.Wrap(w.Connect(), rtt)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, relays.Close()) })
	w.config.Network = &probe.Network{Connect: connect}
	w.records = w.records[:2]
}

// Every claim at the same time costs about 40 questions a server address and 23 more, and root, parent, servers and TCP's
// handshake: 4 dependent round trips, and one more for the mail exchanger's own zone. BenchmarkAssertions gives the time.
func TestLimit(t *testing.T) {
	for _, servers := range []int{2, 8} {
		t.Run(fmt.Sprintf("%d servers", servers), func(t *testing.T) {
			near := newWorld(t, servers)
			near.records = near.records[:2]
			zone := near.zone()
			healthy(t, run(t, Assertions(zone, near.records, near.snapshot)))
			samples := (perLook - 1) * 2 * len(near.records) * len(near.config.Resolvers) // a look at a resolver is not one question
			assert.LessOrEqual(t, int(zone.sent.Load()), 40*2*servers+23+samples)
		})
	}
}

func healthy(t testing.TB, results []probe.Result) {
	t.Helper()
	for _, r := range results {
		assert.Contains(t, []probe.Status{probe.Pass, probe.NA}, r.Status, "%s: %s", r.Name, r.Message())
	}
}

func BenchmarkAssertions(b *testing.B) {
	w := newWorld(b, 8)
	w.far(b)
	for b.Loop() {
		healthy(b, run(b, Assertions(w.zone(), w.records, w.snapshot)))
	}
}
