package tlsgrade

import "slices"

// Question names one of the things, besides versions, that the grade depends on.
type Question string

// The questions. A server that lacks what makes a question possible (no CBC suite, no heartbeat) has Refused it.
const (
	AskSuitesNULL      Question = "suites with NULL encryption"
	AskSuitesAnonymous Question = "anonymous suites"
	AskSuitesExport    Question = "export suites"
	AskSuitesWeak      Question = "suites with DES or less than 112 bits"
	AskSuitesRC4       Question = "RC4 suites"
	AskSuites64        Question = "suites with 64-bit blocks"
	AskSuitesDHE       Question = "finite-field DHE"
	AskSuitesStaticRSA Question = "key exchange with static RSA"
	AskSuitesAEAD      Question = "AEAD suites"
	AskSuites256       Question = "suites with 256 bits"
	AskSuites128       Question = "suites with 128 bits"
	AskCompression     Question = "TLS compression"
	AskRenegotiation   Question = "secure renegotiation (RFC 5746)" // Accepted: the extension is acknowledged
	AskInsecureReneg   Question = "insecure client-initiated renegotiation"
	AskFallbackSCSV    Question = "TLS_FALLBACK_SCSV" // Accepted: an inappropriate fallback is declined; no rule of the guide since 2009r
	AskWeakCurves      Question = "weak curves"       // below 255 bits
	AskMiddleCurves    Question = "curves of 256 bits"
	AskSSL3CBC         Question = "block ciphers in SSL 3.0"
)

// The vulnerabilities; Accepted: the server has it.
const (
	AskHeartbleed Question = "Heartbleed (CVE-2014-0160)"
	AskEarlyCCS   Question = "early ChangeCipherSpec (CVE-2014-0224)"
	AskROBOT      Question = "ROBOT"
	AskPadding    Question = "a padding oracle of CBC (POODLE in TLS, Zombie POODLE, GOLDENDOODLE, 0-length)"
)

// Offer is one question and its answer.
type Offer struct {
	Question Question
	Answer   Answer
	Proof    string // the suite, extension or record that proved it; for Unknown, what happened instead
}

// classes say of a suite whether seeing it answers the question.
var classes = map[Question]func(Suite) bool{
	AskSuitesNULL:      func(s Suite) bool { return s.Bits == 0 },
	AskSuitesAnonymous: func(s Suite) bool { return s.Anonymous },
	AskSuitesExport:    func(s Suite) bool { return s.Export },
	AskSuitesWeak:      func(s Suite) bool { return s.Bits < 112 },
	AskSuitesRC4:       Suite.rc4,
	AskSuites64:        func(s Suite) bool { return s.BlockBits == 64 },
	AskSuites128:       func(s Suite) bool { return !s.rc4() && s.BlockBits != 64 && s.Bits >= 112 && s.Bits < 256 },
	AskSuites256:       func(s Suite) bool { return !s.rc4() && s.Bits >= 256 },
	AskSuitesDHE:       func(s Suite) bool { return s.Exchange.Kind == "DHE" && s.Version < TLS13 && !s.Export && !s.Anonymous },
	AskSuitesStaticRSA: func(s Suite) bool { return s.Version < TLS13 && !s.Anonymous && !s.Exchange.ForwardSecret() },
	AskSuitesAEAD:      func(s Suite) bool { return s.AEAD },
	AskWeakCurves:      func(s Suite) bool { return s.Exchange.Kind == "ECDHE" && s.Exchange.Bits > 0 && s.Exchange.Bits < 255 },
	AskSSL3CBC:         func(s Suite) bool { return s.Version == SSL3 && s.BlockBits > 0 },
}

// suites are all that the server was seen to choose, by whatever client. What SSL 2.0 has is told apart.
func (o Observation) suites() []Suite {
	all := slices.Clone(o.Suites)
	for _, r := range o.Reference {
		if r.Answer == Accepted && r.Suite.Version != 0 && !slices.Contains(all, r.Suite) {
			all = append(all, r.Suite)
		}
	}
	return all
}

// Answer is what is known of a question: what was seen outweighs what was answered.
func (o Observation) Answer(q Question) Offer {
	given := o.given(q)
	has := classes[q]
	if has == nil || given.Answer == Accepted {
		return given
	}
	for _, s := range o.suites() {
		if s.Version != SSL2 && !s.Strange && has(s) {
			return Offer{Question: q, Answer: Accepted, Proof: s.Version.String() + " " + s.Name}
		}
	}
	return given
}

// given is the answer to the question itself.
func (o Observation) given(q Question) Offer {
	for _, offer := range o.Offers {
		if offer.Question == q {
			return offer
		}
	}
	return Offer{Question: q, Proof: "it was not asked"}
}

// Protocol says whether a version is accepted: one that was seen in use is.
func (o Observation) Protocol(v Version) Answer {
	used := func(s Suite) bool { return s.Version == v }
	if slices.ContainsFunc(o.suites(), used) || slices.ContainsFunc(o.Chains, func(c Chain) bool { return used(c.Suite) }) {
		return Accepted
	}
	return o.Protocols[v]
}

// An answer is a truth of three values, with which rules can be written once for what is known and what is not.

func not(a Answer) Answer {
	return [...]Answer{Unknown: Unknown, Refused: Accepted, Accepted: Refused}[a]
}

// all is Accepted where all are.
func all(answers ...Answer) Answer {
	switch {
	case slices.Contains(answers, Refused):
		return Refused
	case slices.Contains(answers, Unknown):
		return Unknown
	default:
		return Accepted
	}
}

func yes(b bool) Answer {
	if b {
		return Accepted
	}
	return Refused
}
