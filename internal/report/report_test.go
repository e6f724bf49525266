package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/verdict"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "see the change with git diff after: go test ./internal/report -update")
}

var at = time.Date(2026, 2, 18, 9, 30, 0, 0, time.UTC)

func gateRow(section, name string, status evidence.Status) verdict.Gate {
	return verdict.Gate{ID: "TMinus5/" + section + "/" + name, Phase: "TMinus5", Section: section, Name: name, Claim: "It is so.",
		Severity: catalogue.Hard, Status: status, Blocks: !status.Open(), Message: "3 checks hold", Role: "dns", Owner: "DNS-ansvarlig på vakt",
		Due: at.Add(24 * time.Hour), File: "gates/tminus5/dns_test.go", Line: 42, Seconds: 0.3125, Finished: at, Expires: at.Add(24 * time.Hour),
		Evidence: "evidence/TMinus5/" + section + "/" + name + ".json", EvidenceSHA: strings.Repeat("ab", 32), Output: "dns_test.go:42: looked\n"}
}

func because(g verdict.Gate, class, want, got, from, fix string) verdict.Gate {
	g.Class, g.Want, g.Got, g.From, g.Fix = class, want, got, from, fix
	g.Message = (&probe.Unknown{Want: want, Got: got, From: from, Fix: fix}).Error()
	return g
}

// noGo is a verdict with something of everything.
func noGo() verdict.Verdict {
	waived := gateRow("DNS", "Hygiene", evidence.Waived)
	waived.Severity, waived.Class = catalogue.Soft, "dns.caa"
	waived.Message = "waived by owner until 2026-03-01T00:00:00Z (CAA follows with the new provider): want a CAA record; got none"
	na := gateRow("DNS", "Failover", evidence.NA)
	na.Message = "launch.yaml has no failover; declared by owner until 2026-03-01T00:00:00Z (one region only)"
	info := because(gateRow("SSL", "Grade", evidence.Fail), "tls.grade", "grade A", "grade B", "https://getdrop.no", "see the report")
	info.Severity, info.Blocks = catalogue.Info, false
	missing := because(gateRow("SSL", "HTTPSRedirect", verdict.Missing), "not-run", "the gate run", "its page panicked first", "", "run its page")
	missing.Seconds, missing.Output, missing.Evidence, missing.EvidenceSHA = 0, "", "", ""
	return verdict.Verdict{Outcome: verdict.NoGo, ExitCode: verdict.ExitNoGo, Selection: []string{"TMinus5"}, Launch: "drop-2026-02", Environment: "production",
		Config: strings.Repeat("c0", 32), Catalogue: strings.Repeat("ca", 32), At: at,
		Counts: verdict.Counts{Total: 9, Pass: 2, Fail: 1, Blocked: 1, Waived: 1, NA: 1, Missing: 1, Stale: 1, Recorded: 1},
		Gates: []verdict.Gate{gateRow("DNS", "ApexToTarget", evidence.Pass),
			because(gateRow("DNS", "LowTTL", evidence.Fail), "dns.ttl", "a TTL of at most 300 s for getdrop.no, på alle autoritative tjenere", "3600 s",
				"ns1.example.no (192.0.2.53:53/udp)", "senk TTL til 300 hos DNS-leverandøren, og vent så lenge som den gamle TTL-en varer, minst 3600 sekunder"),
			because(gateRow("DNS", "WWW", evidence.Blocked), "timeout", "an answer within the gate's deadline", "none after 5.0 s", "198.51.100.7:443", "see whether the server answers at all from this machine"),
			na, waived, gateRow("SSL", "CertAllDomains", evidence.Pass),
			because(gateRow("SSL", "Expiry90", verdict.Stale), "config.changed", "a result under configuration \"c0c0c0c0c0c0\"", "one under \"d1d1d1d1d1d1\"", "", "launch.yaml has changed since: run the gate again"),
			missing, info},
		Problems: []verdict.Problem{{Class: "panic", Package: "github.com/getdrop/launchgate/gates/tminus5", Fix: "this is a bug of the suite, report it",
			Message: "want a page that runs to its end; got panic: boom from github.com/getdrop/launchgate/gates/tminus5; this is a bug of the suite, report it"}},
		Blockers: []string{"TMinus5/DNS/LowTTL", "TMinus5/DNS/WWW", "TMinus5/SSL/Expiry90", "TMinus5/SSL/HTTPSRedirect"}}
}

func allGreen() verdict.Verdict {
	return verdict.Verdict{Outcome: verdict.Go, Selection: []string{"TMinus5"}, Launch: "drop-2026-02", Environment: "sandbox", At: at, GoodUntil: at.Add(24 * time.Hour),
		Counts: verdict.Counts{Total: 2, Pass: 2}, Gates: []verdict.Gate{gateRow("DNS", "ApexToTarget", evidence.Pass), gateRow("SSL", "CertAllDomains", evidence.Pass)}}
}

func TestGolden(t *testing.T) {
	for _, c := range []struct {
		file    string
		verdict verdict.Verdict
		write   func(b *bytes.Buffer, v verdict.Verdict) error
	}{
		{"red-80.txt", noGo(), func(b *bytes.Buffer, v verdict.Verdict) error { return Write(b, v, Human, Options{Width: 80}) }},
		{"red-120.txt", noGo(), func(b *bytes.Buffer, v verdict.Verdict) error { return Write(b, v, Human, Options{}) }},
		{"red-80-color.txt", noGo(), func(b *bytes.Buffer, v verdict.Verdict) error {
			return Write(b, v, Human, Options{Width: 80, Color: true})
		}},
		{"green-80.txt", allGreen(), func(b *bytes.Buffer, v verdict.Verdict) error { return Write(b, v, Human, Options{Width: 80}) }},
		{"red.json", noGo(), func(b *bytes.Buffer, v verdict.Verdict) error { return Write(b, v, JSON, Options{}) }},
		{"red-github.txt", noGo(), func(b *bytes.Buffer, v verdict.Verdict) error { return annotate(b, v) }},
		{"red-summary.md", noGo(), func(b *bytes.Buffer, v verdict.Verdict) error { return Summary(b, v) }},
		{"red-ci.xml", noGo(), func(b *bytes.Buffer, v verdict.Verdict) error { return WriteJUnit(b, v, CI) }},
		{"red-strict.xml", noGo(), func(b *bytes.Buffer, v verdict.Verdict) error { return WriteJUnit(b, v, Strict) }},
		{"green-ci.xml", allGreen(), func(b *bytes.Buffer, v verdict.Verdict) error { return WriteJUnit(b, v, CI) }},
	} {
		t.Run(c.file, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, c.write(&b, c.verdict))
			golden(t, c.file, b.Bytes())
		})
	}
}

func TestMoreRedChecksAreNamed(t *testing.T) {
	v := noGo()
	v.Gates[1].More = 2
	var b bytes.Buffer
	require.NoError(t, Table(&b, v, Options{Width: 80}))
	assert.Contains(t, b.String(), "more    2 more of its checks are red: evidence/TMinus5/DNS/LowTTL.json")
}

func TestAFileIsNoTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	require.NoError(t, err)
	assert.Equal(t, Options{}, Terminal(f))
	require.NoError(t, f.Close())
}
