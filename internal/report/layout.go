package report

import (
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// columns is how many columns of a terminal a text takes.
func columns(text string) int {
	n := 0
	for _, r := range text {
		n += columnsOf(r)
	}
	return n
}

func columnsOf(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	default:
		return 1
	}
}

// pad fills a text up to n columns.
func pad(text string, n int) string { return text + strings.Repeat(" ", max(0, n-columns(text))) }

// cut shortens a text to n columns.
func cut(text string, n int) string {
	const perColumn = 8 // bytes; marks that take no column could go on for ever
	if columns(text) <= n && len(text) <= perColumn*n {
		return text
	}
	head, _ := split(strings.ToValidUTF8(text[:min(len(text), perColumn*n)], ""), max(1, n-3))
	return head + "..."
}

// split cuts a text after at most n columns, and after one letter at least.
func split(text string, n int) (head, rest string) {
	used := 0
	for i, r := range text {
		used += columnsOf(r)
		if used > n && i > 0 {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// wrap breaks a text between words into lines of at most n columns, and inside a word only where it is longer than that.
func wrap(text string, n int) []string {
	var lines []string
	now := ""
	for _, word := range strings.Fields(text) {
		if now != "" && columns(now)+1+columns(word) > n {
			lines, now = append(lines, now), ""
		}
		if now != "" {
			now += " "
		}
		now += word
		for columns(now) > n && len([]rune(now)) > 1 {
			var head string
			head, now = split(now, n)
			lines = append(lines, head)
		}
	}
	return append(lines, now)
}
