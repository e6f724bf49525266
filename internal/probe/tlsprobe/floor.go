package tlsprobe

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/getdrop/launchgate/internal/probe"
)

// offer is one ClientHello that a server is asked to decline.
type offer struct {
	name   string
	config func(sni string) *tls.Config
	bad    bool   // accepting it breaks the claim; otherwise it is noted
	class  string // of the failure
}

// answer is how a server met an offer.
type answer struct {
	Offer    string `json:"offer"`
	Accepted bool   `json:"accepted"`
	Said     string `json:"said"` // the refusal or what was negotiated
	Retried  bool   `json:"retried,omitempty"`

	bad   bool
	class string
	err   error // nobody can tell
}

// matrix is the evidence of one address.
type matrix struct {
	Standard Seen     `json:"standard_handshake"`
	Answers  []answer `json:"answers"`
}

// ProtocolFloor claims that every address of name shakes hands, and declines every TLS version below minVersion
// (tls.VersionTLS12 or tls.VersionTLS13) and every suite with 3DES or RC4 (RFC 8996, RFC 7465, RFC 9325 4.2). CBC with
// SHA-1 and key exchange with static RSA are offered alone too and noted. A refusal is a TLS alert or a clean close while a
// standard handshake passes; a reset or silence is tried once more, alone, and is then Unknown, because a limiter or a
// full queue looks just like it. SSL 3.0, finite-field DHE, NULL, anonymous and export suites are not offered.
func ProtocolFloor(o *Observer, name string, minVersion uint16) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: name, Source: "RFC 8996, RFC 7465, RFC 9325 4.2",
			Notes: []string{"not offered: SSL 3.0 and older, finite-field DHE, NULL, anonymous and export suites"}}
		if minVersion != tls.VersionTLS12 && minVersion != tls.VersionTLS13 {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a floor of TLS 1.2 or TLS 1.3", Got: tls.VersionName(minVersion)}
		}
		all, err := o.handshakes(ctx, name, name)
		if err != nil {
			return evidence, err
		}
		results := make([]probe.AtAddress, len(all))
		var asking sync.WaitGroup
		for i, control := range all {
			asking.Go(func() {
				results[i] = probe.AtAddress{Address: control.address, Err: control.err}
				if control.err == nil {
					m := matrix{Standard: control.seen(), Answers: o.ask(ctx, name, control.address, offers(minVersion))}
					results[i].Seen, results[i].Err = m, m.judge(control, minVersion)
				}
			})
		}
		asking.Wait()
		for _, r := range results {
			if m, ok := r.Seen.(matrix); ok {
				evidence.Notes = append(evidence.Notes, m.notes(r.Address)...)
			}
		}
		return evidence, probe.Worst(&evidence, results)
	}
}

func offers(minVersion uint16) []offer {
	var list []offer
	for version := uint16(tls.VersionTLS10); version < minVersion; version++ {
		list = append(list, offer{tls.VersionName(version), only(version, version, func(*tls.CipherSuite) bool { return true }), true, "tls.protocol"})
	}
	with := func(name string, bad bool, match func(*tls.CipherSuite) bool) {
		list = append(list, offer{name, only(tls.VersionTLS10, tls.VersionTLS12, match), bad, "tls.cipher"})
	}
	with("3DES", true, named("3DES"))
	with("RC4", true, named("RC4"))
	with("CBC with SHA-1", false, func(s *tls.CipherSuite) bool {
		return strings.Contains(s.Name, "AES") && strings.HasSuffix(s.Name, "CBC_SHA") && strings.Contains(s.Name, "ECDHE")
	})
	with("key exchange with static RSA", false, func(s *tls.CipherSuite) bool {
		return strings.HasPrefix(s.Name, "TLS_RSA_WITH_AES")
	})
	return list
}

func named(part string) func(*tls.CipherSuite) bool {
	return func(s *tls.CipherSuite) bool { return strings.Contains(s.Name, part) }
}

// only offers the suites of the standard library that match, the insecure ones included, which it offers when asked to by id.
func only(minVersion, maxVersion uint16, match func(*tls.CipherSuite) bool) func(string) *tls.Config {
	return func(sni string) *tls.Config {
		config := unverified(sni, minVersion, maxVersion)
		config.CipherSuites = suites(match)
		return config
	}
}

