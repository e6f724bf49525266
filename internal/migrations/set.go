// Package migrations reads the files of a database's migrations and says what is wrong with them as files, without a database. It
// knows nothing of launch.yaml and of PostgreSQL's servers.
package migrations

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The tools whose files are known. Command is any other: a program that migrates what DATABASE_URL names.
const (
	SQL           = "sql"
	GolangMigrate = "golang-migrate"
	Goose         = "goose"
	Command       = "command"
)

// GooseDown is the annotation above the statements that take a migration of goose's back.
const GooseDown = "-- +goose Down"

// File is one file of a set.
type File struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Version int64  `json:"version,omitempty"`
	Up      bool   `json:"-"`
	Down    bool   `json:"-"`
	Text    string `json:"-"`
}

// Set is a folder of migrations.
type Set struct {
	Tool  string
	Dir   string
	Files []File // by version and name
}

var (
	pairs = regexp.MustCompile(`^([0-9]+)_.*\.(up|down)\.sql$`)
	goose = regexp.MustCompile(`^([0-9]+)_.*\.sql$`)
)

// pattern is how the tool's files are called.
func (s *Set) pattern() *regexp.Regexp {
	if s.Tool == Goose {
		return goose
	}
	return pairs
}

// runs says whether a file is one that the tool runs. Of a command nobody knows; it may be any.
func (s *Set) runs(name string) bool {
	return s.Tool == Command || !strings.Contains(name, "/") && s.pattern().MatchString(name)
}

// Read reads a folder. A set without a file that migrates up is an error.
func Read(tool, dir string) (*Set, error) {
	s := &Set{Tool: tool, Dir: dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("the migrations: %w", err)
	}
	if tool == Command {
		return s, s.readAll()
	}
	for _, entry := range entries {
		f, known, err := s.parse(entry.Name())
		if err != nil {
			return nil, err
		}
		if known {
			s.Files = append(s.Files, f)
		}
	}
	slices.SortStableFunc(s.Files, func(a, b File) int { return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Name, b.Name)) })
	if !slices.ContainsFunc(s.Files, func(f File) bool { return f.Up }) {
		return nil, fmt.Errorf("the migrations: want files that %s runs; got none in %s", tool, dir)
	}
	return s, nil
}

// parse reads a file if it is a migration of the tool.
func (s *Set) parse(name string) (f File, known bool, err error) {
	match := s.pattern().FindStringSubmatch(name)
	if match == nil {
		return f, false, nil
	}
	text, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		return f, false, err
	}
	f = File{Name: name, Text: string(text), SHA256: sum(text)}
	if f.Version, err = strconv.ParseInt(match[1], 10, 64); err != nil {
		return f, false, fmt.Errorf("%s: want a version of at most 18 digits", name)
	}
	if s.Tool == Goose {
		f.Up, f.Down = true, downOfGoose(f.Text)
	} else {
		f.Up, f.Down = match[2] == "up", match[2] == "down"
	}
	return f, true, nil
}

// downOfGoose says whether there is a statement below the file's Down annotation.
func downOfGoose(text string) bool {
	_, below, found := strings.Cut(text, GooseDown)
	return found && len(Statements(below)) > 0
}

// readAll takes every file below the folder: which of them a command reads, nobody knows.
func (s *Set) readAll() error {
	err := filepath.WalkDir(s.Dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path) // #nosec G122 -- a folder of the repository
		if err != nil {
			return err
		}
		name, err := filepath.Rel(s.Dir, path)
		s.Files = append(s.Files, File{Name: filepath.ToSlash(name), Text: string(text), SHA256: sum(text)})
		return err
	})
	if err == nil && len(s.Files) == 0 {
		err = errors.New("got none in " + s.Dir)
	}
	if err != nil {
		return fmt.Errorf("the migrations: %w", err)
	}
	return nil
}

// Hash is the same for the same files under the same names, run by the same tool with the same words.
func (s *Set) Hash(words ...string) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %q\n", s.Tool, words)
	for _, f := range s.Files {
		fmt.Fprintf(h, "%s  %q\n", f.SHA256, f.Name)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func sum(text []byte) string {
	s := sha256.Sum256(text)
	return hex.EncodeToString(s[:])
}
