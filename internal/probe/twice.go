package probe

import (
	"bytes"
	"encoding/json"
)

// Twice is the first key that a JSON document has twice in one object, where it has one. encoding/json takes the last of the two, and
// others take the first (RFC 8259 4), so that nobody can tell what such a document says. What is no JSON has none.
func Twice(document []byte) (key string, found bool) {
	type object struct {
		keys  map[string]bool // nil: a list
		value bool            // a key was read, and its value comes next
	}
	var in []object // from the outermost
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber() // whatever its size
	for {
		token, err := decoder.Token()
		if err != nil {
			return "", false
		}
		if delimiter, is := token.(json.Delim); is && (delimiter == '}' || delimiter == ']') {
			in = in[:len(in)-1]
			continue
		}
		if at := len(in) - 1; at >= 0 && in[at].keys != nil {
			key, _ := token.(string)
			if !in[at].value {
				if in[at].keys[key] {
					return key, true
				}
				in[at].keys[key] = true
			}
			if in[at].value = !in[at].value; in[at].value {
				continue // what follows is its value
			}
		}
		switch token {
		case json.Delim('{'):
			in = append(in, object{keys: map[string]bool{}})
		case json.Delim('['):
			in = append(in, object{})
		}
	}
}
