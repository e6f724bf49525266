package oidcprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestJudgeStarts(t *testing.T) {
	d := &document{Authorization: issuer + "/auth"}
	p := &Provider{client: Client{Callback: callback, Scopes: []string{"openid", "profile"}}}
	for title, test := range map[string]struct {
		change func(*start)
		want   probe.Status
		got    string
	}{
		"as it must be":       {func(*start) {}, probe.Pass, ""},
		"more scopes":         {func(s *start) { s.Scope = "profile openid nnin_altsub" }, probe.Pass, ""},
		"an error":            {func(s *start) { s.Status, s.address = 502, "" }, probe.Blocked, "status 502"},
		"too often":           {func(s *start) { s.Status, s.address = 429, "" }, probe.Blocked, "status 429"},
		"no such page":        {func(s *start) { s.Status, s.address = 404, "" }, probe.Fail, "leads nowhere"},
		"a page":              {func(s *start) { s.Status, s.address = 200, "" }, probe.Fail, "leads nowhere"},
		"the test realm":      {func(s *start) { s.To = "https://auth.current.bankid.no/auth" }, probe.Fail, "auth.current"},
		"plain HTTP":          {func(s *start) { s.To = "http" + s.To[len("https"):] }, probe.Fail, "one to http://"},
		"another client":      {func(s *start) { s.client = "drop-test" }, probe.Fail, "another client"},
		"no client":           {func(s *start) { s.client = "" }, probe.Fail, "another client"},
		"another callback":    {func(s *start) { s.Callback += "/" }, probe.Fail, "the callback"},
		"a pushed request":    {func(s *start) { s.Pushed, s.Callback = true, "" }, probe.Blocked, "pushed"},
		"the implicit flow":   {func(s *start) { s.Response = "id_token" }, probe.Fail, "response type"},
		"a scope is missing":  {func(s *start) { s.Scope = "openid" }, probe.Fail, "profile"},
		"no state":            {func(s *start) { s.State, s.state = false, "" }, probe.Fail, "without a state"},
		"neither nonce, PKCE": {func(s *start) { s.Bound = false }, probe.Fail, "without a state"},
		"the same state":      {func(s *start) { s.state = "first" }, probe.Fail, "the same state twice"},
	} {
		good := start{Status: 302, To: issuer + "/auth", Callback: callback, Response: "code", Scope: "openid profile", State: true, Bound: true, client: "drop", state: "first", address: "https://x"}
		second := good
		second.state = "second"
		test.change(&second)
		err := p.judgeStarts([2]start{good, second}, d, "drop", "https://shop.example/login")
		assert.Equal(t, test.want, probe.StatusOf(err), title)
		if test.got != "" {
			assert.ErrorContains(t, err, test.got, title)
			assert.NotContains(t, err.Error(), "drop-test", title)
		}
	}
}
