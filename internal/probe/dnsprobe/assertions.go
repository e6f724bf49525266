package dnsprobe

import (
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
)

// Named is a claim with the name under which its result is listed.
type Named struct {
	Name  string
	Must  bool // false: a recommendation, whose failure is a warning
	Claim probe.Claim
}

// Assertions is the whole list for a zone and its launch records, in order: delegation, transport, contents, CAA, records,
// TTLs, propagation, rollback. What there is nothing to judge by is left out: claims about launch records without records,
// about resolvers without resolvers, about the old records without a snapshot, about low TTLs without a limit or a launch.
func Assertions(z *Zone, records []Record, snapshot *Snapshot) []Named {
	list := []Named{
		{"DEL-01 delegation matches", true, DelegationMatches(z)},
		{"DEL-02 enough servers", true, EnoughServers(z)},
		{"DEL-03 name servers resolve", true, ServersResolve(z)},
		{"DEL-04 glue matches", true, GlueMatches(z)},
		{"DEL-05 servers are authoritative", true, ServersAuthoritative(z)},
		{"TRN-01 answers over UDP", true, AnswersUDP(z)},
		{"TRN-02 answers over TCP", true, AnswersTCP(z)},
		{"TRN-03 answers EDNS", true, AnswersEDNS(z)},
		{"TRN-04 fits or truncates", true, FitsOrTruncates(z)},
		{"CON-01 serials agree", true, SerialsAgree(z)},
		{"REC-05 no CNAME at the apex", true, NoCNAMEAtApex(z)},
		{"REC-07 nothing dangles", true, NothingDangles(z, records...)},
	}
	list = append(list, ofSignatures(z, records)...)
	list = append(list, ofCertificates(z)...)
	list = append(list, ofMail(z)...)
	if len(records) > 0 {
		list = append(list, ofRecords(z, records)...)
	}
	if len(z.config.Resolvers) > 0 {
		list = append(list, Named{"PRO-02 regions covered", true, RegionsCovered(z)})
	}
	for _, r := range records {
		list = append(list, ofRecord(z, r, snapshot)...)
	}
	if snapshot != nil {
		list = append(list,
			Named{"RBK-01 snapshot holds the old records", true, SnapshotHolds(z, snapshot, records...)},
			Named{"RBK-02 snapshot predates the change", true, SnapshotPredates(z, snapshot, records...)})
	}
	return list
}

// ofSignatures are the claims about DNSSEC. Without the end of a window nothing is said about how long signatures last.
func ofSignatures(z *Zone, records []Record) []Named {
	list := []Named{
		{"SEC-01 keys match the DS", true, KeysMatchDS(z)},
		{"SEC-02 signatures verify", true, SignaturesVerify(z, records...)},
		{"SEC-05 modern algorithms", false, ModernAlgorithms(z)},
		{"SEC-06 the parent vouches", false, VouchedFor(z)},
		{"SEC-07 plain NSEC3", false, PlainNSEC3(z)},
	}
	if !z.config.WindowEnd.IsZero() {
		list = append(list, Named{"SEC-03 signatures outlive the launch", true, SignaturesOutlive(z, records...)})
	}
	return list
}

// ofCertificates are the claims about CAA. Where neither names nor an authority are planned, nothing is said about who may
// issue.
func ofCertificates(z *Zone) []Named {
	var list []Named
	plan := z.config.Issuance
	if len(plan.Names)+len(plan.CAs) > 0 {
		for _, name := range z.certificateNames() {
			id := "CAA-01 authority is allowed: "
			if strings.HasPrefix(name, "*.") {
				id = "CAA-02 authority is allowed: "
			}
			list = append(list, Named{id + name, true, CAAPermits(z, name)})
		}
		list = append(list, Named{"CAA-05 CAA binds to our account", true, CAABindsToUs(z)})
	}
	return append(list,
		Named{"CAA-03 no unknown critical CAA", true, NoUnknownCritical(z)},
		Named{"CAA-04 CAA is answered", true, CAAAnswered(z)})
}