// suites are the ids of the suites for TLS 1.2 and older that match. TLS 1.3 has its own, which are always offered.
func suites(match func(*tls.CipherSuite) bool) []uint16 {
	var ids []uint16
	for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		if !slices.Equal(suite.SupportedVersions, []uint16{tls.VersionTLS13}) && match(suite) {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// ask makes all offers at the same time, and then those again, one by one, that nobody can tell from.
func (o *Observer) ask(ctx context.Context, name, address string, offers []offer) []answer {
	answers := make([]answer, len(offers))
	var asking sync.WaitGroup
	for i, one := range offers {
		asking.Go(func() { answers[i] = o.offer(ctx, name, address, one) })
	}
	asking.Wait()
	for i, one := range offers {
		if answers[i].err == nil {
			continue
		}
		if control := o.observe(ctx, address, name); control.err != nil {
			answers[i].err = control.err
			continue
		}
		answers[i] = o.offer(ctx, name, address, one)
		answers[i].Retried = true
	}
	return answers
}

func (o *Observer) offer(ctx context.Context, name, address string, one offer) answer {
	limited, cancel := context.WithTimeout(ctx, flightTime)
	defer cancel()
	a := answer{Offer: one.name, bad: one.bad, class: one.class}
	conn, ear, err := shake(limited, o.Network, address, one.config(name))
	switch {
	case err == nil:
		state := conn.ConnectionState()
		a.Accepted, a.Said = true, tls.VersionName(state.Version)+" "+tls.CipherSuiteName(state.CipherSuite)
		_ = conn.Close() // the handshake has told all there is to tell
	case ear.hello():
		// The server chose from the offer; that the handshake came to nothing later (a client certificate, say) changes nothing.
		a.Accepted, a.Said = true, "a ServerHello, then "+err.Error()
	case ear.refused(err):
		a.Said = "refused"
		if alert := ear.answer(); len(alert) > 6 {
			a.Said = fmt.Sprintf("refused with alert %d", alert[6])
		}
	default:
		a.Said, a.err = err.Error(), err
	}
	return a
}

// judge decides on one address. What was accepted and is wrong outweighs what nobody can tell.
func (m matrix) judge(control *handshake, minVersion uint16) error {
	want := fmt.Sprintf("%s or later only, without 3DES and RC4", tls.VersionName(minVersion))
	var accepted []string
	class := ""
	var unknown error
	for _, a := range m.Answers {
		if a.bad && a.Accepted {
			accepted = append(accepted, a.Offer)
			if class == "" {
				class = a.class
			}
		}
		if a.bad && a.err != nil && unknown == nil {
			unknown = &probe.Unknown{Class: "tls.unmeasured", Want: want, Got: fmt.Sprintf("neither a refusal nor an acceptance of %s, twice, while a standard handshake passes: %s", a.Offer, a.Said),
				From: control.address, Fix: "see whether something limits connections; a refusal must be a TLS alert or a clean close"}
		}
	}
	switch {
	case len(accepted) > 0:
		return &probe.Unmet{Class: class, Want: want, Got: strings.Join(accepted, ", ") + " accepted", From: control.address, Fix: "switch it off in the server's or the load balancer's TLS policy"}
	case control.state.Version < minVersion:
		return &probe.Unmet{Class: "tls.protocol", Want: want, Got: tls.VersionName(control.state.Version) + " at best", From: control.address, Fix: "switch " + tls.VersionName(minVersion) + " on"}
	default:
		return unknown
	}
}

// notes say what is accepted without breaking the claim.
func (m matrix) notes(address string) []string {
	var notes []string
	for _, a := range m.Answers {
		if !a.bad && a.Accepted {
			notes = append(notes, fmt.Sprintf("%s accepts %s (%s)", address, a.Offer, a.Said))
		}
		if !a.bad && a.err != nil {
			notes = append(notes, fmt.Sprintf("%s: nobody can tell whether it accepts %s: %s", address, a.Offer, a.Said))
		}
	}
	return notes
}
