// Package target turns the facts of launch.yaml into what probes look at: one network, one zone, one web site for each
// launch. Gates, journeys, procedures and `launchgate probe` share it, so that all of them look at the same thing and
// each observation is made once. It decides nothing.
package target

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/globalping"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
	"github.com/getdrop/launchgate/internal/probe/ssllabsprobe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

// Targets is what the probes look at for one launch.
type Targets struct {
	Launch  *launch.Launch
	Network *probe.Network
	Zone    *dnsprobe.Zone
	TLS     *tlsprobe.Observer
	Web     *httpprobe.Client
	Probes  *globalping.Client
	SSLLabs *ssllabsprobe.Service
}

// PerLaunch keeps one thing for each launch, so that what one gate observed no other gate asks again.
type PerLaunch[T any] struct {
	mu    sync.Mutex
	known map[*launch.Launch]*T
}

// Of is the launch's thing, which is made first where nobody has asked for it.
func (p *PerLaunch[T]) Of(l *launch.Launch, build func(*launch.Launch) *T) *T {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = map[*launch.Launch]*T{}
	}
	if p.known[l] == nil {
		p.known[l] = build(l)
	}
	return p.known[l]
}

var known PerLaunch[Targets]

// Of gives the targets of a launch: always the same ones.
func Of(l *launch.Launch) *Targets { return known.Of(l, New) }

// New gives targets that have observed nothing yet, for a second look after something was changed.
func New(l *launch.Launch) *Targets {
	network := &probe.Network{Connect: map[string]string{}, Roots: roots(l)}
	for from, to := range l.Network.Connect {
		network.Connect[string(from)] = string(to)
	}
	t := &Targets{Launch: l, Network: network, Zone: dnsprobe.New(zone(l, network))}
	t.TLS = &tlsprobe.Observer{Network: network, Resolver: t.Zone, Connections: l.TLS.Connections}
	t.Web = &httpprobe.Client{Network: network, Resolver: t.Zone}
	t.Probes = globalping.New(network, t.Zone, l.DNS.Globalping.Token.Revealer())
	t.SSLLabs = ssllabsprobe.New(t.Web, t.TLS, l.TLS.SSLLabsEmail)
	return t
}

// roots reads the environment's own authorities. Load has seen the file; one that is gone since trusts nobody.
func roots(l *launch.Launch) *x509.CertPool {
	if l.TLS.CAFile == "" {
		return nil
	}
	pool := x509.NewCertPool()
	if text, err := os.ReadFile(l.Path(l.TLS.CAFile)); err == nil {
		pool.AppendCertsFromPEM(text)
	}
	return pool
}

func zone(l *launch.Launch, network *probe.Network) dnsprobe.Config {
	d := l.DNS
	c := dnsprobe.Config{
		Network: network, Domain: string(d.Domain), Providers: d.Providers, LowTTL: d.LowTTL.D(), NegativeTTL: d.NegativeTTL.D(),
		Regions: d.Regions, Repeat: dnsprobe.Repeat{Times: d.Repeat.Times, Over: d.Repeat.Over.D()}, Cutover: l.At(), TTLLog: l.Path(d.TTLLog),
	}
	c.Issuance = dnsprobe.Issuance{Account: l.TLS.ACMEAccount, Validation: l.TLS.Validation, Names: launch.Texts(l.TLS.Names), CAs: launch.Texts(l.TLS.CA)}
	c.Resign, c.TrustAnchor = d.DNSSEC.Resign.D(), launch.Texts(d.DNSSEC.TrustAnchor)
	if l.Schedule.Window.End != l.Schedule.Window.Start { // the command line can leave it out
		_, c.WindowEnd = l.Window()
	}
	c.Mail = dnsprobe.Mail{Domain: string(l.Mail.Domain), ReturnPath: string(l.Mail.ReturnPath), Selectors: l.Mail.Selectors, Senders: addresses(l.Mail.Senders), OwnSenders: l.Mail.OwnSenders, Weakest: l.Mail.DMARC, Inbound: takesMail(l)}
	for _, root := range d.Roots {
		c.Roots = append(c.Roots, root.AddrPort(53))
	}
	c.Resolvers = resolvers(l)
	c.Globalping = dnsprobe.Globalping{Network: network, Locations: d.Globalping.Locations, Probes: d.Globalping.Probes, Token: d.Globalping.Token.Revealer()}
	for _, p := range l.Network.Private {
		c.Private = append(c.Private, p.Prefix)
	}
	return c
}

