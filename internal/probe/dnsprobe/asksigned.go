package dnsprobe

import (
	"context"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// answered is what a server said.
type answered struct {
	who   string
	reply *reply
}

// anySigned asks the servers of a zone, one after the other, until one answers.
func (z *Zone) anySigned(ctx context.Context, d *delegation, name string, qtype uint16) (*reply, string, error) {
	servers, err := z.serversOf(ctx, d, nil)
	if err != nil {
		return nil, "", err
	}
	var errs []error
	for _, s := range servers {
		r, err := z.signedReply(ctx, s, name, qtype)
		if err == nil {
			return r, s.String(), nil
		}
		errs = append(errs, err)
	}
	return nil, "", noneSigned(d, name, qtype, errs)
}

// allSigned asks every server of a zone. Those that do not answer are passed over while one does.
func (z *Zone) allSigned(ctx context.Context, d *delegation, name string, qtype uint16) ([]answered, error) {
	servers, err := z.serversOf(ctx, d, nil)
	if err != nil {
		return nil, err
	}
	replies := make([]answered, len(servers))
	errs := make([]error, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() {
			replies[i].who = s.String()
			replies[i].reply, errs[i] = z.signedReply(ctx, s, name, qtype)
		})
	}
	all.Wait()
	replies = slices.DeleteFunc(replies, func(a answered) bool { return a.reply == nil })
	if len(replies) == 0 {
		return nil, noneSigned(d, name, qtype, errs)
	}
	return replies, nil
}

func noneSigned(d *delegation, name string, qtype uint16, errs []error) error {
	return &probe.Unknown{Class: "dns.unreachable", Want: dns.TypeToString[qtype] + " of " + plain(name), Got: worst(errs).Error(), From: "the servers of " + plain(d.zone),
		Fix: "see whether this machine reaches port 53 out there"}
}

func (z *Zone) signedReply(ctx context.Context, s server, name string, qtype uint16) (*reply, error) {
	q := question{server: s.addr, name: name, qtype: qtype, edns: true, do: true}
	r, err := z.content(ctx, q)
	if err != nil {
		return nil, q.unanswered(s.String(), err)
	}
	if r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError {
		return nil, lame(sighting{server: s, reply: r}, q)
	}
	return r, nil
}
