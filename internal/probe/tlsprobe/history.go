package tlsprobe

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// sighting is one line of the log: the first time a certificate was seen for a name. The log is JSON Lines and is only
// ever appended to.
type sighting struct {
	Name      string    `json:"name"`
	Serial    string    `json:"serial"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	SHA256    string    `json:"sha256"`
	Seen      time.Time `json:"seen"`
}

// writing keeps two claims of one process from writing the same certificate down twice; lines of two processes do not
// mix, because each is one appending write, and a line that stands twice changes nothing.
var writing sync.Mutex

// remember appends the leaves that the log does not hold yet and returns all that was seen for name. A log that cannot
// be read or written, or holds nonsense, is Unknown: from it nobody can tell whether renewal works.
func remember(path, name string, leaves []*x509.Certificate) ([]sighting, error) {
	writing.Lock()
	defer writing.Unlock()
	now := time.Now() // taken here: what another claim has just written is not in the future
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, badLog(path, err)
	}
	earlier, err := parseLog(text, name, now)
	if err != nil {
		return nil, badLog(path, err)
	}
	var lines bytes.Buffer
	known := map[string]bool{}
	for _, s := range earlier {
		known[s.SHA256] = true
	}
	for _, leaf := range leaves {
		s := sighting{Name: name, Serial: fmt.Sprintf("%x", leaf.SerialNumber), NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(),
			SHA256: fingerprint(leaf), Seen: now.UTC()}
		if known[s.SHA256] {
			continue
		}
		known[s.SHA256] = true
		earlier = append(earlier, s)
		if err := json.NewEncoder(&lines).Encode(s); err != nil {
			return nil, badLog(path, err)
		}
	}
	if err := appendTo(path, lines.Bytes()); err != nil {
		return nil, badLog(path, err)
	}
	return earlier, nil
}

func badLog(path string, err error) error {
	return &probe.Unknown{Class: "state", Want: "a readable log of certificates seen earlier", Got: err.Error(), From: path, Err: err,
		Fix: "restore the file from version control or the last run's artefacts; to begin again, remove it"}
}

// parseLog returns the sightings for one name. Every line of the file must make sense.
func parseLog(text []byte, name string, now time.Time) ([]sighting, error) {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, errors.New("a last line that was not written to its end")
	}
	var list []sighting
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if len(text) == 0 {
			break
		}
		decoder := json.NewDecoder(bytes.NewReader(line))
		decoder.DisallowUnknownFields()
		var s sighting
		if err := decoder.Decode(&s); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: more than one object", i+1)
		}
		switch {
		case s.Name == "" || s.Serial == "" || len(s.SHA256) != 64 || s.Seen.IsZero() || !s.NotBefore.Before(s.NotAfter):
			return nil, fmt.Errorf("line %d: a field is missing or makes no sense", i+1)
		case s.Seen.After(now):
			return nil, fmt.Errorf("line %d: seen %s, which is in the future", i+1, stamp(s.Seen))
		case s.Name == name:
			list = append(list, s)
		}
	}
	return list, nil
}

func appendTo(path string, lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = file.Write(lines)
	return errors.Join(err, file.Close())
}

// renewed says whether leaf was seen to replace an earlier certificate in good time. The instant of the replacement is
// when leaf was first seen, which is never too early.
func renewed(leaf *x509.Certificate, earlier []sighting) bool {
	const week = 7 * 24 * time.Hour
	var first time.Time
	for _, s := range earlier {
		if s.SHA256 == fingerprint(leaf) && (first.IsZero() || s.Seen.Before(first)) {
			first = s.Seen
		}
	}
	if first.IsZero() {
		return false
	}
	for _, old := range earlier {
		left := old.NotAfter.Sub(first)
		replaced := old.Seen.Before(first) && old.NotBefore.Before(leaf.NotBefore) && old.Serial != fmt.Sprintf("%x", leaf.SerialNumber)
		if replaced && (left >= week || left >= old.NotAfter.Sub(old.NotBefore)/4) {
			return true
		}
	}
	return false
}
