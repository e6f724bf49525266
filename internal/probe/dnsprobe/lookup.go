package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// lookUp asks every authoritative server for an RRset of any name, in our zone or not, and follows CNAMEs. No records is an answer: the name
// or the type does not exist. That our servers disagree is an error, as is that nobody can tell.
func (z *Zone) lookUp(ctx context.Context, name string, qtype uint16) (records []dns.RR, from string, err error) {
	c := z.follow(ctx, name, qtype)
	if c.loop != "" || c.long {
		return nil, c.path(), &probe.Unmet{Class: "dns.loop", Want: dns.TypeToString[qtype] + " of " + plain(c.name), Got: "CNAMEs without an end", From: c.path(), Fix: "point one of the CNAMEs elsewhere"}
	}
	if err := worst(z.unanswered(c)); err != nil {
		return nil, "", err
	}
	said := map[string]sighting{}
	for _, l := range c.links {
		for _, s := range l.seen {
			if s.state == found || s.state == nodata || s.state == nxdomain {
				said[s.answer()], from = s, s.from()
			}
		}
	}
	if err := z.differing(c, said); err != nil {
		return nil, "", err
	}
	return c.records(), from, nil
}

// unanswered is why a part of the chain could not be seen. What others' servers do wrong is no fault of the zone's: they may answer the next.
func (z *Zone) unanswered(c chain) []error {
	errs := slices.Clone(c.errs)
	for _, l := range c.links {
		failed := failures(l.seen)
		if len(failed) == 0 || len(failed) < len(l.seen) {
			continue
		}
		for _, err := range failed {
			var lame *probe.Unmet
			if !within(l.name, z.apex) && errors.As(err, &lame) {
				err = &probe.Unknown{Class: lame.Class, Want: lame.Want, Got: lame.Got, From: lame.From, Fix: "see whether its owner knows, and try again"}
			}
			errs = append(errs, err)
		}
	}
	return errs
}

// differing is an error where servers say different things: our own must not, and of others' nobody can tell which text counts. Others'
// addresses and exchangers may differ, as a load balancer's do.
func (z *Zone) differing(c chain, said map[string]sighting) error {
	if len(said) < 2 {
		return nil
	}
	what := plain(c.name) + " " + dns.TypeToString[c.qtype]
	for _, l := range c.links {
		own := map[string]sighting{}
		for _, s := range l.seen {
			if s.state != broken && s.state != referred && within(l.name, z.apex) {
				own[s.answer()] = s
			}
		}
		if len(own) > 1 {
			return mismatch(what, own)
		}
	}
	if c.qtype != dns.TypeTXT {
		return nil
	}
	m := mismatch(what, said)
	return &probe.Unknown{Class: m.Class, Want: m.Want, Got: m.Got, From: m.From, Fix: "look again when its owner has brought the servers to the same zone"}
}

// records are those at the chain's ends, each once.
func (c chain) records() []dns.RR {
	var all []dns.RR
	met := map[string]bool{}
	for _, l := range c.links {
		for _, s := range l.seen {
			if s.state != found {
				continue
			}
			for _, rr := range section(s.reply.Answer, l.name, c.qtype) {
				if text := rdata([]dns.RR{rr})[0]; !met[text] {
					met[text] = true
					all = append(all, rr)
				}
			}
		}
	}
	return all
}

func mismatch(what string, said map[string]sighting) *probe.Unmet {
	var texts, who []string
	for text, s := range said {
		texts = append(texts, fmt.Sprintf("%.80s from %s", text, s.from()))
		who = append(who, s.from())
	}
	slices.Sort(texts)
	return &probe.Unmet{Class: "dns.mismatch", Want: "the same " + what + " from every server", Got: strings.Join(texts, "; "), From: several(who), Fix: "bring the servers to the same zone"}
}

// texts are the TXT records of a name, the strings of each joined without a space.
func (z *Zone) texts(ctx context.Context, name string) ([]string, string, error) {
	records, from, err := z.lookUp(ctx, name, dns.TypeTXT)
	var all []string
	for _, rr := range records {
		all = append(all, unescape(strings.Join(rr.(*dns.TXT).Txt, "")))
	}
	return all, from, err
}

// unescape undoes the presentation form in which the DNS library keeps strings (RFC 1035 5.1).
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '\\' || i+1 == len(text):
			b.WriteByte(text[i])
		case i+3 < len(text) && strings.Trim(text[i+1:i+4], "0123456789") == "":
			b.WriteByte((text[i+1]-'0')*100 + (text[i+2]-'0')*10 + text[i+3] - '0')
			i += 3
		default:
			i++
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// noZone turns what is wrong with somebody else's domain into its absence, for look-ups that may find nothing: a name in a domain that is not
// registered does not exist.
func noZone(err error) bool {
	var unmet *probe.Unmet
	return errors.As(err, &unmet) && unmet.Class == "dns.no-zone"
}
