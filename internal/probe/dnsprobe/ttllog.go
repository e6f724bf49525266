package dnsprobe

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// ttlSight is one line of the log of first sights: the TTL of an RRset changed to this, as far as the limit goes. With a
// server it is another kind of line: what that server answers changed to this.
type ttlSight struct {
	Name   string    `json:"name"`
	Type   string    `json:"type"`
	TTL    uint32    `json:"ttl"`
	Seen   time.Time `json:"seen"`
	Server string    `json:"server,omitempty"`
	Answer string    `json:"answer,omitempty"`
}

// ttlLogs lets one claim of this process at a time read and extend the log.
var ttlLogs sync.Mutex

// firstSights is since when each link's TTL has been low without a break, as far as the log and this look know; zero
// where it is not low now. What this look adds is written down. The last link is the blank one and has no time.
func (z *Zone) firstSights(links []ownLink) ([]time.Time, error) {
	ttlLogs.Lock()
	defer ttlLogs.Unlock()
	log, err := readTTLLog(z.config.TTLLog)
	if err != nil {
		return nil, ttlLogUnknown(z.config.TTLLog, err)
	}
	first := make([]time.Time, len(links)-1)
	var added []ttlSight
	now := time.Now().UTC().Truncate(time.Second)
	for i, l := range links[:len(links)-1] {
		sight := ttlSight{Name: plain(l.name), Type: l.qtype, Seen: now}
		for _, s := range l.seen {
			sight.TTL = max(sight.TTL, s.ttl)
		}
		var isNews bool
		if first[i], isNews = firstSight(log, sight, z.config.LowTTL); isNews {
			added = append(added, sight)
		}
	}
	if err := appendTTLLog(z.config.TTLLog, added); err != nil {
		return nil, ttlLogUnknown(z.config.TTLLog, err)
	}
	return first, nil
}

// firstSight says since when the TTL has been low, with now's sight as the latest, and whether that sight has to be
// written down: when it is the first low one, or ends a low time.
func firstSight(log []ttlSight, now ttlSight, limit time.Duration) (first time.Time, isNews bool) {
	for _, s := range log {
		if s.Name != now.Name || s.Type != now.Type || s.Server != "" {
			continue
		}
		switch {
		case seconds(s.TTL) > limit:
			first = time.Time{}
		case first.IsZero():
			first = s.Seen
		}
	}
	low := seconds(now.TTL) <= limit
	switch {
	case low && first.IsZero():
		return now.Seen, true
	case !low:
		return time.Time{}, !first.IsZero()
	default:
		return first, false
	}
}

var errCorrupt = errors.New("not a line of the log of first sights")

// readTTLLog reads the whole log. A file that is not there yet, or that nobody names, is an empty log; one that is damaged
// is an error, for to start afresh would be to forget.
func readTTLLog(path string) ([]ttlSight, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseTTLLog(text)
}

func parseTTLLog(text []byte) ([]ttlSight, error) {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return nil, fmt.Errorf("%w: the last line is cut off", errCorrupt)
	}
	var log []ttlSight
	lines := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; lines.Scan(); number++ {
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		var s ttlSight
		if err := decoder.Decode(&s); err != nil || decoder.More() || s.Name == "" || s.Type == "" || s.Seen.IsZero() {
			return nil, fmt.Errorf("%w: line %d", errCorrupt, number)
		}
		log = append(log, s)
	}
	return log, lines.Err()
}

func appendTTLLog(path string, added []ttlSight) error {
	if len(added) == 0 || path == "" {
		return nil
	}
	var text bytes.Buffer
	for _, s := range added {
		if err := json.NewEncoder(&text).Encode(s); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(text.Bytes())
	return errors.Join(err, file.Close())
}

func ttlLogUnknown(path string, err error) error {
	return &probe.Unknown{Class: "dns.ttl-log", Want: "the log of first sights", Got: err.Error(), From: path,
		Fix: "restore the file from the last run's artifacts; deleting it forgets since when TTLs are low", Err: err}
}
