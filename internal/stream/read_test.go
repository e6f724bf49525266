package stream_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/stream"
)

// lines makes a stream of one package; each argument is what stands after the action, or a whole line where it begins with "!".
func lines(events ...string) string {
	var b strings.Builder
	b.WriteString(`{"Action":"start","Package":"p"}` + "\n")
	for _, e := range events {
		if raw, ok := strings.CutPrefix(e, "!"); ok {
			b.WriteString(raw + "\n")
			continue
		}
		action, rest, _ := strings.Cut(e, " ")
		test, more, _ := strings.Cut(rest, " ")
		name := ""
		if test != "" && test != "-" {
			name = fmt.Sprintf(`,"Test":%q`, test)
		}
		if more != "" {
			more = "," + more
		}
		fmt.Fprintf(&b, `{"Action":%q,"Package":"p"%s%s}`+"\n", action, name, more)
	}
	return b.String()
}

func read(t *testing.T, text string) stream.Stream {
	t.Helper()
	s, err := stream.Read(strings.NewReader(text), nil)
	require.NoError(t, err)
	return s
}

func TestGateAndPackage(t *testing.T) {
	var told []string
	s, err := stream.Read(strings.NewReader(lines("run TestA", "run TestA/B", "run TestA/B/C", "pause TestA/B/C", "cont TestA/B/C",
		`attr TestA/B/C "Key":"k","Value":"v"`, `output TestA/B/C "Output":"=== RUN   TestA/B/C\n"`, `output TestA/B/C "Output":"seen\n"`,
		`pass TestA/B/C "Elapsed":0.25`, "pass TestA/B", "pass TestA", `output - "Output":"ok  \tp\t0.2s\n"`, "pass")),
		func(t stream.Test) { told = append(told, t.ID()) })
	require.NoError(t, err)
	assert.Empty(t, s.Damage)
	assert.Equal(t, []string{"A/B/C"}, told)
	require.Len(t, s.Tests, 3)
	assert.True(t, s.Tests[0].Parent)
	assert.True(t, s.Tests[1].Parent)
	gate := s.Tests[2]
	assert.False(t, gate.Parent)
	assert.Equal(t, "A/B/C", gate.ID())
	assert.Equal(t, stream.Pass, gate.Result)
	assert.Equal(t, 250*time.Millisecond, gate.Elapsed)
	assert.Equal(t, map[string]string{"k": "v"}, gate.Attrs)
	assert.Equal(t, "seen\n", gate.Output)
	require.Len(t, s.Packages, 1)
	assert.Same(t, s.Packages[0], gate.Package)
	assert.Equal(t, stream.Package{Name: "p", Result: stream.Pass, Last: "=== RUN   TestA/B/C\nseen\nok  \tp\t0.2s"}, *s.Packages[0])
}

// TestDamage gives streams from which something is missing, or to which something came.
func TestDamage(t *testing.T) {
	whole := []string{"run TestA", "pass TestA", "pass"}
	for what, text := range map[string]string{
		"ends before the package":  lines(whole[:2]...),
		"ends before the test":     lines(whole[:1]...),
		"last line is torn":        strings.TrimSuffix(lines(whole...), `p"}`+"\n"),
		"a line is cut short":      lines("run TestA", `!{"Action":"fail","Packa`, "pass TestA", "pass"),
		"a line has lost its head": lines("run TestA", `!":"fail","Package":"p","Test":"TestA"}`, "pass TestA", "pass"),
		"two lines became one":     lines("run TestA", `!go: downloading{"Action":"fail","Package":"p","Test":"TestA"} x`, "pass TestA", "pass"),
		"an event of no kind":      lines("run TestA", `!{"Package":"p","Test":"TestA"}`, "pass TestA", "pass"),
		"an event of no package":   lines("run TestA", `!{"Action":"fail","Test":"TestA"}`, "pass TestA", "pass"),
		"a line beyond all size":   lines("run TestA", `!{"Action":"fail","Package":"p","Output":"`+strings.Repeat("x", 2<<20)+`"}`, "pass TestA", "pass"),
		"no start":                 strings.Join(strings.SplitAfter(lines(whole...), "\n")[1:], ""),
		"starts twice":             lines("run TestA", `!{"Action":"start","Package":"p"}`, "pass"),
		"goes on after the end":    lines("run TestA", "pass TestA", "pass", "fail TestA"),
		"a build that nobody owns": lines("run TestA", "pass TestA", "pass", `!{"ImportPath":"q","Action":"build-fail"}`),
	} {
		assert.NotEmpty(t, read(t, text).Damage, what)
	}
	assert.Empty(t, read(t, lines(whole...)).Damage)
}

func TestDamageOfATest(t *testing.T) {
	for what, events := range map[string][]string{
		"ends twice":           {"run TestA", "pass TestA", "pass TestA", "pass"},
		"ends in two ways":     {"run TestA", "fail TestA", "pass TestA", "pass"},
		"never started":        {"pass TestA", "pass"},
		"starts twice":         {"run TestA", "run TestA", "pass TestA", "pass"},
		"says one thing twice": {"run TestA", `attr TestA "Key":"k","Value":"v"`, `attr TestA "Key":"k","Value":"v"`, "pass TestA", "pass"},
	} {
		s := read(t, lines(events...))
		damage := ""
		for _, test := range s.Tests {
			damage += test.Damage
		}
		assert.NotEmpty(t, damage, what)
	}
}

func TestASecondRunIsKept(t *testing.T) {
	s := read(t, lines("run TestA", "fail TestA", "run TestA", "pass TestA", "pass"))
	require.Len(t, s.Tests, 2)
	assert.Equal(t, stream.Fail, s.Tests[0].Result)
	assert.Equal(t, stream.Pass, s.Tests[1].Result)
}

