package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type answering struct {
	addresses []netip.Addr
	err       error
}

func (a answering) Addresses(context.Context, string) ([]netip.Addr, error) {
	return a.addresses, a.err
}

func TestEveryAddress(t *testing.T) {
	look := func(_ context.Context, ip netip.Addr) string { return ip.String() }
	two := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	seen, err := EveryAddress(t.Context(), answering{addresses: two}, "a.example", look)
	require.NoError(t, err)
	assert.Equal(t, []string{"192.0.2.1", "2001:db8::1"}, seen)

	for title, resolver := range map[string]answering{
		"none":            {},
		"error":           {err: errors.New("SERVFAIL")},
		"unknown":         {err: &Unknown{Class: "dns"}},
		"another's unmet": {err: &Unmet{Class: "dns.absent"}},
		"unmet, wrapped":  {err: fmt.Errorf("resolver: %w", &Unmet{Class: "dns.absent"})},
	} {
		t.Run(title, func(t *testing.T) {
			_, err := EveryAddress(t.Context(), resolver, "a.example", look)
			assert.Equal(t, Blocked, StatusOf(err))
		})
	}
}

func TestWorst(t *testing.T) {
	fail, blocked, na := &Unmet{Want: "w", Got: "g", From: "f"}, &Unknown{Want: "w", Got: "silence"}, &NotApplicable{}
	for title, c := range map[string]struct {
		errs []error
		want Status
	}{
		"all hold":                {[]error{nil, nil}, Pass},
		"unknown, then failed":    {[]error{blocked, fail}, Fail},
		"failed, then unknown":    {[]error{nil, fail, blocked}, Fail},
		"one unknown":             {[]error{nil, blocked}, Blocked},
		"plain error":             {[]error{nil, errors.New("x")}, Blocked},
		"nothing to judge":        {[]error{na, na}, NA},
		"some nothing to judge":   {[]error{na, nil}, Pass},
		"closed here, bad there":  {[]error{na, fail}, Fail},
		"closed here, dark there": {[]error{na, blocked}, Blocked},
		"no address":              {nil, Blocked},
	} {
		t.Run(title, func(t *testing.T) {
			var list []AtAddress
			for i, err := range c.errs {
				list = append(list, AtAddress{Address: fmt.Sprint(i), Err: err})
			}
			var evidence Evidence
			assert.Equal(t, c.want, StatusOf(Worst(&evidence, list)))
			assert.Len(t, evidence.Asked, len(c.errs))
		})
	}
	err := Worst(&Evidence{}, []AtAddress{{Err: blocked}, {Err: fail}, {}})
	require.EqualError(t, err, "want w; got g from f (2 of 3 addresses are red)")
	assert.Equal(t, "f", fail.From, "the address's own error stays as it is")
}

func TestUnreached(t *testing.T) {
	wrap := func(err error) error { return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", err)} }
	for title, c := range map[string]struct {
		err    error
		status Status
		class  string
	}{
		"refused":            {wrap(syscall.ECONNREFUSED), Fail, "refused"},
		"reset":              {wrap(syscall.ECONNRESET), Fail, "reset"},
		"broken pipe":        {wrap(syscall.EPIPE), Fail, "reset"},
		"closed":             {io.EOF, Fail, "closed"},
		"no route":           {wrap(syscall.ENETUNREACH), Blocked, "unreachable"},
		"no IPv6":            {wrap(syscall.EADDRNOTAVAIL), Blocked, "unreachable"},
		"host without route": {wrap(syscall.EHOSTUNREACH), Blocked, "unreachable"},
		"connect timeout":    {wrap(syscall.ETIMEDOUT), Blocked, "timeout"},
		"deadline":           {context.DeadlineExceeded, Blocked, "timeout"},
		"sealed":             {&Unknown{Class: "sealed"}, Blocked, "sealed"},
		"something else":     {errors.New("x"), Blocked, "network"},
	} {
		t.Run(title, func(t *testing.T) {
			r := Result{}
			r.settle(Unreached(c.err, "192.0.2.1:443"))
			assert.Equal(t, c.status, r.Status)
			assert.Equal(t, c.class, r.Class)
		})
	}
}

func TestMemo(t *testing.T) {
	var memo Memo[string, int]
	var made atomic.Int32
	begun, goOn := make(chan bool), make(chan bool)
	observe := func(ctx context.Context) int {
		made.Add(1)
		close(begun)
		<-goOn
		return 7 + len(fmt.Sprint(ctx.Err())) - len("<nil>")
	}
	impatient, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	go func() {
		_, err := memo.Do(impatient, "k", time.Minute, observe)
		gaveUp <- err
	}()
	<-begun
	cancel()
	assert.Equal(t, Blocked, StatusOf(<-gaveUp))
	close(goOn)
	for range 3 {
		value, err := memo.Do(t.Context(), "k", time.Minute, observe)
		require.NoError(t, err)
		assert.Equal(t, 7, value, "the observation outlives the claim that asked first")
	}
	assert.EqualValues(t, 1, made.Load())

	value, err := memo.Do(t.Context(), "other", time.Minute, func(context.Context) int { return 8 })
	require.NoError(t, err)
	assert.Equal(t, 8, value)

	r := Run(t.Context(), "claim", func(ctx context.Context) (Evidence, error) {
		_, err := memo.Do(ctx, "bad", time.Minute, func(context.Context) int { panic("boom") })
		return Evidence{}, err
	})
	assert.Equal(t, Blocked, r.Status)
	assert.Equal(t, "panic", r.Class)
}

func TestMemoKeepsAFailureToo(t *testing.T) {
	var memo Memo[string, int]
	made := 0
	observe := func(context.Context) (int, error) {
		made++
		return 7, &Unmet{Class: "kept"}
	}
	for range 2 {
		value, err := memo.Try(t.Context(), "k", time.Minute, observe)
		assert.Equal(t, 7, value, "as far as it was seen")
		assert.Equal(t, Fail, StatusOf(err))
	}
	assert.Equal(t, 1, made)
}

func TestMemoBoundsTheObservation(t *testing.T) {
	var memo Memo[string, error]
	value, err := memo.Do(t.Context(), "k", time.Millisecond, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	require.NoError(t, err)
	assert.ErrorIs(t, value, context.DeadlineExceeded)
}
