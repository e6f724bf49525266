package tlsprobe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// scan is everything that one endpoint has said.
type scan struct {
	*scanner
	heard   []heardOf
	control *ask
	chains  []tlsgrade.Chain
	hsts    tlsgrade.HSTS
	offers  []tlsgrade.Offer // of the questions that take more than a hello

	early    tlsgrade.Offer    // about an early ChangeCipherSpec
	closings int               // after one
	padded   map[string]string // how the first records with wrong padding were met
}

// scanEndpoint observes one endpoint in waves: what can be asked at once; what only the accepted versions make sensible; and
// what is behind an answer that names one class of several. The number of connections at a time is bounded.
func scanEndpoint(ctx context.Context, network *probe.Network, address, name string, connections int) *scan {
	s := &scan{scanner: &scanner{network: network, address: address, name: name, slots: make(chan struct{}, connections)}}
	var beside sync.WaitGroup
	var cbc heardOf
	beside.Go(func() { cbc = s.firstPaddings(ctx) }) // what takes longest goes first
	beside.Go(func() { s.browse(ctx) })
	signed := make([][]heardOf, len(kinds))
	for i, list := range kinds {
		beside.Go(func() { signed[i] = s.signers(ctx, list) })
	}
	s.heard = s.all(ctx, s.firstWave())
	beside.Wait()
	s.heard = append(slices.Concat(s.heard, slices.Concat(signed...)), cbc)
	s.warm = true
	s.findControl(ctx)
	s.settle(ctx, s.heard, s.control)
	s.furtherSigners(ctx)
	s.wave(ctx, s.rareWave())
	s.wave(ctx, s.secondWave())
	s.wave(ctx, s.laterWave())
	s.split(ctx)
	s.certificates()
	s.active(ctx)
	return s
}

func (s *scan) wave(ctx context.Context, asks []ask) {
	heard := s.all(ctx, asks)
	s.settle(ctx, heard, s.control)
	s.heard = append(s.heard, heard...)
}

// findControl chooses a hello that is known to be accepted. An endpoint that lost all of them gets a few more chances.
func (s *scan) findControl(ctx context.Context) {
	prefer := []uint16{tlswire.TLS12, tlswire.TLS13, tlswire.TLS11, tlswire.TLS10, tlswire.SSL3}
	for range steadyTries {
		for _, v := range prefer {
			if h := s.of(versionAsk(v).what); h != nil && h.answer == tlsgrade.Accepted {
				s.setControl(h.ask)
				return
			}
		}
		if i := slices.IndexFunc(s.heard, func(h heardOf) bool { return h.answer == tlsgrade.Accepted && !h.ssl2 }); i >= 0 {
			s.setControl(s.heard[i].ask)
			return
		}
		for i := range s.heard {
			if h := &s.heard[i]; h.silent && slices.ContainsFunc(prefer, func(v uint16) bool { return versionAsk(v).what == h.what }) {
				*h = s.put(ctx, h.ask)
			}
		}
	}
}

func (s *scan) setControl(a ask) {
	a.after = nil
	s.control = &a
}

// unreached says why no hello was accepted, as a handshake of the standard library sees it: nobody listens, nobody speaks TLS, or this
// client is not welcome.
func (s *scan) unreached(ctx context.Context) error {
	conn, err := shake(ctx, s.network, s.address, unverified(s.name, tls.VersionTLS10, 0))
	if err != nil {
		return err
	}
	_ = conn.Close() // the handshake has told all there is to tell
	return &probe.Unknown{Class: "tls.unmeasured", Want: "a hello that is accepted every time", Got: "a standard handshake that passes, after all others failed", From: s.address,
		Fix: "see whether something limits connections from this machine"}
}

// of is what became of an ask; nil where it was not put.
func (s *scan) of(what string) *heardOf {
	for i := range s.heard {
		if s.heard[i].what == what {
			return &s.heard[i]
		}
	}
	return nil
}

// accepted says whether a version was accepted.
func (s *scan) accepted(version uint16) bool {
	return slices.ContainsFunc(s.heard, func(h heardOf) bool { return h.answer == tlsgrade.Accepted && h.reply.Version == version })
}