// takesMail says whether the launch wants mail exchangers for the mail domain: where that is the zone's, and dns.mx names another than the null MX.
func takesMail(l *launch.Launch) bool {
	return l.Mail.Domain == l.DNS.Domain && slices.ContainsFunc(l.DNS.MX, func(mx string) bool { return !strings.HasSuffix(mx, " .") })
}

// resolvers are the recursive resolvers that must have the new answers.
func resolvers(l *launch.Launch) []dnsprobe.Resolver {
	var all []dnsprobe.Resolver
	for _, r := range l.DNS.Resolvers {
		all = append(all, dnsprobe.Resolver{Addr: r.Address.AddrPort(53), Name: r.Name, Region: r.Region, Subnet: r.Subnet.Prefix})
	}
	return all
}

// Records are the launch's names and what they must answer, in the order of launch.yaml.
func (t *Targets) Records() []dnsprobe.Record {
	var all []dnsprobe.Record
	for _, r := range t.Launch.DNS.Records {
		all = append(all, dnsprobe.Record{Name: string(r.Name), A: addresses(r.A), AAAA: addresses(r.AAAA),
			Target: string(r.Target), Old: r.Old, New: r.New})
	}
	return all
}

// Record is one name of the launch. Load has checked that the names the gates ask for are there.
func (t *Targets) Record(name launch.Domain) dnsprobe.Record {
	for _, r := range t.Records() {
		if r.Name == string(name) {
			return r
		}
	}
	panic(fmt.Sprintf("launch.yaml: dns.records has no %s", name))
}

// EnvelopeDomains are the domains whose SPF record counts: that of the From header, which anybody may try to send from, and that of the
// envelope sender where it is another.
func (t *Targets) EnvelopeDomains() []string {
	m := t.Launch.Mail
	if m.ReturnPath == m.Domain {
		return []string{string(m.Domain)}
	}
	return []string{string(m.Domain), string(m.ReturnPath)}
}

// Fetch makes one GET, for what mail's policies are served as.
func (t *Targets) Fetch(ctx context.Context, url string) (dnsprobe.Page, error) {
	const most = 64 << 10 // bytes (RFC 8461 3.3)
	answer, err := t.Web.Ask(ctx, url, nil, most)
	if err != nil {
		return dnsprobe.Page{}, err
	}
	return dnsprobe.Page{Status: answer.Status, Header: answer.Header, Body: answer.Body}, nil
}

// Emit makes a GET of the application, with headers, and says how it was answered.
func (t *Targets) Emit(path string) func(context.Context, http.Header) (string, error) {
	return func(ctx context.Context, header http.Header) (string, error) {
		answer, err := t.Web.Ask(ctx, HTTPS(t.Launch.DNS.Domain, path), header, httpprobe.MaxBody)
		if err != nil {
			return "", err
		}
		return fmt.Sprint(answer.Status), nil
	}
}

// Senders are the addresses that mail is sent from.
func (t *Targets) Senders() []netip.Addr { return addresses(t.Launch.Mail.Senders) }

// MinVersion is the oldest TLS version that may be spoken.
func (t *Targets) MinVersion() uint16 {
	if t.Launch.TLS.MinVersion == "1.3" {
		return tls.VersionTLS13
	}
	return tls.VersionTLS12
}

func addresses(list []launch.IP) []netip.Addr {
	var all []netip.Addr
	for _, ip := range list {
		all = append(all, ip.Addr)
	}
	return all
}

// API is an API that a launch names, or asks. One without a token that it needs refuses by itself.
func (t *Targets) API(name string, base launch.URL, token launch.Secret, key string) *jsonapi.Service {
	return &jsonapi.Service{Name: name, Base: string(base), Network: t.Network, Resolver: t.Zone, Key: key, Token: token.Revealer()}
}

// Webhook is the service that the chat's webhook is on.
func (t *Targets) Webhook(base string) *jsonapi.Service {
	return t.API("the chat's webhook", launch.URL(base), launch.Secret{}, "chat.webhook")
}
