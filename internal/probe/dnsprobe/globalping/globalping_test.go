package globalping

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/globalpingtest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
)

var address = netip.MustParseAddr("203.0.113.99")

// names answers for the service's name as a resolver does.
type names struct{ addresses []netip.Addr }

func (n names) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	if "https://"+name != Base || len(n.addresses) == 0 {
		return nil, &probe.Unknown{Class: "dns", Got: "no such name"}
	}
	return n.addresses, nil
}

func world(t *testing.T) (*globalpingtest.Server, *Client) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	says := globalpingtest.Says("shop.example. 60 A 192.0.2.1", "shop.example. 60 AAAA 2001:db8::1")
	s := globalpingtest.New(t, globalpingtest.Config{Authority: authority, Address: address, Token: "the-right-token", Probes: []globalpingtest.Probe{
		{Country: "NO", City: "Oslo", ASN: 2119, Network: "Telenor", Resolver: "private", Ask: says},
		{Country: "NO", City: "Bergen", ASN: 2119, Network: "Telenor", Resolver: "1.1.1.1", Ask: says},
		{Country: "SG", City: "Singapore", ASN: 16509, Network: "Amazon", Resolver: "8.8.8.8", Ask: says},
	}})
	return s, New(&probe.Network{Connect: s.Connect(), Roots: authority.Pool()}, names{[]netip.Addr{address}}, nil)
}

// measure starts a measurement and waits for it.
func measure(t *testing.T, c *Client, q Query) (*Measurement, error) {
	t.Helper()
	id, err := c.Start(t.Context(), q)
	if err != nil {
		return nil, err
	}
	return c.Await(t.Context(), id)
}

// The documented way: 202 with an id, in-progress, then finished (public/v1 of the API, createMeasurement and getMeasurement).
func TestMeasurement(t *testing.T) {
	s, c := world(t)
	s.Set(func(b *globalpingtest.Behaviour) { b.Takes = 700 * time.Millisecond }) // one look is too early
	id, err := c.Start(t.Context(), Query{Name: "shop.example", Type: "A", Location: "NO", Probes: 5})
	require.NoError(t, err)
	m, err := c.Await(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, id, m.ID)
	assert.Equal(t, Finished, m.Status)
	require.Len(t, m.Results, 2)
	assert.Equal(t, Probe{"NO", "Bergen", 2119, "Telenor"}, m.Results[1].Probe)
	noerror := 0
	assert.Equal(t, Lookup{Status: Finished, StatusCode: &noerror, Resolver: "1.1.1.1", Answers: []Answer{{"shop.example.", "A", 60, "192.0.2.1"}}}, m.Results[1].Lookup)
	assert.WithinDuration(t, time.Now(), m.Received, 5*time.Second)

	m, err = measure(t, c, Query{Name: "shop.example", Type: "AAAA", Like: id})
	require.NoError(t, err)
	require.Len(t, m.Results, 2, "the same probes")
	assert.Equal(t, "2001:db8::1", m.Results[0].Lookup.Answers[0].Value)

	m, err = measure(t, c, Query{Name: "shop.example", Type: "A", Location: "Singapore"})
	require.NoError(t, err)
	assert.Len(t, m.Results, 1)

	s.SetProbe(2, func(p *globalpingtest.Probe) { p.Offline = true })
	m, err = measure(t, c, Query{Name: "shop.example", Type: "A", Like: m.ID})
	require.NoError(t, err)
	assert.Equal(t, "offline", m.Results[0].Lookup.Status)
}

