package dnsprobe

import (
	"fmt"
	"math"
	"net/netip"

	"github.com/getdrop/launchgate/internal/probe/dnsprobe/mailtext"
)

// The prefix lengths of the widest networks that one sender can have. IPv4 has been given out by /8; IPv6 is given to a whole region by /12.
const (
	widest4 = 8
	widest6 = 13
)

// passed is the networks that a record passes, by their text: of a and mx those around hosts, wherever these are.
type passed map[string]netip.Prefix

func (p passed) add(other passed) {
	for text, network := range other {
		p[text] = network
	}
}

func (p passed) term(m mailtext.Mechanism, domain string) {
	switch m.Name {
	case "ip4", "ip6":
		p[m.Network.String()] = m.Network
	case "a", "mx":
		text := termText(m) + " at " + domain
		p[text+" IPv4"] = netip.PrefixFrom(netip.IPv4Unspecified(), m.Prefix4)
		p[text+" IPv6"] = netip.PrefixFrom(netip.IPv6Unspecified(), m.Prefix6)
	}
}

// together says that the networks, of which none is too wide, are so together; "" where they are not.
func (p passed) together() string {
	for _, family := range []struct {
		name   string
		is4    bool
		widest int
	}{{"IPv4", true, widest4}, {"IPv6", false, widest6}} {
		share := p.share(family.is4)
		if share >= math.Pow(2, -float64(family.widest-1)) {
			return fmt.Sprintf("%d networks that are %.2g %% of all %s addresses together", len(p), share*100, family.name)
		}
	}
	return ""
}

// share is the part of all addresses of a family that the networks are. One inside another counts once.
func (p passed) share(is4 bool) float64 {
	share := 0.0
	for text, network := range p {
		if network.Addr().Is4() == is4 && !p.covered(text) {
			share += math.Pow(2, -float64(network.Bits()))
		}
	}
	return share
}

// covered says whether a network lies in another one. Where those of hosts are is not known: they lie in none.
func (p passed) covered(text string) bool {
	network := p[text]
	if text != network.String() {
		return false
	}
	for other, wider := range p {
		if other == wider.String() && wider.Bits() < network.Bits() && wider.Contains(network.Addr()) {
			return true
		}
	}
	return false
}
