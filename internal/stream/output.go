package stream

import (
	"fmt"
	"strings"
)

// spoil marks a test whose events contradict each other. The first reason stands.
func (t *test) spoil(format string, args ...any) {
	if t.Damage == "" {
		t.Damage = fmt.Sprintf(format, args...)
	}
}

func (t *test) done() Test {
	t.Output = t.output.String()
	return t.Test
}

// print takes a piece of the package's output, whichever test it is said to belong to: a panic's text is put down to
// the test that printed last, which need not be the one that panicked.
func (p *running) print(text string) {
	const most = 8
	p.last = append(p.last, text)
	if len(p.last) > most {
		p.last = p.last[1:]
	}
	if p.Panic == "" && (strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ")) {
		p.panicked = true
		p.TimedOut = strings.HasPrefix(text, "panic: test timed out after")
	}
	if !p.panicked {
		return
	}
	if strings.TrimSpace(text) == "" || len(p.Panic) > half {
		p.panicked = false
		return
	}
	p.Panic += text
}
