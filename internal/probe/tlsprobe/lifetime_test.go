package tlsprobe

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
)

const day = 24 * time.Hour

func TestOutlivesLaunch(t *testing.T) {
	w := newWorld(t, 2)
	until := func(days int) {
		w.observer = &Observer{Network: w.observer.Network, Resolver: w.observer.Resolver}
		w.servers[1].Handle(tlstest.Serve(w.config(t, tlstest.Serial(0xc0de), tlstest.Valid(time.Now().Add(-time.Hour), launch.Add(time.Duration(days)*day+time.Minute)))))
	}
	want := Lifetime{Launch: launch, Days: 90, DaysAutorenew: 30}

	until(90)
	green(t, run(t, OutlivesLaunch(w.observer, name, want)))
	until(89)
	red(t, run(t, OutlivesLaunch(w.observer, name, want)), probe.Fail, "tls.expiry", "lasts more than 90 days beyond the launch", "(serial c0de)", "89 days after the launch", "from 203.0.113.81:443", "renew it")
	until(-2)
	red(t, run(t, OutlivesLaunch(w.observer, name, want)), probe.Fail, "tls.expiry", "47 hours before the launch")

	t.Run("an untrusted certificate outlives nothing", func(t *testing.T) {
		w.observer = &Observer{Network: w.observer.Network, Resolver: w.observer.Resolver}
		w.servers[1].Handle(tlstest.Serve(w.config(t, tlstest.SelfSigned(), tlstest.Valid(time.Now(), launch.Add(900*day)))))
		red(t, run(t, OutlivesLaunch(w.observer, name, want)), probe.Fail, "tls.self-signed", "203.0.113.81:443")
	})
	t.Run("renewal is proven from run to run", func(t *testing.T) {
		want.Log = filepath.Join(t.TempDir(), "state", "certificates.jsonl")
		use := func(serial int64, begun time.Duration) {
			w.observer = &Observer{Network: w.observer.Network, Resolver: w.observer.Resolver}
			w.serve(t, w.config(t, tlstest.Serial(serial), tlstest.Valid(time.Now().Add(-begun), launch.Add(60*day+time.Minute))))
		}
		use(1, 2*time.Hour)
		red(t, run(t, OutlivesLaunch(w.observer, name, want)), probe.Fail, "tls.expiry", "60 days after the launch", "or let renewal prove itself")
		use(2, time.Hour)
		green(t, run(t, OutlivesLaunch(w.observer, name, want)))
		green(t, run(t, OutlivesLaunch(w.observer, name, want)))
		text, err := os.ReadFile(want.Log)
		require.NoError(t, err)
		assert.Equal(t, 2, strings.Count(string(text), "\n"), "each certificate is written down once: %s", text)

		late := want
		late.DaysAutorenew = 61
		red(t, run(t, OutlivesLaunch(w.observer, name, late)), probe.Fail, "tls.expiry", "more than 61 days", "see why it is late")
	})
	t.Run("claims made at the same time share a log", func(t *testing.T) {
		want.Log = filepath.Join(t.TempDir(), "certificates.jsonl")
		w.serve(t, w.config(t, tlstest.Valid(time.Now().Add(-time.Hour), launch.Add(91*day))))
		const claims = 16
		done := make(chan probe.Result)
		for range claims {
			go func() {
				o := &Observer{Network: w.observer.Network, Resolver: w.observer.Resolver}
				done <- probe.Run(t.Context(), "claim", OutlivesLaunch(o, name, want))
			}()
		}
		for range claims {
			green(t, <-done)
		}
		text, err := os.ReadFile(want.Log)
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(text), "\n"))
	})
	t.Run("a log that is broken tells nothing", func(t *testing.T) {
		want.Log = filepath.Join(t.TempDir(), "certificates.jsonl")
		require.NoError(t, os.WriteFile(want.Log, []byte("{\"name\":\n"), 0o600))
		red(t, run(t, OutlivesLaunch(w.observer, name, want)), probe.Blocked, "state", "line 1", "from "+want.Log, "restore the file")
		want.Log = t.TempDir()
		red(t, run(t, OutlivesLaunch(w.observer, name, want)), probe.Blocked, "state", "is a directory")
	})
}

