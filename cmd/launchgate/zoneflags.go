package main

import (
	"slices"

	"github.com/spf13/cobra"
)

// zoneFlags say about a zone what launch.yaml would, for somebody without one.
type zoneFlags struct {
	given func() bool // whether one of them was

	records, old, created, subnets, anchors, locations      []string
	certNames, issuers, selectors, senders, mx              []string
	lowTTL, negativeTTL, launchAt, windowEnd, snapshot      string
	repeat, ttlLog, account, validation, returnPath, policy string
	regions, providers                                      int
	ownSenders                                              bool
}

func (f *zoneFlags) flags(cmd *cobra.Command) {
	own := cmd.PersistentFlags()
	var names []string
	list := func(p *[]string, name, usage string) {
		own.StringArrayVar(p, name, nil, usage+" (repeatable)")
		names = append(names, name)
	}
	text := func(p *string, name, value, usage string) {
		own.StringVar(p, name, value, usage)
		names = append(names, name)
	}
	list(&f.records, "record", "planned record: NAME=TARGET, or NAME=ADDRESS,ADDRESS…")
	list(&f.old, "old", "answers of a planned record from before the change: NAME=ANSWER,ANSWER…")
	list(&f.created, "new", "planned record that the launch creates (default: each without --old, where there is no --snapshot)")
	text(&f.snapshot, "snapshot", "", "zone file with the records as they were before the change")
	text(&f.lowTTL, "low-ttl", "", "longest TTL of a planned record, such as 300s")
	text(&f.negativeTTL, "negative-ttl", "15m", "longest a resolver may remember that a planned name does not exist")
	text(&f.ttlLog, "ttl-log", "", "file with the first sights of low TTLs and new answers, kept between runs")
	text(&f.launchAt, "launch", "", "when the launch changes the answers, such as 2027-01-19T10:00:00+01:00")
	text(&f.windowEnd, "window-end", "", "when the deployment window closes, at most a day after --launch")
	list(&f.subnets, "subnet", "EDNS client subnet that every resolver is asked with too, such as 198.51.100.0/24")
	own.IntVar(&f.regions, "regions", 0, "regions that must answer (default: those of --resolver)")
	own.IntVar(&f.providers, "providers", 1, "independent DNS providers that serve the zone")
	text(&f.repeat, "repeat", "3/10s", "how often, and spread over what time, each server is asked for the planned records")
	list(&f.locations, "globalping", "country or city whose globalping.io probes ask too, such as NO or Singapore")
	list(&f.anchors, "trust-anchor", "DS data of the root zone, such as \"20326 8 2 E06D44B8…\" (default: IANA's, or none with --root)")
	list(&f.certNames, "cert-name", "planned name of a certificate, may be a wildcard")
	list(&f.issuers, "issuer", "name of the certificate authority in CAA records, such as letsencrypt.org")
	text(&f.account, "acme-account", "", "URL of the ACME account, where CAA restricts to one")
	text(&f.validation, "validation", "", "validation method of the authority, such as dns-01, where CAA restricts that")
	list(&f.mx, "mx", "mail exchanger that the zone must name, as \"10 mail.example.com\"")
	list(&f.selectors, "selector", "DKIM selector that mail is signed with")
	list(&f.senders, "sender", "address that mail is sent from")
	own.BoolVar(&f.ownSenders, "own-senders", false, "the sending addresses are your own, and so are their PTR records")
	text(&f.returnPath, "return-path", "", "domain of the envelope sender (default: the domain)")
	f.policy = "quarantine"
	own.Var(choice{&f.policy, []string{"quarantine", "reject"}}, "dmarc", "weakest DMARC policy that will do")
	names = append(names, "regions", "providers", "own-senders", "dmarc")
	f.given = func() bool { return slices.ContainsFunc(names, own.Changed) }
}
