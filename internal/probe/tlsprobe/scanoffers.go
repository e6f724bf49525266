package tlsprobe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// suitesOf is what a reply proves: the suite that was chosen; in SSL 2.0, all that the server named.
func suitesOf(r *tlswire.Reply) []tlsgrade.Suite {
	if r.Version == tlswire.SSL2 {
		var all []tlsgrade.Suite
		for _, kind := range r.Kinds {
			bits := map[bool]int{true: 40, false: 128}[strings.Contains(kind, "EXPORT40")]
			all = append(all, tlsgrade.Suite{Version: tlsgrade.SSL2, Name: kind, Bits: bits, Exchange: tlsgrade.Exchange{Kind: "RSA"}})
		}
		return all
	}
	known, ok := tlswire.Suites[r.Suite]
	if !ok {
		return []tlsgrade.Suite{{Version: tlsgrade.Version(r.Version), ID: r.Suite, Name: suiteName(r.Suite), Strange: true}}
	}
	s := tlsgrade.Suite{Version: tlsgrade.Version(r.Version), ID: r.Suite, Name: known.Name, Bits: known.Bits, AEAD: known.AEAD, BlockBits: known.BlockBits,
		Stream: known.RC4(), Anonymous: known.Auth == "anon", Export: known.Export,
		Exchange: tlsgrade.Exchange{Kind: known.Exchange, Group: r.Exchange.Group, Bits: r.Exchange.Bits}}
	if known.TLS13() {
		s.Exchange.Kind = "ECDHE"
		if strings.HasPrefix(s.Exchange.Group, "ffdhe") {
			s.Exchange.Kind = "DHE"
		}
	}
	return []tlsgrade.Suite{s}
}

func compareSuites(a, b tlsgrade.Suite) int {
	return cmp.Or(cmp.Compare(b.Version, a.Version), cmp.Compare(b.Bits, a.Bits), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Exchange.Bits, b.Exchange.Bits), cmp.Compare(a.Exchange.Group, b.Exchange.Group))
}

// older are the versions before TLS 1.3 that hellos are put in.
var older = []uint16{tlswire.TLS12, tlswire.TLS11, tlswire.TLS10, tlswire.SSL3}

// classOffers answers the questions about classes of suites from all that was heard.
func (s *scan) classOffers() []tlsgrade.Offer {
	var offers []tlsgrade.Offer
	for _, c := range unwanted {
		offers = append(offers, s.classOffer(c, "broken suites"))
	}
	for _, c := range rest {
		offers = append(offers, s.classOffer(c, string(c.question)))
	}
	offers = append(offers, s.curveOffers()...)
	return append(offers, s.flagOffers()...)
}

// classOffer is Accepted where any suite of the class was chosen, Refused where every version that is accepted has declined the
// class, and Unknown otherwise.
func (s *scan) classOffer(c class, asked string) tlsgrade.Offer {
	o := tlsgrade.Offer{Question: c.question, Answer: tlsgrade.Refused, Proof: "declined in every version that is accepted"}
	for _, h := range s.heard {
		if h.answer == tlsgrade.Accepted && h.reply.Version != tlswire.SSL2 {
			if suite, known := tlswire.Suites[h.reply.Suite]; known && c.has(suite) {
				o.Answer, o.Proof = tlsgrade.Accepted, h.proof
				break
			}
		}
	}
	if o.Answer == tlsgrade.Accepted && c.question != tlsgrade.AskSuitesDHE { // whose sizes can differ by version
		return o
	}
	for _, v := range older {
		last := s.lastOf(asked, v)
		switch {
		case last != nil && last.answer == tlsgrade.Unknown:
			return tlsgrade.Offer{Question: c.question, Proof: last.what + ": " + last.proof}
		case last == nil && s.accepted(v) && (c.question != tlsgrade.AskSuitesAEAD || v >= tlswire.TLS12):
			return tlsgrade.Offer{Question: c.question, Proof: "not asked in " + versionName(v)}
		}
	}
	if strength := rest[0:2]; c.question == strength[0].question || c.question == strength[1].question {
		if h := s.of(classAsk(tlswire.TLS13, asked, c.has).what); h != nil && h.answer == tlsgrade.Unknown {
			return tlsgrade.Offer{Question: c.question, Proof: h.what + ": " + h.proof}
		}
	}
	return o
}

