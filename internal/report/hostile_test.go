package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/verdict"
)

// attacks is what a server could put into a header, a name or a page.
var attacks = []string{
	"\x1b[2J\x1b[31mred", "\x9b31m", "\u009b31m", "\u202egnp.exe", "\u200bhidden", "a\r\nb", "::error::forged", "\n::error file=x::forged", "\n  ::stop-commands::x",
	"##[error]forged", "##vso[task.setvariable]x", "<script>alert(1)</script>", "]]>", "| a | b |", "`code`", "[link](https://x.example)", "\x00\x07\x08", "\xff\xfe", "\ufffe",
	"@everyone", "%0A::error::x", "# heading", "&amp;", "\u2028line", strings.Repeat("e\u0301", 40), strings.Repeat("long", 200),
}

func hostile(text string) verdict.Verdict {
	v := noGo()
	for i := range v.Gates {
		g := &v.Gates[i]
		g.Message, g.Want, g.Got, g.From, g.Fix, g.Owner, g.Output, g.Class = text, text, text, text, text, text, text, text
	}
	v.Problems[0].Message, v.Problems[0].Class = text, text
	return v
}

var everyOutput = map[string]func(b *bytes.Buffer, v verdict.Verdict) error{
	"human":   func(b *bytes.Buffer, v verdict.Verdict) error { return Write(b, v, Human, Options{Width: 80}) },
	"json":    func(b *bytes.Buffer, v verdict.Verdict) error { return Write(b, v, JSON, Options{}) },
	"github":  func(b *bytes.Buffer, v verdict.Verdict) error { return Write(b, v, GitHub, Options{}) },
	"summary": func(b *bytes.Buffer, v verdict.Verdict) error { return Summary(b, v) },
	"ci":      func(b *bytes.Buffer, v verdict.Verdict) error { return WriteJUnit(b, v, CI) },
	"strict":  func(b *bytes.Buffer, v verdict.Verdict) error { return WriteJUnit(b, v, Strict) },
	"line": func(b *bytes.Buffer, v verdict.Verdict) error {
		for _, g := range v.Gates {
			fmt.Fprintln(b, Line(g, Options{}))
		}
		return nil
	},
}

var steering = regexp.MustCompile("[\\x00-\\x08\\x0b-\\x1f\\x7f\u0080-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

func TestUntrustedTextSteersNothing(t *testing.T) {
	ours := regexp.MustCompile(`^::error (file=gates/tminus5/dns_test\.go,line=42,)?title=[^:,]*::`)
	forged := regexp.MustCompile(`^\s*::[a-z-]+[ :]|##(\[|vso\[)`)
	for name, write := range everyOutput {
		for _, attack := range attacks {
			var b bytes.Buffer
			require.NoError(t, write(&b, hostile(attack)))
			assert.True(t, utf8.Valid(b.Bytes()), "%s: %q", name, attack)
			assert.Empty(t, steering.FindString(b.String()), "%s: %q", name, attack)
			if name == "json" || name == "ci" || name == "strict" {
				continue // files, whose text is quoted
			}
			for line := range strings.Lines(b.String()) {
				if !ours.MatchString(line) {
					assert.NotRegexp(t, forged, line, "%s: %q", name, attack)
				}
			}
		}
	}
}

func TestOneLineStaysOneLine(t *testing.T) {
	for _, attack := range attacks {
		for _, g := range hostile(attack).Gates {
			assert.NotContains(t, Line(g, Options{Width: 80, Color: true}), "\n")
			assert.LessOrEqual(t, columns(Line(g, Options{Width: 80})), 80)
		}
	}
}

func TestTableKeepsItsWidth(t *testing.T) {
	for _, width := range []int{60, 80, 120} {
		for _, text := range append(attacks, "ærlig talt: blåbærsyltetøy på brødskive", "検証に失敗しました、もう一度実行してください、検証に失敗しました、もう一度実行してください") {
			var b bytes.Buffer
			require.NoError(t, Table(&b, hostile(text), Options{Width: width}))
			for line := range strings.Lines(b.String()) {
				assert.LessOrEqual(t, columns(strings.TrimSuffix(line, "\n")), width, "%q", line)
			}
		}
	}
}

func TestPlainTextHasNoColour(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Table(&b, allGreen(), Options{}))
	assert.NotContains(t, b.String(), "\x1b")
	own := strings.ReplaceAll(b.String(), "på", "") // the owner's name is not ours
	assert.Regexp(t, `^[\n -~]*$`, own)
}

