package tlsprobe

import "github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"

// unasked is what nobody could tell, and no question of its own is about.
func (s *scan) unasked() []string {
	var all []string
	for _, auth := range []string{"RSA", "ECDSA"} {
		h := s.of(authAsk(auth).what)
		switch {
		case h == nil:
			all = append(all, "certificates for "+auth+": not asked")
		case h.answer == tlsgrade.Unknown:
			all = append(all, h.what+": "+h.proof)
		case h.answer == tlsgrade.Accepted && len(h.reply.Certificates) == 0:
			all = append(all, h.what+": a ServerHello without a certificate")
		}
	}
	return all
}
