package tlsgrade

import (
	"cmp"
	"fmt"
	"slices"
)

// The caps are the rules that limit the grade whatever the score (guide, "Changes").

func (j *judgement) protocols() {
	const modern = "offer TLS 1.2 and 1.3"
	is := j.o.Protocol
	for _, old := range []struct {
		v       Version
		id, cap string
	}{{SSL2, "ssl2", "F"}, {SSL3, "ssl3", "B"}, {TLS10, "tls1.0", "B"}, {TLS11, "tls1.1", "B"}} {
		j.rule(is(old.v), unknownVersion(old.v), Reason{old.id, fmt.Sprintf("%s is accepted", old.v), old.cap, "switch it off"})
	}
	for _, v := range []Version{SSL3, TLS10, TLS11, TLS12} {
		if is(v) == Unknown { // the classes of suites were asked about in the versions that are accepted
			j.perhaps("weak-cipher", "F", "%s", unknownVersion(v))
		}
	}
	if i := slices.IndexFunc(j.o.Suites, func(s Suite) bool { return s.Version == SSL2 }); i >= 0 {
		j.because("drown", "F", "switch SSL 2.0 off wherever the key is used", "DROWN: SSL 2.0 with %s", j.o.Suites[i].Name)
	}
	ssl3 := all(is(SSL3), not(is(TLS10)), not(is(TLS11)), not(is(TLS12)), not(is(TLS13)))
	j.rule(ssl3, "whether anything better than SSL 3.0 is accepted", Reason{"ssl3-best", "SSL 3.0 is the best version", "F", modern})
	cbc := j.o.Answer(AskSSL3CBC)
	j.rule(all(is(SSL3), cbc.Answer), fmt.Sprintf("%s: %s", cbc.Question, cbc.Proof), Reason{"poodle", "POODLE: " + cbc.Proof, "C", "switch SSL 3.0 off"})
	j.rule(all(not(is(TLS12)), not(is(TLS13))), "whether TLS 1.2 or TLS 1.3 is accepted", Reason{"no-tls1.2", "neither TLS 1.2 nor TLS 1.3 is accepted", "C", modern})
	j.rule(not(is(TLS13)), unknownVersion(TLS13), Reason{"no-tls1.3", "TLS 1.3 is not accepted", "A-", "offer TLS 1.3"})
}

func unknownVersion(v Version) string { return fmt.Sprintf("whether %s is accepted", v) }

func (j *judgement) suites() {
	const aead = "offer AES-GCM and ChaCha20"
	for _, r := range []struct {
		q             Question
		id, cap, what string
	}{
		{AskSuitesNULL, "null", "F", "suites without encryption"},
		{AskSuitesAnonymous, "anonymous", "F", "anonymous suites"},
		{AskSuitesExport, "export", "F", "export suites"},
		{AskSuitesWeak, "weak-cipher", "F", "suites with less than 112 bits"},
		{AskSuitesRC4, "rc4", "B", "RC4"},
	} {
		j.asked(r.q, Accepted, Reason{r.id, r.what, r.cap, "switch them off"})
	}
	for _, s := range j.o.suites() {
		switch {
		case s.Strange:
			j.perhaps("weak-cipher", "F", "what the suite %s in %s stands for", s.Name, s.Version)
		case s.Export && s.Exchange.Kind == "RSA":
			j.because("freak", "F", "switch export suites off", "FREAK: %s", s.Name)
		case s.Export && s.Exchange.Kind == "DHE":
			j.because("logjam", "F", "switch export suites off", "Logjam: %s", s.Name)
		}
	}
	is := func(q Question) Answer { return j.o.Answer(q).Answer }
	only := all(is(AskSuitesRC4), not(is(AskSuites64)), not(is(AskSuites128)), not(is(AskSuites256)), not(j.o.Protocol(TLS13)), j.settled(SSL3, TLS10, TLS11, TLS12))
	j.rule(only, "whether anything better than RC4 is accepted", Reason{"rc4-only", "only RC4 suites are accepted", "F", aead})
	none := all(not(is(AskSuitesAEAD)), not(j.o.Protocol(TLS13)), j.settled(TLS12))
	j.rule(none, fmt.Sprintf("%s: %s", AskSuitesAEAD, j.o.Answer(AskSuitesAEAD).Proof), Reason{"no-aead", "no authenticated encryption (AEAD)", "B", aead})
}

// settled is Accepted where it is known whether the versions are accepted: the suites of one that may be are not known either.
func (j *judgement) settled(versions ...Version) Answer {
	if slices.ContainsFunc(versions, func(v Version) bool { return j.o.Protocol(v) == Unknown }) {
		return Unknown
	}
	return Accepted
}

