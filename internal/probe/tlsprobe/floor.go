package tlsprobe

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
)

// ProtocolFloor claims that every address of name accepts minVersion or later (tls.VersionTLS12 or tls.VersionTLS13), and declines every
// version of SSL and TLS below it, every suite with 64-bit blocks, RC4, NULL, export keys or less than 112 bits, and every anonymous one (RFC 8996,
// RFC 7465, RFC 9325 4.2). Key exchange with static RSA is noted. It is judged by what the grade is computed from.
func ProtocolFloor(o *Observer, name string, minVersion uint16) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		evidence := probe.Evidence{Target: name, Source: "RFC 8996, RFC 7465, RFC 9325 4.2"}
		if minVersion != tls.VersionTLS12 && minVersion != tls.VersionTLS13 {
			return evidence, &probe.Unknown{Class: "not-configured", Want: "a floor of TLS 1.2 or TLS 1.3", Got: tls.VersionName(minVersion)}
		}
		all, err := o.Grades(ctx, name, noInstant)
		if err != nil {
			return evidence, err
		}
		results := make([]probe.AtAddress, len(all))
		for i, g := range all {
			results[i] = probe.AtAddress{Address: g.Address, Seen: g, Err: g.judgeFloor(minVersion)}
			if static := g.observed.Answer(tlsgrade.AskSuitesStaticRSA); static.Answer == tlsgrade.Accepted {
				evidence.Notes = append(evidence.Notes, fmt.Sprintf("%s accepts %s (%s)", g.Address, static.Question, static.Proof))
			}
		}
		return evidence, probe.Worst(&evidence, results)
	}
}

// belowFloor are the classes of suites that nobody should accept, in the words of the message.
var belowFloor = []struct {
	question tlsgrade.Question
	word     string
}{
	{tlsgrade.AskSuites64, "3DES (64-bit blocks)"}, {tlsgrade.AskSuitesRC4, "RC4"}, {tlsgrade.AskSuitesNULL, "NULL"}, {tlsgrade.AskSuitesAnonymous, "anonymous suites"},
	{tlsgrade.AskSuitesExport, "export suites"}, {tlsgrade.AskSuitesWeak, "suites of less than 112 bits"},
}

// judgeFloor decides on one address. What was accepted and is wrong outweighs what nobody can tell.
func (g Graded) judgeFloor(minVersion uint16) error {
	want := fmt.Sprintf("%s or later only, without 3DES, RC4 and what is weaker", tls.VersionName(minVersion))
	if g.unreached != nil {
		return g.unreached
	}
	var accepted, unknown []string
	class := ""
	note := func(answer tlsgrade.Answer, of, what, proof string) {
		switch answer {
		case tlsgrade.Accepted:
			accepted = append(accepted, what)
			if class == "" {
				class = of
			}
		case tlsgrade.Unknown:
			unknown = append(unknown, strings.TrimSuffix(what+": "+proof, ": "))
		case tlsgrade.Refused:
		}
	}
	for _, v := range tlsgrade.Versions {
		if uint16(v) < minVersion {
			note(g.observed.Protocol(v), "tls.protocol", v.String(), "")
		}
	}
	for _, c := range belowFloor {
		answer := g.observed.Answer(c.question)
		note(answer.Answer, "tls.cipher", c.word, answer.Proof)
	}
	highEnough := false
	for v := tlsgrade.Version(minVersion); v <= tlsgrade.TLS13; v++ {
		highEnough = highEnough || g.observed.Protocol(v) == tlsgrade.Accepted
	}
	switch {
	case len(accepted) > 0:
		return &probe.Unmet{Class: class, Want: want, Got: strings.Join(accepted, ", ") + " accepted", From: g.Address, Fix: "switch it off in the server's or the load balancer's TLS policy"}
	case len(unknown) > 0 || !highEnough && g.Grade.Grade == "":
		return &probe.Unknown{Class: "tls.unmeasured", Want: want, Got: "neither a refusal nor an acceptance of " + strings.Join(unknown, ", "), From: g.Address,
			Fix: "see whether something limits connections from this machine"}
	case !highEnough:
		return &probe.Unmet{Class: "tls.protocol", Want: want, Got: "an older version at best", From: g.Address, Fix: "switch " + tls.VersionName(minVersion) + " on"}
	default:
		return nil
	}
}
