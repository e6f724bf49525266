package slackprobe

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/slacktest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

func at(network *probe.Network) func(string) *jsonapi.Service {
	return func(base string) *jsonapi.Service { return apiOf(network, base, nil) }
}

type resolver struct{ address string }

func (r resolver) Addresses(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr(r.address)}, nil
}

func apiOf(network *probe.Network, base string, token Secret) *jsonapi.Service {
	return &jsonapi.Service{Name: "Slack", Base: base, Network: network, Resolver: resolver{"198.51.100.7"}, Key: "chat.token", Token: token}
}

func TestPost(t *testing.T) {
	answer, code, got := "ok", http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		got = string(body)
		w.WriteHeader(code)
		_, err = io.WriteString(w, answer)
		assert.NoError(t, err)
	}))
	defer server.Close()
	address := server.URL + "/services/T000/B000/xyzzy"
	hooks := at(&probe.Network{})

	require.NoError(t, Post(t.Context(), hooks, address, `Going back to "1.4.1"`))
	assert.JSONEq(t, `{"text":"Going back to \"1.4.1\""}`, got)
	for said, test := range map[string]struct {
		code int
		want probe.Status
	}{
		"<html>log in to the network</html>":       {200, probe.Blocked},
		`{"ok":false,"error":"channel_not_found"}`: {200, probe.Fail},
		`{"ok":true}`:                           {200, probe.Blocked},
		`{"ok":false,"error":"internal_error"}`: {200, probe.Blocked},
		"Access denied":                         {403, probe.Blocked},
		"<html>not found":                       {404, probe.Blocked},
		"":                                      {200, probe.Blocked},
		"no_service":                            {404, probe.Fail},
		"channel_is_archived":                   {410, probe.Fail},
		"action_prohibited":                     {403, probe.Fail},
		"rate_limited":                          {429, probe.Blocked},
		"rollup_error":                          {500, probe.Blocked},
	} {
		answer, code = said, test.code
		err := Post(t.Context(), hooks, address, "x")
		assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
		assert.NotContains(t, err.Error(), "xyzzy", "the address is a secret")
	}
	server.Close()
	for _, address := range []string{address, "://xyzzy", "xyzzy"} {
		err := Post(t.Context(), hooks, address, "x")
		assert.Equal(t, probe.Blocked, probe.StatusOf(err), "a chat that is down tells nothing about the launch")
		assert.NotContains(t, err.Error(), "xyzzy")
	}
}

func TestASilentChatCostsItsDeadlineOnly(t *testing.T) {
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer server.Close()
	defer close(end)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, Post(ctx, at(&probe.Network{}), server.URL, "x"), context.DeadlineExceeded)
}

func TestASealedEnvironmentTellsTheWorldNothing(t *testing.T) {
	sealed := at(&probe.Network{Connect: map[string]string{"192.0.2.1:443": "127.0.0.1:1"}})
	for _, webhook := range []string{"https://hooks.slack.com/services/T/B/x", "https://198.51.100.7/x"} {
		require.ErrorIs(t, Post(t.Context(), sealed, webhook, "x"), probe.ErrSealed)
	}
}

const (
	token = "xoxb-secret-1"
	path  = "/services/T0/B0/secret-2"
)

func start(t *testing.T) (*slacktest.Server, func() Channel) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	s := slacktest.New(t, slacktest.Config{Authority: authority, Address: netip.MustParseAddr("198.51.100.7"), Token: token, Hook: path,
		Channels: []slacktest.Channel{{ID: "C1", Name: "drop-ops"}, {ID: "C2", Name: "random"}}})
	reveal := func(value string) Secret { return func(context.Context) (string, error) { return value, nil } }
	network := &probe.Network{Connect: s.Connect(), Roots: authority.Pool()}
	return s, func() Channel {
		return Channel{Name: "#drop-ops", ID: "C1", Webhook: reveal("https://hooks.slack.com" + path), Within: 200 * time.Millisecond, Says: "Test.", At: at(network), API: apiOf(network, API, reveal(token))}
	}
}

func TestReceives(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*slacktest.State)
		set    func(*Channel)
		want   probe.Status
		got    string
	}{
		"good":               {want: probe.Pass},
		"a little later":     {change: func(s *slacktest.State) { s.Delay = 50 * time.Millisecond }, want: probe.Pass},
		"a clock behind":     {change: func(s *slacktest.State) { s.Behind = time.Hour }, want: probe.Pass},
		"too late":           {change: func(s *slacktest.State) { s.Delay = time.Minute }, want: probe.Fail, got: "none, although"},
		"in another channel": {change: func(s *slacktest.State) { s.Hook = 1 }, want: probe.Fail, got: "none, although"},
		"archived":           {change: func(s *slacktest.State) { s.Channels[0].Archived = true }, want: probe.Fail, got: "archived"},
		"renamed":            {change: func(s *slacktest.State) { s.Channels[0].Name = "ops" }, want: probe.Fail, got: "#ops"},
		"another's id":       {set: func(c *Channel) { c.ID = "C2" }, want: probe.Fail, got: "#random"},
		"no such channel":    {set: func(c *Channel) { c.ID = "C3" }, want: probe.Fail, got: "channel_not_found"},
		"not invited":        {change: func(s *slacktest.State) { s.Channels[0].Without = true }, want: probe.Blocked, got: "not_in_channel"},
		"a scope is missing": {change: func(s *slacktest.State) { s.Fails = "missing_scope" }, want: probe.Blocked, got: "missing_scope"},
		"another token":      {set: func(c *Channel) { c.API.Token = func(context.Context) (string, error) { return "xoxb-other", nil } }, want: probe.Blocked, got: "invalid_auth"},
		"no token":           {set: func(c *Channel) { c.API.Token = nil }, want: probe.Blocked, got: "chat.token"},
		"no webhook":         {set: func(c *Channel) { c.Webhook = nil }, want: probe.Blocked, got: "chat.webhook"},
		"no id":              {set: func(c *Channel) { c.ID = "" }, want: probe.Blocked, got: "chat.channel_id"},
		"a webhook elsewhere": {set: func(c *Channel) {
			c.Webhook = func(context.Context) (string, error) { return "https://hooks.slack.com.example/services/secret-3", nil }
		}, want: probe.Fail, got: "another address"},
		"a webhook that is over": {set: func(c *Channel) {
			c.Webhook = func(context.Context) (string, error) { return "https://hooks.slack.com/services/secret-3", nil }
		}, want: probe.Fail, got: "no_service"},
	} {
		t.Run(name, func(t *testing.T) {
			server, channel := start(t)
			c := channel()
			if test.change != nil {
				server.Change(test.change)
			}
			if test.set != nil {
				test.set(&c)
			}
			result := probe.Run(t.Context(), name, c.Receives())
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Contains(t, result.Message(), test.got)
			assert.NotContains(t, result.Message(), "secret-")
		})
	}
}

func TestOneMessageAGateAndSlackIsWaitedFor(t *testing.T) {
	server, channel := start(t)
	assert.Equal(t, probe.Pass, probe.Run(t.Context(), "", channel().TakesMessages()).Status)
	assert.Equal(t, probe.Pass, probe.Run(t.Context(), "", channel().Receives()).Status, "the second message within a second is sent again when Slack says so")
	posts := 0
	for _, asked := range server.Asked() {
		if strings.HasPrefix(asked, "POST ") {
			posts++
		}
	}
	assert.Equal(t, 3, posts)
	server.Change(func(s *slacktest.State) { assert.Len(t, s.Channels[0].Messages, 2) })
	server.Fail(servicetest.Limited)
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", channel().TakesMessages()).Status)
}