// What the service does not do, and why, is BLOCKED: nobody can tell.
func TestNoMeasurement(t *testing.T) {
	token := func(text string) func(*globalpingtest.Server, *Client) {
		return func(_ *globalpingtest.Server, c *Client) {
			c.api.Token = func(context.Context) (string, error) { return text, nil }
		}
	}
	behave := func(change func(*globalpingtest.Behaviour)) func(*globalpingtest.Server, *Client) {
		return func(s *globalpingtest.Server, _ *Client) { s.Set(change) }
	}
	for name, c := range map[string]struct {
		fault       func(*globalpingtest.Server, *Client)
		location    string
		class, says string
	}{
		"limit":          {behave(func(b *globalpingtest.Behaviour) { b.Limit = 1 }), "NO", "api.limit", "too many requests, until " + time.Now().UTC().Add(30*time.Minute).Format("2006-01-02T15:")},
		"down":           {behave(func(b *globalpingtest.Behaviour) { b.Status = 502 }), "NO", "api.down", "status 502"},
		"a page":         {behave(func(b *globalpingtest.Behaviour) { b.HTML = true }), "NO", "api.malformed", "what is no JSON"},
		"nobody there":   {func(*globalpingtest.Server, *Client) {}, "Atlantis", "api.answer", `"No suitable probes found." from POST api.globalping.io/v1/measurements; see whether the API has changed, and what launch.yaml asks it for`},
		"a wrong token":  {token("the-wrong-token"), "NO", "api.refused", "see that dns.globalping.token is valid"},
		"another's":      {func(_ *globalpingtest.Server, c *Client) { c.api.Network.Roots = nil }, "NO", "api.unreachable", "certificate"},
		"not in the DNS": {func(_ *globalpingtest.Server, c *Client) { c.api.Resolver = names{} }, "NO", "dns", "no such name"},
		"not reachable": {func(_ *globalpingtest.Server, c *Client) {
			c.api.Network.Connect = map[string]string{"203.0.113.1:1": "127.0.0.1:1"}
		}, "NO", "sealed", "203.0.113.99:443"},
		"an unread secret": {func(_ *globalpingtest.Server, c *Client) {
			c.api.Token = func(context.Context) (string, error) { return "", errors.New("no such variable") }
		}, "NO", "not-configured", "no such variable"},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := world(t)
			c.fault(s, client)
			_, err := measure(t, client, Query{Name: "shop.example", Type: "A", Location: c.location, Probes: 2})
			var unknown *probe.Unknown
			require.ErrorAs(t, err, &unknown)
			assert.Equal(t, c.class, unknown.Class, err)
			assert.ErrorContains(t, err, c.says)
			assert.NotContains(t, err.Error(), "the-wrong-token")
		})
	}
}

// While a measurement runs the service may stumble; one that never ends tells which probes are missing.
func TestAwaiting(t *testing.T) {
	s, c := world(t)
	id, err := c.Start(t.Context(), Query{Name: "shop.example", Type: "A", Location: "NO", Probes: 2})
	require.NoError(t, err)
	s.Set(func(b *globalpingtest.Behaviour) { b.Status = 503 })
	_, err = c.Await(t.Context(), id)
	assert.ErrorContains(t, err, "status 503")
	s.Set(func(b *globalpingtest.Behaviour) { b.Status = 0 })
	m, err := c.Await(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, Finished, m.Status)

	s.Set(func(b *globalpingtest.Behaviour) { b.NeverEnds = true })
	ctx, cancel := context.WithTimeout(t.Context(), 1300*time.Millisecond)
	defer cancel()
	m, err = c.Await(ctx, id)
	require.NoError(t, err)
	assert.Equal(t, InProgress, m.Results[0].Lookup.Status)

	ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = c.Await(ctx, id)
	assert.ErrorContains(t, err, "one that does not end")
	_, err = c.Await(t.Context(), "no-such-id")
	assert.ErrorContains(t, err, "status 404")
}

// The token goes with each request, and to nobody else.
func TestToken(t *testing.T) {
	s, c := world(t)
	_, err := measure(t, c, Query{Name: "shop.example", Type: "A", Location: "NO"})
	require.NoError(t, err)
	c.api.Token = func(context.Context) (string, error) { return "the-right-token", nil }
	_, err = measure(t, c, Query{Name: "shop.example", Type: "A", Location: "NO"})
	require.NoError(t, err)
	assert.Equal(t, []string{"", "the-right-token"}, s.Tokens())
}

// The body of a request has just the documented keys, and none of both limit and locations of a former measurement.
func TestRequest(t *testing.T) {
	for want, q := range map[string]Query{
		`{"limit":2,"locations":[{"country":"NO"}],"measurementOptions":{"query":{"type":"A"}},"target":"shop.example","type":"dns"}`:                                            {Name: "shop.example", Type: "A", Location: "NO", Probes: 2},
		`{"limit":1,"locations":[{"magic":"Oslo"}],"measurementOptions":{"query":{"type":"A"}},"target":"shop.example","type":"dns"}`:                                            {Name: "shop.example", Type: "A", Location: "Oslo"},
		`{"locations":"abc","measurementOptions":{"query":{"type":"AAAA"}},"target":"shop.example","type":"dns"}`:                                                                {Name: "shop.example", Type: "AAAA", Like: "abc", Location: "NO", Probes: 2},
		`{"limit":30,"locations":[{"country":"NO"}],"measurementOptions":{"protocol":"HTTPS","request":{"method":"GET","path":"/a.css"}},"target":"shop.example","type":"http"}`: {Name: "shop.example", Path: "/a.css", Location: "NO", Probes: 30},
	} {
		text, err := json.Marshal(q.request())
		require.NoError(t, err)
		assert.JSONEq(t, want, string(text))
	}
}
