// Package report shows a verdict: on the terminal, as JSON, as GitHub annotations and step summary, and as JUnit. It
// decides nothing. What a server sent is never trusted: every text is redacted and freed of control characters before
// it is laid out or encoded. It imports neither gates nor probes.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/getdrop/launchgate/internal/verdict"
)

// Format is how a verdict is written.
type Format string

// The formats.
const (
	Human  Format = "human"  // the checklist as a table
	JSON   Format = "json"   // verdict.Verdict
	GitHub Format = "github" // the table, and annotations for the worst of it
)

// Options say what the reader's screen can do.
type Options struct {
	Color bool // colours and symbols beyond ASCII
	Width int  // columns; 0 where lines may be as long as they like, which the table reads as 120
}

// Terminal finds out what the screen behind out can do. NO_COLOR and TERM=dumb ask for plain text.
func Terminal(out *os.File) Options {
	fd := int(out.Fd())
	if !term.IsTerminal(fd) {
		return Options{}
	}
	o := Options{Color: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, _, err := term.GetSize(fd); err == nil { // a terminal without a size has lines of any length
		o.Width = min(width, 120)
	}
	return o
}

// Write writes a verdict in a format.
func Write(w io.Writer, v verdict.Verdict, f Format, o Options) error {
	switch f {
	case Human:
		return Table(w, v, o)
	case JSON:
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(safe(v))
	case GitHub:
		if err := Table(w, v, o); err != nil {
			return err
		}
		return annotate(w, v)
	default:
		return fmt.Errorf("format %q: want human, json or github", f)
	}
}
