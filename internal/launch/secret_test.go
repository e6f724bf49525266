package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/getdrop/launchgate/internal/redact"
)

const hidden = "tolstoy-8-violet"

func secretOf(t *testing.T, reference, dir string) Secret {
	t.Helper()
	var s Secret
	require.NoError(t, s.UnmarshalText([]byte(reference)))
	s.dir = dir
	return s
}

// TestSecretIsNeverShown prints a revealed secret in every way there is.
func TestSecretIsNeverShown(t *testing.T) {
	t.Setenv("LAUNCHGATE_TEST_HOOK", hidden)
	s := secretOf(t, "secret:env:LAUNCHGATE_TEST_HOOK", "")
	value, err := s.Reveal(t.Context())
	require.NoError(t, err)
	require.Equal(t, hidden, value)

	const want = "‹secret:LAUNCHGATE_TEST_HOOK›"
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T|%[1]v"} {
		assert.Contains(t, fmt.Sprintf(verb, s), want, verb)
		assert.Contains(t, fmt.Sprintf(verb, &s), want, verb)
	}
	assert.Equal(t, want, s.String())
	assert.Equal(t, "LAUNCHGATE_TEST_HOOK", s.Name())
	require.ErrorContains(t, fmt.Errorf("posting to %v: %w", s, io.EOF), want)

	chat := Chat{Webhook: s}
	for _, verb := range []string{"%v", "%+v", "%#v"} {
		assert.Contains(t, fmt.Sprintf(verb, chat), want, verb)
	}
	text, err := json.Marshal(map[string]any{"chat": chat})
	require.NoError(t, err)
	assert.Contains(t, string(text), want)
	text, err = yaml.Marshal(chat)
	require.NoError(t, err)
	assert.Contains(t, string(text), want)
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("post", "hook", s)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("post", "hook", s, "chat", chat)
	assert.Equal(t, 3, strings.Count(log.String(), want))
	assert.NotContains(t, log.String(), hidden)
	assert.Equal(t, "Authorization: ‹redacted:LAUNCHGATE_TEST_HOOK›", redact.String("Authorization: "+hidden), "revealing registers the value")
}

// TestPanicShowsNoSecret runs itself again as a process that panics with a secret in hand.
func TestPanicShowsNoSecret(t *testing.T) {
	if os.Getenv("LAUNCHGATE_TEST_PANIC") != "" {
		s := secretOf(t, "secret:env:LAUNCHGATE_TEST_HOOK", "")
		if _, err := s.Reveal(context.Background()); err != nil {
			panic("not revealed")
		}
		panic(fmt.Sprintf("%#v", Chat{Webhook: s}))
	}
	run := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanicShowsNoSecret$")
	run.Env = append(os.Environ(), "LAUNCHGATE_TEST_PANIC=1", "LAUNCHGATE_TEST_HOOK="+hidden)
	output, err := run.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, "want a panic")
	assert.Contains(t, string(output), "‹secret:LAUNCHGATE_TEST_HOOK›")
	assert.NotContains(t, string(output), hidden)
}

func TestRevealFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), mode))
		require.NoError(t, os.Chmod(path, mode))
	}
	write("good", hidden+"\n", 0o640)
	write("two-newlines", hidden+"\n\n", 0o600)
	write("world", hidden, 0o644)
	write("short", "12345\n", 0o600)
	write("empty", "", 0o600)
	write("big", strings.Repeat("x", maxSecret+1), 0o600)

	value, err := secretOf(t, "secret:file:good", dir).Reveal(t.Context())
	require.NoError(t, err)
	assert.Equal(t, hidden, value, "one newline at the end is not part of it")
	value, err = secretOf(t, "secret:file:two-newlines", dir).Reveal(t.Context())
	require.NoError(t, err)
	assert.Equal(t, hidden+"\n", value)
	for name, want := range map[string]string{
		"world": "want a file that others cannot read; got mode 0644; run chmod o= ", "short": "want a value of at least 6 bytes; got 5", "empty": "got 0",
		"big": "want at most 65536 bytes", "missing": "no such file", ".": "which is none",
	} {
		value, err := secretOf(t, "secret:file:"+name, dir).Reveal(t.Context())
		assert.Empty(t, value, name)
		require.ErrorContains(t, err, "‹secret:"+name+"›", name)
		require.ErrorContains(t, err, want, name)
		assert.NotContains(t, err.Error(), hidden)
	}
}

func TestRevealRefuses(t *testing.T) {
	_, err := secretOf(t, "secret:env:LAUNCHGATE_TEST_UNSET", "").Reveal(t.Context())
	require.ErrorContains(t, err, "want the environment variable LAUNCHGATE_TEST_UNSET; got none; export it")
	_, err = Secret{}.Reveal(t.Context())
	require.ErrorContains(t, err, "want a reference; got none")
	assert.True(t, Secret{}.IsZero())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = secretOf(t, "secret:env:HOME", "").Reveal(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSecretFromLaunch(t *testing.T) {
	l, err := with(t, "chat: {webhook: 'secret:file:hook'}")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(l.Path("hook"), []byte(hidden), 0o600))
	value, err := l.Chat.Webhook.Reveal(t.Context())
	require.NoError(t, err, "the path is relative to launch.yaml")
	assert.Equal(t, hidden, value)
	for _, plain := range []string{"https://hooks.example.com/" + hidden, "secret:" + hidden, "secret:env:" + hidden, hidden, "${NAME}" + hidden} {
		_, err := with(t, fmt.Sprintf("chat: {webhook: %q}", plain))
		if assert.Error(t, err, plain) {
			assert.NotContains(t, err.Error(), hidden)
		}
	}
}
