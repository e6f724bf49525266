// Package atomicfile writes a file whole or not at all, so that whoever reads it meanwhile, or after a kill, finds the old or the new one.
// It knows nothing of what is in it.
package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write puts a text in a file's place, and makes its folder where there is none.
func Write(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(text)
	if err := errors.Join(err, part.Chmod(0o644), part.Sync(), part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}
