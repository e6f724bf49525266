package dnsprobe

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestFirstSight(t *testing.T) {
	at := func(hour int) time.Time { return time.Date(2026, 2, 20, hour, 0, 0, 0, time.UTC) }
	sight := func(ttl uint32, hour int) ttlSight {
		return ttlSight{Name: "drop.example", Type: "A", TTL: ttl, Seen: at(hour)}
	}
	other := ttlSight{Name: "drop.example", Type: "AAAA", TTL: 60, Seen: at(0)}
	cases := []struct {
		name  string
		log   []ttlSight
		now   ttlSight
		first time.Time
		news  bool
	}{
		{"never seen", []ttlSight{other}, sight(60, 5), at(5), true},
		{"low before", []ttlSight{sight(60, 1), sight(30, 2)}, sight(60, 5), at(1), false},
		{"high again starts anew", []ttlSight{sight(60, 1), sight(3600, 2)}, sight(60, 5), at(5), true},
		{"low since it was high", []ttlSight{sight(60, 1), sight(3600, 2), sight(60, 3)}, sight(60, 5), at(3), false},
		{"high now", []ttlSight{sight(60, 1)}, sight(3600, 5), time.Time{}, true},
		{"high now and before", []ttlSight{sight(60, 1), sight(3600, 2)}, sight(3600, 5), time.Time{}, false},
		{"low by an older, higher limit", []ttlSight{sight(600, 1)}, sight(60, 5), at(5), true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			first, news := firstSight(c.log, c.now, 5*time.Minute)
			assert.Equal(t, c.first, first)
			assert.Equal(t, c.news, news)
		})
	}
}

// The first sight is kept from run to run, and a damaged log blocks instead of being forgotten.
func TestTTLLog(t *testing.T) {
	w := newWorld(t, 2)
	w.config.Cutover = time.Now().Add(2 * time.Hour)
	low := func() probe.Result {
		return run(t, []Named{{"low", true, LowLongEnough(w.zone(), w.records[apexRecord], w.snapshot)}})[0]
	}
	require.Equal(t, probe.Pass, low().Status, "now and the old TTL are before the launch")
	first, err := os.ReadFile(w.config.TTLLog)
	require.NoError(t, err)
	assert.Equal(t, 2, strings.Count(string(first), "\n"), "A and AAAA")

	w.config.Cutover = time.Now().Add(time.Second)
	late := low()
	assert.Equal(t, "dns.ttl-late", late.Class)
	require.NotNil(t, late.Until)

	past := strings.ReplaceAll(string(first), `"seen":"20`, `"seen":"19`)
	require.NoError(t, os.WriteFile(w.config.TTLLog, []byte(past), 0o600))
	assert.Equal(t, probe.Pass, low().Status, "low since long ago")

	w.replaceEverywhere(t, "drop.example. 3600 A 203.0.113.80")
	assert.Equal(t, "dns.ttl", low().Class)
	w.replaceEverywhere(t, "drop.example. 60 A 203.0.113.80")
	assert.Equal(t, "dns.ttl-late", low().Class, "high in between: the wait starts anew")

	for _, damage := range []string{"{\n", `{"name":"drop.example","type":"A","ttl":60}` + "\n", strings.TrimSuffix(past, "\n"), past + "\n", `{"nom":1}` + "\n"} {
		require.NoError(t, os.WriteFile(w.config.TTLLog, []byte(damage), 0o600))
		got := low()
		assert.Equal(t, probe.Blocked, got.Status, damage)
		assert.Equal(t, "dns.ttl-log", got.Class)
		after, err := os.ReadFile(w.config.TTLLog)
		require.NoError(t, err)
		assert.Equal(t, damage, string(after), "a damaged log is left as it is")
	}
	w.config.TTLLog = filepath.Join(w.config.TTLLog, "below-a-file")
	assert.Equal(t, probe.Blocked, low().Status)
	w.config.TTLLog = ""
	assert.Equal(t, "not-configured", low().Class)
}

// Many claims write to one log.
func TestTTLLogConcurrently(t *testing.T) {
	w := newWorld(t, 2)
	var all sync.WaitGroup
	for range 8 {
		for _, r := range w.records {
			zone := w.zone()
			all.Go(func() {
				_, err := LowLongEnough(zone, r, w.snapshot)(t.Context())
				assert.NoError(t, err)
			})
		}
	}
	all.Wait()
	log, err := readTTLLog(w.config.TTLLog)
	require.NoError(t, err)
	assert.Len(t, log, 4, "drop A and AAAA, www CNAME, api CNAME, each once")
}
