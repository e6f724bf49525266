package launch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExpand(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "",
		"plain":                     "plain",
		"${TTL}":                    "120s",
		"a${TTL}b${TTL}":            "a120sb120s",
		"${UNSET:-default}":         "default",
		"${UNSET:-}":                "",
		"${EMPTY}":                  "",
		"${EMPTY:-default}":         "default",
		"${TTL:-default}":           "120s",
		"$$":                        "$",
		"$${TTL}":                   "${TTL}",
		"$$$${TTL}":                 "$${TTL}",
		"$$${TTL}":                  "$120s",
		"${NAME}":                   "Example: {a: b}\n- ${NAME} $$",
		"${UNSET:-a: b, [c]}":       "a: b, [c]",
		"${UNSET:-http://x.y/?a=b}": "http://x.y/?a=b",
	} {
		got, err := expand(text, variables)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{"$", "$TTL", "${", "${}", "${TTL", "${1A}", "${A B}", "${UNSET}", "${TTL-x}", "${UNSET:-${TTL}}", "a$", "${UNSET:-$TTL}"} {
		_, err := expand(text, variables)
		require.Error(t, err, text)
	}
}

func FuzzExpand(f *testing.F) {
	for _, text := range []string{"${A}", "$$", "${A:-b}", "${A:-${B}}", "$", "x${UNSET}"} {
		f.Add(text, "value ${A} $$")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		lookups := 0
		got, err := expand(text, func(name string) (string, bool) {
			lookups++
			return value, name == "A"
		})
		if err != nil {
			return
		}
		if !strings.Contains(text, "$") && got != text {
			t.Errorf("%q has nothing to expand, and became %q", text, got)
		}
		if most := strings.Count(text, "${"); lookups > most {
			t.Errorf("%q: %d variables were read, more than the %d in it: a value was expanded again", text, lookups, most)
		}
		// Escaped, every text comes back as it is.
		back, err := expand(strings.ReplaceAll(got, "$", "$$"), nil)
		if err != nil || back != got {
			t.Errorf("%q comes back as %q, %v", got, back, err)
		}
	})
}

// FuzzLoad lays any bytes over a good launch: whatever they are, loading ends with a launch or with problems in the right
// file, and a value of the environment never becomes a key.
func FuzzLoad(f *testing.F) {
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	require.NoError(f, err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(text)
	}
	f.Add([]byte("web: {contains: '${INJECT}'}"))
	path := stage(f, nil)
	overlay := filepath.Join(filepath.Dir(path), "environments", "fuzz.yaml")
	f.Fuzz(func(t *testing.T, text []byte) {
		require.NoError(t, os.WriteFile(overlay, text, 0o600))
		l, err := load(path, "fuzz", true, now, func(string) (string, bool) { return "x\ninjected: {y: z}", true })
		if err == nil {
			assert.Len(t, l.SHA256, 64)
			return
		}
		assert.Nil(t, l)
		assert.NotContains(t, err.Error(), ": injected")
		var problems *Problems
		require.ErrorAs(t, err, &problems)
		require.NotEmpty(t, *problems)
		for _, p := range *problems {
			assert.Contains(t, []string{"launch.yaml", "environments/fuzz.yaml"}, p.File)
			assert.NotEmpty(t, p.Message)
		}
	})
}
