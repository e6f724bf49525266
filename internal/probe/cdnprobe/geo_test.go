package cdnprobe

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/globalpingtest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/globalping"
)

var service = netip.MustParseAddr("203.0.113.99")

type finds struct{}

func (finds) Addresses(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{service}, nil
}

// takes is a page whose first byte is there after four such times.
func takes(d time.Duration) func(context.Context, string, string) globalpingtest.Page {
	return func(context.Context, string, string) globalpingtest.Page {
		return globalpingtest.Page{StatusCode: 200, DNS: d, TCP: d, TLS: d, FirstByte: d}
	}
}

// TestFastFrom measures from countries with enough probes, with few, and with none. What is slow is only the first time,
// when the caches near the probes are empty, does not count.
func TestFastFrom(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	var probes []globalpingtest.Probe
	add := func(country string, n int, get func(context.Context, string, string) globalpingtest.Page) {
		for i := range n {
			probes = append(probes, globalpingtest.Probe{Country: country, City: "Town", ASN: i, Resolver: "private", Get: get})
		}
	}
	add("NO", 40, takes(100*time.Millisecond))
	add("FI", 10, takes(100*time.Millisecond)) // as many as there are, again and again
	add("IS", 4, takes(100*time.Millisecond))
	add("US", 30, takes(201*time.Millisecond))
	add("SG", 22, takes(100*time.Millisecond))
	add("SG", 8, func(context.Context, string, string) globalpingtest.Page { return globalpingtest.Page{StatusCode: 403} })
	add("BR", 30, nil)
	for i := range 30 {
		cold := true
		add("SE", 1, func(ctx context.Context, name, path string) globalpingtest.Page {
			was := cold
			cold = false
			if was {
				return takes(time.Second)(ctx, name, path)
			}
			return takes(time.Duration(i)*time.Millisecond)(ctx, name, path)
		})
	}
	s := globalpingtest.New(t, globalpingtest.Config{Authority: authority, Address: service, Probes: probes})
	s.Set(func(b *globalpingtest.Behaviour) { b.Limit = 2000 })
	client := globalping.New(&probe.Network{Connect: s.Connect(), Roots: authority.Pool()}, finds{}, nil)

	want := map[string]string{"NO": "PASS ", "FI": "PASS ", "SE": "PASS ", "IS": "BLOCKED perf.samples", "US": "FAIL perf.slow", "SG": "FAIL perf.failed", "BR": "BLOCKED perf.samples", "ZZ": "BLOCKED api.answer"}
	got, done := map[string]string{}, make(chan [2]string)
	for location := range want {
		go func() {
			r := probe.Run(t.Context(), location, FastFrom(client, site+"/app.css", []string{location}, 800*time.Millisecond))
			t.Log(location, r.Message())
			done <- [2]string{location, string(r.Status) + " " + r.Class}
		}()
	}
	for range want {
		said := <-done
		got[said[0]] = said[1]
	}
	assert.Equal(t, want, got)

	r := probe.Run(t.Context(), "nowhere", FastFrom(client, site+"/", nil, time.Second))
	assert.Equal(t, probe.Blocked, r.Status)
	r = probe.Run(t.Context(), "one slow, one nobody knows", FastFrom(client, site+"/", []string{"ZZ", "US"}, 800*time.Millisecond))
	assert.Equal(t, probe.Fail, r.Status, "what is measured prevails")
}

func TestPercentiles(t *testing.T) {
	at := func(fast, slow, failed int) probe.Status {
		r := region{Probes: 30, Samples: slices.Concat(slices.Repeat([]float64{800}, fast), slices.Repeat([]float64{801}, slow)), Failed: failed}
		return probe.StatusOf(r.judge(800 * time.Millisecond))
	}
	assert.Equal(t, probe.Pass, at(23, 7, 0))
	assert.Equal(t, probe.Pass, at(23, 3, 4))
	assert.Equal(t, probe.Fail, at(22, 8, 0))
	assert.Equal(t, probe.Fail, at(22, 0, 8))
	assert.Equal(t, probe.Fail, at(0, 0, 30))
	assert.Equal(t, probe.Blocked, at(29, 0, 0))
	assert.Equal(t, probe.Blocked, probe.StatusOf((&region{err: errors.New("down"), Probes: 30, Samples: make([]float64, 30)}).judge(time.Second)))
}

// A part of the time that a probe does not tell must not count as none.
func TestSamples(t *testing.T) {
	ok, forbidden, ms := 200, 403, 100.0
	whole := globalping.Timings{DNS: &ms, TCP: &ms, TLS: &ms, FirstByte: &ms}
	for name, c := range map[string]struct {
		lookup                   globalping.Lookup
		samples, failed, missing int
	}{
		"whole":            {globalping.Lookup{Status: "finished", StatusCode: &ok, Timings: whole}, 1, 0, 0},
		"without TLS":      {globalping.Lookup{Status: "finished", StatusCode: &ok, Timings: globalping.Timings{DNS: &ms, TCP: &ms, FirstByte: &ms}}, 0, 0, 1},
		"no status":        {globalping.Lookup{Status: "finished", Timings: whole}, 0, 0, 1},
		"another status":   {globalping.Lookup{Status: "finished", StatusCode: &forbidden, Timings: whole}, 0, 1, 0},
		"the target fails": {globalping.Lookup{Status: "failed", FailureSource: "target"}, 0, 1, 0},
		"the probe fails":  {globalping.Lookup{Status: "failed", FailureSource: "internal"}, 0, 0, 1},
		"offline":          {globalping.Lookup{Status: "offline"}, 0, 0, 1},
		"in progress":      {globalping.Lookup{Status: "in-progress"}, 0, 0, 1},
	} {
		var r region
		r.add([]globalping.Result{{Lookup: c.lookup}})
		assert.Equal(t, []int{c.samples, c.failed, c.missing}, []int{len(r.Samples), r.Failed, r.Missing}, name)
	}
}
