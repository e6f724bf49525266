package tlsprobe

import (
	"context"
	"fmt"
	"slices"

	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// signers asks in TLS 1.3 for a certificate of some kinds, and again without the kind that came, until the endpoint declines: what a
// server sends to one client says nothing of what it has for another.
func (s *scan) signers(ctx context.Context, list []kind) []heardOf {
	var heard []heardOf
	for left := list; len(left) > 0; {
		h := s.put(ctx, kindsAsk(left))
		heard = append(heard, h)
		if left = h.otherKinds(left); h.answer != tlsgrade.Accepted {
			break
		}
	}
	return heard
}

// otherKinds are those that are still to be asked for after an answer: none where the endpoint sends what was not asked for.
func (h heardOf) otherKinds(asked []kind) []kind {
	if h.answer != tlsgrade.Accepted {
		return asked
	}
	got := kindOf(h.reply.Verify)
	left := slices.DeleteFunc(slices.Clone(asked), func(k kind) bool { return got != nil && k.name == got.name })
	if len(left) == len(asked) {
		return nil
	}
	return left
}

// leftKinds are the kinds of a list that nobody has answered for yet, and the last hello that asked.
func (s *scan) leftKinds(list []kind) (left []kind, last *heardOf) {
	for left = list; len(left) > 0; {
		h := s.of(kindsAsk(left).what)
		if h == nil {
			return left, last
		}
		if last = h; h.answer != tlsgrade.Accepted {
			return left, last
		}
		left = h.otherKinds(left)
	}
	return nil, last
}

// furtherSigners goes on where signers met no clear answer at first.
func (s *scan) furtherSigners(ctx context.Context) {
	for _, list := range kinds {
		for {
			left, last := s.leftKinds(list)
			if len(left) == 0 || last == nil || last.answer != tlsgrade.Accepted {
				break
			}
			s.wave(ctx, []ask{kindsAsk(left)})
		}
	}
}

// unasked is what nobody could tell, and no question of its own is about.
func (s *scan) unasked() []string {
	var all []string
	for _, h := range s.heard {
		if h.broken && h.answer == tlsgrade.Accepted {
			all = append(all, "the rest of the answer to "+h.what+": "+h.proof)
		}
	}
	for _, v := range older {
		for _, auth := range []string{"RSA", "ECDSA"} {
			switch h := s.of(authAsk(v, auth).what); {
			case h == nil:
			case h.answer == tlsgrade.Unknown:
				all = append(all, h.what+": "+h.proof)
			case h.answer == tlsgrade.Accepted && len(h.reply.Certificates) == 0:
				all = append(all, h.what+": a ServerHello without a certificate")
			}
		}
	}
	if !s.accepted(tlswire.TLS13) {
		return all
	}
	seen := false
	for _, list := range kinds {
		left, last := s.leftKinds(list)
		if len(left) > 0 && last.answer != tlsgrade.Refused {
			all = append(all, fmt.Sprintf("%s: %s", kindsAsk(left).what, last.proof))
		}
		seen = seen || len(left) < len(list)
	}
	if !seen && len(all) == 0 {
		all = append(all, "the certificate of TLS 1.3: every kind was declined")
	}
	return all
}
