package dnsprobe

import (
	"context"

	"github.com/miekg/dns"
)

// CNAME is where a name leads by every server of its zone, and which servers said so; "" where there is no CNAME. That the servers disagree is
// an error, as is that none of them answers.
func (z *Zone) CNAME(ctx context.Context, name string) (target, from string, err error) {
	name = dns.CanonicalName(name)
	seen, err := z.everywhere(ctx, question{name: name, qtype: dns.TypeCNAME})
	if err != nil {
		return "", "", err
	}
	if failed := failures(seen); len(failed) == len(seen) {
		return "", "", worst(failed)
	}
	said := map[string]sighting{}
	var who []string
	for _, s := range seen {
		if s.reply == nil || s.state == broken || s.state == referred {
			continue
		}
		target = ""
		for _, rr := range section(s.reply.Answer, name, dns.TypeCNAME) {
			if record, ok := rr.(*dns.CNAME); ok {
				target = dns.CanonicalName(record.Target)
			}
		}
		said[target] = s
		who = append(who, s.from())
	}
	if len(said) > 1 {
		return "", "", mismatch(plain(name)+" CNAME", said)
	}
	return target, several(who), nil
}
