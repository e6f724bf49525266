package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/verdict"
)

// Profile is the kind of JUnit file.
type Profile string

// The profiles.
const (
	CI     Profile = "ci"     // with file, line and properties, for GitLab, GitHub and most others
	Strict Profile = "strict" // what the schema of the Jenkins xUnit plugin, junit-10.xsd, allows and no more
)

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Name     string   `xml:"name,attr"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Time     string   `xml:"time,attr"`
	Suites   []*suite `xml:"testsuite"`
}

type suite struct {
	Name      string  `xml:"name,attr"`
	Tests     int     `xml:"tests,attr"`
	Failures  int     `xml:"failures,attr"`
	Errors    int     `xml:"errors,attr"`
	Skipped   int     `xml:"skipped,attr"`
	Time      string  `xml:"time,attr"`
	Timestamp string  `xml:"timestamp,attr"`
	Cases     []tcase `xml:"testcase"`
	seconds   float64
}

type tcase struct {
	Name       string      `xml:"name,attr"`
	Classname  string      `xml:"classname,attr"`
	Time       string      `xml:"time,attr"`
	File       string      `xml:"file,attr,omitempty"`
	Line       int         `xml:"line,attr,omitempty"`
	Properties *properties `xml:"properties"`
	Failure    *outcome    `xml:"failure"`
	Error      *outcome    `xml:"error"`
	Skipped    *outcome    `xml:"skipped"`
	SystemOut  string      `xml:"system-out,omitempty"`
}

type properties struct {
	List []property `xml:"property"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type outcome struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes a verdict as JUnit: a flat suite for each section with its gates in the runbook's order, and nothing
// else but, where the run as a whole went wrong, a suite for that. failures are the FAIL gates that block, errors those
// nobody can tell about, and the run itself where something is wrong with it.
func WriteJUnit(w io.Writer, v verdict.Verdict, p Profile) error {
	if p != CI && p != Strict {
		return fmt.Errorf("JUnit profile %q: want ci or strict", p)
	}
	v = safe(v)
	all := suites{Name: "launchgate " + strings.Join(v.Selection, ", ")}
	for _, g := range v.Gates {
		all.suite("gates."+strings.ReplaceAll(path.Dir(g.ID), "/", "."), v).add(gateCase(g, p), g.Seconds)
	}
	if len(v.Problems) > 0 {
		all.suite("gates.the-run", v).add(runCase(v.Problems), 0)
	}
	seconds := 0.0
	for _, s := range all.Suites {
		all.Tests, all.Failures, all.Errors = all.Tests+s.Tests, all.Failures+s.Failures, all.Errors+s.Errors
		seconds += s.seconds
		s.Time = clock(s.seconds)
	}
	all.Time = clock(seconds)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func clock(seconds float64) string { return fmt.Sprintf("%.3f", seconds) }

// suite finds a suite by its name, or starts it.
func (all *suites) suite(name string, v verdict.Verdict) *suite {
	for _, s := range all.Suites {
		if s.Name == name {
			return s
		}
	}
	s := &suite{Name: name, Timestamp: v.At.UTC().Format("2006-01-02T15:04:05")}
	all.Suites = append(all.Suites, s)
	return s
}

func (s *suite) add(c tcase, seconds float64) {
	c.Classname, c.Time = s.Name, clock(seconds)
	s.Cases = append(s.Cases, c)
	s.seconds += seconds
	s.Tests++
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
}

func gateCase(g verdict.Gate, p Profile) tcase {
	c := tcase{Name: g.Name, SystemOut: g.Output}
	facts := []property{{"status", string(g.Status)}, {"severity", string(g.Severity)}, {"phase", g.Phase}, {"owner", or(g.Owner, g.Role)},
		{"due", day(g.Due)}, {"evidence", g.Evidence}, {"evidence_sha256", g.EvidenceSHA}}
	if p == CI {
		c.File, c.Line, c.Properties = g.File, g.Line, &properties{facts}
	} else {
		head := ""
		for _, f := range facts {
			head += f.Name + ": " + f.Value + "\n"
		}
		c.SystemOut = head + g.Output
	}
	o := &outcome{Type: or(g.Class, strings.ToLower(string(g.Status))), Message: line(g.Message), Text: body(g)}
	switch {
	case g.Status == evidence.Pass:
	case g.Status.Open():
		c.Skipped = o
	case !g.Blocks:
		o.Message = fmt.Sprintf("recorded only, %s: %s", g.Status, o.Message)
		o.Text = o.Message
		c.Skipped = o
	case g.Status == evidence.Fail:
		c.Failure = o
	default:
		c.Error = o
	}
	return c
}

// body is the text of a failure: the message once more, because some consumers show only the text, and then the rest.
func body(g verdict.Gate) string {
	text := line(g.Message)
	for _, part := range [][2]string{{"wanted", g.Want}, {"got", g.Got}, {"from", g.From}, {"do", g.Fix}, {"claim", g.Claim}} {
		if part[1] != "" {
			text += fmt.Sprintf("\n%-6s %s", part[0], line(part[1]))
		}
	}
	if g.Blocks {
		text += "\nrerun  " + rerun(g.ID)
	}
	return text
}

func runCase(problems []verdict.Problem) tcase {
	o := &outcome{Type: problems[0].Class, Message: line(problems[0].Message)}
	if more := len(problems) - 1; more > 0 {
		o.Message += fmt.Sprintf(" (and %d more)", more)
	}
	o.Text = o.Message
	for _, p := range problems {
		o.Text += "\n" + p.Class + ": " + line(p.Message)
	}
	return tcase{Name: "the-run", Error: o}
}