// ofMail are the claims about mail. Where no selectors are named none is about DKIM, and where no senders are none about them.
func ofMail(z *Zone) []Named {
	m := z.mail()
	var list []Named
	domains := []string{m.Domain}
	if m.ReturnPath != m.Domain {
		domains = append(domains, m.ReturnPath)
	}
	for _, domain := range domains {
		list = append(list,
			Named{"SPF-01 one SPF record: " + domain, true, OneSPF(z, domain)},
			Named{"SPF-02 SPF can be read: " + domain, true, SPFReads(z, domain)},
			Named{"SPF-03 SPF within its limits: " + domain, true, SPFWithinLimits(z, domain)},
			Named{"SPF-04 SPF does not pass everybody: " + domain, true, SPFNotOpen(z, domain)},
			Named{"SPF-05 SPF ends in -all or ~all: " + domain, false, SPFEnds(z, domain)})
	}
	for _, sender := range m.Senders {
		list = append(list,
			Named{"SPF-06 SPF passes " + sender.String(), true, SPFPasses(z, m.ReturnPath, sender)},
			Named{"PTR-01 has a name: " + sender.String(), m.OwnSenders, SenderIsNamed(z, sender)})
	}
	for _, selector := range m.Selectors {
		list = append(list,
			Named{"DKM-01 DKIM key is there: " + selector, true, DKIMKeyIsThere(z, selector)},
			Named{"DKM-02 DKIM key is strong: " + selector, true, DKIMKeyIsStrong(z, selector)},
			Named{"DKM-02 DKIM key is good: " + selector, false, DKIMKeyIsGood(z, selector)},
			Named{"DKM-03 DKIM key is live: " + selector, false, DKIMKeyIsLive(z, selector)})
	}
	return append(list,
		Named{"DMC-01 one DMARC record", true, OneDMARC(z)},
		Named{"DMC-02 DMARC protects", true, DMARCProtects(z)},
		Named{"DMC-02 DMARC for all mail", false, DMARCForAll(z)},
		Named{"DMC-03 DMARC reports", false, DMARCReports(z)},
		Named{"MX-01 exchangers have addresses", true, ExchangersHaveAddresses(z)},
		Named{"MX-02 exchangers are no aliases", false, ExchangersAreNoAliases(z)},
		Named{"MTS asks for TLS", false, AsksForTLS(z)},
		Named{"TLR wants TLS reports", false, WantsTLSReports(z)})
}

func ofRecords(z *Zone, records []Record) []Named {
	names := make([]string, len(records))
	for i, r := range records {
		names[i] = r.Name
	}
	return []Named{
		{"REC-04 AAAA parity", true, AAAAParity(z, names)},
		{"TTL-03 negative TTL", true, NegativeTTLAtMost(z, z.config.NegativeTTL, records...)},
		{"PRO-01 source has converged", true, Converged(z, records...)},
	}
}

func ofRecord(z *Zone, r Record, snapshot *Snapshot) []Named {
	list := []Named{
		{"CON-02 answers agree: " + r.Name, true, AnswersAgree(z, r)},
		{"CON-03 leads to its target: " + r.Name, true, LeadsTo(z, r)},
		{"REC-06 chain ends: " + r.Name, true, ChainEnds(z, r.Name)},
		{"REC-08 explicit: " + r.Name, false, Explicit(z, r.Name)},
		{"REC-09 no special address: " + r.Name, true, NoSpecialAddress(z, r.Name)},
		{"TTL-04 TTLs agree: " + r.Name, true, TTLsAgree(z, r)},
	}
	if z.config.LowTTL > 0 {
		list = append(list, Named{"TTL-01 low TTL: " + r.Name, true, TTLAtMost(z, r, z.config.LowTTL)})
	}
	if snapshot != nil && z.config.LowTTL > 0 && !z.config.Cutover.IsZero() {
		list = append(list, Named{"TTL-02 low for long enough: " + r.Name, true, LowLongEnough(z, r, snapshot)})
	}
	if len(z.config.Resolvers) > 0 {
		list = append(list,
			Named{"PRO-02 propagated: " + r.Name, true, Propagated(z, r, snapshot)},
			Named{"PRO-03 old answers run out: " + r.Name, true, OldRunsOut(z, r)},
			Named{"PRO-04 propagated to client subnets: " + r.Name, true, PropagatedToSubnets(z, r)},
			Named{"PRO-05 resolvers are sound: " + r.Name, true, ResolversSound(z, r)})
	}
	if len(z.config.Globalping.Locations) > 0 {
		list = append(list, Named{"PRO-02 propagated around the world: " + r.Name, true, PropagatedWorldwide(z, r)})
	}
	return list
}
