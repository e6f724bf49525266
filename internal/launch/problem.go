package launch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a file that a person wrote. Its message never holds a secret's value.
type Problem struct {
	File    string // as a person at the repository's root would type it
	Line    int    // 0 where the mistake is about the whole file
	Key     string // such as dns.low_ttl or dns.records[2].name; empty where it is about the whole file
	Message string // want …; got …; what to do
}

// Error is the one line "launch.yaml:12: dns.low_ttl: want …; got …".
func (p Problem) Error() string {
	line := p.File
	if p.Line > 0 {
		line += fmt.Sprintf(":%d", p.Line)
	}
	if p.Key != "" {
		line += ": " + p.Key
	}
	return line + ": " + p.Message
}

// Problems are all mistakes of one launch, by file and line. A launch with problems is never used.
type Problems []Problem

// Error prints one line for each problem.
func (p *Problems) Error() string {
	lines := make([]string, 0, len(*p))
	for _, problem := range *p {
		lines = append(lines, problem.Error())
	}
	return strings.Join(lines, "\n")
}

func (p *Problems) add(at Position, key, format string, args ...any) {
	*p = append(*p, Problem{File: at.File, Line: at.Line, Key: key, Message: fmt.Sprintf(format, args...)})
}

// err is nil where there is no problem, else the problems in order.
func (p *Problems) err() error {
	if len(*p) == 0 {
		return nil
	}
	slices.SortStableFunc(*p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Key, b.Key))
	})
	return p
}