func TestNoiseIsNoDamage(t *testing.T) {
	s := read(t, "go: downloading example.test v1.0.0\n\n"+lines("run TestA", "!signal: killed", "pass TestA", "pass"))
	assert.Empty(t, s.Damage)
	assert.Contains(t, s.Noise, "signal: killed")
}

func TestPackages(t *testing.T) {
	cached := read(t, lines("run TestA", "pass TestA", `output - "Output":"ok  \tp\t(cached)\n"`, "pass"))
	assert.True(t, cached.Packages[0].Cached)

	none := read(t, lines(`output - "Output":"testing: warning: no tests to run\n"`, "pass"))
	assert.True(t, none.Packages[0].NoTests)

	files := read(t, lines(`output - "Output":"?   \tp\t[no test files]\n"`, "skip"))
	assert.True(t, files.Packages[0].NoTests)

	build := read(t, `{"ImportPath":"p.test","Action":"build-output","Output":"x.go:1: undefined: y\n"}`+"\n"+
		`{"ImportPath":"p.test","Action":"build-fail"}`+"\n"+lines(`fail - "FailedBuild":"p.test"`))
	assert.Equal(t, "x.go:1: undefined: y", build.Packages[0].Build)
	assert.Empty(t, build.Damage)

	panicked := read(t, lines("run TestA", `output TestA "Output":"panic: boom\n"`, `output TestA "Output":"\tmore [recovered]\n"`,
		`output TestA "Output":"\n"`, `output TestA "Output":"goroutine 7\n"`, "fail"))
	assert.Equal(t, "panic: boom\n\tmore [recovered]\n", panicked.Packages[0].Panic)
	assert.False(t, panicked.Packages[0].TimedOut)
	assert.Equal(t, stream.None, panicked.Tests[0].Result)

	late := read(t, lines("run TestA", `output TestA "Output":"panic: test timed out after 1s\n"`, "fail"))
	assert.True(t, late.Packages[0].TimedOut)
}

func TestInterleavedPackages(t *testing.T) {
	a, b := lines("run TestA", "pass TestA", "pass"), strings.ReplaceAll(lines("run TestA", "fail TestA", "fail"), `"p"`, `"q"`)
	var mixed string
	for i, line := range strings.SplitAfter(a, "\n") {
		mixed += line + strings.SplitAfter(b, "\n")[i]
	}
	s := read(t, mixed)
	assert.Empty(t, s.Damage)
	require.Len(t, s.Tests, 2)
	assert.Equal(t, stream.Pass, s.Tests[0].Result)
	assert.Equal(t, stream.Fail, s.Tests[1].Result)
	assert.Equal(t, stream.Fail, s.Packages[1].Result)
}

func TestOutputKeepsHeadAndTail(t *testing.T) {
	events := []string{"run TestA"}
	for i := range 3000 {
		events = append(events, fmt.Sprintf(`output TestA "Output":"line %d %s\n"`, i, strings.Repeat("x", 60)))
	}
	s := read(t, lines(append(events, "pass TestA", "pass")...))
	out := s.Tests[0].Output
	assert.Less(t, len(out), 66<<10)
	assert.True(t, strings.HasPrefix(out, "line 0 "))
	assert.Contains(t, out, "... left out ...")
	assert.Contains(t, out, "line 2999 ")
}

func TestTheUnendedAreToldOf(t *testing.T) {
	var told []stream.Test
	_, err := stream.Read(strings.NewReader(lines("run TestA", "run TestA/B", "fail")), func(t stream.Test) { told = append(told, t) })
	require.NoError(t, err)
	require.Len(t, told, 1)
	assert.Equal(t, "A/B", told[0].ID())
	assert.Equal(t, stream.None, told[0].Result)
}

func TestAReaderThatBreaks(t *testing.T) {
	broken := errors.New("connection reset")
	s, err := stream.Read(io.MultiReader(strings.NewReader(lines("run TestA")), iotest.ErrReader(broken)), nil)
	require.ErrorIs(t, err, broken)
	assert.NotEmpty(t, s.Damage)
	assert.Len(t, s.Tests, 1)
}

func FuzzRead(f *testing.F) {
	f.Add(lines("run TestA", "run TestA/B", `attr TestA/B "Key":"k","Value":"v"`, `output TestA/B "Output":"panic: x\n"`, "fail TestA/B", "pass TestA", "pass"))
	f.Add(lines("run TestA", "pass TestA", "run TestA", "pass"))
	f.Add("go: downloading\n{\"Action\":\"build-fail\",\"ImportPath\":\"p\"}\n{\"Action\":\"fail\",\"Package\":\"p\",\"FailedBuild\":\"p\"}")
	f.Add("{\"Action\":\"start\"")
	f.Fuzz(func(t *testing.T, text string) {
		told := 0
		s, err := stream.Read(strings.NewReader(text), func(stream.Test) { told++ })
		require.NoError(t, err)
		leaves := 0
		for _, test := range s.Tests {
			assert.Contains(t, s.Packages, test.Package)
			assert.LessOrEqual(t, len(test.Output), 3*(65<<10)) // a byte that is no UTF-8 can become three
			if !test.Parent {
				leaves++
			}
		}
		assert.GreaterOrEqual(t, told, leaves)
		assert.LessOrEqual(t, len(s.Damage), 20)
		// A torn stream is never whole: without its last byte, a package that had ended has not, or the end was not its own.
		if n := len(s.Packages); n > 0 && strings.HasSuffix(text, "}") && len(s.Damage) == 0 {
			assert.NotEmpty(t, read(t, text[:len(text)-1]).Damage)
		}
	})
}
