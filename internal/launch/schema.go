package launch

import (
	"encoding/json"
	"reflect"
	"strconv"
)

// Schema is the JSON Schema of launch.yaml, for editors: it completes keys and checks values as they are typed. Load
// checks more, and is what decides.
func Schema() ([]byte, error) {
	return encodeSchema("launch.yaml", schemaWriter{required: true})
}

// OverlaySchema is the JSON Schema of environments/*.yaml: the same keys, none of them required, and null to remove one.
func OverlaySchema() ([]byte, error) {
	return encodeSchema("an overlay of launch.yaml", schemaWriter{})
}

type object = map[string]any

func encodeSchema(title string, w schemaWriter) ([]byte, error) {
	root := w.schema(reflect.TypeFor[Launch](), field{})
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = title
	text, err := json.MarshalIndent(root, "", "  ")
	return append(text, '\n'), err
}

// schemaWriter turns the types of this package into a schema. It is the counterpart of decoder: what one accepts, the
// other describes.
type schemaWriter struct{ required bool }

func (w schemaWriter) schema(t reflect.Type, f field) object {
	s := w.shape(t, f)
	if f.doc != "" {
		s["description"] = f.doc
	}
	if f.fallback != "" {
		s["default"] = f.fallback
		if n, err := strconv.Atoi(f.fallback); err == nil && t.Kind() == reflect.Int {
			s["default"] = n
		}
	}
	return s
}

// shape describes the value alone. Every scalar may also be a text with ${NAME} in it, whose value is known only later.
func (w schemaWriter) shape(t reflect.Type, f field) object {
	variable := object{"type": "string", "pattern": `\$\{`}
	either := func(s object) object { return object{"anyOf": []object{s, variable}} }
	switch {
	case len(f.enum) > 0:
		return either(object{"enum": f.enum})
	case t == reflect.TypeFor[Secret]():
		return object{"type": "string", "pattern": formats[t].pattern}
	case t == reflect.TypeFor[Percent]():
		return object{"anyOf": []object{{"type": "number", "minimum": 0, "maximum": 100}, {"type": "string", "pattern": formats[t].pattern}, variable}}
	case isText(t):
		return either(object{"type": "string", "pattern": formats[t].pattern})
	}
	switch t.Kind() {
	case reflect.Struct:
		return w.structure(t)
	case reflect.Slice:
		items := object{"type": "array", "items": w.schema(t.Elem(), field{required: true})}
		if f.required {
			items["minItems"] = 1
		}
		return items
	case reflect.Map:
		return object{"type": "object", "additionalProperties": w.orNull(w.schema(t.Elem(), field{})), "propertyNames": object{"pattern": formats[t.Key()].pattern}}
	case reflect.Bool:
		return either(object{"type": "boolean"})
	case reflect.Int, reflect.Int64:
		return either(object{"type": "integer", "minimum": 1})
	case reflect.Float64:
		return either(object{"type": "number", "minimum": 0})
	default:
		text := object{"type": "string"}
		if f.required {
			text["pattern"] = `\S`
		}
		return text
	}
}

func (w schemaWriter) structure(t reflect.Type) object {
	properties, required := object{}, []string{}
	for _, f := range fieldsOf(t) {
		property := w.schema(t.Field(f.index).Type, f)
		if f.required && w.required {
			required = append(required, f.key)
		} else {
			property = w.orNull(property)
		}
		properties[f.key] = property
	}
	s := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// orNull lets null stand for an absent key.
func (w schemaWriter) orNull(s object) object {
	if w.required {
		return s
	}
	return object{"anyOf": []object{s, {"type": "null"}}}
}
