package ec2probe

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// closed judges who comes in. What lets everybody in is a fact, whatever else could not be looked up.
func closed(rules Rules, what Guarded) error {
	want := fmt.Sprintf("no way to port %d from the internet at large", what.Port)
	unknown := func(got, fix string) error {
		return &probe.Unknown{Class: "sg.unresolved", Want: want, Got: got, From: rules.From, Fix: fix}
	}
	if len(what.Groups) == 0 || what.Port == 0 {
		return unknown(fmt.Sprintf("%d security groups and port %d", len(what.Groups), what.Port), "see why "+what.Name+" has no endpoint or no security group yet")
	}
	var admitted []netip.Prefix
	var unresolved []string
	var path = map[string]string{} // range → the rule that has it
	for queue, seen := slices.Clone(what.Groups), map[string]bool{}; len(queue) > 0; queue = queue[1:] {
		id := queue[0]
		if seen[id] {
			continue
		}
		seen[id] = true
		group, there := rules.Groups[id]
		if !there {
			unresolved = append(unresolved, "the security group "+id)
			continue
		}
		for _, rule := range group.Ingress {
			if !rule.reaches(what.Port) {
				continue
			}
			texts := slices.Concat(rule.Ranges, rule.Ranges6)
			for _, list := range rule.Lists {
				entries, there := rules.Lists[list]
				if !there {
					unresolved = append(unresolved, "the prefix list "+list+" in "+id)
				}
				texts = append(texts, entries...)
			}
			ranges, err := prefixes(texts)
			if err != nil {
				unresolved = append(unresolved, err.Error()+" in "+id)
			}
			for _, p := range ranges {
				path[p.String()] = fmt.Sprintf("%s in %s (%s)", p, id, group.Name)
			}
			admitted = append(admitted, ranges...)
			queue = append(queue, rule.Groups...)
		}
	}
	if widest, open := world(admitted); open {
		return &probe.Unmet{Class: "sg.open", Want: want, Got: path[widest.String()] + ", and with the other rules more of the internet than any one network",
			From: rules.From, Fix: "let in the application's own security group instead of addresses"}
	}
	if len(unresolved) > 0 {
		slices.Sort(unresolved)
		return unknown("no answer about "+strings.Join(slices.Compact(unresolved), ", "), "remove rules that refer to what is gone; look with credentials that see the other account")
	}
	return nil
}

// At most so much of the public address space may be let in, as a power of two: one /8 of IPv4, one /16 of IPv6. Two halves are
// the world as much as 0.0.0.0/0 is.
const share4, share6 = -8, -16

// world says whether ranges together let in more of the public internet than one network has, and which of them is the widest.
func world(ranges []netip.Prefix) (widest netip.Prefix, open bool) {
	ranges = slices.DeleteFunc(slices.Clone(ranges), private)
	slices.SortFunc(ranges, func(a, b netip.Prefix) int {
		if a.Bits() != b.Bits() {
			return a.Bits() - b.Bits()
		}
		return a.Addr().Compare(b.Addr())
	})
	var counted []netip.Prefix
	var sum4, sum6 float64
	for _, p := range ranges {
		if slices.ContainsFunc(counted, func(wider netip.Prefix) bool { return wider.Contains(p.Addr()) }) {
			continue
		}
		counted = append(counted, p)
		if p.Addr().Is4() {
			sum4 += math.Exp2(-float64(p.Bits()))
		} else {
			sum6 += math.Exp2(-float64(p.Bits()))
		}
	}
	for _, p := range counted {
		if p.Addr().Is4() && sum4 > math.Exp2(share4) || p.Addr().Is6() && sum6 > math.Exp2(share6) {
			return p, true
		}
	}
	return netip.Prefix{}, false
}

var privateRanges = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("fc00::/7")}

// private says whether a range lies within addresses that the internet does not route.
func private(p netip.Prefix) bool {
	return slices.ContainsFunc(privateRanges, func(wide netip.Prefix) bool { return wide.Bits() <= p.Bits() && wide.Contains(p.Addr()) })
}
