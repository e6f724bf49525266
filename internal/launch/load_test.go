package launch

import (
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// now is long enough before the minimal launch.
var now = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// stage copies the minimal launch into an empty folder together with further files, and returns the path of launch.yaml.
func stage(tb testing.TB, files map[string]string) string {
	tb.Helper()
	dir := tb.TempDir()
	require.NoError(tb, os.CopyFS(dir, os.DirFS("testdata/minimal")))
	for name, text := range files {
		path := filepath.Join(dir, name)
		require.NoError(tb, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(tb, os.WriteFile(path, []byte(text), 0o600))
	}
	return filepath.Join(dir, "launch.yaml")
}

func variables(name string) (string, bool) {
	value, ok := map[string]string{"LAUNCHGATE_TEST_TBD": "TBD", "LAUNCHGATE_TEST_SECRET": "very-secret-value", "EMPTY": "",
		"NAME": "Example: {a: b}\n- ${NAME} $$", "TTL": "120s", "NULL": "null"}[name]
	return value, ok
}

// with loads the minimal launch with an overlay.
func with(t *testing.T, overlay string) (*Launch, error) {
	t.Helper()
	return load(stage(t, map[string]string{"environments/test.yaml": overlay}), "test", true, now, variables)
}

// TestInvalid has one file for each mistake; the golden file holds the exact messages.
func TestInvalid(t *testing.T) {
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var got strings.Builder
	for _, file := range files {
		overlay, err := os.ReadFile(file)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		l, err := load(stage(t, map[string]string{"environments/" + name + ".yaml": string(overlay)}), name, true, now, variables)
		assert.Nil(t, l, name)
		var problems *Problems
		if assert.ErrorAs(t, err, &problems, name) {
			fmt.Fprintf(&got, "== %s\n%v\n", name, err)
		}
	}
	assert.NotContains(t, got.String(), "very-secret-value")
	assert.NotContains(t, got.String(), "user:pass")
	golden(t, "testdata/invalid.golden", []byte(got.String()))
}

func TestProductionRefusesDetours(t *testing.T) {
	overlay := "network: {connect: {\"192.0.2.1:443\": \"127.0.0.1:8443\"}, private: [10.0.0.0/8]}\ndns: {roots: [192.0.2.2]}\ntls: {ca_file: ca.pem}\nweb: {plain_http_port: 8080}\n"
	server := httptest.NewTLSServer(nil)
	server.Close() // only its certificate is of use here
	authority := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	path := stage(t, map[string]string{"environments/production.yaml": overlay, "environments/sandbox.yaml": overlay, "ca.pem": authority})
	_, err := load(path, "production", true, now, variables)
	require.Error(t, err)
	for _, key := range []string{":1: network.connect:", ":1: network.private:", ":2: dns.roots:", ":3: tls.ca_file:", ":4: web.plain_http_port:"} {
		require.ErrorContains(t, err, "environments/production.yaml"+key+" want it absent in production")
	}
	l, err := load(path, "sandbox", true, now, variables)
	require.NoError(t, err)
	assert.Equal(t, map[HostPort]HostPort{"192.0.2.1:443": "127.0.0.1:8443"}, l.Network.Connect)
}

func TestProblemsOfAllFilesAtOnce(t *testing.T) {
	path := stage(t, map[string]string{"environments/test.yaml": "dns: {low_ttl: fast}", "decisions/a.yaml": "gate: nothing"})
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(text, "unknown: 1\n"...), 0o600))
	_, err = load(path, "test", true, now, variables)
	var problems *Problems
	require.ErrorAs(t, err, &problems)
	var files []string
	for _, p := range *problems {
		if len(files) == 0 || files[len(files)-1] != p.File {
			files = append(files, p.File)
		}
	}
	assert.Equal(t, []string{"decisions/a.yaml", "environments/test.yaml", "launch.yaml"}, files)
	assert.Len(t, strings.Split(err.Error(), "\n"), len(*problems))
}

