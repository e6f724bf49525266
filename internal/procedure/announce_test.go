package procedure

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestAnnounce(t *testing.T) {
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

	require.NoError(t, Announce(t.Context(), server.Client(), address, `Going back to "1.4.1"`))
	assert.JSONEq(t, `{"text":"Going back to \"1.4.1\""}`, got)

	answer = "<html>log in to the network</html>"
	err := Announce(t.Context(), server.Client(), address, "x")
	assert.Equal(t, probe.Fail, probe.StatusOf(err), "200 from somebody else")

	answer, code = "no_service", http.StatusNotFound
	err = Announce(t.Context(), server.Client(), address, "x")
	require.ErrorContains(t, err, `got 404 and "no_service"`)

	server.Close()
	err = Announce(t.Context(), server.Client(), address, "x")
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
	assert.NotContains(t, err.Error(), "xyzzy", "the address is a secret")
	assert.ErrorContains(t, Announce(t.Context(), server.Client(), "://xyzzy", "x"), "no URL")
}

func TestASilentChatCostsItsDeadlineOnly(t *testing.T) {
	end := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer server.Close()
	defer close(end)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := Announce(ctx, server.Client(), server.URL, "x")
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(began), 5*time.Second)
}

func TestASealedEnvironmentAnnouncesNothingToTheWorld(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, err := io.WriteString(w, "ok")
		assert.NoError(t, err)
	}))
	defer server.Close()
	sealed := ChatClient(&probe.Network{Connect: map[string]string{"192.0.2.1:443": "127.0.0.1:1"}})
	for _, webhook := range []string{"https://hooks.slack.com/services/T/B/x", "https://localhost/x", "https://198.51.100.7/x"} {
		require.ErrorIs(t, Announce(t.Context(), sealed, webhook, "x"), probe.ErrSealed)
	}
	require.NoError(t, Announce(t.Context(), sealed, server.URL, "x"))
	require.NoError(t, Announce(t.Context(), ChatClient(&probe.Network{}), server.URL, "x"))
}
