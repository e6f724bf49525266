package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/verdict"
)

// annotations that GitHub shows of one step; it drops the rest without a word.
const annotations = 10

var (
	commandData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// annotate writes workflow commands for the worst of a verdict: what failed, what is wrong with the run, and then the rest.
func annotate(w io.Writer, v verdict.Verdict) error {
	v = safe(v)
	var failed, unknown []string
	for _, g := range worstFirst(v) {
		title := fmt.Sprintf("%s %s (%s)", g.Status, g.ID, or(g.Owner, g.Role))
		text := fmt.Sprintf("::error file=%s,line=%d,title=%s::%s", commandProperty.Replace(g.File), g.Line,
			commandProperty.Replace(line(title)), commandData.Replace(line(g.Message)))
		if g.Status == evidence.Fail {
			failed = append(failed, text)
		} else {
			unknown = append(unknown, text)
		}
	}
	for _, p := range v.Problems {
		failed = append(failed, fmt.Sprintf("::error title=%s::%s", commandProperty.Replace(line("the run: "+p.Class)), commandData.Replace(line(p.Message))))
	}
	all := append(failed, unknown...)
	if left := len(all) - annotations + 1; left > 1 {
		all = append(all[:annotations-1], fmt.Sprintf("::error title=%d more::the job's summary has all of them", left))
	}
	for _, text := range all {
		if _, err := fmt.Fprintln(w, text); err != nil {
			return err
		}
	}
	return nil
}

// worstFirst lists the gates that block in the order of the verdict's blockers.
func worstFirst(v verdict.Verdict) []verdict.Gate {
	byID := map[string]verdict.Gate{}
	for _, g := range v.Gates {
		byID[g.ID] = g
	}
	var list []verdict.Gate
	for _, id := range v.Blockers {
		list = append(list, byID[id])
	}
	return list
}

// summaryLimit keeps a step summary below the 1 MiB at which GitHub refuses it.
const summaryLimit = 900 << 10

// Summary writes a verdict as Markdown for $GITHUB_STEP_SUMMARY.
func Summary(w io.Writer, v verdict.Verdict) error {
	v = safe(v)
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n", markdown(string(v.Outcome)+" for "+strings.Join(v.Selection, ", ")), markdown(sentence(v)))
	if len(v.Problems) > 0 {
		b.WriteString("\n### The run itself\n\n| what | why |\n|---|---|\n")
		for _, p := range v.Problems {
			row(&b, p.Class, p.Message)
		}
	}
	if red := worstFirst(v); len(red) > 0 {
		b.WriteString("\n### Blockers\n\n| gate | status | owner | wanted | got | from | do |\n|---|---|---|---|---|---|---|\n")
		for _, g := range red {
			want := or(g.Want, g.Message)
			row(&b, g.ID, string(g.Status), or(g.Owner, g.Role), want, g.Got, g.From, g.Fix)
		}
	}
	b.WriteString("\n<details><summary>All gates</summary>\n\n| gate | status | time | owner | message |\n|---|---|---|---|---|\n")
	for _, g := range v.Gates {
		row(&b, g.ID, string(g.Status), took(g), or(g.Owner, g.Role), g.Message)
	}
	b.WriteString("\n</details>\n")
	if b.Len() > summaryLimit {
		b.WriteString("\nThere are more rows than a summary holds; the JUnit report has all of them.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// row writes a row of a table, as long as there is room.
func row(b *strings.Builder, cells ...string) {
	const most = 400 // columns of a cell
	if b.Len() > summaryLimit {
		return
	}
	for _, cell := range cells {
		b.WriteString("| " + markdown(cut(line(cell), most)) + " ")
	}
	b.WriteString("|\n")
}

// markdown keeps a text from being read as Markdown or HTML: whatever could be is written as a character reference.
func markdown(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strings.ContainsRune("&<>|`*_[]()#~!@\\:$", r) {
			fmt.Fprintf(&b, "&#%d;", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}
