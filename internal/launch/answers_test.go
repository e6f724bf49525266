package launch

import (
	"bytes"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var full = Answers{LaunchID: "shop-1", Project: `Shop: "new" $5 # 1`, Version: "2.0", PreviousVersion: "1.0", Domain: "shop.example", LoadBalancer: "lb.example.net",
	Date: "2027-01-19", Time: "10:00", Timezone: "Europe/Oslo", Owner: "shop-owner"}

// problemsOf loads a first launch.yaml and gives the problems and the text's lines.
func problemsOf(t *testing.T, answers Answers) (Problems, []string) {
	t.Helper()
	text, err := Initial(answers)
	require.NoError(t, err)
	_, err = load(stage(t, map[string]string{"launch.yaml": string(text)}), "staging", true, now, variables)
	var problems *Problems
	require.ErrorAs(t, err, &problems)
	return *problems, strings.Split(string(text), "\n")
}

func TestInitialLeavesOnlyTBD(t *testing.T) {
	for name, answers := range map[string]Answers{"full": full, "without load balancer": func() Answers { a := full; a.LoadBalancer = ""; return a }()} {
		problems, lines := problemsOf(t, answers)
		marked := map[int]bool{}
		for _, p := range problems {
			assert.Contains(t, p.Message, `got the leftover "TBD"`, "%s: %v", name, p)
			assert.Contains(t, lines[p.Line-1], "TBD", "%s: %v", name, p)
			marked[p.Line] = true
		}
		for i, line := range lines {
			if before, _, _ := strings.Cut(line, "#"); strings.Contains(before, "TBD") {
				assert.True(t, marked[i+1], "%s: line %d is not reported: %s", name, i+1, line)
			}
		}
	}
}

func TestInitialLoadsOnceFilledIn(t *testing.T) {
	text, err := Initial(full)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=launch.schema.json\n")))
	filled := strings.NewReplacer("start: TBD, end: TBD, duration: TBD", "start: 09:00, end: 11:00, duration: 2h", "name: TBD", "name: Owner",
		"war_room: TBD", "war_room: https://a.example/", "status_page: TBD", "status_page: https://a.example/", "pipeline: TBD", "pipeline: https://a.example/",
		"command: TBD", "command: [make]", "provider: TBD", "provider: x", "contains: TBD", "contains: x").Replace(string(text))
	l, err := load(stage(t, map[string]string{"launch.yaml": filled}), "staging", true, now, variables)
	require.NoError(t, err)
	assert.Equal(t, full.Project, l.Project.Name, "an answer comes back as it was given")
	assert.Equal(t, Domain("lb.example.net"), l.DNS.Records[0].Target)
}

func TestInitialRefusesBadAnswers(t *testing.T) {
	bad := full
	bad.Timezone = "CET"
	_, err := Initial(bad)
	require.ErrorContains(t, err, "Timezone: want an IANA time zone")
	bad = full
	bad.Owner = "The Owner"
	_, err = Initial(bad)
	require.ErrorContains(t, err, "Owner: want the id of a person")
}

// TestPlaceholders holds the types against the list of the runbook template's placeholders.
func TestPlaceholders(t *testing.T) {
	text, err := os.ReadFile("testdata/placeholders.txt")
	require.NoError(t, err)
	var tags []string
	var collect func(reflect.Type)
	collect = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			if tag := f.Tag.Get("placeholder"); tag != "" {
				tags = append(tags, strings.Split(tag, ",")...)
				assert.NotEmpty(t, f.Tag.Get("yaml"), "%s has a placeholder and no key", f.Name)
			}
			if f.Type.Kind() == reflect.Struct && !isText(f.Type) {
				collect(f.Type)
			}
		}
	}
	collect(reflect.TypeFor[Launch]())
	assert.ElementsMatch(t, strings.Fields(string(text)), tags)
}
