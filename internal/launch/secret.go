package launch

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/getdrop/launchgate/internal/redact"
)

// Secret is a reference to a secret value, never the value: it cannot be printed, encoded or formatted.
type Secret struct {
	reference string // secret:env:NAME or secret:file:path
	dir       string // what a relative path is relative to
}

const (
	envSecret  = "secret:env:"
	fileSecret = "secret:file:"
)

// UnmarshalText reads a reference. Its error does not repeat the text, which may be the secret itself.
func (s *Secret) UnmarshalText(text []byte) error {
	if !matches[Secret](string(text)) {
		return errShape
	}
	s.reference = string(text)
	return nil
}

// IsZero says whether no secret is referred to.
func (s Secret) IsZero() bool { return s.reference == "" }

// Name is the environment variable's name, or the file's path as written.
func (s Secret) Name() string {
	return strings.TrimPrefix(strings.TrimPrefix(s.reference, envSecret), fileSecret)
}

// maxSecret is far above any key or token, and keeps a wrong path from filling the memory.
const maxSecret = 64 << 10

// Reveal reads the value and registers it with package redact under its name, so that no output shows it. One newline at
// the end is not part of the value.
func (s Secret) Reveal(ctx context.Context) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	value, err := s.read()
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", s, err)
	}
	value = strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")
	if len(value) < redact.MinLength {
		return "", fmt.Errorf("reading %s: want a value of at least %d bytes; got %d; so short a value cannot be kept out of the output", s, redact.MinLength, len(value))
	}
	if err := redact.Register(s.Name(), value); err != nil {
		return "", fmt.Errorf("reading %s: %w", s, err)
	}
	return value, nil
}

// Revealer is Reveal as what probes take, which look at a secret only when they need it; nil where none is referred to.
func (s Secret) Revealer() func(context.Context) (string, error) {
	if s.IsZero() {
		return nil
	}
	return s.Reveal
}

func (s Secret) read() (string, error) {
	if name, ok := strings.CutPrefix(s.reference, envSecret); ok {
		value, set := os.LookupEnv(name)
		if !set {
			return "", fmt.Errorf("want the environment variable %s; got none; export it", name)
		}
		return value, nil
	}
	path, ok := strings.CutPrefix(s.reference, fileSecret)
	if !ok {
		return "", fmt.Errorf("want a reference; got none; write secret:env:NAME into launch.yaml")
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.dir, path)
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("want a file; got %s, which is none", path)
	case info.Mode().Perm()&0o007 != 0:
		return "", fmt.Errorf("want a file that others cannot read; got mode %04o; run chmod o= %s", info.Mode().Perm(), path)
	}
	value, err := io.ReadAll(io.LimitReader(file, maxSecret+1))
	if err == nil && len(value) > maxSecret {
		err = fmt.Errorf("want at most %d bytes; got more", maxSecret)
	}
	return string(value), err
}

// String is ‹secret:NAME›, and so is every other form below.
func (s Secret) String() string { return "‹secret:" + s.Name() + "›" }

// GoString is ‹secret:NAME›.
func (s Secret) GoString() string { return s.String() }

// Format writes ‹secret:NAME› for every verb.
func (s Secret) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, s.String()) // fmt reports what its writer says
}

// MarshalText is ‹secret:NAME›; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MarshalYAML is ‹secret:NAME›.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// LogValue is ‹secret:NAME›.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
