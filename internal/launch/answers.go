package launch

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"text/template"
)

// Answers is what one has to know to begin a launch.yaml. An empty answer becomes TBD in the file.
type Answers struct {
	LaunchID        string
	Project         string
	Version         string
	PreviousVersion string
	Domain          string
	LoadBalancer    string // host name that the domain leads to
	Date            string // 2027-01-19
	Time            string // 10:00
	Timezone        string // Europe/Oslo
	Owner           string // id of the person who has every role until others are named
}

//go:embed initial.yaml
var initial string

// Initial is the text of a first launch.yaml. What the answers do not say stands in it as TBD, so that Load names each
// line that is still to be filled in. An answer that Load would refuse is an error here.
func Initial(answers Answers) ([]byte, error) {
	kinds := map[string]any{"Domain": new(Domain), "LoadBalancer": new(Domain), "Date": new(Date), "Time": new(Clock),
		"Timezone": new(Timezone), "Owner": new(PersonID)}
	data := map[string]string{"Dollar": "$"}
	v := reflect.ValueOf(answers)
	for i := range v.NumField() {
		name, answer := v.Type().Field(i).Name, v.Field(i).String()
		if answer == "" {
			data[name] = "TBD"
			continue
		}
		if into, ok := kinds[name]; ok {
			target := reflect.ValueOf(into).Elem()
			if err := set(target, answer, field{}); err != nil {
				return nil, fmt.Errorf("%s: want %s; got %s%s", name, wants(target.Type(), field{}), quote(answer), also(err))
			}
		}
		data[name] = answer
	}
	var text strings.Builder
	err := template.Must(template.New("launch.yaml").Funcs(template.FuncMap{"text": yamlText}).Parse(initial)).Execute(&text, data)
	return []byte(text.String()), err
}

// yamlText writes a text as a YAML scalar that is read back as it is: a JSON string is one, once its dollars are doubled.
func yamlText(parts ...string) (string, error) {
	text, err := json.Marshal(strings.ReplaceAll(strings.Join(parts, ""), "$", "$$"))
	return string(text), err
}
