package procedure

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/redact"
)

func replaceOnce(text, old, by string) string { return strings.Replace(text, old, by, 1) }

// indexLine is where line n (from 0) begins.
func indexLine(text string, n int) int {
	at := 0
	for range n {
		at += strings.IndexByte(text[at:], '\n') + 1
	}
	return at
}

func TestNoSecretStandsInTheJournal(t *testing.T) {
	require.NoError(t, redact.Register("PASSWORD", "hunter2-secret"))
	p := sample(t.TempDir(), "")
	p.Steps[1].Do = func(context.Context) error { return errors.New("login with hunter2-secret failed") }
	must(t, p)
	text, err := os.ReadFile(filepath.Join(p.Dir, "Sample-001.jsonl"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "login with ‹redacted:PASSWORD› failed")
	assert.NotContains(t, string(text), "hunter2")
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"event":"began","prev":""}` + "\n"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, _, err := decode("j", text)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		for i, e := range entries {
			assert.Equal(t, i == 0, e.Event == began)
		}
	})
}
