// Package dnsprobe makes claims about one zone of the DNS: its delegation, its servers, what they answer, how long
// that may be remembered, and whether the world's resolvers have it yet. It walks from the root servers itself and
// asks every authoritative server, because a resolver's cache hides exactly what a launch has to know. It must not
// import `testing`, gates or launch.yaml.
package dnsprobe

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe/globalping"
)

// Config says which zone is looked at, through which network, and with which limits.
type Config struct {
	Network     *probe.Network   // nil means the internet
	Domain      string           // the zone's apex, such as "getdrop.no"
	Roots       []netip.AddrPort // empty means the internet's root servers
	Resolvers   []Resolver       // the recursive resolvers that must have the new answers
	Private     []netip.Prefix   // special-use ranges that this environment may answer with
	Providers   int              // independent DNS providers; with more than one, serials are not compared
	Repeat      Repeat           // how often Converged asks; the zero value asks once
	LowTTL      time.Duration    // the longest TTL of a launch record
	NegativeTTL time.Duration    // the longest a resolver may remember that a name does not exist
	Regions     int              // how many regions the resolvers must cover
	Cutover     time.Time        // when the launch changes the answers
	Issuance    Issuance         // what CAA records must allow
	TrustAnchor []string         // DS data of the root; empty: IANA's, or none where Roots is set
	WindowEnd   time.Time        // the end of the launch window, which signatures must outlive
	Resign      time.Duration    // how often the zone is signed again by itself; 0: nobody says
	Mail        Mail             // who sends mail in the zone's name
	TTLLog      string           // file with the first sight of each low TTL and new answer, kept between runs
	Globalping  Globalping       // probes around the world that must have the new answers too
}

// Resolver is a recursive resolver and where it stands.
type Resolver struct {
	Addr   netip.AddrPort
	Name   string       // such as "Google"
	Region string       // such as "eu-north"
	Subnet netip.Prefix // EDNS client subnet to send along (RFC 7871); the zero value sends none
}

func (r Resolver) String() string {
	text := r.Addr.String()
	if r.Name != "" {
		text = fmt.Sprintf("%s (%s)", r.Name, text)
	}
	if r.Subnet.IsValid() {
		text += " for clients in " + r.Subnet.String()
	}
	return text
}

// Repeat is how often something is looked at, spread evenly over a time.
type Repeat struct {
	Times int
	Over  time.Duration
}

// Record is one launch name and what it must answer: the exact addresses in A and AAAA, or the name in Target.
type Record struct {
	Name   string
	A      []netip.Addr
	AAAA   []netip.Addr
	Target string   // the name is a CNAME to Target, or serves some of Target's own addresses (ALIAS, ANAME)
	Old    []string // answers from before the change: addresses or a CNAME's target
	New    bool     // the launch creates the name
}

// Zone is one zone, looked at during one run. It asks each question once, however many claims need the answer, and
// remembers failures too: a server that was found dead stays dead for the run. It is safe for concurrent use.
type Zone struct {
	config Config
	apex   string        // lower case, with the final dot
	random string        // a label that nobody has created
	again  time.Duration // before a stale resolver is asked a second time

	globalping *globalping.Client

	privateRoots bool // not the internet's

	roll    roll
	trusted probe.Memo[string, trust] // by zone
	asked   probe.Memo[question, outcome]

	mu    sync.Mutex
	hosts map[host]*health
	known map[string]*delegation // by zone
	sent  atomic.Int64           // questions that went out, for the tests of the limit
}

// perHost is how many questions may be open to one server over one transport: as many as a zone's claims ask at a time,
// because each wait for a free socket is a round trip more.
const perHost = 64

// New prepares to look at a zone. Nothing is asked before the first claim.
func New(config Config) *Zone {
	network := &probe.Network{PerHost: perHost}
	if config.Network != nil {
		network.Connect = config.Network.Connect
	}
	config.Network = network
	private := len(config.Roots) > 0
	if !private {
		config.Roots = rootHints()
	}
	z := &Zone{
		roll:         roll{met: map[netip.AddrPort]bool{}, named: map[string]bool{}, news: make(chan struct{})},
		privateRoots: private, config: config, apex: dns.CanonicalName(config.Domain), random: "launchgate-" + strings.ToLower(rand.Text()),
		again: 2 * time.Second, hosts: map[host]*health{}, known: map[string]*delegation{},
	}
	z.globalping = globalping.New(cmp.Or(config.Globalping.Network, network), z, config.Globalping.Token)
	return z
}

var _ probe.Resolver = (*Zone)(nil)

// look observes and judges. It fills in the evidence as far as it gets.
type look func(ctx context.Context, evidence *probe.Evidence) error

// claim wraps a look with what every claim's evidence has in common.
func (z *Zone) claim(id, source, target string, look look) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Assertion: id, Target: plain(target), Source: source}
		log, b := &askedLog{}, &budget{}
		err := look(context.WithValue(context.WithValue(ctx, askedKey{}, log), budgetKey{}, b), &evidence)
		evidence.Asked = log.list()
		if b.exceeded() { // servers that were not found were not asked either
			err = cascade()
		}
		return evidence, err
	}
}

// askedLog gathers whom a claim asked. It travels in the context, because questions are asked many calls deep.
type askedLog struct {
	mu  sync.Mutex
	all []string
}

type askedKey struct{}

// logAsked notes whom the claim of this context asks.
func logAsked(ctx context.Context, entry string) {
	if log, ok := ctx.Value(askedKey{}).(*askedLog); ok {
		log.add(entry)
	}
}

func (l *askedLog) add(entry string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, entry)
}

func (l *askedLog) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return sortedSet(l.all)
}

// plain is a name as people write it: without the final dot.
func plain(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// within says whether a name is the zone's apex or below it. Both are in canonical form.
func within(name, zone string) bool { return dns.IsSubDomain(zone, name) }

func sortedSet(values []string) []string {
	values = slices.Clone(values)
	slices.Sort(values)
	return slices.Compact(values)
}
