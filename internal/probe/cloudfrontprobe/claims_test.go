package cloudfrontprobe

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

const host = "abc.eu-west-1.awsapprunner.com"

func fetching(origin Origin) Config {
	return Config{Aliases: []string{"www.example.com"}, Origins: map[string]Origin{"a": origin, "b": {Domain: host, Port: 443, Protocol: "https-only"}},
		Behaviors: []Behavior{{Pattern: "/api/*", Origins: []string{"b"}}, {Pattern: "*", Origins: []string{"b", "a"}}}}
}

func TestFetchesFrom(t *testing.T) {
	for name, test := range map[string]struct {
		config Config
		also   []string
		want   probe.Status
		got    string
	}{
		"the service over HTTPS":             {fetching(Origin{Domain: host, Port: 443, Protocol: "https-only"}), nil, probe.Pass, ""},
		"names have no case":                 {fetching(Origin{Domain: "ABC.eu-west-1.awsapprunner.com", Port: 443, Protocol: "https-only"}), nil, probe.Pass, ""},
		"a bucket that was decided on":       {fetching(Origin{Domain: "images.s3.amazonaws.com", Protocol: "s3"}), []string{"images.s3.amazonaws.com"}, probe.Pass, ""},
		"a bucket that nobody named":         {fetching(Origin{Domain: "images.s3.amazonaws.com", Protocol: "s3"}), nil, probe.Fail, "images"},
		"staging, as the second of a group":  {fetching(Origin{Domain: "staging.example.com", Protocol: "https-only"}), nil, probe.Fail, "staging.example.com"},
		"over HTTP where the visitor did so": {fetching(Origin{Domain: host, Protocol: "match-viewer"}), nil, probe.Fail, "match-viewer"},
		"over HTTP":                          {fetching(Origin{Domain: host, Protocol: "http-only"}), nil, probe.Fail, "http-only"},
		"itself":                             {fetching(Origin{Domain: "www.example.com", Protocol: "https-only"}), []string{"www.example.com"}, probe.Fail, "itself"},
		"a folder of the service":            {fetching(Origin{Domain: host, Path: "/staging", Port: 443, Protocol: "https-only"}), nil, probe.Fail, `"/staging"`},
		"the service at another port":        {fetching(Origin{Domain: host, Port: 8443, Protocol: "https-only"}), nil, probe.Fail, "at port 8443"},
		"a folder of a bucket":               {fetching(Origin{Domain: "images.s3.amazonaws.com", Path: "/v1", Protocol: "s3"}), []string{"images.s3.amazonaws.com"}, probe.Pass, ""},
		"inside of a network":                {fetching(Origin{Domain: host, Protocol: "vpc"}), nil, probe.Blocked, "VPC"},
		"an origin that is not there":        {Config{Behaviors: []Behavior{{Pattern: "*", Origins: []string{"gone"}}}}, nil, probe.Fail, "gone"},
		"no behaviors":                       {Config{}, nil, probe.Blocked, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.config.fetchesFrom([]string{host}, &url.URL{Scheme: "https", Host: "origin.example.com", Path: "/"}, test.also)
			assert.Equal(t, test.want, probe.StatusOf(err), "%v", err)
			if test.got != "" {
				assert.ErrorContains(t, err, test.got)
			}
		})
	}
	assert.Equal(t, probe.Blocked, probe.StatusOf(fetching(Origin{}).fetchesFrom(nil, &url.URL{}, nil)), "nobody says which host is right")
}

// TestPlace: the address in launch.yaml says below which path the application is, and at which port its own host.
func TestPlace(t *testing.T) {
	for at, want := range map[string]map[string][2]string{
		"":                                     {host: {"", "443"}},
		"https://origin.example.com/":          {host: {"", "443"}, "origin.example.com": {"", "443"}},
		"https://origin.example.com:8443/web/": {host: {"/web", "443"}, "Origin.example.com": {"/web", "8443"}},
	} {
		address, err := url.Parse(at)
		require.NoError(t, err)
		for of, want := range want {
			path, port := place(of, address)
			assert.Equal(t, want, [2]string{path, port}, "%s at %s", of, at)
		}
	}
}

func TestTreats(t *testing.T) {
	const tls = "redirect-to-https"
	for name, test := range map[string]struct {
		behavior    Behavior
		path, cache string
		want        probe.Status
	}{
		"never, and not kept":                 {Behavior{Viewer: tls}, "/api/x", "never", probe.Pass},
		"HTTPS alone":                         {Behavior{Viewer: "https-only"}, "/api/x", "never", probe.Pass},
		"never, and the origin decides":       {Behavior{Viewer: tls, MaxTTL: 60}, "/", "never", probe.Pass},
		"never, and kept without a word":      {Behavior{Viewer: tls, DefaultTTL: 1, MaxTTL: 60}, "/api/x", "never", probe.Fail},
		"never, and kept whatever was said":   {Behavior{Viewer: tls, MinTTL: 1, MaxTTL: 60}, "/api/x", "never", probe.Fail},
		"private, and not kept":               {Behavior{Viewer: tls}, "/konto", "private", probe.Pass},
		"private, and the origin may slip up": {Behavior{Viewer: tls, MaxTTL: 60}, "/konto", "private", probe.Fail},
		"static, and kept":                    {Behavior{Viewer: tls, MinTTL: 1, DefaultTTL: day, MaxTTL: year}, "/app.css", "static", probe.Pass},
		"static, and not kept":                {Behavior{Viewer: tls}, "/app.css", "static", probe.Fail},
		"without TLS":                         {Behavior{Viewer: "allow-all"}, "/api/x", "never", probe.Fail},
		"nothing about TLS":                   {Behavior{}, "/api/x", "never", probe.Fail},
	} {
		test.behavior.Pattern = "*"
		assert.Equal(t, test.want, probe.StatusOf(Config{Behaviors: []Behavior{test.behavior}}.treats(test.path, test.cache)), name)
	}
	first := Config{Behaviors: []Behavior{{Pattern: "/api/*", Viewer: tls}, {Pattern: "/*", Viewer: tls, DefaultTTL: day, MaxTTL: year}}}
	assert.NoError(t, first.treats("/api/x", "never"), "the first that fits decides")
	assert.Equal(t, probe.Fail, probe.StatusOf(first.treats("/API/x", "never")), "a pattern has its case")
	assert.Equal(t, probe.Blocked, probe.StatusOf(Config{}.treats("/", "never")))
}

func TestPatterns(t *testing.T) {
	for pattern, paths := range map[string][2]string{ // one that fits and one that does not
		"/api/*": {"/api/a/b", "/apix"}, "api/*": {"/api/", "/v1/api/"}, "*.jpg": {"/a/b.jpg", "/a.jpgx"}, "/a?": {"/ab", "/a"}, "/a.b": {"/a.b", "/axb"}, "*": {"/", ""},
	} {
		assert.True(t, fits(pattern, paths[0]), pattern)
		assert.Equal(t, pattern == "*", fits(pattern, paths[1]), pattern)
	}
	assert.True(t, covers("*.example.com", "www.example.com"))
	assert.False(t, covers("*.example.com", "example.com"))
	assert.False(t, covers("*.example.com", "a.b.example.com"))
}
