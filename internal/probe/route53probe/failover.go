package route53probe

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Record is one record set of a name.
type Record struct {
	Name     string   `json:"name"`
	Type     string   `json:"type"`
	Role     string   `json:"failover,omitempty"` // PRIMARY, SECONDARY, or none
	TTL      int64    `json:"ttl,omitempty"`
	Alias    bool     `json:"alias,omitempty"`
	Evaluate bool     `json:"evaluate_target_health,omitempty"`
	Check    string   `json:"health_check,omitempty"`
	Targets  []string `json:"targets"`
}

// HealthCheck is a health check and what its checkers see.
type HealthCheck struct {
	Missing  bool     `json:"missing,omitempty"`
	Type     string   `json:"type"`
	Path     string   `json:"path,omitempty"`
	Endpoint string   `json:"endpoint,omitempty"` // its address, or else its name
	Disabled bool     `json:"disabled,omitempty"`
	Inverted bool     `json:"inverted,omitempty"`
	Seen     []string `json:"seen"` // each checker's status
}

// Hosted is a public hosted zone and the name servers that answer from it.
type Hosted struct {
	ID      string   `json:"id"`
	Servers []string `json:"name_servers"`
}

// Failover is what Route 53 says about the failover of a name.
type Failover struct {
	Zones   []Hosted               `json:"hosted_zones"`
	Records []Record               `json:"records"`
	Checks  map[string]HealthCheck `json:"health_checks"`
}

// longest is the longest TTL, in seconds, with which a failover is still quick.
const longest = 60

// enough is the share of checkers that must call an endpoint healthy: Route 53 takes it for healthy above 18 %.
const enough = 0.18

// asked is the id of the hosted zone that the world asks. What another one says moves nothing; and of name servers that are not the zone's, nobody
// can tell here what they say when a place fails.
func asked(zones []Hosted, referred []string, domain, by string, who awsprobe.Identity) (string, error) {
	unknown := &probe.Unknown{Class: "dns.zone", Want: "one public hosted zone " + domain + " with the name servers that the world is referred to, " + strings.Join(referred, ", "),
		From: "route53:GetHostedZone as " + who.String() + ", and " + by, Fix: "take the credentials of the account that has the zone; remove zones that are delegated to no more"}
	var ids, met []string
	for _, z := range zones {
		ids = append(ids, z.ID)
		if slices.ContainsFunc(referred, func(name string) bool { return slices.Contains(z.Servers, name) }) {
			met = append(met, z.ID)
		}
	}
	if len(met) != 1 {
		unknown.Got = fmt.Sprintf("[%s], of which it is referred to [%s]", strings.Join(ids, ", "), strings.Join(met, ", "))
		return "", unknown
	}
	zone := zones[slices.Index(ids, met[0])]
	if others := slices.DeleteFunc(slices.Clone(referred), func(name string) bool { return slices.Contains(zone.Servers, name) }); len(others) > 0 {
		unknown.Got = fmt.Sprintf("%s, which %s is no name server of", zone.ID, strings.Join(others, ", "))
		unknown.Fix = "take them out of the delegation, or test by hand that they move the name too; this needs the sign-off of its owner, as a waiver of this gate"
		return "", unknown
	}
	return zone.ID, nil
}

// judge: a pair for every type of address (FO-01), a primary that is watched (FO-02) by a check that asks the application (FO-04)
// and is well (FO-05), a short TTL (FO-03), and somewhere else to go (FO-06).
func judge(f Failover, name, path string) error {
	want := "a primary record of " + name + " with a health check, and a secondary one elsewhere"
	red := func(got, fix string) error {
		return &probe.Unmet{Class: "dns.failover", Want: want, Got: got, Fix: fix}
	}
	types := map[string][]Record{}
	for _, r := range f.Records {
		if strings.EqualFold(strings.TrimSuffix(r.Name, "."), name) && (r.Type == "A" || r.Type == "AAAA" || r.Type == "CNAME") {
			types[r.Type] = append(types[r.Type], r)
		}
	}
	if len(types) == 0 {
		return red("no address record", "create the pair")
	}
	for _, kind := range []string{"A", "AAAA", "CNAME"} {
		records := types[kind]
		if len(records) == 0 {
			continue
		}
		primary := slices.IndexFunc(records, func(r Record) bool { return r.Role == "PRIMARY" })
		secondary := slices.IndexFunc(records, func(r Record) bool { return r.Role == "SECONDARY" })
		if len(records) != 2 || primary < 0 || secondary < 0 {
			return red(fmt.Sprintf("%d %s records, which are no pair", len(records), kind), "give the type a primary and a secondary record with failover routing")
		}
		for _, r := range records {
			if !r.Alias && r.TTL > longest {
				return red(fmt.Sprintf("%s %s with a TTL of %d s", r.Role, kind, r.TTL), fmt.Sprintf("lower it to %d s", longest))
			}
		}
		p, s := records[primary], records[secondary]
		if slices.Equal(places(p), places(s)) {
			return red(kind+" records that both lead to "+strings.Join(p.Targets, ", "), "give the secondary record another place")
		}
		if p.Check == "" && !f.watched(p) {
			return red("a primary "+kind+" record that nobody watches", "give it a health check, or an alias that evaluates its target's health")
		}
		for _, r := range append(records, f.behind(p)...) {
			if r.Check != "" {
				c := f.Checks[r.Check]
				if err := well(c, r, want, path); err != nil {
					return err
				}
				if why := f.elsewhere(c.Endpoint, name, r.Role); why != "" {
					return &probe.Unmet{Class: "dns.failover-check", Want: want, Got: fmt.Sprintf("the health check %s of the %s %s record asks %s, which %s", r.Check, r.Role, kind, c.Endpoint, why),
						Fix: "have it ask the place that the record leads to"}
				}
			}
		}
	}
	return nil
}

