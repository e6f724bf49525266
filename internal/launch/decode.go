package launch

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

// field is what the tags of a struct's field say about its key.
type field struct {
	index    int
	key      string
	required bool
	fallback string   // the value where the key is absent
	enum     []string // the only values
	doc      string
}

// fieldsOf lists the keys that a struct type stands for.
func fieldsOf(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		key := tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		f := field{index: i, key: key, required: tag.Get("required") == "true", fallback: tag.Get("default"), doc: tag.Get("doc")}
		if enum := tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		all = append(all, f)
	}
	return all
}

// person is a place where somebody is named by id.
type person struct {
	key string
	id  PersonID
}

// decoder fills typed structs from a value and gathers every problem on the way.
type decoder struct {
	dir       string
	lookup    func(string) (string, bool) // the environment; nil where nothing is expanded
	problems  *Problems
	positions map[string]Position
	people    []person
}

// decode fills one Go value. v is nil where the file has nothing: then only defaults are set.
func (d *decoder) decode(key string, v *value, into reflect.Value, f field) {
	if v != nil {
		d.positions[key] = v.at
	}
	switch t := into.Type(); {
	case isText(t):
		d.scalar(key, v, into, f)
	case t.Kind() == reflect.Struct:
		d.structure(key, v, into, f)
	case t.Kind() == reflect.Slice:
		d.list(key, v, into, f)
	case t.Kind() == reflect.Map:
		d.mapping(key, v, into, f)
	default:
		d.scalar(key, v, into, f)
	}
}

var textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()

// isText says whether a type reads itself from one scalar.
func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textUnmarshaler) }

func (d *decoder) structure(key string, v *value, into reflect.Value, f field) {
	if v != nil && !d.is(mapping, key, v, into.Type(), f) {
		v = nil
	}
	fields := fieldsOf(into.Type())
	if v != nil {
		d.unknown(key, v, fields)
	}
	for _, f := range fields {
		path := join(key, f.key)
		var child *value
		if v != nil {
			child = v.fields[f.key]
		}
		if child == nil || child.kind == null {
			d.absent(path, v, child, into.Field(f.index), f)
			continue
		}
		d.decode(path, child, into.Field(f.index), f)
	}
}

// absent sets the default of a key that is not there, and reports one that has to be.
func (d *decoder) absent(path string, parent, removed *value, into reflect.Value, f field) {
	if f.fallback != "" {
		if err := set(into, f.fallback, f); err != nil {
			d.problems.add(Position{}, path, "the default %q is wrong: %v", f.fallback, err)
		}
	} else if into.Kind() == reflect.Struct && !isText(into.Type()) {
		d.structure(path, nil, into, field{})
	}
	if !f.required || parent == nil {
		return
	}
	at, got := parent.at, "nothing; add the key"
	if removed != nil {
		at, got = removed.at, "an empty key; fill it in"
	}
	if f.doc != "" {
		got += ": " + f.doc
	}
	d.problems.add(at, path, "want %s; got %s", wants(into.Type(), f), got)
}

func (d *decoder) unknown(key string, v *value, fields []field) {
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		names = append(names, f.key)
	}
	for _, name := range v.keys {
		if !slices.Contains(names, name) {
			d.problems.add(v.fields[name].at, join(key, name), "want a known key; got %s; %s", quote(name), nearest(name, names))
		}
	}
}

// nearest suggests what was probably meant.
func nearest(got string, known []string) string {
	best, distance := "", 1+max(2, len(got)/3)
	for _, name := range known {
		if n := levenshtein.ComputeDistance(got, name); n < distance {
			best, distance = name, n
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "there are " + strings.Join(known, ", ")
}

func (d *decoder) list(key string, v *value, into reflect.Value, f field) {
	if v == nil || !d.is(list, key, v, into.Type(), f) {
		return
	}
	if f.required && len(v.items) == 0 {
		d.problems.add(v.at, key, "want %s; got an empty list; an empty list of things to check is never a pass", wants(into.Type(), f))
	}
	into.Set(reflect.MakeSlice(into.Type(), len(v.items), len(v.items)))
	for i, item := range v.items {
		d.decode(fmt.Sprintf("%s[%d]", key, i), item, into.Index(i), field{required: true})
	}
}

func (d *decoder) mapping(key string, v *value, into reflect.Value, f field) {
	t := into.Type()
	if v == nil || !d.is(mapping, key, v, t, f) {
		return
	}
	into.Set(reflect.MakeMap(t))
	for _, name := range v.keys {
		path, child := join(key, name), v.fields[name]
		if child.kind == null {
			continue // removed
		}
		k, e := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := set(k, name, field{required: true}); err != nil {
			d.problems.add(child.at, path, "want as key %s; got %s%s", wants(t.Key(), field{}), quote(name), also(err))
			continue
		}
		if into.MapIndex(k).IsValid() {
			d.problems.add(child.at, path, "want each key once; got %s in another spelling; keep one of the two", quote(name))
			continue
		}
		d.decode(path, child, e, field{required: true})
		into.SetMapIndex(k, e)
	}
	if f.required && into.Len() == 0 {
		d.problems.add(v.at, key, "want %s; got an empty map", wants(t, f))
	}
}

// is reports a value of the wrong kind.
func (d *decoder) is(k kind, key string, v *value, t reflect.Type, f field) bool {
	if v.kind == k {
		return true
	}
	got := v.kind.String()
	if left := leftover(v.text); left != "" {
		got = "the leftover " + quote(left) + "; fill it in"
	}
	d.problems.add(v.at, key, "want %s; got %s", wants(t, f), got)
	return false
}

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
