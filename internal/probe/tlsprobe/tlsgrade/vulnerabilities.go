package tlsgrade

// vulnerabilities each make the grade F.
var vulnerabilities = []struct {
	q       Question
	id, fix string
}{
	{AskHeartbleed, "heartbleed", "update OpenSSL, then replace the key and the certificate"},
	{AskEarlyCCS, "ccs-injection", "update OpenSSL to 1.0.1h or later"},
	{AskROBOT, "robot", "switch key exchange with static RSA off, and update the TLS library"},
	{AskPadding, "padding-oracle", "update the TLS library or the load balancer, and switch CBC suites off"},
}

// notChecked are the things that the guide caps for and that no observation covers.
var notChecked = []string{"keys from Debian's broken generator (CVE-2008-0166)", "DROWN on other ports and hosts with the same key", "timing differences of ROBOT and of padding oracles",
	"Ticketbleed (CVE-2016-9244)", "OpenSSL's padding oracle (CVE-2016-2107)", "revocation beyond a stapled response", "distrust beyond the authorities that are trusted here",
	"Certificate Transparency"}
