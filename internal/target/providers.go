package target

import (
	"context"
	"crypto/rand"
	"net/url"
	"sync"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/flagsprobe"
	"github.com/getdrop/launchgate/internal/probe/githubprobe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/oidcprobe"
	"github.com/getdrop/launchgate/internal/probe/openbankingprobe"
	"github.com/getdrop/launchgate/internal/probe/paymentprobe"
	"github.com/getdrop/launchgate/internal/probe/sumsubprobe"
)

// Providers are the third parties that are asked about one launch.
type Providers struct {
	*Targets
	GitHub   *githubprobe.Repository
	BankID   *oidcprobe.Provider
	Sumsub   *sumsubprobe.Account
	Payments *jsonapi.Service

	OpenBanking *openbankingprobe.Provider

	Flags flagsprobe.Provider // nil where the launch names none, or where it is not asked over the network
}

var knownProviders PerLaunch[Providers]

// ProvidersOf gives the providers of a launch: always the same ones.
func ProvidersOf(l *launch.Launch) *Providers {
	return knownProviders.Of(l, func(l *launch.Launch) *Providers {
		p := &Providers{Targets: Of(l)}
		github := p.API("GitHub", l.GitHub.API, l.GitHub.Token, "github.token")
		github.Header = githubprobe.Header()
		p.GitHub = githubprobe.New(github, l.GitHub.Repository)
		p.BankID = p.bankID()
		p.Sumsub = &sumsubprobe.Account{Token: l.Sumsub.Token.Revealer(), Key: l.Sumsub.Key.Revealer(),
			API: p.API("Sumsub", l.Sumsub.API, launch.Secret{}, "sumsub.token with sumsub.secret_key, or this machine's clock,")}
		p.Payments = p.API("the payment provider", l.Payments.API, l.Payments.Key, "payments.key")
		p.Payments.Header = paymentprobe.Header()
		p.OpenBanking = p.openBanking()
		if l.Flags.Provider == launch.OFREP {
			p.Flags = flagsprobe.NewOFREP(p.API("the flag provider", l.Flags.URL, l.Flags.Token, "flags.token"), evaluationContext(l))
		}
		return p
	})
}

// bankID asks one service for each origin that the discovery document names.
func (t *Targets) bankID() *oidcprobe.Provider {
	b := t.Launch.BankID
	var mu sync.Mutex
	origins := map[string]*jsonapi.Service{}
	at := func(base string) *jsonapi.Service {
		mu.Lock()
		defer mu.Unlock()
		if origins[base] == nil {
			origins[base] = t.API("BankID", launch.URL(base), launch.Secret{}, "bankid.client_secret")
		}
		return origins[base]
	}
	client := oidcprobe.Client{ID: b.ClientID.Revealer(), Secret: b.Secret.Revealer(), Callback: string(b.Callback), Scopes: append([]string{"openid"}, b.Scopes...)}
	return oidcprobe.New(string(b.Issuer), client, t.Web, at, rand.Text)
}

// BankIDLogin is where the application tells of its newest log-in, and what that must have been.
func (t *Targets) BankIDLogin() oidcprobe.Login {
	b := t.Launch.BankID
	base, path := split(b.Login.URL)
	return oidcprobe.Login{API: t.API("the application", base, b.Login.Token, "bankid.login.token"), Path: path, MinLOA: b.MinLOA, Version: t.Launch.Project.Version,
		Digest: t.Launch.Compute.Image.Digest(), MaxAge: b.Login.MaxAge.D()}
}

func evaluationContext(l *launch.Launch) map[string]string {
	if len(l.Flags.Context) > 0 {
		return l.Flags.Context
	}
	return map[string]string{"targetingKey": "launchgate"}
}

// TestPayment is the payment that somebody made and gave back.
func (t *Targets) TestPayment() paymentprobe.Payment {
	p := t.Launch.Payments.Test
	return paymentprobe.Payment{Charge: p.Charge, Refund: p.Refund, Amount: int64(p.Amount), Currency: p.Currency, MaxAge: p.MaxAge.D()}
}

// FlagsPlan is the file of the rollout plan.
func (t *Targets) FlagsPlan() string { return t.Launch.Path(t.Launch.Flags.Plan) }

// People are the ids of everybody whom launch.yaml names.
func (t *Targets) People() []string {
	var all []string
	for id := range t.Launch.People {
		all = append(all, string(id))
	}
	return all
}

// KillSwitch is the flag of the drill.
func (t *Targets) KillSwitch() flagsprobe.Switch {
	k := t.Launch.Flags.KillSwitch
	base, path := split(k.Admin)
	return flagsprobe.Switch{Flag: k.Flag, Admin: t.API("the flag provider in staging", base, k.Token, "flags.kill_switch.token"), Method: k.Method, Path: path, OnBody: k.On, OffBody: k.Off,
		Page: string(k.Page), On: k.Shows, Off: k.Hides, Within: t.Launch.Flags.KillWithin.D(), Fetch: t.fetchPage}
}

// split parts an address into its host and what is asked for there.
func split(u launch.URL) (launch.URL, string) {
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Host == "" {
		return "", ""
	}
	return launch.URL("https://" + parsed.Host), parsed.RequestURI()
}

func (t *Targets) fetchPage(ctx context.Context, url string) (int, []byte, error) {
	answer, err := t.Web.Ask(ctx, url, nil, httpprobe.MaxBody)
	if err != nil {
		return 0, nil, err
	}
	return answer.Status, answer.Body, nil
}

// API is an API that a launch names, or asks. One without a token that it needs refuses by itself.
func (t *Targets) API(name string, base launch.URL, token launch.Secret, key string) *jsonapi.Service {
	return &jsonapi.Service{Name: name, Base: string(base), Network: t.Network, Resolver: t.Zone, Key: key, Token: token.Revealer()}
}

// Webhook is the service that the chat's webhook is on.
func (t *Targets) Webhook(base string) *jsonapi.Service {
	return t.API("the chat's webhook", launch.URL(base), launch.Secret{}, "chat.webhook")
}

// Revision is the commit that is launched, by launch.yaml.
func (p *Providers) Revision(context.Context) (string, error) {
	if r := p.Launch.CI.Revision; r != "" {
		return r, nil
	}
	return "", &probe.Unknown{Class: "not-configured", Want: "the commit that the image was built from", Got: "no ci.revision in launch.yaml", Fix: "add it"}
}
