package sumsubprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestJudgeTokens(t *testing.T) {
	for _, c := range []struct {
		first, second string
		want          probe.Status
	}{
		{"_act-b8ebfb63", "_act-5f24", probe.Pass},
		{"_act-b8ebfb63", "_act-b8ebfb63", probe.Fail},
		{"_act-b8ebfb63", "_act-sbx-5f24", probe.Fail},
		{"_act-", "_act-5f24", probe.Fail},
		{"mock-1", "mock-2", probe.Fail},
	} {
		err := judgeTokens([2]string{c.first, c.second}, "POST shop.example/api/kyc/token")
		assert.Equal(t, c.want, probe.StatusOf(err), c.first+" "+c.second)
		if err != nil {
			assert.NotContains(t, err.Error(), "b8ebfb63", "no message repeats a token")
		}
	}
}

func TestNobodyCanAskWithoutAPathAndASession(t *testing.T) {
	for title, h := range map[string]Handout{"neither": {}, "no session": {Path: "/api/kyc/token"}} {
		result := probe.Run(t.Context(), title, HandsOut(h))
		assert.Equal(t, probe.Blocked, result.Status, title)
		assert.Equal(t, "not-configured", result.Class, title)
	}
}
