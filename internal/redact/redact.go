// Package redact keeps secret values out of every output. Values are registered once, when they are read; every writer
// of the suite (test log, evidence, reports, terminal) passes its text through here before it is encoded. The registry
// is the process's own on purpose: a secret must be caught wherever it surfaces, whoever prints it.
package redact

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// MinLength is the fewest bytes a secret may have: a shorter one is found everywhere in ordinary text.
const MinLength = 6

// form is one way in which a secret can surface.
type form struct {
	text []byte
	name string
}

var (
	mu         sync.Mutex
	registered atomic.Pointer[[]form] // longest first; replaced as a whole, so that readers need no lock
	count      atomic.Int64
)

// Register has every form of a value replaced from now on, in this process. A value under MinLength bytes is refused.
func Register(name, value string) error {
	if len(strings.TrimSpace(value)) < MinLength {
		return fmt.Errorf("want a secret of at least %d bytes under the name %s; got a shorter one, which cannot be told from ordinary text", MinLength, name)
	}
	mu.Lock()
	defer mu.Unlock()
	var all []form
	if old := registered.Load(); old != nil {
		all = slices.Clone(*old)
	}
	for _, text := range forms(value) {
		if !slices.ContainsFunc(all, func(f form) bool { return string(f.text) == text }) {
			all = append(all, form{[]byte(text), name})
		}
	}
	slices.SortStableFunc(all, func(a, b form) int { return cmp.Compare(len(b.text), len(a.text)) })
	registered.Store(&all)
	return nil
}

// Count is how many times something was replaced so far.
func Count() int64 { return count.Load() }

// String is s with every secret replaced by ‹redacted:NAME›.
func String(s string) string {
	if registered.Load() == nil {
		return s
	}
	return string(Bytes([]byte(s)))
}

// Bytes is text with every secret replaced by ‹redacted:NAME›. Without a secret it is text itself.
func Bytes(text []byte) []byte {
	all := registered.Load()
	if all == nil {
		return text
	}
	clean, _ := replace(*all, text, len(text))
	return clean
}

// Scan names the secrets that a text holds, each once, in order of their names.
func Scan(text []byte) []string {
	var names []string
	if all := registered.Load(); all != nil {
		for _, f := range *all {
			if bytes.Contains(text, f.text) {
				names = append(names, f.name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
