package route53probe

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
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
	Disabled bool     `json:"disabled,omitempty"`
	Inverted bool     `json:"inverted,omitempty"`
	Seen     []string `json:"seen"` // each checker's status
}

// Failover is what Route 53 says about the failover of a name.
type Failover struct {
	Records []Record               `json:"records"`
	Checks  map[string]HealthCheck `json:"health_checks"`
}

// longest is the longest TTL, in seconds, with which a failover is still quick.
const longest = 60

// enough is the share of checkers that must call an endpoint healthy: Route 53 takes it for healthy above 18 %.
const enough = 0.18

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
		if slices.Equal(slices.Sorted(slices.Values(p.Targets)), slices.Sorted(slices.Values(s.Targets))) {
			return red(kind+" records that both lead to "+strings.Join(p.Targets, ", "), "give the secondary record another place")
		}
		if p.Check == "" && (!p.Alias || !p.Evaluate) {
			return red("a primary "+kind+" record that nobody watches", "give it a health check, or an alias that evaluates its target's health")
		}
		for _, r := range records {
			if r.Check != "" {
				if err := well(f.Checks[r.Check], r, want, path); err != nil {
					return err
				}
			}
		}
	}
	return nil
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