func TestSecretsAreRedactedBeforeEncoding(t *testing.T) {
	const secret = `hunter2<&>"quoted"æøå`
	require.NoError(t, redact.Register("TOKEN", secret))
	for name, write := range everyOutput {
		var b bytes.Buffer
		require.NoError(t, write(&b, hostile("Bearer "+secret+" was sent")))
		for _, form := range []string{secret, "hunter2", "quoted"} {
			assert.NotContains(t, b.String(), form, name)
		}
		assert.Contains(t, b.String(), "redacted", name)
	}
}

func TestSafeLeavesTheVerdictAlone(t *testing.T) {
	v := hostile("\x1b[31m")
	v.Gates[0].Decision = &evidence.Decision{Reason: "\x1b"}
	clean := safe(v)
	assert.Equal(t, `\x1b[31m`, clean.Gates[0].Message)
	assert.Equal(t, `\x1b`, clean.Gates[0].Decision.Reason)
	assert.Equal(t, "\x1b[31m", v.Gates[0].Message, "the original")
	assert.Equal(t, "\x1b", v.Gates[0].Decision.Reason, "the original")
}

func TestJSONIsTheVerdict(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Write(&b, noGo(), JSON, Options{}))
	var got verdict.Verdict
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	want := noGo()
	for i := range want.Gates {
		want.Gates[i].Output = "" // it is in JUnit and in the stream
	}
	assert.Equal(t, want, got)
}

func TestUnknownFormatsAreRefused(t *testing.T) {
	var b bytes.Buffer
	require.Error(t, Write(&b, noGo(), "yaml", Options{}))
	require.Error(t, WriteJUnit(&b, noGo(), "ant"))
	assert.Empty(t, b.String())
}

func many(n int) verdict.Verdict {
	v := noGo()
	v.Blockers = nil
	template := v.Gates[1]
	v.Gates = nil
	for i := range n {
		g := template
		g.Name = fmt.Sprintf("Gate%d", i)
		g.ID = "TMinus5/DNS/" + g.Name
		g.Message = strings.Repeat("|ø", 500)
		v.Gates = append(v.Gates, g)
		v.Blockers = append(v.Blockers, g.ID)
	}
	return v
}

func TestAnnotationsAreFew(t *testing.T) {
	for _, n := range []int{0, 1, 9, 10, 500} {
		var b bytes.Buffer
		require.NoError(t, annotate(&b, many(n)))
		assert.Equal(t, min(n+1, 10), strings.Count(b.String(), "::error "), "%d gates", n) // and one for the run
	}
	var b bytes.Buffer
	require.NoError(t, annotate(&b, many(500)))
	assert.Contains(t, b.String(), "title=492 more::")
}

func TestSummaryStaysBelowAMebibyte(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Summary(&b, many(5000)))
	assert.Less(t, b.Len(), 1<<20)
	assert.Contains(t, b.String(), "more rows than a summary holds")
}

