package flagsprobe

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/ofreptest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

var address = netip.MustParseAddr("203.0.113.141")

// world is a flag service, asked with a token.
func world(t *testing.T, flags map[string]ofreptest.Flag) (*ofreptest.Server, func(token string) *jsonapi.Service, *http.Client) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	server := ofreptest.New(t, ofreptest.Config{Authority: authority, Host: "flags.example", Address: address, Token: "may-evaluate", Admin: "may-set-flags", Flags: flags, Page: "pay"})
	network := &probe.Network{Connect: server.Connect(), Roots: authority.Pool()}
	service := func(token string) *jsonapi.Service {
		return &jsonapi.Service{Name: "flags", Base: "https://flags.example", Network: network, Resolver: server, Key: "flags.token", Token: func(context.Context) (string, error) { return token, nil }}
	}
	dial := func(ctx context.Context, transport, hostPort string) (net.Conn, error) {
		return network.DialName(ctx, server, transport, hostPort)
	}
	client := &http.Client{Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}}}
	return server, service, client
}

func TestAgainstTheStandIn(t *testing.T) {
	server, service, _ := world(t, map[string]ofreptest.Flag{"pay": {Value: true}, "qr": {Value: false, Hidden: true}, "dark": {Value: false}})
	p, file := NewOFREP(service("may-evaluate"), map[string]string{"targetingKey": "x"}), written(t, good)
	status := func(claim probe.Claim) probe.Status {
		result := probe.Run(t.Context(), "flags", claim)
		t.Log(result.Message())
		return result.Status
	}
	assert.Equal(t, probe.Pass, status(OffByDefault(p, file)))
	assert.Equal(t, probe.Pass, status(AsPlanned(p, file)))
	assert.Equal(t, 1, server.NotModified(), "nothing had changed")

	server.Change(func(flags map[string]ofreptest.Flag) { flags["dark"] = ofreptest.Flag{Value: true} })
	assert.Equal(t, probe.Fail, status(OffByDefault(p, file)), "what changed is seen")
	server.Change(func(flags map[string]ofreptest.Flag) { delete(flags, "dark"); delete(flags, "qr") })
	assert.Equal(t, probe.Fail, status(AsPlanned(p, file)))
	assert.Equal(t, probe.Blocked, status(OffByDefault(NewOFREP(service("another"), map[string]string{"targetingKey": "x"}), file)))
	assert.Equal(t, probe.Blocked, status(OffByDefault(NewOFREP(service("may-evaluate"), nil), file)), "the service wants a context")
}

func TestDrill(t *testing.T) {
	for title, test := range map[string]struct {
		change   func(*ofreptest.Server)
		want     probe.Status
		class    string
		sets     []string
		restored bool
	}{
		"at once": {func(*ofreptest.Server) {}, probe.Pass, "", []string{"pay=false", "pay=true"}, true},
		"never":   {func(s *ofreptest.Server) { s.Lag(-1) }, probe.Fail, "flags.slow", []string{"pay=false", "pay=true"}, true},
		"it was off before": {func(s *ofreptest.Server) {
			s.Change(func(f map[string]ofreptest.Flag) { f["pay"] = ofreptest.Flag{Value: false} })
		}, probe.Blocked, "flags.drill", nil, false},
		"it stays off":           {(*ofreptest.Server).Stick, probe.Fail, "flags.not-restored", []string{"pay=false"}, false},
		"the service is down":    {func(s *ofreptest.Server) { s.Fail(servicetest.Down) }, probe.Blocked, "flags.drill", nil, false},
		"a page of somebody's":   {func(s *ofreptest.Server) { s.Fail(servicetest.HTML) }, probe.Blocked, "flags.drill", nil, false},
		"the call is not taken ": {func(*ofreptest.Server) {}, probe.Fail, "flags.not-restored", nil, false},
	} {
		t.Run(title, func(t *testing.T) {
			server, service, client := world(t, map[string]ofreptest.Flag{"pay": {Value: true}})
			test.change(server)
			token := "may-set-flags"
			if title == "the call is not taken " {
				token = "may-evaluate"
			}
			s := Switch{Flag: "pay", Admin: service(token), Method: "PUT", Path: "/admin/flags/pay", OnBody: `{"on":true}`, OffBody: `{"on":false}`, Page: "https://flags.example/app",
				On: ofreptest.PageOn, Off: ofreptest.PageOff, Within: time.Second, Fetch: fetch(client)}
			result := probe.Run(t.Context(), "drill", Kills(NewOFREP(service("may-evaluate"), nil), s))
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Equal(t, test.class, result.Class)
			assert.Equal(t, test.sets, server.Sets())
			drill, is := result.Evidence.Observed.(Drill)
			require.True(t, is)
			assert.Equal(t, test.restored, drill.Restored)
			assert.Contains(t, result.Evidence.Notes[0], "audit log", "nobody may think that it was looked at")
		})
	}
}

// An end in the middle of the drill is no reason to leave the feature off.
func TestADrillThatIsCutOffIsTakenBack(t *testing.T) {
	server, service, client := world(t, map[string]ofreptest.Flag{"pay": {Value: true}})
	server.Lag(-1)
	ctx, cancel := context.WithCancel(t.Context())
	s := Switch{Flag: "pay", Admin: service("may-set-flags"), Method: "PUT", Path: "/admin/flags/pay", OnBody: `{"on":true}`, OffBody: `{"on":false}`, Page: "https://flags.example/app",
		On: ofreptest.PageOn, Off: ofreptest.PageOff, Within: time.Minute}
	s.Fetch = func(ctx context.Context, url string) (int, []byte, error) {
		if len(server.Sets()) == 1 {
			cancel()
		}
		return fetch(client)(context.WithoutCancel(ctx), url)
	}
	_, err := Kills(NewOFREP(service("may-evaluate"), nil), s)(ctx)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
	assert.Equal(t, []string{"pay=false", "pay=true"}, server.Sets())
}

func fetch(client *http.Client) func(context.Context, string) (int, []byte, error) {
	return func(ctx context.Context, url string) (int, []byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return 0, nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return 0, nil, err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		return response.StatusCode, body, err
	}
}