func TestParseLog(t *testing.T) {
	now := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	sha := strings.Repeat("ab", 32)
	good := `{"name":"a.example","serial":"1","not_before":"2026-01-01T00:00:00Z","not_after":"2026-04-01T00:00:00Z","sha256":"` + sha + `","seen":"2026-01-02T00:00:00Z"}` + "\n"
	list, err := parseLog([]byte(good+strings.ReplaceAll(good, "a.example", "b.example")), "a.example", now)
	require.NoError(t, err)
	assert.Len(t, list, 1)
	list, err = parseLog(nil, "a.example", now)
	require.NoError(t, err)
	assert.Empty(t, list)

	for title, text := range map[string]string{
		"cut off":        good[:40],
		"no line end":    strings.TrimSuffix(good, "\n"),
		"empty line":     good + "\n" + good,
		"two on a line":  strings.TrimSuffix(good, "\n") + good,
		"unknown field":  strings.Replace(good, `"serial"`, `"number"`, 1),
		"no serial":      strings.Replace(good, `"serial":"1",`, "", 1),
		"short hash":     strings.Replace(good, sha, "ab", 1),
		"from tomorrow":  strings.Replace(good, `"seen":"2026-01`, `"seen":"2027-01`, 1),
		"ends too early": strings.Replace(good, `"not_after":"2026-04`, `"not_after":"2025-04`, 1),
		"not JSON":       "serial 1\n",
	} {
		t.Run(title, func(t *testing.T) {
			_, err := parseLog([]byte(text), "a.example", now)
			assert.Error(t, err)
		})
	}
}

func TestRenewed(t *testing.T) {
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	begin := time.Now().Truncate(time.Second)
	issue := func(serial int64, from, to time.Time) *x509.Certificate {
		cert, err := authority.Issue(tlstest.Names(name), tlstest.Serial(serial), tlstest.Valid(from, to))
		require.NoError(t, err)
		return cert.Leaf
	}
	sight := func(c *x509.Certificate, seen time.Time) sighting {
		return sighting{Name: name, Serial: c.SerialNumber.Text(16), NotBefore: c.NotBefore, NotAfter: c.NotAfter, SHA256: fingerprint(c), Seen: seen}
	}
	old := issue(1, begin, begin.Add(90*day))
	short := issue(3, begin, begin.Add(6*day))
	leaf := issue(2, begin.Add(60*day), begin.Add(150*day))
	again := issue(2, begin.Add(4*day), begin.Add(10*day))
	reissued := issue(1, begin.Add(time.Hour), begin.Add(91*day))
	for title, c := range map[string]struct {
		leaf    *x509.Certificate
		earlier []sighting
		want    bool
	}{
		"in good time":                   {leaf, []sighting{sight(old, begin.Add(day)), sight(leaf, begin.Add(61*day))}, true},
		"a week left":                    {leaf, []sighting{sight(old, begin.Add(day)), sight(leaf, begin.Add(83*day))}, true},
		"less than a week left":          {leaf, []sighting{sight(old, begin.Add(day)), sight(leaf, begin.Add(84*day))}, false},
		"after the old one ended":        {leaf, []sighting{sight(old, begin.Add(day)), sight(leaf, begin.Add(91*day))}, false},
		"a quarter of a short life left": {again, []sighting{sight(short, begin.Add(day)), sight(again, begin.Add(108*time.Hour))}, true},
		"less than a quarter of it left": {again, []sighting{sight(short, begin.Add(day)), sight(again, begin.Add(109*time.Hour))}, false},
		"never seen before":              {leaf, []sighting{sight(old, begin.Add(day))}, false},
		"nothing earlier":                {leaf, []sighting{sight(leaf, begin.Add(61*day))}, false},
		"both first seen together":       {leaf, []sighting{sight(old, begin.Add(61*day)), sight(leaf, begin.Add(61*day))}, false},
		"same serial":                    {reissued, []sighting{sight(old, begin.Add(day)), sight(reissued, begin.Add(2*day))}, false},
		"back to the older one":          {old, []sighting{sight(leaf, begin.Add(61*day)), sight(old, begin.Add(62*day))}, false},
		"an empty log":                   {leaf, nil, false},
	} {
		t.Run(title, func(t *testing.T) { assert.Equal(t, c.want, renewed(c.leaf, c.earlier)) })
	}
}
