package watch

import (
	"context"
	"maps"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/betterstacktest"
	"github.com/getdrop/launchgate/fixtures/pagerdutytest"
	"github.com/getdrop/launchgate/fixtures/servicetest"
	"github.com/getdrop/launchgate/fixtures/slacktest"
	"github.com/getdrop/launchgate/fixtures/statuspagetest"
	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/betterstackprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
	"github.com/getdrop/launchgate/internal/probe/pagerdutyprobe"
	"github.com/getdrop/launchgate/internal/probe/slackprobe"
	"github.com/getdrop/launchgate/internal/probe/statuspageprobe"
)

const (
	url   = "https://getdrop.no/api/health"
	token = "planted-token-1"
	key   = "planted-key-1"
	hook  = "/services/T0/B0/planted-hook-1"
	who   = "ic@example.com"
)

// names are where the providers are.
type names map[string]netip.Addr

func (n names) Addresses(_ context.Context, name string) ([]netip.Addr, error) {
	return []netip.Addr{n[name]}, nil
}

// providers are all stand-ins, and a claim about each way in which they are asked.
func providers(t *testing.T) (all []*servicetest.Service, claims func() map[string]probe.Claim) {
	t.Helper()
	authority, err := tlstest.NewAuthority()
	require.NoError(t, err)
	at := names{}
	address := func(last byte, hosts ...string) netip.Addr {
		a := netip.AddrFrom4([4]byte{203, 0, 113, last})
		for _, host := range hosts {
			at[host] = a
		}
		return a
	}
	from := time.Now().Add(time.Hour)
	bs := betterstacktest.New(t, betterstacktest.Config{Authority: authority, Address: address(1, betterstacktest.Host, "bs.example.com"), Token: token, PageHost: "bs.example.com"}, betterstacktest.State{
		Monitors: []betterstacktest.Monitor{betterstacktest.Good("Health", url, "7")}, Policies: map[string][]betterstacktest.Step{"7": betterstacktest.Calls()},
		Shifts: []betterstacktest.Shift{{From: time.Now().Add(-time.Hour), To: from.Add(48 * time.Hour), Users: []string{who}}}, Acknowledges: who,
		Page: betterstacktest.Page{State: "operational", Resources: []string{"App"}}})
	slack := slacktest.New(t, slacktest.Config{Authority: authority, Address: address(2, slacktest.API, slacktest.Hooks), Token: token, Hook: hook, Channels: []slacktest.Channel{{ID: "C1", Name: "ops"}}})
	pd := pagerdutytest.New(t, pagerdutytest.Config{Authority: authority, Address: address(3, pagerdutytest.API, pagerdutytest.Events), Token: token, Key: key, Schedule: "P1"},
		pagerdutytest.State{Shifts: []pagerdutytest.Shift{{User: who}}, Taker: who})
	sp := statuspagetest.New(t, statuspagetest.Config{Authority: authority, Address: address(4, statuspagetest.API, "sp.example.com"), Key: key, Page: "p1", Host: "sp.example.com"},
		statuspagetest.State{Indicator: "none", Components: map[string]string{"App": "operational"}})
	network := &probe.Network{Connect: map[string]string{}, Roots: authority.Pool()}
	all = []*servicetest.Service{bs.Service, slack.Service, pd.Service, sp.Service}
	for _, service := range all {
		maps.Copy(network.Connect, service.Connect())
	}
	reveal := func(value string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return value, nil }
	}
	return all, func() map[string]probe.Claim { // new ones, which have seen nothing
		api := func(base, scheme, token string) *jsonapi.Service {
			return &jsonapi.Service{Name: base, Base: base, Network: network, Resolver: at, Scheme: scheme, Key: "a.key", Token: reveal(token)}
		}
		account := betterstackprobe.New(api(betterstackprobe.Base, "", token))
		health := betterstackprobe.Wanted{Name: "Health", URL: url}
		channel := slackprobe.Channel{Name: "#ops", ID: "C1", Webhook: reveal("https://" + slacktest.Hooks + hook), Within: time.Second,
			At: func(base string) *jsonapi.Service {
				return &jsonapi.Service{Name: base, Base: base, Network: network, Resolver: at}
			}, API: api(slackprobe.API, "", token)}
		drill := oncallprobe.Drill{Tester: "tester@example.com", Within: time.Second}
		both := map[string]oncallprobe.Provider{"pagerduty": pagerdutyprobe.New(api(pagerdutyprobe.REST, pagerdutyprobe.Scheme, token), api(pagerdutyprobe.Events, "", token), "P1", reveal(key)),
			"betterstack": betterstackprobe.OnCall{Account: account, Schedule: "default", Policy: "7", Tester: "tester@example.com"}}
		claims := map[string]probe.Claim{"up": account.Up(health), "watches": account.Watches(health), "escalates": account.Escalates(health), "looks": account.Looks(health, betterstackprobe.Often{Every: time.Minute, Regions: 2}),
			"page": statuspageprobe.Live(betterstackprobe.NewPage(api("https://bs.example.com", "", token)), 1), "page of Atlassian": statuspageprobe.Live(statuspageprobe.NewAtlassian(api("https://sp.example.com", "", token), api(statuspageprobe.Base, statuspageprobe.Scheme, key), "p1"), 1),
			"chat": channel.Receives(), "chat alone": channel.TakesMessages()}
		for name, provider := range both {
			claims["covered by "+name] = oncallprobe.Covered(provider, from, from.Add(time.Hour))
			claims["answered by "+name] = oncallprobe.Answers(provider, drill)
		}
		return claims
	}
}

// TestNoTroubleOfAProviderIsGreen has every provider fail in every way, for every claim that asks it.
func TestNoTroubleOfAProviderIsGreen(t *testing.T) {
	measured := map[string]bool{"page denied": true} // it is behind a password
	for _, trouble := range append([]servicetest.Trouble{servicetest.None, servicetest.Busy}, servicetest.Troubles...) {
		t.Run("trouble "+string(trouble), func(t *testing.T) {
			t.Parallel()
			services, claims := providers(t)
			for _, service := range services {
				service.Fail(trouble)
			}
			results := make(chan probe.Result)
			all := claims()
			for name, claim := range all {
				go func() {
					ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
					defer cancel()
					results <- probe.Run(ctx, name, claim)
				}()
			}
			for range all {
				r := <-results
				want := probe.Blocked
				switch {
				case trouble == servicetest.None || trouble == servicetest.Busy:
					want = probe.Pass
				case measured[r.Name+" "+string(trouble)]:
					want = probe.Fail
				}
				assert.Equal(t, want, r.Status, "%s: %s", r.Name, r.Message())
				assert.NotContains(t, r.Message(), "planted-")
			}
		})
	}
}
