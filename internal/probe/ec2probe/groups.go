// Package ec2probe claims things about security groups: that they let nobody in from the internet at large. It asks EC2 with a
// client of its own, because the SDK's module takes more than a minute to compile; see docs/adr/0012.
package ec2probe

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/awsprobe"
)

// Needs are the calls that the probe makes.
var Needs = awsprobe.Needs{
	"EC2.DescribeSecurityGroups":      {Action: "ec2:DescribeSecurityGroups", On: awsprobe.Everything},
	"EC2.GetManagedPrefixListEntries": {Action: "ec2:GetManagedPrefixListEntries", On: awsprobe.Everything},
}

// Group is a security group and who may come in.
type Group struct {
	ID      string `xml:"groupId" json:"id"`
	Name    string `xml:"groupName" json:"name"`
	Ingress []Rule `xml:"ipPermissions>item" json:"ingress"`
}

// Rule lets some sources in to some ports. Ports are absent where the protocol has none, or where all are meant.
type Rule struct {
	Protocol string   `xml:"ipProtocol" json:"protocol"` // tcp, udp, icmp, a number, or -1 for all
	From     *int     `xml:"fromPort" json:"from_port,omitempty"`
	To       *int     `xml:"toPort" json:"to_port,omitempty"`
	Ranges   []string `xml:"ipRanges>item>cidrIp" json:"ranges,omitempty"`
	Ranges6  []string `xml:"ipv6Ranges>item>cidrIpv6" json:"ranges6,omitempty"`
	Lists    []string `xml:"prefixListIds>item>prefixListId" json:"prefix_lists,omitempty"`
	Groups   []string `xml:"groups>item>groupId" json:"groups,omitempty"`
}

// Rules are groups, all that they refer to, and what could not be resolved. It is the evidence.
type Rules struct {
	From   string              `json:"from"`
	Groups map[string]Group    `json:"groups"`
	Lists  map[string][]string `json:"prefix_lists,omitempty"` // prefix list → its ranges
}

// Groups are the security groups of an account.
type Groups struct {
	account *awsprobe.Account
	seen    probe.Memo[string, Rules]
}

// New returns groups that were not looked at yet.
func New(account *awsprobe.Account) *Groups { return &Groups{account: account} }

// Guarded is what some groups stand before.
type Guarded struct {
	Name   string
	Port   int
	Groups []string // any of them lets in
}

// Closed claims that no security group before something lets in the internet at large on its port: by a range of addresses, by a
// prefix list, by all ports or protocols, or by way of another group whose members everybody reaches on that port. A list or a
// group that cannot be looked up is unknown, not closed.
func (g *Groups) Closed(guarded func(context.Context) (Guarded, error)) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Source: "EC2 DescribeSecurityGroups, GetManagedPrefixListEntries"}
		what, err := guarded(ctx)
		evidence.Target = what.Name
		if err != nil {
			return evidence, err
		}
		slices.Sort(what.Groups)
		rules, err := g.seen.Try(ctx, "the security groups "+strings.Join(what.Groups, ", "), awsprobe.Patience, func(ctx context.Context) (Rules, error) {
			return g.observe(ctx, what.Groups)
		})
		evidence.Observed, evidence.Asked = rules, []string{rules.From}
		if err != nil {
			return evidence, err
		}
		return evidence, closed(rules, what)
	}
}

// observe looks up groups and, round by round, the groups and lists that they refer to.
func (g *Groups) observe(ctx context.Context, ids []string) (Rules, error) {
	cfg, who, err := g.account.Open(ctx, Needs)
	rules := Rules{From: "ec2:DescribeSecurityGroups as " + who.String(), Groups: map[string]Group{}, Lists: map[string][]string{}}
	if err != nil {
		return rules, err
	}
	c, asked := newClient(cfg), map[string]bool{}
	for len(ids) > 0 {
		found, err := describeGroups(ctx, c, ids)
		if err != nil {
			return rules, awsprobe.Unreadable("ec2:DescribeSecurityGroups", "the security groups "+strings.Join(ids, ", "), who, err)
		}
		for _, id := range ids {
			asked[id] = true
		}
		ids = nil
		for _, group := range found {
			rules.Groups[group.ID] = group
			for _, rule := range group.Ingress {
				for _, id := range rule.Groups {
					if !asked[id] && !slices.Contains(ids, id) {
						ids = append(ids, id)
					}
				}
				for _, id := range rule.Lists {
					if _, known := rules.Lists[id]; known {
						continue
					}
					entries, err := prefixList(ctx, c, id)
					switch {
					case err == nil:
						rules.Lists[id] = entries
					case !awsprobe.Missing(err): // one that is not there is judged with the rest
						return rules, awsprobe.Unreadable("ec2:GetManagedPrefixListEntries", "the ranges of prefix list "+id, who, err)
					}
				}
			}
		}
	}
	return rules, nil
}

// describeGroups asks by filter and not by id: one group that is not there, or another account's, would spoil the answer about all.
func describeGroups(ctx context.Context, c client, ids []string) ([]Group, error) {
	var all []Group
	input := url.Values{"Filter.1.Name": {"group-id"}, "MaxResults": {"1000"}}
	for i, id := range ids {
		input.Set("Filter.1.Value."+strconv.Itoa(i+1), id)
	}
	for {
		var page struct {
			XMLName xml.Name `xml:"DescribeSecurityGroupsResponse"`
			Groups  []Group  `xml:"securityGroupInfo>item"`
			Next    string   `xml:"nextToken"`
		}
		if err := c.call(ctx, "DescribeSecurityGroups", input, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Groups...)
		if page.Next == "" {
			return all, nil
		}
		input.Set("NextToken", page.Next)
	}
}

func prefixList(ctx context.Context, c client, id string) ([]string, error) {
	all := []string{}
	input := url.Values{"PrefixListId": {id}, "MaxResults": {"100"}}
	for {
		var page struct {
			XMLName xml.Name `xml:"GetManagedPrefixListEntriesResponse"`
			Entries []string `xml:"entrySet>item>cidr"`
			Next    string   `xml:"nextToken"`
		}
		if err := c.call(ctx, "GetManagedPrefixListEntries", input, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Entries...)
		if page.Next == "" {
			return all, nil
		}
		input.Set("NextToken", page.Next)
	}
}

// reaches says whether a rule is about a TCP port. What it does not understand counts as if it were.
func (r Rule) reaches(port int) bool {
	switch r.Protocol {
	case "udp", "icmp", "icmpv6":
		return false
	case "tcp", "6":
		return r.From == nil || r.To == nil || *r.From == -1 || *r.From <= port && port <= *r.To
	}
	number, err := strconv.Atoi(r.Protocol)
	return err != nil || number < 0 // another protocol by its number has no TCP ports; -1 is all
}

// prefixes reads ranges of addresses.
func prefixes(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("a range of addresses that is none: %q", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}
