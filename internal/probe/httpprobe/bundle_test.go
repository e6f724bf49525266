package httpprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestJudgeBundle(t *testing.T) {
	for title, c := range map[string]struct {
		said map[string]string
		want probe.Status
	}{
		"one value":            {map[string]string{"production": "a.js"}, probe.Pass},
		"nothing":              {nil, probe.Fail},
		"another value":        {map[string]string{"staging": "a.js"}, probe.Fail},
		"the value and others": {map[string]string{"production": "a.js", "staging": "b.js"}, probe.Fail},
		"an empty value":       {map[string]string{"": "a.js"}, probe.Fail},
	} {
		assert.Equal(t, c.want, probe.StatusOf(judgeBundle(c.said, 2, "p", "production", "https://a.example/")), title)
	}
}
