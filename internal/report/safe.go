package report

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/getdrop/launchgate/internal/redact"
)

// safe returns a copy of a verdict or a gate in which every text is redacted and printable. It walks the type, so that
// a field that is added later is covered from its first day.
func safe[T any](v T) T {
	scrub(reflect.ValueOf(&v).Elem())
	return v
}

func scrub(v reflect.Value) {
	if !v.CanSet() {
		return // an unexported field, such as those of time.Time
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(printable(redact.String(v.String())))
	case reflect.Struct:
		for i := range v.NumField() {
			scrub(v.Field(i))
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		v.Set(own)
		for i := range own.Len() {
			scrub(own.Index(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		own := reflect.New(v.Type().Elem())
		own.Elem().Set(v.Elem())
		v.Set(own)
		scrub(own.Elem())
	default: // numbers and truth values tell no secret
	}
}

// printable shows what could steer a terminal, or turn the order of the letters around, as an escape. Line breaks and
// tabs stay.
func printable(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || r&0xFFFE == 0xFFFE:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// line puts a text on one line.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

var (
	command = regexp.MustCompile(`^(\s*)::([a-zA-Z_-]+[\s:])`)
	legacy  = regexp.MustCompile(`##(\[|vso\[)`)
)

// harmless keeps a line of a job log from being read as a command to the job's runner, such as ::error:: or ##[group].
// The line stays as long as it is.
func harmless(line string) string {
	return legacy.ReplaceAllString(command.ReplaceAllString(line, "$1..$2"), "#.$1")
}
