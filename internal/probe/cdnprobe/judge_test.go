package cdnprobe

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func head(lines ...string) http.Header {
	h := http.Header{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		h.Add(name, value)
	}
	return h
}

// The headers of CDNs as their manuals and RFC 9211 have them.
func TestSource(t *testing.T) {
	for line, want := range map[string]origin{
		"X-Cache: Hit from cloudfront": stored, "X-Cache: Miss from cloudfront": fetched, "X-Cache: RefreshHit from cloudfront": stored, "X-Cache: Error from cloudfront": fetched,
		"X-Cache: LambdaGeneratedResponse from cloudfront": fetched, "X-Cache: MISS, HIT": stored, "X-Cache: HIT, MISS": stored, "X-Cache: MISS, MISS": fetched,
		"X-Cache: TCP_HIT from a1-2-3-4.deploy.akamaitechnologies.com": stored, "X-Cache: TCP_MISS": fetched, "X-Cache: hit-for-pass": fetched, "X-Cache: CONFIG_NOCACHE": unsaid,
		"CF-Cache-Status: HIT": stored, "CF-Cache-Status: DYNAMIC": fetched, "CF-Cache-Status: BYPASS": fetched, "CF-Cache-Status: EXPIRED": fetched, "CF-Cache-Status: STALE": stored, "CF-Cache-Status: REVALIDATED": stored,
		"X-Vercel-Cache: PRERENDER": stored, "X-Proxy-Cache: HIT": stored,
		"Age: 0": unsaid, "Age: 1": stored, "Age: 00": unsaid, "Age: soon": unsaid, "Age: -1": unsaid, "Age: 1.5": unsaid, "Age: ": unsaid, "Age: 7, 0": stored, "Age: 0, 7": unsaid, "Age: 99999999999999999999": stored,
		`Cache-Status: ExampleCache; hit`: stored, `Cache-Status: ExampleCache; hit; ttl=-412`: stored, `Cache-Status: ExampleCache; hit=?0; fwd=miss`: fetched, `Cache-Status: ExampleCache; fwd=uri-miss; stored`: fetched,
		`Cache-Status: OriginCache; hit; ttl=1100, "CDN Company Here"; fwd=uri-miss`: stored, `Cache-Status: ExampleCache; fwd=uri-miss; collapsed`: stored, `Cache-Status: ExampleCache; fwd=stale; fwd-status=304`: stored,
		`Cache-Status: "a; hit, b"; fwd=bypass`: fetched, `Cache-Status: ExampleCache; detail="hit; collapsed"`: unsaid, "Server: HIT": unsaid,
	} {
		got, why := source(head(line))
		assert.Equal(t, want, got, line)
		assert.Equal(t, want != unsaid, why == line, line)
	}
	got, _ := source(head("X-Cache: Miss from cloudfront", "Age: 12"))
	assert.Equal(t, stored, got, "an age is a copy, whatever else is said")
}

func TestFingerprints(t *testing.T) {
	for path, want := range map[string]bool{
		"/assets/app.1a2b3c4d.css": true, "/assets/index-BfXkZjQw.js": true, "/_next/static/chunks/4bd1b696-100b9d70ed4e49c1.js": true, "/_next/static/Hs8FkQ2pLm_x/_buildManifest.js": true,
		"/logo.png": false, "/assets/settings.js": false, "/favicon.ico": false, "/app.js": false, "/assets/stylesheet-print.css": false, "/v2/app.js": false,
	} {
		assert.Equal(t, want, fingerprinted(path), path)
	}
}

