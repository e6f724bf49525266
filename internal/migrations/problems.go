package migrations

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with the files.
type Problem struct {
	Where string // file, or file:line
	Got   string
	Fix   string
}

// Problems are what keeps the files from being run as a set: text that is no UTF-8, versions that are there twice or leave a gap.
func (s *Set) Problems() []Problem {
	var all []Problem
	bad := func(where, got, fix string) { all = append(all, Problem{Where: where, Got: got, Fix: fix}) }
	ups := map[int64]File{}
	var last int64
	for _, f := range s.Files {
		if line := notUTF8(f.Text); line > 0 && strings.HasSuffix(f.Name, ".sql") {
			bad(fmt.Sprintf("%s:%d", f.Name, line), "text that is not UTF-8", "save the file as UTF-8")
		}
		if strings.HasPrefix(f.Text, "\ufeff") {
			bad(f.Name+":1", "a byte order mark, which PostgreSQL takes for part of the statement", "save the file as UTF-8 without one")
		}
		if !f.Up {
			continue
		}
		if other, twice := ups[f.Version]; twice {
			bad(f.Name, fmt.Sprintf("version %d twice; the other is %s", f.Version, other.Name), "give the later one the next version")
		}
		// Versions that are dates have gaps by their nature.
		if last > 0 && f.Version > last+1 && f.Version < 1e8 {
			bad(f.Name, fmt.Sprintf("a gap: version %d after %d", f.Version, last), "bring the missing file, or number without a gap: a file that comes later is never run")
		}
		ups[f.Version], last = f, f.Version
	}
	return all
}

// Irreversible are the migrations above a version that have no way back.
func (s *Set) Irreversible(applied int64) []Problem {
	var all []Problem
	downs := map[int64]bool{}
	for _, f := range s.Files {
		if f.Down && len(Statements(f.Text)) > 0 {
			downs[f.Version] = true
		}
	}
	for _, f := range s.Files {
		if f.Up && f.Version > applied && !downs[f.Version] {
			all = append(all, Problem{Where: f.Name, Got: "no down migration", Fix: "write it, or declare migration.forward_only and have that signed"})
		}
	}
	return all
}

func notUTF8(text string) int {
	for line := 1; ; line++ {
		head, rest, more := strings.Cut(text, "\n")
		if !utf8.ValidString(head) {
			return line
		}
		if !more {
			return 0
		}
		text = rest
	}
}

var listed = regexp.MustCompile(`^([0-9a-f]{64}) [ *](.+)$`)

// Edited are the files that are not what they were when they were applied, by a list that sha256sum wrote then.
func (s *Set) Edited(list string) ([]Problem, error) {
	text, err := os.Open(list)
	if err != nil {
		return nil, fmt.Errorf("the list of applied migrations: %w", err)
	}
	defer text.Close()
	was := map[string]string{}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		match := listed.FindStringSubmatch(lines.Text())
		if match == nil {
			return nil, fmt.Errorf("%s: want lines as sha256sum writes them; got %q", list, lines.Text())
		}
		was[filepath.Base(match[2])] = match[1]
	}
	if lines.Err() == nil && len(was) == 0 {
		return nil, fmt.Errorf("%s: want the applied migrations as sha256sum lists them; got none", list)
	}
	return s.changed(was, "it was applied"), lines.Err()
}

// EditedSince are the files that are not what they were at a commit or tag of the repository.
func (s *Set) EditedSince(ctx context.Context, ref string) ([]Problem, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...) // #nosec G204 -- the words are those of launch.yaml
		cmd.Dir = s.Dir
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
		}
		return string(out), nil
	}
	if _, err := git("rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}"); err != nil {
		return nil, fmt.Errorf("want the commit %s, with which production's migrations came; got %w; fetch it", ref, err)
	}
	names, err := git("ls-tree", "--name-only", ref, "--", ".")
	if err != nil {
		return nil, err
	}
	was := map[string]string{}
	for name := range strings.Lines(names) {
		name = strings.TrimSpace(name)
		text, err := git("show", ref+":./"+name)
		if err != nil {
			return nil, err
		}
		was[name] = sum([]byte(text))
	}
	if len(was) == 0 {
		return nil, fmt.Errorf("want the migrations at %s; got no file there; correct migration.baseline", ref)
	}
	return s.changed(was, ref), nil
}

// changed compares the files with what they were. Files of another sort, which the set does not have, may have gone.
func (s *Set) changed(was map[string]string, since string) []Problem {
	var all []Problem
	is := map[string]bool{}
	for _, f := range s.Files {
		is[f.Name] = true
		if before, applied := was[f.Name]; applied && before != f.SHA256 {
			all = append(all, Problem{Where: f.Name, Got: "edited since " + since, Fix: "take it back, because production will never run the edit, and write a new migration"})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if !is[name] && s.pattern().MatchString(name) {
			all = append(all, Problem{Where: name, Got: "removed since " + since, Fix: "bring it back: a new database would lack it"})
		}
	}
	return all
}
