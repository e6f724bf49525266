package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// zoneFlags say about a zone what launch.yaml would, for somebody without one.
type zoneFlags struct {
	own *pflag.FlagSet // these flags alone, to see whether one was given

	records, old, created, subnets, anchors, locations      []string
	certNames, issuers, selectors, senders, mx              []string
	lowTTL, negativeTTL, launchAt, windowEnd, snapshot      string
	repeat, ttlLog, account, validation, returnPath, policy string
	regions, providers                                      int
	ownSenders                                              bool
}

func (f *zoneFlags) flags(cmd *cobra.Command) {
	f.own = pflag.NewFlagSet("zone", pflag.ContinueOnError)
	list := func(p *[]string, name, usage string) { f.own.StringArrayVar(p, name, nil, usage+" (repeatable)") }
	list(&f.records, "record", "planned record: NAME=TARGET, or NAME=ADDRESS,ADDRESS…")
	list(&f.old, "old", "answers of a planned record from before the change: NAME=ANSWER,ANSWER…")
	list(&f.created, "new", "planned record that the launch creates (default: each without --old, where there is no --snapshot)")
	f.own.StringVar(&f.snapshot, "snapshot", "", "zone file with the records as they were before the change")
	f.own.StringVar(&f.lowTTL, "low-ttl", "", "longest TTL of a planned record, such as 300s")
	f.own.StringVar(&f.negativeTTL, "negative-ttl", "15m", "longest a resolver may remember that a planned name does not exist")
	f.own.StringVar(&f.ttlLog, "ttl-log", "", "file with the first sights of low TTLs and new answers, kept between runs")
	f.own.StringVar(&f.launchAt, "launch", "", "when the launch changes the answers, such as 2027-01-19T10:00:00+01:00")
	f.own.StringVar(&f.windowEnd, "window-end", "", "when the deployment window closes, at most a day after --launch")
	list(&f.subnets, "subnet", "EDNS client subnet that every resolver is asked with too, such as 198.51.100.0/24")
	f.own.IntVar(&f.regions, "regions", 0, "regions that must answer (default: those of --resolver)")
	f.own.IntVar(&f.providers, "providers", 1, "independent DNS providers that serve the zone")
	f.own.StringVar(&f.repeat, "repeat", "3/10s", "how often, and spread over what time, each server is asked for the planned records")
	list(&f.locations, "globalping", "country or city whose globalping.io probes ask too, such as NO or Singapore")
	list(&f.anchors, "trust-anchor", "DS data of the root zone, such as \"20326 8 2 E06D44B8…\" (default: IANA's, or none with --root)")
	list(&f.certNames, "cert-name", "planned name of a certificate, may be a wildcard")
	list(&f.issuers, "issuer", "name of the certificate authority in CAA records, such as letsencrypt.org")
	f.own.StringVar(&f.account, "acme-account", "", "URL of the ACME account, where CAA restricts to one")
	f.own.StringVar(&f.validation, "validation", "", "validation method of the authority, such as dns-01, where CAA restricts that")
	list(&f.mx, "mx", "mail exchanger that the zone must name, as \"10 mail.example.com\"")
	list(&f.selectors, "selector", "DKIM selector that mail is signed with")
	list(&f.senders, "sender", "address that mail is sent from")
	f.own.BoolVar(&f.ownSenders, "own-senders", false, "the sending addresses are your own, and so are their PTR records")
	f.own.StringVar(&f.returnPath, "return-path", "", "domain of the envelope sender (default: the domain)")
	f.policy = "quarantine"
	f.own.Var(choice{&f.policy, []string{"quarantine", "reject"}}, "dmarc", "weakest DMARC policy that will do")
	cmd.PersistentFlags().AddFlagSet(f.own)
}

// given says whether any of these flags was.
func (f *zoneFlags) given() bool {
	given := false
	f.own.VisitAll(func(flag *pflag.Flag) { given = given || flag.Changed })
	return given
}
