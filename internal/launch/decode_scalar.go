package launch

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

func (d *decoder) scalar(key string, v *value, into reflect.Value, f field) {
	t := into.Type()
	if v == nil || !d.is(scalar, key, v, t, f) {
		return
	}
	text, secret := v.text, t == reflect.TypeFor[Secret]()
	if left := leftover(text); left != "" {
		d.problems.add(v.at, key, "want %s; got the leftover %s; fill it in", wants(t, f), quote(left))
		return
	}
	if !secret && d.lookup != nil { // a secret's reference is never expanded, so that no value can slip in
		var err error
		if text, err = expand(text, d.lookup); err != nil {
			d.problems.add(v.at, key, "%v", err)
			return
		}
		if left := leftover(text); left != "" {
			d.problems.add(v.at, key, "want %s; got the leftover %s from the environment; fill it in", wants(t, f), quote(left))
			return
		}
	}
	if err := set(into, text, f); err != nil {
		got := quote(v.text)
		if text != v.text { // the environment holds secrets, so a value that landed in the wrong place is not shown
			got += ", which expands to something else"
		}
		if secret || errors.Is(err, errUser) {
			got = "a text that is not repeated here; keep secrets out of this file, and replace one that was committed where it was issued"
		}
		d.problems.add(v.at, key, "want %s; got %s%s", wants(t, f), got, also(err))
		return
	}
	switch p := into.Addr().Interface().(type) {
	case *PersonID:
		d.people = append(d.people, person{key, *p})
	case *Secret:
		p.dir = d.dir
	}
}

// set reads a text into a Go value by the value's type.
func set(into reflect.Value, text string, f field) error {
	if len(f.enum) > 0 && !slices.Contains(f.enum, text) {
		return errShape
	}
	if u, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text))
	}
	switch into.Kind() {
	case reflect.String:
		if f.required && strings.TrimSpace(text) == "" {
			return errShape
		}
		into.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return errShape
		}
		into.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1_000_000 || text != strconv.Itoa(n) {
			return errShape
		}
		into.SetInt(int64(n))
	case reflect.Int64: // what may be large: rows, a version that is a date
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 || text != strconv.FormatInt(n, 10) {
			return errShape
		}
		into.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= 0 && n <= 1e12) { // written so that NaN is refused too
			return errShape
		}
		into.SetFloat(n)
	default:
		return fmt.Errorf("launch.yaml has no way to write a %s", into.Type())
	}
	return nil
}

// wants says in words what a type asks for.
func wants(t reflect.Type, f field) string {
	if len(f.enum) > 0 {
		return "one of " + strings.Join(f.enum, ", ")
	}
	if format, ok := formats[t]; ok {
		return format.want
	}
	switch t.Kind() {
	case reflect.Struct:
		var names []string
		for _, f := range fieldsOf(t) {
			names = append(names, f.key)
		}
		return "a map of " + strings.Join(names, ", ")
	case reflect.Slice:
		return "a list, each item " + wants(t.Elem(), field{})
	case reflect.Map:
		return fmt.Sprintf("a map from %s to %s", wants(t.Key(), field{}), wants(t.Elem(), field{}))
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number from 1 to 1000000"
	case reflect.Int64:
		return "a whole number above 0"
	case reflect.Float64:
		return "a number from 0"
	default:
		return "a text"
	}
}

// quote shows what was written on one line, cut to a length that a line bears.
func quote(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return fmt.Sprintf("%q…", string(runes[:most]))
	}
	return fmt.Sprintf("%q", text)
}

func also(err error) string {
	if err.Error() == "" {
		return ""
	}
	return "; " + err.Error()
}
