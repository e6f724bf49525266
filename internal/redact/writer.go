package redact

import (
	"bytes"
	"io"
	"sync"
)

// Writer redacts what goes through it, also where a secret is split over several writes: it holds back as much of the end
// as could be the beginning of a secret, until more comes or Flush. It is safe for concurrent use.
type Writer struct {
	mu      sync.Mutex
	w       io.Writer
	pending []byte
}

// NewWriter redacts into w. Close it, or Flush it at the end, or its last bytes are missing.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write redacts what is complete and writes it.
func (w *Writer) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pending = append(w.pending, text...)
	all := registered.Load()
	if all == nil {
		return len(text), w.pass(w.pending, nil)
	}
	clean, rest := replace(*all, w.pending, len(w.pending)-longest(*all, w.pending))
	return len(text), w.pass(clean, rest)
}

// Flush writes what was held back.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(Bytes(w.pending), nil)
}

// Close flushes; it does not close the writer below.
func (w *Writer) Close() error { return w.Flush() }

func (w *Writer) pass(clean, rest []byte) error {
	rest = bytes.Clone(rest) // before pending, of which it is a part, is reused
	w.pending = append(w.pending[:0:0], rest...)
	if len(clean) == 0 {
		return nil
	}
	_, err := w.w.Write(clean)
	return err
}

// longest is the length of the longest end of text with which a form begins, but which is not the whole form.
func longest(all []form, text []byte) int {
	most := 0
	for _, f := range all {
		for n := min(len(f.text)-1, len(text)); n > most; n-- {
			if bytes.HasSuffix(text, f.text[:n]) {
				most = n
				break
			}
		}
	}
	return most
}

// replace replaces forms that begin before `until`, longest first at each place, and returns what is clean and the rest
// that begins there.
func replace(all []form, text []byte, until int) (clean, rest []byte) {
	at := 0
	for at < until {
		begin, found := until, form{}
		for _, f := range all { // longest first, so that of two at the same place the longer one wins
			window := text[at:min(len(text), begin+len(f.text)-1)]
			if found.text == nil {
				window = text[at:min(len(text), until-1+len(f.text))]
			}
			if i := bytes.Index(window, f.text); i >= 0 && (found.text == nil || at+i < begin) {
				begin, found = at+i, f
			}
		}
		clean = append(clean, text[at:begin]...)
		at = begin
		if found.text != nil {
			count.Add(1)
			clean = append(clean, "‹redacted:"+found.name+"›"...)
			at += len(found.text)
		}
	}
	return clean, text[at:]
}
