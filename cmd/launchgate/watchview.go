package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/term"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/redact"
)

// view shows a watch: each look, each second in between, and the end.
type view interface {
	show(s summary, now time.Time) error
	tick(s summary, now time.Time)
	end(why string) error
}

func viewFor(w io.Writer, asJSON bool, name string) view {
	fd := int(os.Stdout.Fd())
	if asJSON || !term.IsTerminal(fd) {
		return &lineView{w: w, asJSON: asJSON, name: name, known: map[string]change{}}
	}
	return &tableView{w: w, name: name, size: func() (int, int) {
		width, height, err := term.GetSize(fd)
		if err != nil || width <= 0 || height <= 0 { // a terminal that does not know
			return 80, 24
		}
		return width, height
	}}
}

// lineView writes a line for each change.
type lineView struct {
	w      io.Writer
	asJSON bool
	name   string
	known  map[string]change
}

func (v *lineView) show(s summary, now time.Time) error {
	for _, row := range append(s.rows, s.whole) {
		before, known := v.known[row.Who]
		if known && !row.differs(before) {
			continue
		}
		v.known[row.Who] = row
		if err := v.write(row, now); err != nil {
			return err
		}
	}
	return nil
}

func (v *lineView) write(row change, now time.Time) error {
	if v.asJSON {
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(v.w, "%s\n", redact.JSON(line))
		return err
	}
	_, err := fmt.Fprintf(v.w, "%s %s\n", now.UTC().Format(time.TimeOnly+"Z"), row.text(now))
	return err
}

func (v *lineView) tick(summary, time.Time) {}

func (v *lineView) end(why string) error {
	if v.asJSON {
		return nil // the last object says it
	}
	_, err := fmt.Fprintf(v.w, "%s: %s\n", v.name, why)
	return err
}

// differs says whether something new is to be said. A TTL that falls is nothing new.
func (c change) differs(before change) bool {
	if c.Status != before.Status || (c.ETA == nil) != (before.ETA == nil) {
		return true
	}
	if c.ETA != nil {
		return c.ETA.Sub(*before.ETA).Abs() > 2*time.Second
	}
	return c.Got != before.Got
}

// text is a row for people. Nothing in it steers a terminal.
func (c change) text(now time.Time) string {
	state := map[probe.Status]string{probe.Pass: "new", probe.Fail: "not", probe.Blocked: "?"}[c.Status]
	if c.ETA != nil {
		state = "old"
	}
	text := fmt.Sprintf("%-3s %s: %s", state, c.Who, c.Got)
	if c.Who == "" {
		text = "=   " + c.Got
	}
	if c.ETA != nil {
		text += fmt.Sprintf(", %d s more", max(0, int64(c.ETA.Sub(now)/time.Second)))
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, redact.String(text))
}

// tableView draws one table over and over.
type tableView struct {
	w     io.Writer
	name  string
	size  func() (width, height int)
	drawn int // lines
}

func (v *tableView) show(s summary, now time.Time) error {
	width, height := v.size()
	lines := []string{v.name + " at " + now.UTC().Format(time.TimeOnly+"Z")}
	fold := len(s.rows)+3 > height // then the rows that are done are only counted
	done := 0
	for _, row := range s.rows {
		if fold && row.Status == probe.Pass {
			done++
			continue
		}
		lines = append(lines, row.text(now))
	}
	if fold {
		lines = append(lines[:min(len(lines), max(height-4, 1))], fmt.Sprintf("new %d of %d", done, len(s.rows)))
	}
	lines = append(lines, s.whole.text(now))
	var out strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA\x1b[J", v.drawn) // up to the first line, and clear from there
	}
	for _, line := range lines {
		if runes := []rune(line); len(runes) > max(width-1, 20) { // a full line would break, and count twice
			line = string(runes[:max(width-2, 19)]) + "…"
		}
		out.WriteString(line + "\n")
	}
	v.drawn = len(lines)
	_, err := io.WriteString(v.w, out.String())
	return err
}

func (v *tableView) tick(s summary, now time.Time) { _ = v.show(s, now) } // the next look reports a terminal that has gone

func (v *tableView) end(why string) error {
	_, err := fmt.Fprintf(v.w, "%s: %s\n", v.name, why)
	return err
}