// authenticated says whether a certificate of a kind was sent before TLS 1.3.
func (s *scan) authenticated(auth string) bool {
	return slices.ContainsFunc(s.heard, func(h heardOf) bool {
		return h.answer == tlsgrade.Accepted && tlswire.Suites[h.reply.Suite].Auth == auth && len(h.reply.Certificates) > 0
	})
}

// firstWave is what can be asked of any endpoint at once, as for one that speaks TLS 1.2 and 1.3.
func (s *scan) firstWave() []ask {
	var asks []ask
	for _, v := range tlsgrade.Versions {
		a := versionAsk(uint16(v))
		if v == tlsgrade.TLS12 {
			a.after = s.tooEarly
		}
		asks = append(asks, a)
	}
	for _, a := range classAsks(tlswire.TLS12) {
		if !strings.HasPrefix(a.what, string(tlsgrade.AskSuites128)) {
			asks = append(asks, a)
		}
	}
	asks = append(asks, curveAsk(tlswire.TLS12, string(tlsgrade.AskWeakCurves), weakGroups), authAsk(tlswire.TLS12, "ECDSA"))
	for _, b := range browsers {
		asks = append(asks, ask{what: b.name, hello: b.hello})
	}
	return asks
}

// classAsks ask for each class in a version before TLS 1.3.
func classAsks(version uint16) []ask {
	asks := []ask{classAsk(version, "broken suites", isUnwanted)}
	for _, c := range rest {
		if c.question == tlsgrade.AskSuitesAEAD {
			continue // not defined before TLS 1.2, and hardly ever not seen there
		}
		asks = append(asks, classAsk(version, string(c.question), c.has))
	}
	return asks
}

// settled says whether a class was accepted in another version already: then it is known all that its question is about. The sizes that come with
// DHE, and what is broken, can differ by version.
func (s *scan) settled(a ask) bool {
	for _, c := range rest {
		if strings.HasPrefix(a.what, string(c.question)+" in ") {
			return c.question != tlsgrade.AskSuitesDHE && s.classOffer(c, string(c.question)).Answer == tlsgrade.Accepted
		}
	}
	return false
}

// rareWave asks again for the old versions that were declined, but not for being old.
func (s *scan) rareWave() []ask {
	var asks []ask
	for _, v := range older[1:] {
		if h := s.of(versionAsk(v).what); !s.accepted(v) && h.answer == tlsgrade.Refused && strings.HasPrefix(h.proof, "alert ") && !strings.Contains(h.proof, "protocol_version") {
			asks = append(asks, rareAsk(v))
		}
	}
	return asks
}

// secondWave asks the old versions that are accepted what TLS 1.2 was asked, and everybody about the size of curves.
func (s *scan) secondWave() []ask {
	var asks []ask
	oldest, newest := uint16(0), uint16(0)
	for _, v := range []uint16{tlswire.SSL3, tlswire.TLS10, tlswire.TLS11, tlswire.TLS12} {
		if !s.accepted(v) {
			continue
		}
		if oldest == 0 {
			oldest = v
		}
		newest = v
		if v < tlswire.TLS12 {
			for _, a := range classAsks(v) {
				if !s.settled(a) {
					asks = append(asks, a)
				}
			}
		}
	}
	if newest > oldest {
		asks = append(asks, fallbackAsk(oldest))
	}
	if newest == tlswire.TLS12 && !slices.ContainsFunc(s.heard, func(h heardOf) bool { return h.answer == tlsgrade.Accepted && tlswire.Suites[h.reply.Suite].AEAD }) {
		asks = append(asks, classAsk(newest, string(tlsgrade.AskSuitesAEAD), func(suite tlswire.Suite) bool { return suite.AEAD && !isBroken(suite) }))
	}
	for _, c := range rest[0:2] { // the strengths: a second one is hardly ever not seen
		if slices.ContainsFunc(s.heard, func(h heardOf) bool { return h.answer == tlsgrade.Accepted && c.has(tlswire.Suites[h.reply.Suite]) }) {
			continue
		}
		for _, v := range []uint16{tlswire.TLS12, tlswire.TLS13} {
			if a := classAsk(v, string(c.question), c.has); s.accepted(v) && s.of(a.what) == nil {
				asks = append(asks, a)
			}
		}
	}
	for _, auth := range []string{"RSA", "ECDSA"} {
		if a := authAsk(newest, auth); newest > 0 && s.of(a.what) == nil && !s.authenticated(auth) {
			asks = append(asks, a)
		}
	}
	for _, v := range []uint16{tlswire.TLS12, tlswire.TLS13} {
		strong := slices.ContainsFunc(s.heard, func(h heardOf) bool {
			return h.answer == tlsgrade.Accepted && h.reply.Version == v && h.reply.Exchange.Group != "" && h.reply.Exchange.Bits >= 384
		})
		if strong {
			asks = append(asks, curveAsk(v, string(tlsgrade.AskMiddleCurves), middleGroups))
		}
	}
	return asks
}