// asked applies a reason where the answer to a question is the one that hurts.
func (j *judgement) asked(q Question, hurts Answer, r Reason) {
	a := j.o.Answer(q)
	holds := a.Answer
	if hurts == Refused {
		holds = not(holds)
	}
	if a.Proof != "" {
		r.What += ": " + a.Proof
	}
	j.rule(holds, fmt.Sprintf("%s: %s", q, a.Proof), r)
}

// browsers are about what reference browsers really get. What one was not seen to get, it may get at the worst that the server has.
func (j *judgement) browsers() {
	var modern, connected, secret, lost int
	for _, r := range j.o.Reference {
		known := r.Answer == Refused || r.Answer == Accepted && r.Suite.Version != 0
		if r.Modern {
			modern++
		}
		switch {
		case !known:
			lost++
			j.unseen(fmt.Sprintf("what %s gets: %s", r.Client, r.Proof), r.Modern)
		case r.Answer == Accepted:
			j.browser(r)
			if r.Modern {
				connected++
			}
			if r.Modern && r.Suite.Exchange.ForwardSecret() {
				secret++
			}
		}
	}
	unknown := "what modern browsers get: none was seen to connect"
	if modern == 0 {
		j.unseen(unknown, true)
	}
	why := Reason{"no-forward-secrecy", fmt.Sprintf("%d of %d modern browsers get forward secrecy", secret, connected), "B", "offer and prefer ECDHE"}
	switch {
	case secret < connected, connected == 0 && modern > 0 && lost == 0:
		j.rule(Accepted, "", why)
	case connected == 0:
		j.rule(Unknown, unknown, why)
	}
}

func (j *judgement) browser(r Negotiated) {
	if r.Suite.Version < TLS11 || r.Suite.Version >= TLS13 {
		return
	}
	why := Reason{"", fmt.Sprintf("%s gets %s in %s", r.Client, r.Suite.Name, r.Suite.Version), "C", "prefer AES-GCM and ChaCha20"}
	if why.ID = "rc4-modern"; r.Suite.rc4() {
		j.rule(Accepted, "", why)
	}
	if why.ID = "64-bit-blocks"; r.Suite.BlockBits == 64 {
		j.rule(Accepted, "", why)
	}
}

func (j *judgement) unseen(what string, modern bool) {
	may := func(q Question) bool { return j.o.Answer(q).Answer != Refused }
	if may(AskSuitesRC4) {
		j.perhaps("rc4-modern", "C", "%s", what)
	}
	if may(AskSuites64) {
		j.perhaps("64-bit-blocks", "C", "%s", what)
	}
	if modern && may(AskSuitesStaticRSA) {
		j.perhaps("no-forward-secrecy", "B", "%s", what)
	}
}

func (j *judgement) flags() {
	j.asked(AskCompression, Accepted, Reason{"crime", "CRIME: TLS compression is accepted", "C", "switch TLS compression off"})
	j.asked(AskInsecureReneg, Accepted, Reason{"insecure-renegotiation", "insecure client-initiated renegotiation", "F", "switch client-initiated renegotiation off"})
	j.asked(AskRenegotiation, Refused, Reason{"no-secure-renegotiation", "secure renegotiation is not supported", "A-", "support RFC 5746"})
	for _, what := range j.o.Unasked {
		j.perhaps("unasked", "F", "%s", what)
	}
	for _, v := range vulnerabilities {
		j.asked(v.q, Accepted, Reason{v.id, string(v.q), "F", v.fix})
	}
}

const halfYear = 15552000 // s, of max-age

// pages are about Strict-Transport-Security: A+ asks for half a year. A port that does not speak HTTP has none to send.
func (j *judgement) pages() {
	const send = "send Strict-Transport-Security for at least half a year"
	switch h := j.o.HSTS; h.State {
	case HSTSPresent:
		if h.MaxAge.Seconds() < halfYear {
			j.because("hsts-short", "A", "raise max-age to at least 15552000", "Strict-Transport-Security for %.0f s only", h.MaxAge.Seconds())
		}
	case HSTSAbsent:
		j.because("hsts-absent", "A", send, "no Strict-Transport-Security")
	case HSTSNoHTTP:
		j.because("hsts-no-http", "A", "", "what answers is not HTTP, so that there is no Strict-Transport-Security")
	case HSTSDisabled:
		j.because("hsts-disabled", "A-", "raise max-age", "Strict-Transport-Security is switched off: %q", h.Header)
	case HSTSInvalid:
		j.because("hsts-invalid", "A-", "mend the header", "Strict-Transport-Security cannot be read: %q", h.Header)
	case HSTSUnknown:
		fallthrough
	default:
		j.perhaps("hsts-invalid", "A-", "Strict-Transport-Security: %s", cmp.Or(h.Reason, "the page was not fetched"))
	}
}
