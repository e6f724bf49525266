package launch

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func hashOf(t *testing.T, environment string, edit ...string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/minimal/launch.yaml")
	require.NoError(t, err)
	changed := strings.NewReplacer(edit...).Replace(string(text))
	if len(edit) > 0 {
		require.NotEqual(t, string(text), changed, "the edit changes nothing")
	}
	l, err := load(stage(t, map[string]string{"launch.yaml": changed}), environment, true, now, variables)
	require.NoError(t, err)
	return l.SHA256
}

func TestHash(t *testing.T) {
	plain := hashOf(t, "staging")
	for name, edit := range map[string][]string{
		"comment":            {"# The smallest", "# A small"},
		"spelling of a span": {"low_ttl: 300s", "low_ttl: 5m"},
		"percent sign":       {"error_rate: 1%", "error_rate: 1"},
		"order of keys":      {"start: 09:00, end: 13:00", "end: 13:00, start: 09:00"},
		"quotes":             {"provider: example", "provider: 'example'"},
		"variable":           {"low_ttl: 300s", "low_ttl: ${UNSET:-300s}"},
		"written default":    {"www: {mode: redirect}", "www: {mode: redirect, name: www.example.com}"},
		"case of a name":     {"domain: example.com", "domain: Example.com."},
	} {
		assert.Equal(t, plain, hashOf(t, "staging", edit...), name)
	}
	seen := map[string]string{plain: "plain", hashOf(t, "production"): "environment"}
	assert.Len(t, seen, 2, "the environment counts")
	for name, edit := range map[string][]string{
		"threshold":            {"p99: 800ms", "p99: 801ms"},
		"list item":            {"[make, deploy]", "[make, deploy, fast]"},
		"boundary in a list":   {"[make, deploy]", "[\"make, deploy\"]"},
		"person":               {"name: Reviewer", "name: Other"},
		"flag":                 {"www: {mode: redirect}", "www: {mode: redirect}\n  failover: {enabled: true}"},
		"address":              {"192.0.2.1]", "192.0.2.2]"},
		"secret":               {"tls:", "chat: {webhook: secret:env:HOOK_A}\ntls:"},
		"other secret":         {"tls:", "chat: {webhook: secret:env:HOOK_B}\ntls:"},
		"secret of other kind": {"tls:", "chat: {webhook: secret:file:HOOK_A}\ntls:"},
		"map":                  {"tls:", "network: {connect: {'192.0.2.1:443': '127.0.0.1:8443'}}\ntls:"},
		"date":                 {"date: 2027-01-19", "date: 2027-01-20"},
		"zone":                 {"Europe/Oslo", "Europe/Paris"},
	} {
		hash := hashOf(t, "staging", edit...)
		assert.Empty(t, seen[hash], "%s has the hash of another", name)
		seen[hash] = name
	}
	path := stage(t, map[string]string{"decisions/a.yaml": decision()})
	l, err := load(path, "staging", true, now, variables)
	require.NoError(t, err)
	assert.Equal(t, plain, l.SHA256, "decisions do not count")
}
