package dnsprobe

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestParseSnapshot(t *testing.T) {
	good := parseSnapshot([]byte("$TTL 3600\n@ A 203.0.113.8\n@ 7200 AAAA 2001:db8::8\nWWW CNAME drop.example.\n_x TXT \"a\"\n"), "drop.example")
	require.NoError(t, good.err)
	assert.Equal(t, []string{"2001:db8::8", "203.0.113.8"}, good.at("drop.example"))
	assert.Equal(t, []string{"drop.example"}, good.at("www.Drop.example."))
	ttl, known := good.longestTTL("drop.example")
	assert.Equal(t, 2*time.Hour, ttl)
	assert.True(t, known)
	_, known = good.longestTTL("_x.drop.example")
	assert.False(t, known, "a TXT is no answer about addresses")

	for says, text := range map[string]string{
		"no records in the file":  "; nothing\n",
		"$INCLUDE":                "$INCLUDE /etc/passwd\n",
		"has no TTL":              "drop.example. IN A 203.0.113.8\n",
		"is not in drop.example":  "other.example. 60 IN A 203.0.113.8\n",
		"has two TTLs, 60 and 61": "@ 60 A 203.0.113.8\n@ 61 A 203.0.113.9\n",
		"is not of class IN":      "@ 60 CH TXT \"x\"\n",
		"bad A A":                 "@ 60 A not-an-address\n",
	} {
		assert.ErrorContains(t, parseSnapshot([]byte(text), "drop.example").err, says)
	}
}

func FuzzParseSnapshot(f *testing.F) {
	f.Add([]byte(dropBefore))
	f.Add([]byte("$TTL 1\n@ SOA a b 1 1 1 1 1\n$GENERATE 1-3 h$ A 203.0.113.$"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s := parseSnapshot(text, "drop.example"); s.err == nil {
			assert.NotEmpty(t, s.rrs)
		}
	})
}

func TestSnapshotJudges(t *testing.T) {
	snapshot := parseSnapshot([]byte(dropBefore), "drop.example")
	addr := func(text ...string) (addrs []netip.Addr) {
		for _, a := range text {
			addrs = append(addrs, netip.MustParseAddr(a))
		}
		return addrs
	}
	apex := Record{Name: "drop.example", A: addr("203.0.113.80")}
	judged(t, snapshotHolds(snapshot, []Record{apex}), probe.Pass, "")
	judged(t, snapshotHolds(snapshot, []Record{apex, {Name: "new.drop.example", New: true}}), probe.Pass, "")
	judged(t, snapshotHolds(snapshot, []Record{apex, {Name: "shop.drop.example"}}), probe.Fail, "the old A, AAAA or CNAME of shop.drop.example")
	judged(t, snapshotHolds(snapshot, nil), probe.Blocked, "")
	judged(t, snapshotHolds(&Snapshot{err: os.ErrNotExist}, []Record{apex}), probe.Fail, "export the zone")

	same := Record{Name: "drop.example", A: addr("203.0.113.8"), AAAA: addr("2001:db8:8::1")}
	judged(t, snapshotPredates(snapshot, apex, nil), probe.Pass, "")
	judged(t, snapshotPredates(snapshot, same, nil), probe.Fail, "got the new one, 2001:db8:8::1, 203.0.113.8")
	same.Old = []string{"203.0.113.8", "2001:DB8:8:0::1"}
	judged(t, snapshotPredates(snapshot, same, nil), probe.Pass, "")
	judged(t, snapshotPredates(snapshot, Record{Name: "drop.example", A: addr("203.0.113.80"), Old: []string{"203.0.113.7"}}, nil), probe.Fail, "want the old answer of drop.example, 203.0.113.7")
	www := Record{Name: "www.drop.example", Target: "Drop.example."}
	judged(t, snapshotPredates(snapshot, www, nil), probe.Fail, "got the new one, drop.example")
	www.Old = []string{"drop.example."}
	judged(t, snapshotPredates(snapshot, www, nil), probe.Pass, "")
	api := Record{Name: "api.drop.example", Target: "lb.cloud.example"}
	judged(t, snapshotPredates(snapshot, api, addr("203.0.113.90")), probe.Pass, "")
	judged(t, snapshotPredates(snapshot, api, addr("203.0.113.9", "203.0.113.90")), probe.Fail, "export the zone from before")
	judged(t, snapshotPredates(snapshot, Record{Name: "new.drop.example", New: true, A: addr("203.0.113.1")}, nil), probe.Pass, "")
}

// The snapshot of a launch that was exported too late, and one that is not there.
func TestSnapshotClaims(t *testing.T) {
	w := newWorld(t, 2)
	after := filepath.Join(t.TempDir(), "after.zone")
	require.NoError(t, os.WriteFile(after, []byte("api.drop.example. 60 IN A 203.0.113.91\n"), 0o600))
	zone, late, missing := w.zone(), ReadSnapshot(after, "drop.example"), ReadSnapshot(after+".gone", "drop.example")
	api := w.records[apiRecord]
	results := run(t, []Named{
		{"holds", true, SnapshotHolds(zone, w.snapshot, w.records...)}, {"predates", true, SnapshotPredates(zone, w.snapshot, w.records...)},
		{"late", true, SnapshotPredates(zone, late, api)}, {"missing", true, SnapshotHolds(zone, missing, api)},
		{"missing too", true, SnapshotPredates(zone, missing, api)}, {"no snapshot", true, LowLongEnough(zone, api, missing)},
		{"no old TTL", true, LowLongEnough(zone, w.records[wwwRecord], late)}, {"none, for it is new", true, LowLongEnough(zone, Record{Name: "www.drop.example", Target: "drop.example", New: true}, late)},
	})
	want := []probe.Status{probe.Pass, probe.Pass, probe.Fail, probe.Fail, probe.Fail, probe.Blocked, probe.Blocked, probe.NA}
	for i, r := range results {
		assert.Equal(t, want[i], r.Status, "%s: %s", r.Name, r.Message())
	}
	assert.Contains(t, results[2].Message(), "203.0.113.91")
	assert.Contains(t, results[3].Message(), "no such file")
}