func TestMissingKeysOfTheBase(t *testing.T) {
	_, err := load(stage(t, map[string]string{"launch.yaml": "dns:\n  domain: example.com\n"}), "staging", true, now, variables)
	require.ErrorContains(t, err, "launch.yaml:1: thresholds: want a map of error_rate,")
	require.ErrorContains(t, err, "launch.yaml:1: dns.low_ttl: want a duration above zero such as 300s, 2h, 5d or 1h30m; got nothing; add the key: The longest TTL")
	assert.NotContains(t, err.Error(), "chat", "an absent optional map wants nothing")
}

func TestMissingFiles(t *testing.T) {
	path := stage(t, nil)
	_, err := load(path, "stagin", true, now, variables)
	require.ErrorContains(t, err, "environments/stagin.yaml: want this file; got none in "+filepath.Dir(path)+"; correct LAUNCH_ENV: there are production, staging")
	_, err = load(path, "../staging", true, now, variables)
	require.ErrorContains(t, err, `want the name of an environment in small letters, digits and -; got "../staging"`)
	_, err = load(filepath.Join(filepath.Dir(path), "other.yaml"), "staging", true, now, variables)
	require.ErrorContains(t, err, "other.yaml: want this file; got none")
}

func TestFromEnv(t *testing.T) {
	const line = "export LAUNCH_CONFIG=launch.yaml LAUNCH_ENV=staging"
	for _, set := range [][2]string{{"", ""}, {"launch.yaml", ""}, {"", "staging"}} {
		t.Setenv("LAUNCH_CONFIG", set[0])
		t.Setenv("LAUNCH_ENV", set[1])
		l, err := FromEnv()
		assert.Nil(t, l)
		require.ErrorContains(t, err, line)
	}
	t.Setenv("LAUNCH_CONFIG", "internal/launch/testdata/minimal/launch.yaml")
	t.Setenv("LAUNCH_ENV", "staging")
	l, err := FromEnv()
	require.NoError(t, err, "a relative path is relative to the repository's root")
	assert.Equal(t, Position{File: "internal/launch/testdata/minimal/launch.yaml", Line: 3}, l.Position("project.name"))
	t.Chdir(t.TempDir())
	_, err = FromEnv()
	require.Error(t, err, "without a go.mod above it is relative to the working directory")
}

func TestMergeAndExpand(t *testing.T) {
	l, err := with(t, strings.Join([]string{
		`project: {name: "${NAME}", version: "${UNSET:-3.0}$$"}`,
		`dns: {low_ttl: "${TTL}", negative_ttl: null, provider: "${EMPTY:-other}"}`,
		`integrations: &all [one, two]`,
		`web: {pages: [/a], contains: "${NULL}"}`,
		`people: {reviewer: {email: reviewer@example.com}}`,
		`deploy: {command: *all}`,
	}, "\n"))
	require.NoError(t, err)
	assert.Equal(t, "Example: {a: b}\n- ${NAME} $$", l.Project.Name, "what comes out is neither expanded again nor read as YAML")
	assert.Equal(t, "3.0$", l.Project.Version)
	assert.Equal(t, 2*time.Minute, l.DNS.LowTTL.D(), "the type is decided after expansion")
	assert.Equal(t, 15*time.Minute, l.DNS.NegativeTTL.D(), "a removed key has its default")
	assert.Equal(t, "other", l.DNS.Provider)
	assert.Equal(t, "null", l.Web.Contains, "an expanded null is a text")
	assert.Equal(t, []string{"one", "two"}, l.Deploy.Command)
	assert.Equal(t, Person{Name: "Reviewer", Email: "reviewer@example.com"}, l.People["reviewer"], "maps merge")
	assert.Equal(t, Domain("www.example.com"), l.DNS.WWW.Name, "defaults that follow from the domain")
	assert.Equal(t, Repeat{Times: 3, Over: Duration(10 * time.Second)}, l.DNS.Repeat, "defaults inside an absent map")

	assert.Equal(t, Position{"environments/test.yaml", 2}, l.Position("dns.low_ttl"))
	assert.Equal(t, Position{"launch.yaml", 17}, l.Position("dns"), "a merged map stands where it began")
	assert.Equal(t, Position{"launch.yaml", 17}, l.Position("dns.repeat.times"), "a default stands where its nearest parent does")
	assert.Equal(t, Position{"launch.yaml", 23}, l.Position("dns.records[0].a[0]"))
	assert.Equal(t, filepath.Join(l.Dir, "before.zone"), l.Path(l.DNS.RollbackFile))
	assert.Equal(t, "/a/b", l.Path("/a/b"))
}

