package tlsgrade

import "slices"

// vulnerabilities each make the grade F.
var vulnerabilities = []struct {
	q       Question
	id, fix string
	always  bool // it belongs to every observation; the others count where they were looked for, and are told where not
}{
	{AskHeartbleed, "heartbleed", "update OpenSSL, then replace the key and the certificate", true},
	{AskCCS, "ccs-injection", "update OpenSSL to 1.0.1h or later", false},
	{AskROBOT, "robot", "switch key exchange with static RSA off, and update the TLS library", false},
	{AskTicketbleed, "ticketbleed", "update the load balancer (F5 K05121675), or switch session tickets off", false},
	{AskPaddingOracle, "lucky-minus-20", "update OpenSSL to 1.0.1t, 1.0.2h or later", false},
	{AskPoodleTLS, "poodle-tls", "update the TLS library or the load balancer, and offer AES-GCM instead of CBC", false},
	{AskZombiePoodle, "zombie-poodle", "update the load balancer, and switch CBC suites off", false},
	{AskGoldendoodle, "goldendoodle", "update the load balancer, and switch CBC suites off", false},
	{AskSleeping, "sleeping-poodle", "update the load balancer, and switch CBC suites off", false},
	{AskZeroLength, "zero-length", "update OpenSSL to 1.0.2r or later (CVE-2019-1559), and switch CBC suites off", false},
}

// notChecked are the things that the guide caps for and that the observation does not cover.
func notChecked(o Observation) []string {
	list := []string{"keys from Debian's broken generator (CVE-2008-0166)", "DROWN on other ports and hosts with the same key", "revocation beyond a stapled response",
		"distrust beyond the authorities that are trusted here", "Certificate Transparency"}
	for _, v := range vulnerabilities {
		if !v.always && !o.has(v.q) {
			list = append(list, string(v.q))
		}
	}
	return list
}

func (o Observation) has(q Question) bool {
	return slices.ContainsFunc(o.Offers, func(offer Offer) bool { return offer.Question == q })
}
