package launch

import (
	"fmt"
	"regexp"
	"strings"
)

var reference = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^${}]*))?\}`)

// expand replaces ${NAME} and ${NAME:-default} in one scalar by the environment's value, and $$ by a dollar sign. As in
// a shell, the default also stands in for an empty value. What comes out is never expanded again, and never read as YAML.
func expand(text string, lookup func(string) (string, bool)) (string, error) {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		if strings.HasPrefix(after, "$") {
			out.WriteByte('$')
			text = after[1:]
			continue
		}
		match := reference.FindStringSubmatch("$" + after)
		if match == nil {
			return "", fmt.Errorf("want ${NAME}, ${NAME:-default}, or $$ for a dollar sign; got a $ that begins none of them")
		}
		value, set := lookup(match[1])
		switch hasDefault := match[2] != ""; {
		case value == "" && hasDefault:
			value = match[3]
		case !set:
			return "", fmt.Errorf("want the environment variable %s; got none; export it, or write ${%s:-default}", match[1], match[1])
		}
		out.WriteString(value)
		text = after[len(match[0])-1:]
	}
}

var unfinished = regexp.MustCompile(`\{\{[^{}]*\}\}|\b(?:TBD|TODO)\b`)

// leftover finds what somebody meant to fill in later: {{NAME}}, TBD or TODO.
func leftover(text string) string { return unfinished.FindString(text) }