func TestDefaultsAreValid(t *testing.T) {
	l, err := load(stage(t, nil), "staging", true, now, variables)
	require.NoError(t, err)
	assert.Equal(t, 63072000*time.Second, l.TLS.HSTSMinAge.D())
	assert.Equal(t, TLS{Names: l.TLS.Names, MinDays: 90, MinDaysAutorenew: 30, Renewal: "aws", AutoRenew: "no", CertLog: "state/certificates.jsonl",
		MinVersion: "1.2", MinGrade: "A", GradeSource: "local", Connections: 8, HSTSMinAge: l.TLS.HSTSMinAge}, l.TLS)
}

func TestCheckSchedule(t *testing.T) {
	l, err := load(stage(t, nil), "staging", true, now, variables)
	require.NoError(t, err)
	launch := time.Date(2027, 1, 19, 9, 0, 0, 0, time.UTC)
	assert.True(t, launch.Equal(l.At()))
	require.NoError(t, l.CheckSchedule(TMinus5, launch))
	err = l.CheckSchedule(TMinus5, launch.Add(time.Second))
	var problem Problem
	require.ErrorAs(t, err, &problem)
	assert.Equal(t, Problem{File: "launch.yaml", Line: 6, Key: "schedule.date", Message: problem.Message}, problem)
	assert.Contains(t, problem.Message, "want a launch still to come for the page TMinus5; got 2027-01-19T10:00:00+01:00")
	require.NoError(t, l.CheckSchedule(RollBack, launch.Add(time.Hour)), "a rollback comes after the launch")

	_, err = load(stage(t, nil), "staging", true, launch.AddDate(1, 0, 0), variables)
	require.NoError(t, err, "a launch in the past still loads")
}

func TestWindowOverMidnight(t *testing.T) {
	for clock, want := range map[string]string{"23:30": "19T23:00 20T02:00", "01:00": "18T23:00 19T02:00"} {
		l, err := with(t, "schedule: {time: '"+clock+"', window: {start: 23:00, end: 02:00, duration: 3h}}")
		require.NoError(t, err)
		start, end := l.Window()
		assert.Equal(t, want, start.Format("02T15:04 ")+end.Format("02T15:04"))
	}
}

func TestOwner(t *testing.T) {
	l, err := load(stage(t, nil), "staging", true, now, variables)
	require.NoError(t, err)
	id, person, ok := l.Owner("legal_signoff")
	assert.True(t, ok)
	assert.Equal(t, PersonID("reviewer"), id)
	assert.Equal(t, "Reviewer", person.Name)
	for _, role := range []Role{RoleDNS, RoleSSL, RoleQA, RoleDeploy} {
		_, _, ok := l.Owner(role)
		assert.True(t, ok, role)
	}
	_, _, ok = l.Owner("nobody")
	assert.False(t, ok)
}

func TestARollbackDoesNotReadDecisions(t *testing.T) {
	t.Setenv("LAUNCH_CONFIG", stage(t, map[string]string{"decisions/a.yaml": "gate: [broken"}))
	t.Setenv("LAUNCH_ENV", "staging")
	_, err := FromEnv()
	require.Error(t, err)
	l, err := FromEnv(RollBack)
	require.NoError(t, err)
	assert.Empty(t, l.Decisions)
}

func TestAnAuthorityFileThatTrustsNobodyIsRefused(t *testing.T) {
	for file, want := range map[string]string{"absent.pem": "no such file", "empty.pem": "got no certificate in"} {
		path := stage(t, map[string]string{"environments/staging.yaml": "tls: {ca_file: " + file + "}", "empty.pem": "nothing\n"})
		_, err := load(path, "staging", true, now, variables)
		require.ErrorContains(t, err, "tls.ca_file")
		require.ErrorContains(t, err, want)
	}
}
