// Package stream reads what `go test -json` writes and keeps what a verdict needs: how each test and each package ended,
// the attributes and the output of each gate, and every sign that something of the stream is missing. It trusts nothing:
// what it cannot make out is reported as damage, never left out. It knows nothing of the catalogue, of launch.yaml or of
// evidence files, and must import none of them.
package stream

import (
	"strings"
	"time"
)

// Result is how a test or a package ended.
type Result string

// The results. None means that it started and nothing says how it ended.
const (
	None Result = ""
	Pass Result = "pass"
	Fail Result = "fail"
	Skip Result = "skip"
)

// Test is one run of one test.
type Test struct {
	Package *Package
	Name    string // "TestTMinus5/DNS/LowTTL"
	Result  Result
	Elapsed time.Duration
	Attrs   map[string]string // what t.Attr said
	Output  string            // at most 64 KiB: head and tail
	Parent  bool              // it has subtests, so it is a page or a section and not a gate
	Damage  string            // why its events cannot be trusted; empty where they can
}

// ID is the test's name as a gate's id: "TMinus5/DNS/LowTTL".
func (t Test) ID() string { return strings.TrimPrefix(t.Name, "Test") }

// Package is one run of one package's tests.
type Package struct {
	Name     string
	Result   Result
	Cached   bool   // go test answered out of its cache: nothing was looked at
	NoTests  bool   // nothing matched, or there are no test files
	Build    string // why it did not compile
	Panic    string // what the panic or fatal error said
	TimedOut bool   // the panic was the test timeout
	Last     string // the last lines of its output, for a package that ended with no other explanation
}

// Stream is what one stream said.
type Stream struct {
	Tests    []Test     // in the order in which they started
	Packages []*Package // in the order in which they started
	Damage   []string   // why parts of the stream cannot be trusted
	Noise    string     // lines that are no events, such as what go wrote to standard error; at most 64 KiB
}

// half of what is kept of one test's output.
const half = 32 << 10

// clip keeps the head and the tail of a text.
type clip struct {
	head, tail []byte
	lost       int
}

func (c *clip) add(text string) {
	room := min(half-len(c.head), len(text))
	c.head = append(c.head, text[:room]...)
	c.tail = append(c.tail, text[room:]...)
	if len(c.tail) > 2*half {
		c.shorten()
	}
}

func (c *clip) shorten() {
	if over := len(c.tail) - half; over > 0 {
		c.lost += over
		c.tail = append([]byte(nil), c.tail[over:]...)
	}
}

func (c *clip) String() string {
	c.shorten()
	gap := ""
	if c.lost > 0 {
		gap = "\n... left out ...\n"
	}
	return strings.ToValidUTF8(string(c.head)+gap+string(c.tail), "?")
}
