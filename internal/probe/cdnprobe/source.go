package cdnprobe

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// origin says where an answer came from.
type origin int

// The ways an answer can come about, as its headers say.
const (
	unsaid  origin = iota // no header says
	fetched               // the CDN asked the origin for it
	stored                // the CDN had it
)

// source reads where an answer came from, and the header that says so. One cache on the way that had it is enough: stored
// prevails.
func source(header http.Header) (from origin, why string) {
	for _, read := range []struct {
		name string
		of   func(string) origin
	}{
		{"Cache-Status", cacheStatus}, {"X-Cache", xCache}, {"X-Cache-Status", word}, {"X-Proxy-Cache", word}, {"CF-Cache-Status", word}, {"CDN-Cache", word},
		{"X-Vercel-Cache", word}, {"X-Nextjs-Cache", word}, {"Age", age},
	} {
		for _, value := range header.Values(read.name) {
			if said := read.of(value); said > from {
				from, why = said, read.name+": "+value
			}
		}
	}
	return from, why
}

// age reads Age: a cache sends it with what it had. Some send 0 with what they have just fetched. Of a list the first counts, and what is no
// number says nothing; one that is too large for a number is a long time (RFC 9111 1.2.2, 5.1).
func age(value string) origin {
	first, _, _ := strings.Cut(value, ",")
	n, err := strconv.ParseUint(strings.TrimSpace(first), 10, 64)
	if n == 0 || errors.Is(err, strconv.ErrSyntax) {
		return unsaid
	}
	return stored
}

// cacheStatus reads the standard header (RFC 9211), a list of caches with what each did.
func cacheStatus(value string) origin {
	said := unsaid
	for member := range splitUnquoted(value, ',') {
		for parameter := range splitUnquoted(member, ';') {
			key, v, given := strings.Cut(strings.ToLower(strings.TrimSpace(parameter)), "=")
			switch {
			case key == "hit" || key == "collapsed":
				if !given || v == "?1" {
					said = stored
				}
			case key == "fwd-status" && v == "304": // what it had, found to be good still
				said = stored
			case key == "fwd":
				said = max(said, fetched)
			}
		}
	}
	return said
}

// splitUnquoted cuts a structured field (RFC 9651) where a separator is not in quotes.
func splitUnquoted(value string, separator byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		quoted, start := false, 0
		for i := 0; i < len(value); i++ {
			switch {
			case quoted && value[i] == '\\':
				i++
			case value[i] == '"':
				quoted = !quoted
			case value[i] == separator && !quoted:
				if !yield(value[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(value[start:])
	}
}

// xCache reads X-Cache, which says a word for each cache on the way: "Hit from cloudfront", "MISS, HIT", "TCP_HIT".
func xCache(value string) origin {
	said := unsaid
	for member := range strings.SplitSeq(value, ",") {
		first, _, _ := strings.Cut(strings.TrimSpace(member), " ")
		said = max(said, word(first))
	}
	return said
}

// misses are the words for an answer that the CDN fetched.
var misses = []string{"miss", "pass", "bypass", "dynamic", "expired", "none", "error", "generated", "uncacheable", "synth"}

// word reads one cache's word.
func word(value string) origin {
	value = strings.ToLower(strings.TrimSpace(value))
	for _, miss := range misses { // first, for hit-for-pass and hit-for-miss
		if strings.Contains(value, miss) {
			return fetched
		}
	}
	for _, hit := range []string{"hit", "stale", "updating", "revalidated", "prerender"} {
		if strings.Contains(value, hit) {
			return stored
		}
	}
	return unsaid
}
