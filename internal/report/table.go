package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/verdict"
)

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
	bold   = "1"
)

// look is how a status is shown.
type look struct{ symbol, ascii, color string }

var looks = map[evidence.Status]look{
	evidence.Pass:    {"✓", "+", green},
	evidence.Fail:    {"✗", "x", red},
	evidence.Blocked: {"?", "?", red},
	evidence.Waived:  {"~", "~", yellow},
	evidence.NA:      {"–", "-", dim},
	verdict.Missing:  {"!", "!", red},
	verdict.Stale:    {"↻", "*", red},
}

func (o Options) paint(color, text string) string {
	if !o.Color {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func (o Options) symbol(g verdict.Gate) string {
	l := looks[g.Status]
	if !g.Blocks && !g.Status.Open() {
		l.color = yellow
	}
	if o.Color {
		return o.paint(l.color, l.symbol)
	}
	return l.ascii
}

// Line is the one line for a gate that has just ended, without a line break.
func Line(g verdict.Gate, o Options) string {
	g = safe(g)
	text := fmt.Sprintf("%-7s %s  %s", g.Status, pad(g.ID, 34), took(g))
	if g.Status != evidence.Pass {
		const most = 300 // a launch.yaml that cannot be used says more than fits on a line
		text += "  " + cut(line(g.Message), most)
	}
	if o.Width > 0 {
		text = cut(text, o.Width-2)
	}
	return o.symbol(g) + " " + harmless(text)
}

func took(g verdict.Gate) string {
	if g.Status == verdict.Missing {
		return "      -"
	}
	return fmt.Sprintf("%5.1f s", g.Seconds)
}

// table is a verdict on its way to a screen.
type table struct {
	Options
	said map[string]string // which gate gave a reason first
	out  strings.Builder
}

// Table writes the whole checklist in the runbook's order, and ends with the verdict and what to do next.
func Table(w io.Writer, v verdict.Verdict, o Options) error {
	v = safe(v)
	if o.Width <= 0 {
		o.Width = 120
	}
	o.Width = max(o.Width, 40)
	t := &table{Options: o, said: map[string]string{}}
	t.title(v)
	section := ""
	for i, g := range v.Gates {
		if name := g.Phase + "/" + g.Section; i == 0 || name != section {
			section = name
			t.print("", "")
			t.print(bold, section)
		}
		t.gate(g, names(v))
	}
	t.problems(v)
	t.print("", "")
	t.verdict(v)
	_, err := io.WriteString(w, t.out.String())
	return err
}

// print writes one line. Colour is laid around the text at the very end, so that it never counts as width.
func (t *table) print(color, text string) {
	text = harmless(strings.TrimRight(strings.Map(flat, text), " "))
	if color != "" && text != "" {
		text = t.paint(color, text)
	}
	t.out.WriteString(text + "\n")
}

// flat keeps a line break or a tab from leaving the line it stands in.
func flat(r rune) rune {
	if r == '\n' || r == '\t' {
		return ' '
	}
	return r
}

func (t *table) title(v verdict.Verdict) {
	left := fmt.Sprintf("%s   %s in %s", strings.Join(v.Selection, ", "), or(v.Launch, "no launch"), or(v.Environment, "no environment"))
	right := v.At.Format("2006-01-02 15:04 MST")
	if columns(left)+2+columns(right) > t.Width {
		t.print(bold, cut(left, t.Width))
		t.print(dim, right)
		return
	}
	t.print(bold, pad(left, t.Width-columns(right))+right)
}

// names is how many columns the gates' names take.
func names(v verdict.Verdict) int {
	longest := 0
	for _, g := range v.Gates {
		longest = max(longest, columns(g.Name))
	}
	return min(longest, 36)
}

func (t *table) gate(g verdict.Gate, width int) {
	row := fmt.Sprintf("%s  %-7s %s  %s", pad(g.Name, width), g.Status, took(g), or(g.Owner, g.Role))
	if g.Severity != "hard" {
		row += " (" + string(g.Severity) + ")"
	}
	t.out.WriteString("  " + t.symbol(g) + " ")
	color := ""
	if g.Blocks {
		color = bold
	}
	t.print(color, cut(row, t.Width-4))
	if g.Status == evidence.Pass {
		return
	}
	if g.Want == "" || g.Status.Open() {
		if said := t.why(g); said {
			return
		}
	} else {
		t.detail("wanted", g.Want)
		t.detail("got", g.Got)
		t.detail("from", g.From)
		t.detail("do", g.Fix)
	}
	if g.More > 0 {
		t.detail("more", fmt.Sprintf("%d more of its checks are red: %s", g.More, g.Evidence))
	}
	if g.Blocks {
		t.detail("rerun", rerun(g.ID))
	}
}

// why says a reason once: a launch.yaml that cannot be used is the reason of every gate.
func (t *table) why(g verdict.Gate) (already bool) {
	first, said := t.said[g.Message]
	if said {
		t.detail("why", "as for "+first)
		return true
	}
	t.said[g.Message] = g.ID
	t.detail("why", g.Message)
	return false
}

// rerun is the command that runs a gate, a section or a phase again.
func rerun(id string) string { return "make gate G=" + id }

func (t *table) detail(label, text string) {
	const indent = 14
	for paragraph := range strings.Lines(strings.TrimSpace(text)) {
		for _, part := range wrap(paragraph, t.Width-indent) {
			t.print("", fmt.Sprintf("      %-7s %s", label, part))
			label = ""
		}
	}
}

func (t *table) problems(v verdict.Verdict) {
	if len(v.Problems) == 0 {
		return
	}
	t.print("", "")
	t.print(bold, "The run itself")
	for _, p := range v.Problems {
		t.out.WriteString("  " + t.paint(red, "!") + " ")
		t.print(bold, cut(p.Class, t.Width-4))
		t.detail("why", p.Message)
	}
}

func (t *table) verdict(v verdict.Verdict) {
	color := red
	if v.Outcome == verdict.Go {
		color = green
	}
	t.print(color, strings.Repeat("-", t.Width))
	for _, part := range wrap(sentence(v), t.Width) {
		t.print(color, part)
	}
}

// sentence is the verdict with its counts, and what to do next.
func sentence(v verdict.Verdict) string {
	text := fmt.Sprintf("%s for %s in %s: %s.", v.Outcome, strings.Join(v.Selection, ", "), or(v.Environment, "no environment"), counts(v.Counts))
	switch {
	case v.ExitCode == verdict.ExitWaivers:
		return text + " Next: this run refuses waivers; meet the waived gates and run it again."
	case v.Outcome == verdict.Go:
		return text + " Good until " + v.GoodUntil.Format("2006-01-02 15:04 MST") + "; go on before then."
	case len(v.Problems) > 0:
		text += fmt.Sprintf(" Wrong with the run itself: %s.", v.Problems[0].Class)
	}
	if v.ExitCode == verdict.ExitUsage || len(v.Blockers) == 0 {
		return text + " Next: " + v.Problems[0].Fix
	}
	owner := ""
	for _, g := range v.Gates {
		if g.ID == v.Blockers[0] {
			owner = or(g.Owner, g.Role)
		}
	}
	return fmt.Sprintf("%s Next: %s sees to %s, then %s", text, owner, v.Blockers[0], rerun(v.Blockers[0]))
}

func counts(c verdict.Counts) string {
	parts := []string{fmt.Sprintf("%d of %d passed", c.Pass, c.Total)}
	for _, part := range []struct {
		n    int
		text string
	}{{c.Fail, "failed"}, {c.Blocked, "blocked"}, {c.Stale, "stale"}, {c.Waived, "waived"}, {c.NA, "not applicable"}, {c.Recorded, "red but only recorded"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.text))
		}
	}
	return strings.Join(append(parts, fmt.Sprintf("%d did not run", c.Missing)), ", ")
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
