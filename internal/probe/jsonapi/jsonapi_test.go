package jsonapi

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/started"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
)

type loopback struct{}

func (loopback) Addresses(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("203.0.113.1")}, nil
}

// service is one that answers so.
func service(t *testing.T, handle http.HandlerFunc) *Service {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	server, err := tlstest.StartHTTPS(authority, "api.example", handle)
	server = started.For(t, server, err)
	return &Service{Name: "the service", Base: "https://api.example", Network: &probe.Network{Connect: map[string]string{"203.0.113.1:443": server.Addr}, Roots: authority.Pool()}, Resolver: loopback{}, Key: "a.token",
		Token: func(context.Context) (string, error) { return "a-token-of-the-test", nil }}
}

func TestWhatIsAnAnswer(t *testing.T) {
	for title, test := range map[string]struct {
		status int
		header map[string]string
		body   string
		class  string // empty: it is an answer
	}{
		"JSON":                 {200, nil, `{"a":1}`, ""},
		"JSON of a kind":       {200, map[string]string{"Content-Type": "application/vnd.x+json"}, `{"a":1}`, ""},
		"not found":            {404, nil, `{"message":"no"}`, ""},
		"nothing to say":       {204, nil, "", ""},
		"not modified":         {304, nil, "", ""},
		"an empty body":        {200, nil, "", "api.malformed"},
		"half of it":           {200, nil, `{"a":`, "api.malformed"},
		"two":                  {200, nil, `{}{}`, "api.malformed"},
		"two meanings":         {200, nil, `{"ok":false,"ok":true}`, "api.malformed"},
		"a page":               {200, map[string]string{"Content-Type": "text/html"}, "<p>hei", "api.malformed"},
		"JSON called a page":   {200, map[string]string{"Content-Type": "text/html"}, `{"a":1}`, "api.malformed"},
		"a page, not found":    {404, map[string]string{"Content-Type": "text/html"}, "<p>hei", "api.malformed"},
		"denied":               {401, nil, `{}`, "api.refused"},
		"forbidden":            {403, nil, `{}`, "api.refused"},
		"denied yesterday":     {401, map[string]string{"Age": "86400"}, `{}`, "api.stale"},
		"down":                 {502, nil, `{}`, "api.down"},
		"moved":                {301, map[string]string{"Location": "https://elsewhere.example/"}, `{}`, "api.moved"},
		"throttled":            {429, nil, `{}`, "api.limit"},
		"throttled for long":   {429, map[string]string{"Retry-After": "3600"}, `{}`, "api.limit"},
		"GitHub's limit":       {403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": fmt.Sprint(time.Now().Add(time.Hour).Unix())}, `{}`, "api.limit"},
		"Globalping's limit":   {429, map[string]string{"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "3600"}, `{}`, "api.limit"},
		"of a minute ago":      {200, map[string]string{"Age": "60"}, `{"a":1}`, ""},
		"of ten minutes ago":   {200, map[string]string{"Age": "600"}, `{"a":1}`, "api.stale"},
		"of long ago":          {200, map[string]string{"Age": "99999999999"}, `{"a":1}`, "api.stale"},
		"of two caches":        {200, map[string]string{"Age": "86400, 86400"}, `{"a":1}`, "api.stale"},
		"of yesterday by Date": {200, map[string]string{"Date": time.Now().AddDate(0, 0, -1).UTC().Format(http.TimeFormat)}, `{"a":1}`, "api.stale"},
		"of yesterday, absent": {304, map[string]string{"Age": "86400"}, "", "api.stale"},
	} {
		t.Run(title, func(t *testing.T) {
			s := service(t, func(w http.ResponseWriter, r *http.Request) {
				assert.Equal(t, "Bearer a-token-of-the-test", r.Header.Get("Authorization"))
				w.Header().Set("Content-Type", "application/json")
				for name, value := range test.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(test.status)
				if test.body != "" {
					_, _ = w.Write([]byte(test.body)) // the client judges
				}
			})
			answer, err := s.Do(t.Context(), Request{Path: "/x/hidden?secret=1", Shown: "/x/{id}"})
			if test.class == "" {
				require.NoError(t, err)
				assert.Equal(t, test.status, answer.Status)
				assert.Equal(t, "GET api.example/x/{id}", answer.From)
				return
			}
			var unknown *probe.Unknown
			require.ErrorAs(t, err, &unknown)
			assert.Equal(t, test.class, unknown.Class, err)
			assert.NotContains(t, err.Error(), "secret=1")
			assert.NotContains(t, err.Error(), "hidden")
		})
	}
}

func TestALimitIsWaitedForOnce(t *testing.T) {
	asked := 0
	s := service(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if asked++; asked == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
		_, _ = w.Write([]byte(`{}`)) // the client judges
	})
	_, err := s.Do(t.Context(), Request{Path: "/"})
	require.NoError(t, err)
	assert.Equal(t, 2, asked)
}

func TestNothingIsAskedWithoutTheCredential(t *testing.T) {
	s := service(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	s.Token = func(context.Context) (string, error) { return "", fmt.Errorf("no such variable") }
	_, err := s.Do(t.Context(), Request{Path: "/"})
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
	assert.ErrorContains(t, err, "see a.token in launch.yaml")
	_, err = (&Service{Name: "nobody"}).Do(t.Context(), Request{})
	assert.ErrorContains(t, err, "got none in launch.yaml")
}

func TestWhatAServiceSaysOfAnErrorIsRead(t *testing.T) {
	for body, want := range map[string]string{
		`{"message":"no"}`:           `got status 422, "no" from`,
		`{"error":{"message":"no"}}`: `got status 422, "no" from`,
		`{"error":"no"}`:             `got status 422, "no" from`,
		`{"errors":"no"}`:            `got status 422, "no" from`,
		`{"errors":{"base":["no"]}}`: `got status 422, "{\"base\":[\"no\"]}" from`,
		`{"error":null}`:             `got status 422 from`,
		`[]`:                         `got status 422 from`,
	} {
		s := service(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte(body)) // the client judges
		})
		var into struct{}
		_, err := s.Fetch(t.Context(), "/", &into)
		assert.Equal(t, probe.Blocked, probe.StatusOf(err))
		assert.ErrorContains(t, err, want)
	}
}

func TestARefusalIsOfTodayAndComesWithItsAnswer(t *testing.T) {
	age := "0"
	s := service(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Age", age)
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("action_prohibited")) // the client judges
	})
	answer, err := s.Do(t.Context(), Request{Path: "/", Kind: "*/*"})
	assert.True(t, Refused(err))
	assert.Equal(t, "action_prohibited", string(answer.Body))
	age = "86400"
	_, err = s.Do(t.Context(), Request{Path: "/", Kind: "*/*"})
	assert.False(t, Refused(err), "what a cache kept refuses nobody")
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
}