// places are what a record leads to, in a form that can be compared. A load balancer has a name for IPv6 too, which leads to the same place.
func places(r Record) []string {
	var all []string
	for _, target := range r.Targets {
		all = append(all, strings.TrimPrefix(bare(target), "dualstack."))
	}
	slices.Sort(all)
	return all
}

// bare is a name or an address in the one form that it is compared in.
func bare(name string) string {
	if ip, err := netip.ParseAddr(name); err == nil {
		return ip.String()
	}
	return strings.ToLower(strings.TrimSuffix(name, "."))
}

// behind are the records of the zone that an alias evaluates.
func (f Failover) behind(r Record) []Record {
	var all []Record
	for _, other := range f.Records {
		if r.Alias && r.Evaluate && other.Type == r.Type && slices.Contains(r.Targets, other.Name) {
			all = append(all, other)
		}
	}
	return all
}

// watched says whether an alias evaluates something that can be ill: a record of the zone without a health check counts as healthy.
func (f Failover) watched(r Record) bool {
	return r.Alias && r.Evaluate && !slices.ContainsFunc(f.behind(r), func(b Record) bool { return b.Check == "" && (!b.Alias || !b.Evaluate) })
}

// elsewhere says why an endpoint is not that of the records with a role, as far as the zone tells.
func (f Failover) elsewhere(endpoint, name, role string) string {
	if endpoint == "" || role == "" {
		return ""
	}
	var ours, theirs []string
	for _, r := range f.Records {
		switch {
		case !strings.EqualFold(bare(r.Name), name) || r.Role == "":
		case r.Role == role:
			ours = append(ours, places(r)...)
		default:
			theirs = append(theirs, places(r)...)
		}
	}
	_, err := netip.ParseAddr(endpoint)
	switch {
	case strings.EqualFold(bare(endpoint), name):
		return "moves with it"
	case slices.Contains(theirs, bare(endpoint)):
		return "is the other place"
	case err == nil && !slices.Contains(ours, bare(endpoint)) && !slices.ContainsFunc(ours, func(place string) bool { _, err := netip.ParseAddr(place); return err != nil }):
		return "is neither place"
	}
	return ""
}

func well(c HealthCheck, r Record, want, path string) error {
	what := fmt.Sprintf("the health check %s of the %s %s record", r.Check, r.Role, r.Type)
	red := func(got, fix string) error {
		return &probe.Unmet{Class: "dns.failover-check", Want: want, Got: what + " " + got, Fix: fix}
	}
	http := strings.HasPrefix(c.Type, "HTTP") // HTTPS and _STR_MATCH too; none of them looks at the certificate
	switch {
	case c.Missing:
		return red("does not exist", "create it and refer to it")
	case c.Disabled:
		return red("is switched off, which counts as healthy", "switch it on")
	case c.Inverted:
		return red("is inverted: it is healthy when the endpoint is not", "switch the inversion off")
	case c.Type == "CALCULATED", c.Type == "CLOUDWATCH_METRIC", c.Type == "RECOVERY_CONTROL":
		return &probe.Unknown{Class: "dns.failover-check", Want: want, Got: what + " is of type " + c.Type + ", which says nothing about what is asked", Fix: "test the failover by hand; this needs the sign-off of its owner, as a waiver of this gate"}
	case !http || c.Path != path:
		return red(fmt.Sprintf("asks %s %s", c.Type, c.Path), "let it ask "+path+" over HTTPS")
	case len(c.Seen) == 0:
		return &probe.Unknown{Class: "dns.failover-check", Want: want, Got: what + " has seen nothing yet", Fix: "wait for its checkers"}
	}
	healthy := 0
	for _, status := range c.Seen {
		if strings.HasPrefix(status, "Success") {
			healthy++
		}
	}
	if float64(healthy)/float64(len(c.Seen)) <= enough {
		return red(fmt.Sprintf("is well for %d of %d checkers", healthy, len(c.Seen)), "see what they say: "+c.Seen[0])
	}
	return nil
}
