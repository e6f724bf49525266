package cdnprobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/cdntest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

const (
	site    = "https://cdn.example.com"
	session = "session=the-test-accounts-own"
)

func world(t *testing.T) (*cdntest.CDN, *httpprobe.Client) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	c := cdntest.New(t, cdntest.Config{Host: "cdn.example.com", OriginHost: "origin.example.com", Authority: authority, Session: session})
	return c, &httpprobe.Client{Network: &probe.Network{Connect: c.Connect(), Roots: authority.Pool()}, Resolver: c}
}

// claims are all claims about the CDN, by a short name.
func claims(t *testing.T, c *cdntest.CDN, web *httpprobe.Client) map[string]probe.Claim {
	t.Helper()
	manifest := filepath.Join(t.TempDir(), "manifest.json")
	require.NoError(t, os.WriteFile(manifest, cdntest.Manifest(), 0o600))
	origin := Origin{Header: cdntest.Header, Value: "production"}
	account := Session{Header: "Cookie", Sees: cdntest.Sees, Credential: func(context.Context) (string, error) { return session, nil }}
	purge := Purge{Within: 1500 * time.Millisecond, Run: func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.PurgeAPI()+"/purge?path="+cdntest.Canary, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			return err
		}
		if answer.StatusCode != http.StatusOK {
			err = errors.New(answer.Status)
		}
		return errors.Join(err, answer.Body.Close())
	}}
	return map[string]probe.Claim{
		"served": AssetsServed(web, "cdn.example.com", Manifest{File: manifest}),
		"cached": Cached(web, site+cdntest.Style), "uncached": Uncached(web, site+cdntest.API), "private": Private(web, site+cdntest.Private, account),
		"assets": AssetsKept(web, "cdn.example.com", Manifest{File: manifest}, 365*24*time.Hour), "unhashed": NotKept(web, site+"/favicon.ico", 24*time.Hour),
		"html": AskedAgain(web, site+"/"), "waf": Refuses(web, site+"/", http.StatusForbidden), "purge": Purges(web, site+cdntest.Canary, purge),
		"origin": FromOrigin(web, site+cdntest.Style, origin), "origin of the api": FromOrigin(web, site+cdntest.API, origin),
		"same": SameAsOrigin(web, site+cdntest.Style, "https://origin.example.com"+cdntest.Style, origin),
	}
}

// run makes all claims at once and says how those ended that do not hold.
func run(t *testing.T, all map[string]probe.Claim) map[string]string {
	t.Helper()
	red, done := map[string]string{}, make(chan [2]string)
	for name, claim := range all {
		go func() {
			result := probe.Run(t.Context(), name, claim)
			said := ""
			if result.Status != probe.Pass {
				said = fmt.Sprintf("%s %s", result.Status, result.Class)
				t.Log(name, said, result.Message())
			}
			done <- [2]string{name, said}
		}()
	}
	for range all {
		if said := <-done; said[1] != "" {
			red[said[0]] = said[1]
		}
	}
	return red
}

func TestNothingBroken(t *testing.T) {
	c, web := world(t)
	assert.Empty(t, run(t, claims(t, c, web)))
}

// TestFaults breaks the CDN in every way there is: exactly the claims that are about it fail, and none passes by an answer
// that says nothing.
func TestFaults(t *testing.T) {
	wanted := map[cdntest.Fault]map[string]string{
		cdntest.WrongOrigin:       {"origin": "FAIL cdn.origin", "origin of the api": "FAIL cdn.origin"},
		cdntest.OriginNameless:    {"origin": "BLOCKED cdn.origin", "origin of the api": "BLOCKED cdn.origin", "same": "BLOCKED cdn.origin"},
		cdntest.PrivateCached:     {"private": "FAIL cdn.leak"},
		cdntest.PrivateByPresence: {"private": "FAIL cdn.leak"},
		cdntest.PrivateByName:     {"private": "FAIL cdn.leak"},
		cdntest.SessionExpired:    {"private": "BLOCKED cdn.session"},
		cdntest.APICached:         {"uncached": "FAIL cdn.cached"},
		cdntest.APICachedSilently: {"uncached": "FAIL cdn.cached"},
		cdntest.APICachedUnseen:   {"uncached": "BLOCKED cdn.unsaid"},
		cdntest.AssetNotCached:    {"cached": "FAIL cdn.not-cached"},
		cdntest.CookieKept:        {"cached": "FAIL cdn.cookie"},
		cdntest.NotImmutable:      {"assets": "FAIL asset.immutable"},
		cdntest.ShortLived:        {"assets": "FAIL asset.age"},
		cdntest.OldContent:        {"assets": "FAIL asset.content", "served": "FAIL asset.content"},
		cdntest.Soft404:           {"assets": "FAIL asset.soft-404", "served": "FAIL asset.soft-404"},
		cdntest.Missing:           {"assets": "FAIL cdn.status", "served": "FAIL cdn.status"},
		cdntest.WrongType:         {"assets": "FAIL asset.type", "served": "FAIL asset.type"},
		cdntest.Bypassed:          {"served": "BLOCKED cdn.unsaid"},
		cdntest.UnhashedYear:      {"unhashed": "FAIL asset.unhashed"},
		cdntest.HTMLKept:          {"html": "FAIL html.age"},
		cdntest.WAFOff:            {"waf": "FAIL waf.open"},
		cdntest.WAFCount:          {"waf": "FAIL waf.open"},
		cdntest.WAFNoSQL:          {"waf": "FAIL waf.open"},
		cdntest.WAFTooStrict:      {"waf": "FAIL waf.closed"},
		cdntest.PurgeNothing:      {"purge": "FAIL purge.stale"},
		cdntest.PurgeOneAddress:   {"purge": "FAIL purge.stale"},
		cdntest.PurgeSlow:         {"purge": "FAIL purge.stale"},
		cdntest.PurgeRefused:      {"purge": "BLOCKED error"},
		cdntest.CanaryNotCached:   {"purge": "BLOCKED purge.canary"},
		cdntest.CanaryShort:       {"purge": "BLOCKED purge.canary"},
	}
	assert.Len(t, wanted, len(cdntest.Faults))
	got := map[cdntest.Fault]map[string]string{}
	var mu sync.Mutex
	var all sync.WaitGroup
	slots := make(chan struct{}, 5) // servers that have to wait for each other are silent for too long
	for fault := range wanted {
		assert.NotEmpty(t, cdntest.Faults[fault])
		c, web := world(t)
		c.Break(fault)
		these := claims(t, c, web)
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			red := run(t, these)
			mu.Lock()
			defer mu.Unlock()
			got[fault] = red
		})
	}
	all.Wait()
	for fault, want := range wanted {
		assert.Equal(t, want, got[fault], fault)
	}
}