// TestStrictFollowsTheSchema asserts the rules of junit-10.xsd: which elements may stand where, with which attributes.
func TestStrictFollowsTheSchema(t *testing.T) {
	attributes := map[string]string{ // ! marks the mandatory
		"testsuites": "name time tests failures errors", "testsuite": "name! tests! failures! errors! skipped time timestamp",
		"testcase": "name! classname time", "failure": "type message", "error": "type message", "skipped": "type message", "system-out": "",
	}
	parents := map[string]string{"testsuites": "", "testsuite": "testsuites", "testcase": "testsuite", "failure": "testcase", "error": "testcase", "skipped": "testcase", "system-out": "testcase"}
	for _, v := range shapes() {
		var b bytes.Buffer
		require.NoError(t, WriteJUnit(&b, v, Strict))
		decoder := xml.NewDecoder(&b)
		path := []string{""}
		for {
			token, err := decoder.Token()
			if token == nil {
				require.ErrorContains(t, err, "EOF")
				break
			}
			switch e := token.(type) {
			case xml.StartElement:
				name := e.Name.Local
				require.Contains(t, parents, name)
				assert.Equal(t, parents[name], path[len(path)-1], name)
				checkAttributes(t, name, attributes[name], e.Attr)
				path = append(path, name)
			case xml.EndElement:
				path = path[:len(path)-1]
			}
		}
	}
}

func checkAttributes(t *testing.T, element, allowed string, got []xml.Attr) {
	t.Helper()
	have := map[string]bool{}
	for _, a := range got {
		have[a.Name.Local] = true
		assert.Contains(t, strings.Fields(strings.ReplaceAll(allowed, "!", "")), a.Name.Local, element)
		if a.Name.Local == "time" {
			assert.Regexp(t, `^[0-9]+\.[0-9]{3}$`, a.Value)
		}
	}
	for _, name := range strings.Fields(allowed) {
		if mandatory, ok := strings.CutSuffix(name, "!"); ok {
			assert.True(t, have[mandatory], "%s without %s", element, mandatory)
		}
	}
}

// shapes are verdicts of every kind.
func shapes() []verdict.Verdict {
	nothing := verdict.Decide(verdict.Input{})
	list := []verdict.Verdict{noGo(), allGreen(), nothing, many(0), many(300)}
	for _, attack := range attacks {
		list = append(list, hostile(attack))
	}
	return list
}

func TestJUnitKeepsTheOrderAndTheCounts(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteJUnit(&b, noGo(), CI))
	var got suites
	require.NoError(t, xml.Unmarshal(b.Bytes(), &got))
	var names []string
	seen := map[string]bool{}
	tests, failures, errors, skipped := 0, 0, 0, 0
	for _, s := range got.Suites {
		tests, failures, errors, skipped = tests+s.Tests, failures+s.Failures, errors+s.Errors, skipped+s.Skipped
		assert.Len(t, s.Cases, s.Tests)
		for _, c := range s.Cases {
			names = append(names, c.Name)
			assert.False(t, seen[c.Classname+"."+c.Name], "%s twice", c.Name)
			seen[c.Classname+"."+c.Name] = true
			for _, o := range []*outcome{c.Failure, c.Error, c.Skipped} {
				if o != nil {
					assert.True(t, strings.HasPrefix(o.Text, o.Message), "the text begins with the message")
					assert.NotEmpty(t, o.Type)
				}
			}
		}
	}
	assert.Equal(t, []string{"ApexToTarget", "LowTTL", "WWW", "Failover", "Hygiene", "CertAllDomains", "Expiry90", "HTTPSRedirect", "Grade", "the-run"}, names)
	assert.Equal(t, []int{10, 1, 4, 3}, []int{tests, failures, errors, skipped})
	assert.Equal(t, []int{10, 1, 4}, []int{got.Tests, got.Failures, got.Errors})
}

func TestABrokenConfigurationIsSaidOnce(t *testing.T) {
	v := noGo()
	for i := range v.Gates {
		v.Gates[i] = gateRow("DNS", fmt.Sprintf("Gate%d", i), evidence.Blocked)
		v.Gates[i].Message = "launch.yaml:3: dns.low_ttl: want a duration; got \"soon\"\nlaunch.yaml:9: tls.names: want a list; got nothing"
	}
	v.Problems, v.Blockers = nil, []string{v.Gates[0].ID}
	var b bytes.Buffer
	require.NoError(t, Table(&b, v, Options{Width: 80}))
	assert.Equal(t, 1, strings.Count(b.String(), "tls.names"))
	assert.Contains(t, b.String(), "as for TMinus5/DNS/Gate0")
}
