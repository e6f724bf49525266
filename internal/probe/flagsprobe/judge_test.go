package flagsprobe

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

const good = `flags:
  - key: pay
    on_at_launch: true
    owner: ada
    order: 1
    criteria: {metric: error rate, threshold: 1 %}
    rollback: turn it off
  - key: qr
    on_at_launch: false
    owner: ada
    order: 2
    criteria: {metric: error rate, threshold: 1 %}
    rollback: turn it off
features:
  - {name: Pay, flag: pay}
  - {name: Text, exempt: static}
`

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flags-plan.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// answers is a provider without a network.
type answers map[string]Evaluation

func (a answers) Evaluate(context.Context, []Flag) (map[string]Evaluation, error) { return a, nil }
func (answers) String() string                                                    { return "the test" }

func TestAllThatIsMissingIsNamedAtOnce(t *testing.T) {
	result := probe.Run(t.Context(), "plan", Complete(written(t, good), []string{"ada"}))
	assert.Equal(t, probe.Pass, result.Status, result.Message())

	result = probe.Run(t.Context(), "plan", Complete(written(t, `flags:
  - {key: pay, on_at_launch: true, owner: nobody, order: 1, criteria: {metric: errors}, rollback: TBD}
  - {key: pay, owner: ada, order: 1, criteria: {metric: errors, threshold: 1 %, treshold: 2}, rollback: off}
  - {on_at_lunch: true}
featurs: []
`), []string{"ada"}))
	assert.Equal(t, probe.Fail, result.Status)
	for _, problem := range []string{":2: nobody is nobody in launch.yaml", ":2: no criteria.threshold", ":2: no rollback", ":3: pay again", ":3: no on_at_launch", ":3: order 1 again", ":3: unknown key treshold",
		":4: unknown key on_at_lunch", ":4: no key", ":4: no owner", ":4: no order", ":4: no criteria.metric", ":5: unknown key featurs"} {
		assert.Contains(t, result.Got, "flags-plan.yaml"+problem)
	}
	for title, test := range map[string]struct {
		text string
		want probe.Status
	}{"empty": {"", probe.Fail}, "no flags": {"flags: []\n", probe.Fail}, "no YAML": {"flags: [", probe.Fail}, "another shape": {"flags: {pay: true}\n", probe.Fail}, "a list": {"- pay\n", probe.Fail}} {
		result := probe.Run(t.Context(), title, Complete(written(t, test.text), []string{"ada"}))
		assert.Equal(t, test.want, result.Status, "%s: %s", title, result.Message())
	}
	assert.Equal(t, probe.Fail, probe.Run(t.Context(), "no file", Complete(filepath.Join(t.TempDir(), "none.yaml"), nil)).Status)
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "no name", Complete("", nil)).Status)
}

