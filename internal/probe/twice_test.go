package probe

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTwice(t *testing.T) {
	for document, want := range map[string]string{
		`{"status":"fail","status":"ok"}`:                   `"status"`,
		`{"status":"ok","status":"ok"}`:                     `"status"`,
		`{"status":{"a":1},"b":[],"status":"ok"}`:           `"status"`,
		`{"data":{"status":"fail","status":"ok"}}`:          `"status"`,
		`{"data":[{"a":1},{"b":[[{"c":1,"c":2}]]}]}`:        `"c"`,
		`{"st\u0061tus":"fail","status":"ok"}`:              `"status"`,
		`{"":1,"":2}`:                                       `""`,
		`{"a":"a","b":"a","c":{"a":"b"},"d":[{"a":1},"a"]}`: "none",
		`{"a":{"x":1},"b":{"x":1}}`:                         "none",
		`[{"a":1},{"a":1}]`:                                 "none",
		`{"a":1,"A":2}`:                                     "none",
		`{"a":1e999}`:                                       "none",
		`"a"`:                                               "none",
		`{"a":1`:                                            "none",
		`}`:                                                 "none",
		``:                                                  "none",
	} {
		got := "none"
		if key, found := Twice([]byte(document)); found {
			got = strconv.Quote(key)
		}
		assert.Equal(t, want, got, document)
	}
}