// laterWave looks for the certificates of a kind that nobody has sent yet: DSS, where RSA and ECDSA were refused.
func (s *scan) laterWave() []ask {
	if s.accepted(tlswire.TLS12) && !slices.ContainsFunc(s.heard, func(h heardOf) bool { return h.reply != nil && len(h.reply.Certificates) > 0 }) {
		return []ask{authAsk(tlswire.TLS12, "DSS")}
	}
	return nil
}

// split asks again without the class that was chosen, until a hello of broken suites is declined.
func (s *scan) split(ctx context.Context) {
	var mu sync.Mutex
	var more []heardOf
	var versions sync.WaitGroup
	for _, v := range []uint16{tlswire.SSL3, tlswire.TLS10, tlswire.TLS11, tlswire.TLS12} {
		last := s.of(classAsk(v, "broken suites", isUnwanted).what)
		if last == nil || last.answer != tlsgrade.Accepted {
			continue
		}
		versions.Go(func() {
			left := isUnwanted
			for n := 0; n < len(unwanted) && last.answer == tlsgrade.Accepted; n++ {
				before, chosen := left, tlswire.Suites[last.reply.Suite]
				left = func(suite tlswire.Suite) bool { return before(suite) && !sameClass(suite, chosen) }
				heard := s.all(ctx, []ask{classAsk(v, fmt.Sprintf("further broken suites (%d)", n+1), left)})
				s.settle(ctx, heard, s.control)
				last = &heard[0]
				mu.Lock()
				more = append(more, *last)
				mu.Unlock()
			}
		})
	}
	versions.Wait()
	s.heard = append(s.heard, more...)
}

// sameClass says whether a suite would prove no more than the chosen one did.
func sameClass(suite, chosen tlswire.Suite) bool {
	for _, c := range unwanted {
		if c.has(suite) && !c.has(chosen) {
			return false
		}
	}
	return true
}

// observation puts what was heard into the form that the grade is computed from.
func (s *scan) observation(at time.Time, roots *x509.CertPool) tlsgrade.Observation {
	o := tlsgrade.Observation{Name: s.name, At: at, Roots: roots, Protocols: map[tlsgrade.Version]tlsgrade.Answer{}, Chains: s.chains, HSTS: s.hsts, Offers: s.offers, Unasked: s.unasked()}
	for _, v := range tlsgrade.Versions {
		if h := s.of(versionAsk(uint16(v)).what); h != nil {
			o.Protocols[v] = h.answer
			if h.answer == tlsgrade.Accepted && h.reply.Version != uint16(v) {
				o.Protocols[v] = tlsgrade.Refused // it chose an older one, as it may
			}
		}
		if h := s.of(rareAsk(uint16(v)).what); h != nil && h.answer == tlsgrade.Unknown {
			o.Protocols[v] = tlsgrade.Unknown
		}
		if s.accepted(uint16(v)) {
			o.Protocols[v] = tlsgrade.Accepted
		}
	}
	for _, h := range s.heard {
		if h.answer == tlsgrade.Accepted {
			o.Suites = append(o.Suites, suitesOf(h.reply)...)
		}
	}
	o.Suites = slices.Compact(slices.SortedFunc(slices.Values(o.Suites), compareSuites))
	o.Offers = append(o.Offers, s.classOffers()...)
	o.Offers = append(o.Offers, s.blocksOffer(o.Protocols[tlsgrade.SSL3]))
	for _, b := range browsers {
		if h := s.of(b.name); h != nil {
			n := tlsgrade.Negotiated{Client: b.name, Modern: b.modern, Answer: h.answer, Proof: h.proof}
			if h.answer == tlsgrade.Accepted {
				n.Suite = suitesOf(h.reply)[0]
			}
			o.Reference = append(o.Reference, n)
		}
	}
	return o
}
