package launch

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"reflect"
)

// hash is the SHA-256 of the environment's name and every fact of the launch as JSON with sorted keys. How the files are
// written does not matter; secrets count by reference; decisions do not count, since they are about results.
func (l *Launch) hash() (string, error) {
	text, err := json.Marshal(map[string]any{"environment": l.Environment, "launch": canonical(reflect.ValueOf(*l))})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// canonical is a value without what depends on how it was written. What is zero is left out, so that a key that a later
// version adds does not change the hash of a launch that does not use it.
func canonical(v reflect.Value) any {
	if secret, ok := v.Interface().(Secret); ok {
		return secret.reference
	}
	if text, ok := v.Interface().(encoding.TextMarshaler); ok {
		return text
	}
	switch v.Kind() {
	case reflect.Struct:
		facts := map[string]any{}
		for _, f := range fieldsOf(v.Type()) {
			if child := v.Field(f.index); !child.IsZero() {
				facts[f.key] = canonical(child)
			}
		}
		return facts
	case reflect.Slice:
		facts := make([]any, v.Len())
		for i := range facts {
			facts[i] = canonical(v.Index(i))
		}
		return facts
	case reflect.Map:
		facts := map[string]any{}
		for _, key := range v.MapKeys() {
			facts[key.String()] = canonical(v.MapIndex(key))
		}
		return facts
	default:
		return v.Interface()
	}
}
