package stream

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// longest line that can be an event: test2json cuts output at a few KiB.
const longest = 1 << 20

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64 // seconds
	Output      string
	Key, Value  string
	FailedBuild string
}

// Read reads one stream to its end. onGate, which may be nil, is called for each test without subtests as it ends, and
// at the end of its package for one that never did, so that a runner can say so at once. The error is the reader's own;
// what was read until then is returned, marked as damaged.
func Read(r io.Reader, onGate func(Test)) (Stream, error) {
	if onGate == nil {
		onGate = func(Test) {}
	}
	s := &state{onGate: onGate, packages: map[string]*running{}, builds: map[string]*clip{}, failed: map[string]bool{}}
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, cut, err := next(lines)
		s.line(line, cut, errors.Is(err, io.EOF))
		if errors.Is(err, io.EOF) {
			return s.finish(), nil
		}
		if err != nil {
			s.damage("the stream broke off: %v", err)
			return s.finish(), fmt.Errorf("reading the test stream: %w", err)
		}
	}
}

// next reads a line without its line break. Of a line that is too long to be an event only the head and the last byte
// are kept, and cut is set.
func next(r *bufio.Reader) (line []byte, cut bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > longest {
			cut = true
			line = line[:min(len(line), 256)]
			part = part[max(0, len(part)-8):]
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimRight(line, "\r\n"), cut, err
		}
	}
}

// line takes one line. A line that is no event is noise, unless it may have been one before something happened to it.
func (s *state) line(line []byte, cut, last bool) {
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return
	}
	var e event
	if !cut && text[0] == '{' && json.Unmarshal(text, &e) == nil && e.Action != "" {
		s.event(e)
		return
	}
	s.noise.add(string(text[:min(len(text), 4096)]) + "\n")
	if text[0] == '{' || text[len(text)-1] == '}' || bytes.Contains(text, []byte(`"Action"`)) {
		where := "a line"
		if last {
			where = "the last line, which is torn off"
		}
		s.damage("%s of the stream is no event: %.80q", where, text)
	}
}

func (s *state) damage(format string, args ...any) {
	const most = 20 // enough to see what is wrong
	if len(s.out.Damage) < most {
		s.out.Damage = append(s.out.Damage, fmt.Sprintf(format, args...))
	}
}

// framing says whether a line of output only frames a test.
func framing(line string) bool {
	for _, mark := range []string{"=== RUN ", "=== PAUSE ", "=== CONT ", "=== NAME ", "=== ATTR "} {
		if strings.HasPrefix(line, mark) {
			return true
		}
	}
	return false
}