func TestStatesOfFlags(t *testing.T) {
	off, on := Evaluation{Value: false, Reason: "STATIC"}, Evaluation{Value: true, Reason: "STATIC"}
	for title, test := range map[string]struct {
		seen               answers
		byDefault, planned probe.Status
	}{
		"as planned":                   {answers{"pay": on, "qr": off, "dark": off}, probe.Pass, probe.Pass},
		"disabled":                     {answers{"pay": on, "qr": {Value: false, Reason: "DISABLED"}}, probe.Pass, probe.Pass},
		"a planned one is on":          {answers{"pay": on, "qr": on}, probe.Fail, probe.Fail},
		"an unplanned one is on":       {answers{"pay": on, "qr": off, "dark": on}, probe.Fail, probe.Pass},
		"an unplanned one has a text":  {answers{"pay": on, "qr": off, "colour": {Value: "blue", Reason: "STATIC"}}, probe.Pass, probe.Pass},
		"an unplanned one is unknown":  {answers{"pay": on, "qr": off, "dark": {Error: "GENERAL"}}, probe.Blocked, probe.Pass},
		"one that must be on is off":   {answers{"pay": off, "qr": off}, probe.Pass, probe.Fail},
		"the provider's default":       {answers{"pay": on, "qr": {Value: false, Reason: "DEFAULT"}}, probe.Blocked, probe.Blocked},
		"an error with a value":        {answers{"pay": on, "qr": {Value: false, Reason: "ERROR"}}, probe.Blocked, probe.Blocked},
		"an error code":                {answers{"pay": on, "qr": {Value: false, Reason: "STATIC", Error: "PARSE_ERROR"}}, probe.Blocked, probe.Blocked},
		"stale":                        {answers{"pay": on, "qr": {Value: false, Reason: "STALE"}}, probe.Blocked, probe.Blocked},
		"offline":                      {answers{"pay": on, "qr": {Value: false, Reason: "OFFLINE"}}, probe.Blocked, probe.Blocked}, // GO Feature Flag's word for its default
		"a reason of its own":          {answers{"pay": on, "qr": {Value: false, Reason: "default"}}, probe.Blocked, probe.Blocked},
		"off for some of some":         {answers{"pay": on, "qr": {Value: false, Reason: "TARGETING_MATCH_SPLIT"}}, probe.Fail, probe.Fail}, // GO Feature Flag's too
		"an unplanned one has a count": {answers{"pay": on, "qr": off, "tries": {Value: 1.0, Reason: "STATIC"}, "layout": {Value: "1", Reason: "STATIC"}}, probe.Pass, probe.Pass},
		"an unplanned one says on":     {answers{"pay": on, "qr": off, "dark": {Value: "on", Reason: "STATIC"}}, probe.Fail, probe.Pass},
		"no reason":                    {answers{"pay": on, "qr": {Value: false}}, probe.Blocked, probe.Blocked},
		"no value":                     {answers{"pay": on, "qr": {Reason: "STATIC"}}, probe.Blocked, probe.Blocked},
		"on by default":                {answers{"pay": on, "qr": {Value: true, Reason: "DEFAULT"}}, probe.Fail, probe.Blocked},
		"a text":                       {answers{"pay": on, "qr": {Value: "false", Reason: "STATIC"}}, probe.Blocked, probe.Blocked},
		"off for some":                 {answers{"pay": on, "qr": {Value: false, Reason: "SPLIT"}}, probe.Fail, probe.Fail},
		"on by the provider's default": {answers{"pay": {Value: true, Reason: "DEFAULT"}, "qr": off}, probe.Pass, probe.Blocked},
		"not there":                    {answers{"pay": on, "qr": {Error: notFound}}, probe.Blocked, probe.Fail},
		"not shown":                    {answers{"pay": on}, probe.Blocked, probe.Blocked},
		"nothing":                      {answers{}, probe.Blocked, probe.Blocked},
	} {
		t.Run(title, func(t *testing.T) {
			file := written(t, good)
			result := probe.Run(t.Context(), "off", OffByDefault(test.seen, file))
			assert.Equal(t, test.byDefault, result.Status, "off: %s", result.Message())
			result = probe.Run(t.Context(), "planned", AsPlanned(test.seen, file))
			assert.Equal(t, test.planned, result.Status, "planned: %s", result.Message())
		})
	}
	for _, text := range []string{"flags: []\n", ""} {
		assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "off", OffByDefault(answers{}, written(t, text))).Status, "%q", text)
		assert.Equal(t, probe.Fail, probe.Run(t.Context(), "planned", AsPlanned(answers{}, written(t, text))).Status, "%q", text)
	}
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "no provider", OffByDefault(nil, written(t, good))).Status)
}

func TestCovered(t *testing.T) {
	on := Evaluation{Value: true, Reason: "STATIC"}
	for title, test := range map[string]struct {
		text     string
		features []string
		seen     answers
		want     probe.Status
	}{
		"behind a flag, or exempt":  {good, []string{"Pay", "Text"}, answers{"pay": on}, probe.Pass},
		"nobody listed any":         {good, nil, answers{"pay": on}, probe.Blocked},
		"one more":                  {good, []string{"Pay", "QR"}, answers{"pay": on}, probe.Fail},
		"the provider has it not":   {good, []string{"Pay"}, answers{"pay": {Error: notFound}}, probe.Fail},
		"the provider has an error": {good, []string{"Pay"}, answers{"pay": {Error: "GENERAL"}}, probe.Blocked},
		"no flag, no reason":        {"flags: []\nfeatures: [{name: Pay}]\n", []string{"Pay"}, answers{"pay": on}, probe.Fail},
		"an unplanned flag":         {"flags: []\nfeatures: [{name: Pay, flag: pay}]\n", []string{"Pay"}, answers{"pay": on}, probe.Fail},
	} {
		result := probe.Run(t.Context(), title, Covered(test.seen, written(t, test.text), test.features))
		assert.Equal(t, test.want, result.Status, "%s: %s", title, result.Message())
	}
}

func TestEnvironmentVariables(t *testing.T) {
	for value, want := range map[string]probe.Status{"false": probe.Pass, "OFF": probe.Pass, "0": probe.Pass, "true": probe.Fail, "": probe.Blocked, "maybe": probe.Blocked} {
		p := NewEnvironment(func(context.Context) (map[string]string, error) {
			return map[string]string{"pay": "true", "qr": value}, nil
		})
		result := probe.Run(t.Context(), value, OffByDefault(p, written(t, good)))
		assert.Equal(t, want, result.Status, "%q: %s", value, result.Message())
	}
	none := NewEnvironment(func(context.Context) (map[string]string, error) { return nil, nil })
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "absent", OffByDefault(none, written(t, good))).Status, "the code's own default is nobody's answer")
	assert.Equal(t, probe.Fail, probe.Run(t.Context(), "drill", Kills(none, Switch{})).Status)
}