func TestLifetimes(t *testing.T) {
	const year = 365 * 24 * time.Hour
	asset := func(lines ...string) probe.Status {
		l := look{url: "https://cdn.example.com/a.1a2b3c4d.js", status: 200, header: head(append(lines, "Content-Type: text/javascript")...)}
		return probe.StatusOf(judgeAsset(l, asset{path: "/a.1a2b3c4d.js", sum: l.sum()}, year))
	}
	assert.Equal(t, probe.Pass, asset("Cache-Control: public, max-age=31536000, immutable"))
	assert.Equal(t, probe.Pass, asset("cache-control: Max-Age=\"31536000\" , IMMUTABLE"))
	assert.Equal(t, probe.Pass, asset("Cache-Control: public", "Cache-Control: max-age=99999999999999999, immutable"))
	for _, line := range []string{"public, max-age=31535999, immutable", "public, max-age=31536000", "public, immutable", "max-age=31536000, immutable, no-cache", "private, max-age=31536000, immutable",
		"max-age=3600, max-age=31536000, immutable", "max-age=-31536000, immutable", "s-maxage=31536000, immutable", `x="a, max-age=31536000, immutable"`, ""} {
		assert.Equal(t, probe.Fail, asset("Cache-Control: "+line), line)
	}
	unhashed := func(lines ...string) probe.Status {
		return probe.StatusOf(judgeUnhashed(look{url: "https://cdn.example.com/favicon.ico", status: 200, header: head(lines...)}, 24*time.Hour))
	}
	assert.Equal(t, probe.Pass, unhashed("Cache-Control: max-age=86400"))
	assert.Equal(t, probe.Pass, unhashed())
	for _, lines := range [][]string{{"Cache-Control: max-age=86401"}, {"Cache-Control: max-age=0, s-maxage=31536000"}, {"Cache-Control: max-age=60, immutable"},
		{"Date: Thu, 01 Jan 2026 00:00:00 GMT", "Expires: Fri, 01 Jan 2027 00:00:00 GMT"}} {
		assert.Equal(t, probe.Fail, unhashed(lines...), lines)
	}
	html := func(line string) probe.Status {
		return probe.StatusOf(judgeHTML(look{url: "https://cdn.example.com/", status: 200, header: head("Content-Type: text/html", "Cache-Control: "+line)}))
	}
	for _, line := range []string{"no-cache", "no-store", "private, no-cache, max-age=60", "public, max-age=0, must-revalidate"} {
		assert.Equal(t, probe.Pass, html(line), line)
	}
	for _, line := range []string{"", "max-age=60", "max-age=0", "max-age=0, must-revalidate, s-maxage=60", `no-cache="Set-Cookie"`, "public"} {
		assert.Equal(t, probe.Fail, html(line), line)
	}
}

// What no header says is settled by Date, where it stands still, and by answers that differ. A cache need not say anything.
func TestUncachedWithoutASign(t *testing.T) {
	at := func(bodies string, dates ...string) probe.Status {
		var looks []look
		for i, date := range dates {
			l := look{status: 200, header: http.Header{}, body: []byte{bodies[i]}}
			if date != "" {
				l.header.Set("Date", "Thu, 01 Jan 2026 00:00:"+date+" GMT")
			}
			looks = append(looks, l)
		}
		return probe.StatusOf(judgeUncached(looks))
	}
	assert.Equal(t, probe.Pass, at("abc", "01", "01", "03"))
	assert.Equal(t, probe.Pass, at("abc", "", "", ""))
	assert.Equal(t, probe.Blocked, at("aaa", "01", "01", "03"))
	assert.Equal(t, probe.Blocked, at("aaa", "", "", ""))
	assert.Equal(t, probe.Blocked, at("abb", "01", "01", "03"), "two requests met an empty cache, and the second answer was kept")
	assert.Equal(t, probe.Fail, at("aaa", "01", "01", "01"))
	assert.Equal(t, probe.Fail, probe.StatusOf(judgeUncached([]look{{status: 404}})), "an answer that is not there is never kept")
	assert.Equal(t, probe.Blocked, probe.StatusOf(judgeCached([]look{{status: 200}, {status: 200}})))
	odd := look{status: 200, header: head("Age: soon", "X-Cache: Miss from cloudfront")}
	assert.Equal(t, probe.Blocked, probe.StatusOf(judgeUncached([]look{odd, odd, odd})))
	assert.Equal(t, probe.Blocked, probe.StatusOf(judgeCached([]look{{status: 200}, {status: 200, header: head("Age: soon")}})))
	assert.Equal(t, probe.Fail, probe.StatusOf(judgeCached([]look{{status: 200}, {status: 200, header: head("X-Cache: MISS")}})))
}

