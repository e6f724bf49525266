package httpprobe

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/fixtures/webtest"
	"github.com/getdrop/launchgate/internal/probe"
)

func demo(url string) Login {
	return Login{URL: url, Type: "application/json", Body: func(context.Context) (string, error) { return webtest.DemoBody, nil }}
}

func TestRefused(t *testing.T) {
	for status, want := range map[int]probe.Status{401: probe.Pass, 403: probe.Pass, 200: probe.Fail, 204: probe.Fail, 302: probe.Blocked, 400: probe.Blocked, 404: probe.Blocked, 405: probe.Blocked, 429: probe.Blocked, 500: probe.Blocked, 0: probe.Blocked} {
		assert.Equal(t, want, probe.StatusOf(refused(status, "", "")), status)
	}
}

func TestALoginThatSaysNothing(t *testing.T) {
	w := newWorld(t)
	login := "https://" + domain + webtest.LoginPath
	form, none, unread := demo(login), demo(login), demo(login)
	form.Type, none.Body = "text/plain", nil
	unread.Body = func(context.Context) (string, error) {
		return "", errors.New("want the environment variable DEMO_LOGIN; got none")
	}
	for name, l := range map[string]Login{"another form": form, "no body": none, "a secret that nobody can read": unread, "another path": demo("https://" + domain + "/login")} {
		_, err := Refuses(w.client(), l)(t.Context())
		assert.Equal(t, probe.Blocked, probe.StatusOf(err), "%s: %v", name, err)
		assert.NotContains(t, err.Error(), "hei-alle-sammen", name)
	}
}
