// Package providers turns what launch.yaml says about third parties into what probes look at. It is apart from package target so that
// only the pages that ask them wait for their probes to compile. It decides nothing.
package providers

import (
	"context"
	"crypto/rand"
	"net/url"
	"sync"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/flagsprobe"
	"github.com/getdrop/launchgate/internal/probe/githubprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/oidcprobe"
	"github.com/getdrop/launchgate/internal/probe/openbankingprobe"
	"github.com/getdrop/launchgate/internal/probe/paymentprobe"
	"github.com/getdrop/launchgate/internal/probe/prometheusprobe"
	"github.com/getdrop/launchgate/internal/probe/sumsubprobe"
	"github.com/getdrop/launchgate/internal/probe/traceprobe"
	"github.com/getdrop/launchgate/internal/target"
)

// Providers are the third parties that are asked about one launch.
type Providers struct {
	*target.Targets
	GitHub      *githubprobe.Repository
	BankID      *oidcprobe.Provider
	Sumsub      *sumsubprobe.Account
	OpenBanking *openbankingprobe.Provider
	Prometheus  *prometheusprobe.Server
	Payments    *jsonapi.Service
	Request     *traceprobe.Request // one that asks to be traced, where the traces are not X-Ray's
	Flags       flagsprobe.Provider // nil where the launch names none, or where it is not asked over the network
}

var known target.PerLaunch[Providers]

// Of gives the providers of a launch: always the same ones.
func Of(l *launch.Launch) *Providers { return known.Of(l, of) }

func of(l *launch.Launch) *Providers {
	p := &Providers{Targets: target.Of(l)}
	github := p.API("GitHub", l.GitHub.API, l.GitHub.Token, "github.token")
	github.Header = githubprobe.Header()
	p.GitHub = githubprobe.New(github, l.GitHub.Repository)
	p.BankID = p.bankID()
	p.Sumsub = &sumsubprobe.Account{Token: l.Sumsub.Token.Revealer(), Key: l.Sumsub.Key.Revealer(),
		API: p.API("Sumsub", sumsubprobe.Production, launch.Secret{}, "sumsub.token with sumsub.secret_key, or this machine's clock,")}
	p.Payments = p.Stripe(l.Payments.Key.Revealer(), "payments.key")
	p.OpenBanking = p.openBanking()
	p.Prometheus = prometheusprobe.New(p.API("Prometheus", l.Prometheus.URL, l.Prometheus.Token, "prometheus.token"))
	store := p.API("the trace store", l.Tracing.URL, l.Tracing.Token, "tracing.token")
	p.Request = traceprobe.New(store, l.Tracing.Provider, l.Tracing.Service, l.Tracing.Within.D(), p.Emit(l.Health.Path))
	if l.Flags.Provider == launch.OFREP {
		p.Flags = flagsprobe.NewOFREP(p.API("the flag provider", l.Flags.URL, l.Flags.Token, "flags.token"), evaluationContext(l))
	}
	return p
}

// Stripe is the payment provider, as a key sees it. From is where the key stands.
func (p *Providers) Stripe(key func(context.Context) (string, error), from string) *jsonapi.Service {
	api := p.API("the payment provider", p.Launch.Payments.API, launch.Secret{}, from)
	api.Header, api.Token = paymentprobe.Header(), key
	return api
}

// bankID asks one service for each origin that the discovery document names.
func (p *Providers) bankID() *oidcprobe.Provider {
	b := p.Launch.BankID
	var mu sync.Mutex
	origins := map[string]*jsonapi.Service{}
	at := func(base string) *jsonapi.Service {
		mu.Lock()
		defer mu.Unlock()
		if origins[base] == nil {
			origins[base] = p.API("BankID", launch.URL(base), launch.Secret{}, "bankid.client_secret")
		}
		return origins[base]
	}
	client := oidcprobe.Client{ID: b.ClientID.Revealer(), Secret: b.Secret.Revealer(), Callback: string(b.Callback), Scopes: append([]string{"openid"}, b.Scopes...)}
	return oidcprobe.New(string(b.Issuer), client, p.Web, at, rand.Text)
}

// BankIDLogin is where the application tells of its newest log-in, and what that must have been.
func (p *Providers) BankIDLogin() oidcprobe.Login {
	b := p.Launch.BankID
	base, path := split(b.Login.URL)
	return oidcprobe.Login{API: p.API("the application", base, b.Login.Token, "bankid.login.token"), Path: path, MinLOA: b.MinLOA, Version: p.Launch.Project.Version,
		Digest: p.Launch.Compute.Image.Digest(), MaxAge: b.Login.MaxAge.D()}
}

func evaluationContext(l *launch.Launch) map[string]string {
	if len(l.Flags.Context) > 0 {
		return l.Flags.Context
	}
	return map[string]string{"targetingKey": "launchgate"}
}

// TestPayment is the payment that somebody made and gave back.
func (p *Providers) TestPayment() paymentprobe.Payment {
	t := p.Launch.Payments.Test
	return paymentprobe.Payment{Charge: t.Charge, Refund: t.Refund, Amount: int64(t.Amount), Currency: t.Currency, MaxAge: t.MaxAge.D()}
}

// AlertRules are the rules of Prometheus that must watch the launch.
func (p *Providers) AlertRules() []prometheusprobe.Rule {
	var all []prometheusprobe.Rule
	for _, r := range p.Launch.Prometheus.Rules {
		all = append(all, prometheusprobe.Rule(r))
	}
	return all
}

// Panels are the panels of Prometheus that must show production.
func (p *Providers) Panels() []prometheusprobe.Panel {
	var all []prometheusprobe.Panel
	for _, d := range p.Launch.Dashboards {
		if d.Query != "" {
			all = append(all, prometheusprobe.Panel(d))
		}
	}
	return all
}

// FlagsPlan is the file of the rollout plan.
func (p *Providers) FlagsPlan() string { return p.Launch.Path(p.Launch.Flags.Plan) }

// People are the ids of everybody whom launch.yaml names.
func (p *Providers) People() []string {
	var all []string
	for id := range p.Launch.People {
		all = append(all, string(id))
	}
	return all
}

// KillSwitch is the flag of the drill.
func (p *Providers) KillSwitch() flagsprobe.Switch {
	k := p.Launch.Flags.KillSwitch
	base, path := split(k.Admin)
	return flagsprobe.Switch{Flag: k.Flag, Admin: p.API("the flag provider in staging", base, k.Token, "flags.kill_switch.token"), Method: k.Method, Path: path, OnBody: k.On, OffBody: k.Off,
		Page: string(k.Page), On: k.Shows, Off: k.Hides, Within: p.Launch.Flags.KillWithin.D(), Fetch: p.fetchPage}
}

// split parts an address into its host and what is asked for there.
func split(u launch.URL) (launch.URL, string) {
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Host == "" {
		return "", ""
	}
	return launch.URL("https://" + parsed.Host), parsed.RequestURI()
}

func (p *Providers) fetchPage(ctx context.Context, url string) (int, []byte, error) {
	answer, err := p.Web.Ask(ctx, url, nil, httpprobe.MaxBody)
	if err != nil {
		return 0, nil, err
	}
	return answer.Status, answer.Body, nil
}
