package probe

import (
	"net/url"
	"slices"
	"strings"
)

var testWords = []string{"current", "preprod", "test", "staging", "sandbox", "dev", "demo", "localhost"}

// TestWord is the word by which a URL says itself, in its host or path, that what it leads to is for tests; empty where there is none.
// BankID's realms for tests are current and preprod.
func TestWord(address *url.URL) string {
	words := strings.FieldsFunc(strings.ToLower(address.Host+address.Path), func(r rune) bool { return r < '0' || r > '9' && r < 'a' || r > 'z' })
	if i := slices.IndexFunc(words, func(word string) bool { return slices.Contains(testWords, word) }); i >= 0 {
		return words[i]
	}
	return ""
}
