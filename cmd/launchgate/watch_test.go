package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/dnstest"
	"github.com/getdrop/launchgate/internal/probe"
)

// shop is a private internet with the zone shop.example, whose resolvers count TTLs by a clock that can be put forward.
type shop struct {
	*dnstest.Internet
	ahead atomic.Int64
	flags []string
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{}
	s.Internet = dnstest.New(t, dnstest.Config{Zones: []dnstest.Zone{{Origin: "shop.example.", Text: "@ 60 A 203.0.113.80\nwww 60 CNAME @"}}, Regions: []string{"eu-north", "us-east"},
		Clock: func() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }})
	s.flags = []string{"--private", "203.0.113.0/24,198.51.100.0/24", "--record", "www.shop.example=shop.example", "--record", "shop.example=203.0.113.80", "--interval", "1s"}
	for from, to := range s.Connect() {
		s.flags = append(s.flags, "--connect", from+"="+to)
	}
	for _, root := range s.Roots() {
		s.flags = append(s.flags, "--root", root.String())
	}
	for _, r := range s.Resolvers() {
		s.flags = append(s.flags, "--resolver", r.Addresses()[0].String()+"="+r.Region)
	}
	return s
}

// watch runs the command and hands each line that it prints to see, until it ends.
func (s *shop) watch(ctx context.Context, t *testing.T, see func(line string), args ...string) said {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	reader, writer := io.Pipe()
	var errs strings.Builder
	ended := make(chan int, 1)
	go func() {
		code := run(ctx, append(append([]string{"probe", "dns", "watch"}, args...), s.flags...), writer, &errs)
		_ = writer.Close() // a pipe's writer closes without an error
		ended <- code
	}()
	var out strings.Builder
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		out.WriteString(lines.Text() + "\n")
		see(lines.Text())
	}
	return said{out.String(), errs.String(), <-ended}
}

// Who has the new answer, who has the old one for how long, and that it is done once the cache has run out.
func TestWatch(t *testing.T) {
	s := newShop(t)
	require.NoError(t, s.Resolvers()[1].Hold("shop.example. 3600 A 198.51.100.80", 900, dnstest.UntilExpiry))
	got := s.watch(t.Context(), t, func(line string) {
		if strings.Contains(line, "old 198.51.100.102") {
			s.ahead.Store(int64(901 * time.Second))
		}
	}, "www.shop.example")
	assert.Zero(t, got.code, got.stderr)
	assert.Regexp(t, `(?m)^\d\d:\d\d:\d\dZ new ns1.shop.example \(203.0.113.53:53\): A CNAME shop.example, AAAA CNAME shop.example$`, got.stdout)
	assert.Regexp(t, `(?m)Z new 198.51.100.101 \(198.51.100.101:53\): A 203.0.113.80, AAAA none$`, got.stdout)
	assert.Regexp(t, `(?m)Z old 198.51.100.102 \(198.51.100.102:53\): the old answer, A 198.51.100.80, AAAA none, 89\d s more$`, got.stdout)
	assert.Regexp(t, `(?m)Z =   old answers run out until 20.*Z, 89\d s more$`, got.stdout)
	assert.Regexp(t, `(?m)Z new 198.51.100.102 \(198.51.100.102:53\): A 203.0.113.80, AAAA none$`, got.stdout)
	assert.True(t, strings.HasSuffix(got.stdout, "www.shop.example: propagated; guaranteed after "+got.stdout[len(got.stdout)-21:]), got.stdout)
}

// With --json each change is an object, and the one without who is about the whole.
func TestWatchJSON(t *testing.T) {
	s := newShop(t)
	require.NoError(t, s.Resolvers()[1].Hold("shop.example. 3600 A 198.51.100.80", 900, dnstest.UntilExpiry))
	var whole []change
	got := s.watch(t.Context(), t, func(line string) {
		var c change
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		assert.NoError(t, decoder.Decode(&c))
		assert.Equal(t, "shop.example", c.Name)
		switch {
		case c.Who == "":
			whole = append(whole, c)
		case c.Status == probe.Fail:
			assert.Equal(t, "us-east", c.Region)
			assert.NotNil(t, c.ETA)
			s.ahead.Store(int64(901 * time.Second))
		}
	}, "shop.example", "--json")
	assert.Zero(t, got.code, got.stderr)
	require.Len(t, whole, 2)
	assert.Equal(t, probe.Fail, whole[0].Status)
	assert.WithinDuration(t, time.Now().Add(15*time.Minute), *whole[0].ETA, 30*time.Second)
	assert.Equal(t, probe.Pass, whole[1].Status)
	assert.Nil(t, whole[1].ETA)
}