// blocksOffer says whether it is known which block ciphers are taken in SSL 3.0; the suites that were chosen prove the others.
func (s *scan) blocksOffer(ssl3 tlsgrade.Answer) tlsgrade.Offer {
	o := tlsgrade.Offer{Question: tlsgrade.AskSSL3CBC, Answer: ssl3}
	if ssl3 != tlsgrade.Accepted {
		o.Proof = "whether SSL 3.0 is accepted"
		return o
	}
	o.Answer = tlsgrade.Refused
	for _, q := range []tlsgrade.Question{tlsgrade.AskSuites128, tlsgrade.AskSuites256} {
		if s.of(string(q)+" in "+versionName(tlswire.SSL3)) == nil {
			o.Answer, o.Proof = tlsgrade.Unknown, fmt.Sprintf("%s: not asked", q)
		}
	}
	for _, h := range s.heard {
		if !h.ssl2 && h.hello.Version == tlswire.SSL3 && h.answer == tlsgrade.Unknown {
			o.Answer, o.Proof = tlsgrade.Unknown, h.what+": "+h.proof
		}
	}
	return o
}

// lastOf is the last hello about a class in a version: the one that must have been declined.
func (s *scan) lastOf(asked string, version uint16) *heardOf {
	if asked != "broken suites" {
		return s.of(asked + " in " + versionName(version))
	}
	var last *heardOf
	for i := range s.heard {
		if strings.Contains(s.heard[i].what, "broken suites") && strings.HasSuffix(s.heard[i].what, " in "+versionName(version)) {
			last = &s.heard[i]
		}
	}
	return last
}

// curveOffers say whether it is known which curves are taken; how strong they are is in the suites.
func (s *scan) curveOffers() []tlsgrade.Offer {
	var offers []tlsgrade.Offer
	for _, q := range []tlsgrade.Question{tlsgrade.AskWeakCurves, tlsgrade.AskMiddleCurves} {
		o := tlsgrade.Offer{Question: q, Answer: tlsgrade.Refused}
		for _, h := range s.heard {
			if !strings.HasPrefix(h.what, string(q)+" in ") {
				continue
			}
			if q == tlsgrade.AskWeakCurves && h.answer == tlsgrade.Accepted && h.reply.Exchange.Bits >= 255 {
				h.answer = tlsgrade.Refused // it chose a curve that it was not offered, and which is not weak
			}
			if o.Proof = h.proof; h.answer != tlsgrade.Refused {
				o.Answer = h.answer
				break
			}
		}
		offers = append(offers, o)
	}
	return offers
}

// flagOffers reads what ServerHellos say beside the suite.
func (s *scan) flagOffers() []tlsgrade.Offer {
	compression := tlsgrade.Offer{Question: tlsgrade.AskCompression, Answer: tlsgrade.Refused}
	secure := tlsgrade.Offer{Question: tlsgrade.AskRenegotiation, Answer: tlsgrade.Unknown, Proof: "no version accepted that has it"}
	fallback := tlsgrade.Offer{Question: tlsgrade.AskFallbackSCSV, Answer: tlsgrade.Refused, Proof: "there is nothing to fall back to"}
	only13 := true
	for _, h := range s.heard {
		if strings.HasPrefix(h.what, "a needless fallback") {
			fallback.Proof = h.proof
			switch {
			case h.answer == tlsgrade.Unknown:
				fallback.Answer = tlsgrade.Unknown
			case strings.Contains(h.proof, "inappropriate_fallback"):
				fallback.Answer = tlsgrade.Accepted
			}
			continue
		}
		if h.answer != tlsgrade.Accepted || h.reply.Version == tlswire.SSL2 || h.reply.Version == tlswire.TLS13 {
			continue
		}
		only13 = false
		if h.reply.Compression != 0 {
			compression.Answer, compression.Proof = tlsgrade.Accepted, h.proof
		}
		if h.reply.Version > tlswire.SSL3 && secure.Answer != tlsgrade.Refused {
			secure.Answer, secure.Proof = tlsgrade.Accepted, h.proof
			if !h.reply.Extensions[tlswire.ExtRenegotiation] {
				secure.Answer = tlsgrade.Refused
			}
		}
	}
	if only13 {
		secure.Answer, secure.Proof = tlsgrade.Accepted, "TLS 1.3 has no renegotiation"
	}
	return []tlsgrade.Offer{compression, secure, fallback}
}

// sameChain says whether two chains are the same bytes.
func sameChain(a, b [][]byte) bool { return slices.EqualFunc(a, b, slices.Equal) }
