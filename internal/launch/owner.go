package launch

import "reflect"

// Owner looks up who has a role: a key of `sections` or of `roles` in launch.yaml.
func (l *Launch) Owner(role Role) (PersonID, Person, bool) {
	for _, group := range []any{l.Sections, l.Roles} {
		v := reflect.ValueOf(group)
		for _, f := range fieldsOf(v.Type()) {
			if f.key != string(role) {
				continue
			}
			id := PersonID(v.Field(f.index).String())
			person, ok := l.People[id]
			return id, person, ok
		}
	}
	return "", Person{}, false
}

// roleNames lists every role that Owner knows.
func roleNames() []string {
	var names []string
	for _, t := range []reflect.Type{reflect.TypeFor[Sections](), reflect.TypeFor[Roles]()} {
		for _, f := range fieldsOf(t) {
			names = append(names, f.key)
		}
	}
	return names
}