// It does not end well by itself: at --timeout, or interrupted.
func TestWatchThatIsGivenUp(t *testing.T) {
	s := newShop(t)
	require.NoError(t, s.Resolvers()[1].Hold("shop.example. 3600 A 198.51.100.80", 900, dnstest.Frozen))
	got := s.watch(t.Context(), t, func(string) {}, "shop.example", "--timeout", "4s")
	assert.Equal(t, 2, got.code, got.stderr)
	assert.Contains(t, got.stdout, "no end in sight: the old answer")
	assert.Contains(t, got.stdout, "shop.example: not propagated within the time that --timeout gives\n")

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	got = s.watch(ctx, t, func(line string) {
		if strings.Contains(line, "no end in sight") {
			interrupt()
		}
	}, "shop.example")
	assert.Equal(t, 2, got.code)
	assert.Empty(t, got.stderr)
	assert.Contains(t, got.stdout, "shop.example: interrupted before it had propagated\n")
}

// The servers come first: while one has the old answer, there is no end.
func TestWatchASourceThatHasNotSwitched(t *testing.T) {
	s := newShop(t)
	second := s.Servers()[1]
	require.NoError(t, second.Replace("shop.example. 60 A 198.51.100.80"))
	got := s.watch(t.Context(), t, func(line string) {
		if strings.Contains(line, "not ns2") {
			assert.NoError(t, second.Replace("shop.example. 60 A 203.0.113.80"))
			s.ahead.Store(int64(time.Hour))
		}
	}, "shop.example")
	assert.Zero(t, got.code, got.stderr)
	assert.Contains(t, got.stdout, "not ns2.shop.example (203.0.113.54:53): ")
}

func TestWatchRefuses(t *testing.T) {
	s := newShop(t)
	refused := func(code int, says string, args ...string) {
		t.Helper()
		got := s.watch(t.Context(), t, func(string) {}, args...)
		assert.Equal(t, code, got.code)
		assert.Contains(t, got.stderr, says)
		assert.Empty(t, got.stdout)
	}
	refused(3, `want a planned record; got "api.shop.example", and there are www.shop.example, shop.example, no others; say with --record`, "api.shop.example")
	refused(3, "probe dns watch: want a host name", "no name")
	refused(3, "accepts 1 arg", "a.example", "b.example")
	s.flags = append(s.flags, "--interval", "10ms")
	refused(3, "--interval: want at least 1s", "shop.example")
	s.flags = append(s.flags, "--interval", "1s", "--low-ttl", "soon")
	refused(3, "--low-ttl: want a duration", "shop.example")
	sealed := []string{"--root", "198.51.100.1", "--connect", "198.51.100.2:53=127.0.0.1:9"}
	got := probeAt(t, sealed, "dns", "watch", "shop.example", "--resolver", "198.51.100.3", "--record", "shop.example=192.0.2.1")
	assert.Equal(t, 2, got.code, "which zone it is cannot be told")
	assert.Contains(t, got.stderr, "which zone holds shop.example")
}

// One table on a terminal: drawn over, cut to its width, with the rows that are done counted where they do not fit.
func TestTable(t *testing.T) {
	now := time.Date(2027, 1, 19, 10, 0, 0, 0, time.UTC)
	until := now.Add(90 * time.Second)
	s := summary{whole: change{Got: "old answers run out", ETA: &until}}
	for _, who := range []string{"ns1", "ns2", "ns3"} {
		s.rows = append(s.rows, change{Who: who, Status: probe.Pass, Got: "A 192.0.2.1"})
	}
	s.rows = append(s.rows, change{Who: "r1", Status: probe.Fail, Got: "the old answer, A 192.0.2.9", ETA: &until}, change{Who: "r2", Status: probe.Blocked, Got: "no \x1b[31manswer"})
	var out strings.Builder
	height := 24
	v := &tableView{w: &out, name: "shop.example", size: func() (int, int) { return 40, height }}
	require.NoError(t, v.show(s, now))
	assert.Equal(t, "shop.example at 10:00:00Z\nnew ns1: A 192.0.2.1\nnew ns2: A 192.0.2.1\nnew ns3: A 192.0.2.1\nold r1: the old answer, A 192.0.2.9, 9…\n?   r2: no ?[31manswer\n=   old answers run out, 90 s more\n", out.String())
	out.Reset()
	height = 7
	v.tick(s, now.Add(30*time.Second))
	assert.Equal(t, "\x1b[7A\x1b[Jshop.example at 10:00:30Z\nold r1: the old answer, A 192.0.2.9, 6…\n?   r2: no ?[31manswer\nnew 3 of 5\n=   old answers run out, 60 s more\n", out.String())
	out.Reset()
	require.NoError(t, v.end("propagated"))
	assert.Equal(t, "shop.example: propagated\n", out.String())
}
