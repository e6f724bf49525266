package redact

import (
	"encoding/json"
	"regexp"
)

// literal is a text of JSON in its quotes.
var literal = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// JSON is JSON with every text in it redacted as it was before it was encoded: what was quoted already when it was
// encoded, as with %q, is in no form that Bytes knows.
func JSON(text []byte) []byte {
	if registered.Load() == nil {
		return text
	}
	return Bytes(literal.ReplaceAllFunc(text, func(quoted []byte) []byte {
		var plain string
		if err := json.Unmarshal(quoted, &plain); err != nil {
			return quoted // not JSON after all; Bytes looks at it as it is
		}
		clean, err := json.Marshal(String(plain))
		if err != nil || String(plain) == plain {
			return quoted
		}
		return clean
	}))
}