func TestManifests(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	for text, want := range map[string]map[string]string{
		`{"/assets/a.js": "` + sum + `", "b.css": "sha256-` + sum + `"}`: {"/assets/a.js": sum, "b.css": sum},
		`["a.js", "b.css"]`:                     {"a.js": "", "b.css": ""},
		`{"main.js": "/static/main.1a2b3c.js"}`: {"/static/main.1a2b3c.js": ""},
		`{"index.html": {"file": "assets/i.js", "src": "index.html", "isEntry": true, "css": ["assets/i.css"], "assets": ["assets/l.svg"], "imports": ["_v.js"]}, "_v.js": {"file": "assets/v.js"}}`: {"assets/i.js": "", "assets/i.css": "", "assets/l.svg": "", "assets/v.js": ""},
		`{"polyfillFiles": ["static/p.js"], "ampDevFiles": [], "pages": {"/_app": ["static/m.js", "static/p.js"]}}`:                                                                                  {"static/p.js": "", "static/m.js": ""},
	} {
		got, err := parseManifest([]byte(text))
		assert.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
	for _, text := range []string{``, `7`, `{"a.js": 1}`, `["https://other.example/a.js"]`, `[""]`, `[1]`, `{"pages": {"/": "a.js"}}`} {
		_, err := parseManifest([]byte(text))
		assert.Error(t, err, text)
	}
}

// A manifest that proves nothing blocks: it is not there, it lists nothing, or nobody knows what is in the files.
func TestManifestsThatProveNothing(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string { return writeFile(t, dir, "manifest.json", text) }
	for name, m := range map[string]Manifest{"none": {}, "absent": {File: dir + "/absent.json"}} {
		_, err := m.assets()
		assert.Equal(t, probe.Blocked, probe.StatusOf(err), name)
		assert.Error(t, err, name)
	}
	for _, text := range []string{`{}`, `[]`, `{"pages": {}}`, `["assets/a.1a2b3c4d.js"]`, `["../secret.1a2b3c4d.js"]`} {
		_, err := Manifest{File: write(text), Build: dir}.assets()
		assert.Equal(t, probe.Blocked, probe.StatusOf(err), text)
		assert.Error(t, err, text)
	}
	writeFile(t, dir, "a.1a2b3c4d.js", "x")
	all, err := Manifest{File: write(`["a.1a2b3c4d.js"]`), Build: dir, Base: "/_next/"}.assets()
	assert.NoError(t, err)
	assert.Equal(t, []asset{{"/_next/a.1a2b3c4d.js", "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"}}, all)
}

// A session that has expired shows nothing: that nobody sees the account's page is no proof then. A leak is one in any case.
func TestPrivate(t *testing.T) {
	mine, other := look{status: 200, body: []byte("Hei, Kari")}, look{status: 302}
	kept := look{status: 200, header: head("Age: 3")}
	assert.Equal(t, probe.Pass, probe.StatusOf(judgePrivate([]look{mine, mine, other, other, other, other}, "Kari")))
	assert.Equal(t, probe.Blocked, probe.StatusOf(judgePrivate([]look{other, other, other, other, other, other}, "Kari")))
	assert.Equal(t, probe.Fail, probe.StatusOf(judgePrivate([]look{other, other, other, mine, other, other}, "Kari")))
	assert.Equal(t, probe.Fail, probe.StatusOf(judgePrivate([]look{mine, mine, other, kept, other, other}, "Kari")))
	odd := look{status: 200, header: head("Age: soon")}
	assert.Equal(t, probe.Blocked, probe.StatusOf(judgePrivate([]look{mine, mine, other, odd, other, other}, "Kari")))
	assert.Equal(t, probe.Fail, probe.StatusOf(judgePrivate([]look{mine, mine, odd, kept, other, other}, "Kari")))
	assert.NotContains(t, nobodys("Cookie", "session=abcdefgh; id=1234567890"), "abcdefgh")
	assert.Regexp(t, `^session=\S{8}; id=\S{10}$`, nobodys("Cookie", "session=abcdefgh; id=1234567890"))
	assert.Regexp(t, `^Bearer \S{30}$`, nobodys("Authorization", "Bearer "+strings.Repeat("x", 30)))
}

func writeFile(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// A canary that is not one copy, kept for long enough, proves no purge: it would be another one by itself.
func TestCanaries(t *testing.T) {
	kept := func(body string, lines ...string) look {
		return look{status: 200, body: []byte(body), header: head(append([]string{"X-Cache: HIT"}, lines...)...)}
	}
	five := func(l look) []look { return []look{{status: 200}, l, l, l, l, l} }
	const day = "Cache-Control: public, max-age=86400"
	assert.Equal(t, probe.Pass, probe.StatusOf(judgeKept(five(kept("1", day, "Age: 5")), 5*time.Minute)))
	assert.Equal(t, probe.Pass, probe.StatusOf(judgeKept(five(kept("1", "Cache-Control: max-age=0, s-maxage=86400")), 5*time.Minute)))
	for name, looks := range map[string][]look{
		"runs out": five(kept("1", day, "Age: 86200")), "no lifetime": five(kept("1")), "for browsers only": five(kept("1", "Cache-Control: max-age=86400, s-maxage=60")),
		"age that is none": five(kept("1", day, "Age: soon")), "two copies": {kept("1", day), kept("1", day), kept("2", day), kept("1", day), kept("1", day)},
		"not always a copy": {kept("1", day), kept("1", day), {status: 200, body: []byte("1")}, kept("1", day), kept("1", day)},
	} {
		assert.Equal(t, probe.Blocked, probe.StatusOf(judgeKept(looks, 5*time.Minute)), name)
	}
	assert.Equal(t, probe.Fail, probe.StatusOf(judgeKept(five(look{status: 404}), time.Minute)))

	old, began := kept("1"), time.Now()
	assert.True(t, kept("2", "Age: 0").replaces(old, began))
	assert.False(t, kept("2", "Age: 60").replaces(old, began), "a copy from before the purge, of another server")
	assert.False(t, kept("1").replaces(old, began))
	assert.False(t, look{status: 502, body: []byte("bad")}.replaces(old, began))
	assert.Equal(t, probe.Fail, probe.StatusOf(judgePurged(canary{before: []look{old}, after: []look{old}}, time.Minute)))
	assert.Equal(t, probe.Fail, probe.StatusOf(judgePurged(canary{before: []look{old}, after: five(kept("2")), renewed: true, took: 2 * time.Minute}, time.Minute)))
	assert.Equal(t, probe.Blocked, probe.StatusOf(judgePurged(canary{before: []look{old}, after: []look{kept("2"), kept("2")}}, time.Minute)))
}

// Who answers says so with any status; an answer that does not say is no answer of the origin.
func TestOrigins(t *testing.T) {
	want := Origin{Header: "X-Environment", Value: "production"}
	at := func(status int, lines ...string) probe.Status {
		return probe.StatusOf(judgeOrigin([]look{{status: status, header: head(lines...)}}, want))
	}
	assert.Equal(t, probe.Pass, at(200, "X-Environment: production"))
	assert.Equal(t, probe.Pass, at(302, "x-environment: production"))
	assert.Equal(t, probe.Fail, at(200, "X-Environment: staging"))
	assert.Equal(t, probe.Fail, at(200, "X-Environment: production", "X-Environment: staging"))
	assert.Equal(t, probe.Fail, at(502))
	assert.Equal(t, probe.Blocked, at(200))
}

// An attack that comes through prevails; a refusal proves nothing where honest questions are refused, or by a limit.
func TestFirewalls(t *testing.T) {
	at := func(honest, hostile int) probe.Status {
		var looks []look
		for range attacks {
			looks = append(looks, look{status: honest}, look{status: hostile})
		}
		return probe.StatusOf(judgeWAF(looks, 403))
	}
	assert.Equal(t, probe.Pass, at(200, 403))
	assert.Equal(t, probe.Blocked, at(200, 429))
	for _, c := range [][2]int{{200, 200}, {200, 302}, {200, 404}, {200, 500}, {403, 403}, {404, 403}, {200, 400}} {
		assert.Equal(t, probe.Fail, at(c[0], c[1]), c)
	}
}
