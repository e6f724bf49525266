package migrations

import (
	"regexp"
	"strings"
)

// Statement is one SQL statement and the line of its file on which it begins.
type Statement struct {
	Line int
	SQL  string
}

var (
	tag   = regexp.MustCompile(`^\$([A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$`)
	blank = regexp.MustCompile(`^(\s|--[^\n]*(\n|$))+`)
)

// Statements cuts a script at its semicolons, as psql does: not within quotes, dollar quotes, comments and parentheses
// (https://www.postgresql.org/docs/current/sql-syntax-lexical.html). Comments before a statement are left out.
func Statements(text string) []Statement {
	var all []Statement
	depth, start := 0, 0
	add := func(end int) {
		from := start
		for {
			if space := blank.FindString(text[from:end]); space != "" {
				from += len(space)
			} else if strings.HasPrefix(text[from:end], "/*") {
				from = min(end, skip(text, from))
			} else {
				break
			}
		}
		if sql := strings.TrimSpace(text[from:end]); sql != "" {
			all = append(all, Statement{Line: 1 + strings.Count(text[:from], "\n"), SQL: sql})
		}
		start = end + 1
	}
	for at := 0; at < len(text); {
		switch c := text[at]; {
		case c == ';' && depth == 0:
			add(at)
		case c == '(':
			depth++
		case c == ')':
			depth = max(0, depth-1)
		default:
			if end := skip(text, at); end > at {
				at = end
				continue
			}
		}
		at++
	}
	if start < len(text) {
		add(len(text))
	}
	return all
}

// skip is where what begins at a place, such as a quote, ends; the same place where nothing of that sort begins.
func skip(text string, at int) int {
	rest := text[at:]
	within := func(begin int, end string) int {
		if i := strings.Index(rest[begin:], end); i >= 0 {
			return at + begin + i + len(end)
		}
		return len(text)
	}
	switch {
	case strings.HasPrefix(rest, "--"):
		return within(2, "\n")
	case strings.HasPrefix(rest, "/*"):
		return comment(text, at)
	case rest[0] == '"':
		return within(1, `"`)
	case rest[0] == '\'':
		return quoted(text, at)
	case rest[0] == '$' && (at == 0 || !word(text[at-1])):
		if mark := tag.FindString(rest); mark != "" {
			return within(len(mark), mark)
		}
	}
	return at
}

func word(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

// comment ends a comment, which may have others within.
func comment(text string, at int) int {
	depth := 0
	for at < len(text) {
		switch {
		case strings.HasPrefix(text[at:], "/*"):
			depth, at = depth+1, at+2
		case strings.HasPrefix(text[at:], "*/"):
			depth, at = depth-1, at+2
		default:
			at++
		}
		if depth == 0 {
			break
		}
	}
	return at
}

// quoted ends a string. One that begins with E has backslashes that escape.
func quoted(text string, at int) int {
	escapes := at > 0 && text[at-1]|0x20 == 'e' && (at == 1 || !word(text[at-2]))
	for at++; at < len(text); at++ {
		switch {
		case text[at] == '\\' && escapes:
			at++
		case text[at] == '\'':
			return at + 1 // a doubled one begins the next string
		}
	}
	return len(text)
}
