package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
)

func (f *zoneFlags) fillVantages(to *filling) {
	var all []launch.DNSResolver
	for _, text := range f.subnets {
		var subnet launch.Prefix
		to.read(&subnet, "subnet", text, "an address range such as 198.51.100.0/24")
		for _, r := range to.DNS.Resolvers {
			if r.Subnet = subnet; subnet.IsValid() {
				all = append(all, r)
			}
		}
	}
	to.DNS.Resolvers = append(to.DNS.Resolvers, all...)
	if len(f.subnets) > 0 && len(all) == 0 && len(to.problems) == 0 {
		to.bad("subnet", "--resolver with it", strings.Join(f.subnets, ", "))
	}
	if f.regions < 0 || f.regions > max(to.DNS.Regions, 0) {
		to.bad("regions", fmt.Sprintf("at most the %d regions of --resolver", to.DNS.Regions), strconv.Itoa(f.regions))
	}
	to.DNS.Regions = cmp.Or(f.regions, to.DNS.Regions)
	if to.DNS.Providers = f.providers; f.providers < 1 {
		to.bad("providers", "1 or more", strconv.Itoa(f.providers))
	}
	to.DNS.Globalping = launch.Globalping{Locations: f.locations, Probes: 2} // as launch.yaml where it says nothing
	for _, text := range f.anchors {
		var anchor launch.DSData
		to.read(&anchor, "trust-anchor", text, trustAnchor)
		to.DNS.DNSSEC.TrustAnchor = append(to.DNS.DNSSEC.TrustAnchor, anchor)
	}
}

func (f *zoneFlags) fillCertificates(to *filling) {
	domains := func(into *[]launch.Domain, flag string, texts []string) {
		for _, text := range texts {
			var d launch.Domain
			to.read(&d, flag, text, hostName)
			*into = append(*into, d)
		}
	}
	domains(&to.TLS.Names, "cert-name", f.certNames)
	domains(&to.TLS.CA, "issuer", f.issuers)
	to.TLS.ACMEAccount, to.TLS.Validation = f.account, f.validation
}

func (f *zoneFlags) fillMail(to *filling) {
	m := launch.Mail{Domain: to.DNS.Domain, ReturnPath: to.DNS.Domain, Selectors: f.selectors, OwnSenders: f.ownSenders, DMARC: f.policy}
	if f.returnPath != "" {
		to.read(&m.ReturnPath, "return-path", f.returnPath, hostName)
	}
	for _, text := range f.senders {
		var ip launch.IP
		if to.read(&ip, "sender", text, "an IP address such as 192.0.2.1"); ip != (launch.IP{Addr: netip.Addr{}}) {
			m.Senders = append(m.Senders, ip)
		}
	}
	to.Mail, to.DNS.MX = m, f.mx
	for _, text := range f.mx {
		if _, host, ok := strings.Cut(text, " "); !ok || host == "" {
			to.bad("mx", "a preference and a name, as \"10 mail.example.com\"", text)
		}
	}
}
