package gate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/getdrop/launchgate/internal/catalogue"
)

// selects says whether every alternative of a -run pattern names at least one gate. `go test` itself is content with a
// pattern that matches nothing, and says "ok".
func selects(pattern string, gates catalogue.Catalogue) error {
	for _, alternative := range split(pattern, '|') {
		var elements []*regexp.Regexp
		for _, element := range split(alternative, '/') {
			re, err := regexp.Compile(strings.ReplaceAll(element, " ", "_"))
			if err != nil {
				return fmt.Errorf("-run %q: want a regular expression in each part between slashes; got %w", pattern, err)
			}
			elements = append(elements, re)
		}
		if !slices.ContainsFunc(gates, func(g catalogue.Gate) bool { return matches(elements, g.ID) }) {
			return fmt.Errorf("-run %q: want a pattern that names a gate; got %q, which names none; nearest: %s; `launchgate list` shows all",
				pattern, alternative, strings.Join(nearest(alternative, gates), ", "))
		}
	}
	return nil
}

// matches applies a pattern as package testing does: part by part, and a shorter pattern takes in all that is below.
func matches(elements []*regexp.Regexp, id string) bool {
	path := strings.Split("Test"+id, "/")
	for i, re := range elements {
		if i >= len(path) || !re.MatchString(path[i]) {
			return false
		}
	}
	return true
}

// split cuts a pattern at a separator that stands outside brackets and parentheses, as package testing does.
func split(pattern string, separator byte) []string {
	var parts []string
	start, brackets, parentheses := 0, 0, 0
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\':
			i++
		case c == '[':
			brackets++
		case c == ']':
			brackets = max(0, brackets-1)
		case c == '(' && brackets == 0:
			parentheses++
		case c == ')' && brackets == 0:
			parentheses--
		case c == separator && brackets == 0 && parentheses == 0:
			parts = append(parts, pattern[start:i])
			start = i + 1
		}
	}
	return append(parts, pattern[start:])
}

// nearest lists the three ids or id prefixes that a mistyped pattern may have meant.
func nearest(pattern string, gates catalogue.Catalogue) []string {
	typed := strings.TrimPrefix(strings.NewReplacer("^", "", "$", "").Replace(pattern), "Test")
	depth := strings.Count(typed, "/") + 1
	var names []string
	for _, g := range gates {
		parts := strings.Split(g.ID, "/")
		if name := strings.Join(parts[:min(depth, len(parts))], "/"); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		return levenshtein.ComputeDistance(typed, a) - levenshtein.ComputeDistance(typed, b)
	})
	return names[:min(3, len(names))]
}
