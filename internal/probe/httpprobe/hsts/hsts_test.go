package hsts

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	const s = time.Second
	good := map[string]Policy{
		"max-age=63072000; includeSubDomains; preload": {63072000 * s, true, true},
		"max-age=31536000":                            {MaxAge: 31536000 * s},
		"MAX-AGE=1; INCLUDESUBDOMAINS; PreLoad":       {s, true, true},
		"preload;includesubdomains;max-age=1":         {s, true, true},
		`max-age="63072000"; includeSubDomains`:       {63072000 * s, true, false},
		`max-age="630\72000"`:                         {63072000 * s, false, false},
		"  max-age = 1 ;\tincludeSubDomains ":         {s, true, false},
		";;; max-age=1 ;; ; preload;":                 {s, false, true},
		"max-age=0":                                   {},
		"max-age=00010":                               {MaxAge: 10 * s},
		"max-age=99999999999999999999999999":          {MaxAge: math.MaxInt64},
		"max-age=9223372037":                          {MaxAge: math.MaxInt64},
		"max-age=1; future=x; other; quoted=\"a;b\"":  {MaxAge: s},
		`max-age=1; future="includeSubDomains; \"x"`:  {MaxAge: s},
		"max-age=1; includeSubDomainsX; preload-soon": {MaxAge: s},
	}
	for value, want := range good {
		t.Run(value, func(t *testing.T) {
			got, err := Parse(value)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
	bad := map[string]string{
		"":                                      "no max-age",
		" ; ;":                                  "no max-age",
		"includeSubDomains; preload":            "no max-age",
		"maxage=1":                              "no max-age",
		"max-age":                               "is no number",
		"max-age=":                              "a value is missing",
		`max-age=""`:                            "is no number",
		"max-age=-1":                            "is no number",
		"max-age=+1":                            "is no number",
		"max-age=1.5":                           "is no number",
		"max-age=1 000":                         "unexpected",
		"max-age=two-years":                     "is no number",
		"max-age=0x10":                          "is no number",
		"max-age=１":                             "a value is missing",
		"max-age=1, includeSubDomains":          "unexpected",
		"max-age=1; max-age=1":                  "max-age stands twice",
		"max-age=1; Max-Age=63072000":           "max-age stands twice",
		"max-age=1; preload; preload":           "preload stands twice",
		"max-age=1; includeSubDomains=true":     "takes no value",
		"max-age=1; preload=1":                  "takes no value",
		"max-age=1 includeSubDomains":           "unexpected",
		"max-age=1; future=x; future=y":         "future stands twice",
		`max-age="1`:                            "without an end",
		`max-age="1\`:                           "without an end",
		`max-age="1"2`:                          "unexpected",
		"max-age:1":                             "unexpected",
		"=1; max-age=1":                         "unexpected",
		"max-age=1; =":                          "unexpected",
		`"max-age=63072000; includeSubDomains"`: "unexpected",
		"max-age=1;\x00":                        "unexpected",
		"Strict-Transport-Security: max-age=63072": "unexpected",
	}
	for value, want := range bad {
		t.Run("bad "+value, func(t *testing.T) {
			got, err := Parse(value)
			require.ErrorContains(t, err, want)
			assert.Zero(t, got)
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"max-age=63072000; includeSubDomains; preload", `MAX-AGE="1";x="a\"b"`, ";max-age=1;;", "max-age=99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := Parse(value)
		if err != nil {
			assert.Zero(t, got)
			return
		}
		assert.GreaterOrEqual(t, got.MaxAge, time.Duration(0))
		// What was understood, written out, is understood again.
		again, err := Parse(got.String())
		require.NoError(t, err)
		assert.Equal(t, got.MaxAge.Truncate(time.Second), again.MaxAge.Truncate(time.Second))
		assert.Equal(t, []bool{got.IncludeSubDomains, got.Preload}, []bool{again.IncludeSubDomains, again.Preload})
		// Another max-age makes any value invalid.
		_, err = Parse(value + "; max-age=1")
		assert.Error(t, err)
	})
}
