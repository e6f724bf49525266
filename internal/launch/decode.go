package launch

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
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
