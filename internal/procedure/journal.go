package procedure

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// event is what a journal line says.
type event string

const (
	began   event = "began" // the first line: which launch and what the attempt is about
	started event = "started"
	done    event = "done"
	failed  event = "failed"
	ended   event = "ended" // the last line: the attempt is complete
)

// entry is one line of the journal.
type entry struct {
	Time   time.Time `json:"time"`
	Event  event     `json:"event"`
	Step   string    `json:"step,omitempty"`
	Reason string    `json:"reason,omitempty"`
	Launch string    `json:"launch,omitempty"`
	Key    string    `json:"key,omitempty"`
	Prev   string    `json:"prev"` // hex SHA-256 of the line before, without its newline; empty in the first
}

// ErrRunning is the cause when another run of the same procedure holds the lock.
var ErrRunning = errors.New("another run of this procedure is going on")

// ErrDamaged is the cause when a journal does not read as it was written.
var ErrDamaged = errors.New("the journal is damaged")

// journal is one attempt's file, open for appending.
type journal struct {
	file  *os.File
	last  string // hash of the last line
	crash func(when string, journal interface{ Write([]byte) (int, error) }, line []byte)
}

// Lock takes a procedure's lock. The kernel drops it when this process ends, however it ends.
func Lock(dir, name string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, name+".lock"), os.O_CREATE|os.O_RDWR, 0o600) // #nosec G304 -- beside launch.yaml
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(f.Name()) // only for the message
		return nil, errors.Join(f.Close(), &probe.Unknown{Class: "running", Want: "to be the only run of this procedure", Got: fmt.Sprintf("process %s at it", bytes.TrimSpace(holder)),
			From: f.Name(), Fix: "wait for it to end", Err: ErrRunning})
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// newest is the highest number of a journal of that name, 0 where there is none.
func newest(dir, name string) (int, error) {
	files, err := filepath.Glob(filepath.Join(dir, name+"-*.jsonl"))
	if err != nil {
		return 0, err
	}
	highest := 0
	for _, f := range files {
		var n int
		if _, err := fmt.Sscanf(filepath.Base(f), name+"-%d.jsonl", &n); err == nil && n > highest {
			highest = n
		}
	}
	return highest, nil
}

func journalPath(dir, name string, number int) string {
	return filepath.Join(dir, fmt.Sprintf("%s-%03d.jsonl", name, number))
}

// create begins a journal and makes its name durable.
func create(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600) // #nosec G304 -- beside launch.yaml
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(dir.Sync(), dir.Close())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &journal{file: f}, nil
}

// reopen reads a journal to go on with it. A torn last line, which a kill leaves behind, is cut off: what it would have
// said was not yet relied on.
func reopen(path string) (*journal, []entry, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0) // #nosec G304 -- beside launch.yaml
	if err != nil {
		return nil, nil, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	whole := text[:bytes.LastIndexByte(text, '\n')+1]
	entries, last, err := decode(path, whole)
	if err == nil && len(whole) < len(text) {
		err = f.Truncate(int64(len(whole)))
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return &journal{file: f, last: last}, entries, nil
}

// decode reads whole lines and checks the chain. It returns the hash of the last one.
func decode(path string, text []byte) ([]entry, string, error) {
	var entries []entry
	last, number := "", 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSuffix(line, []byte("\n"))
		var e entry
		got := ""
		switch err := json.Unmarshal(line, &e); {
		case err != nil:
			got = err.Error()
		case e.Prev != last:
			got = "a line that does not follow the one before it"
		case (number == 1) != (e.Event == began):
			got = fmt.Sprintf("the event %q", e.Event)
		}
		if got != "" {
			return nil, "", &probe.Unknown{Class: "journal.damaged", Want: "the journal's lines as they were written", Got: got,
				From: fmt.Sprintf("%s:%d", path, number), Fix: "find out which steps were done, then move the file away", Err: ErrDamaged}
		}
		entries = append(entries, e)
		last = hash(line)
	}
	return entries, last, nil
}

// write appends an entry and waits until it is on disk.
func (j *journal) write(e entry) error {
	e.Time = time.Now().UTC()
	e.Reason = redact.String(e.Reason)
	e.Prev = j.last
	line, err := json.Marshal(e)
	if err != nil {
		return err
	}
	whole := append(bytes.Clone(line), '\n')
	if j.crash != nil {
		j.crash("before", j.file, whole)
	}
	if _, err := j.file.Write(whole); err != nil {
		return err
	}
	if err := j.file.Sync(); err != nil {
		return err
	}
	j.last = hash(line)
	if j.crash != nil {
		j.crash("after", j.file, whole)
	}
	return nil
}

func hash(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:])
}
