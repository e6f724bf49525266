package probe_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn) }() // an echo server; its end is the connection's end
		}
	}()
	return l.Addr().String()
}

func TestNetworkConnectsWhereItIsTold(t *testing.T) {
	n := &probe.Network{Connect: map[string]string{"203.0.113.80:443": listen(t)}}
	conn, err := n.DialContext(t.Context(), "tcp", "203.0.113.80:443")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestNetworkIsSealed(t *testing.T) {
	n := &probe.Network{Connect: map[string]string{"203.0.113.80:443": "127.0.0.1:1"}}
	_, err := n.DialContext(t.Context(), "tcp", "203.0.113.81:443")
	require.ErrorIs(t, err, probe.ErrSealed)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
}

func TestNetworkDialsNoNames(t *testing.T) {
	_, err := new(probe.Network).DialContext(t.Context(), "tcp", "getdrop.no:443")
	assert.ErrorContains(t, err, "addresses, not names")
}

func TestNetworkBoundsEachHost(t *testing.T) {
	address := listen(t)
	n := &probe.Network{PerHost: 1}
	first, err := n.DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = n.DialContext(ctx, "tcp", address)
	require.ErrorIs(t, err, context.DeadlineExceeded, "the only slot is taken")

	require.NoError(t, first.Close())
	require.ErrorIs(t, first.Close(), net.ErrClosed)
	second, err := n.DialContext(t.Context(), "tcp", address)
	require.NoError(t, err, "closing gives the slot back, once")
	require.NoError(t, second.Close())
}
