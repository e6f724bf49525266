package dnsprobe

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// outcome is how a question ended.
type outcome struct {
	reply *reply
	err   error
}

// host is one server over one transport, with EDNS or without: some answer the one and drop the other.
type host struct {
	server netip.AddrPort
	tcp    bool
	edns   bool
}

// health is what is known of a host. Its context ends when the host is taken for dead: one question has timed out and
// none was ever answered. All its questions end then, also those that wait for a free socket.
type health struct {
	ctx      context.Context
	kill     context.CancelCauseFunc
	answered atomic.Bool
}

// ask puts a question, or waits for the same question that somebody else has put.
func (z *Zone) ask(ctx context.Context, q question) (*reply, error) {
	if err := afford(ctx, q); err != nil {
		return nil, err
	}
	logAsked(ctx, q.server.String()+"/"+q.transport())
	end, err := z.asked.Do(ctx, q, bound, func(ctx context.Context) outcome {
		h := z.health(ctx, host{q.server, q.tcp, q.edns})
		return z.put(h.ctx, h, q) //nolint:contextcheck // the end of the host ends the question
	})
	if err != nil {
		return nil, context.Cause(ctx) // the claim's own time is over, which says nothing about the server
	}
	return end.reply, end.err
}

// health is what is known of a host until now.
func (z *Zone) health(ctx context.Context, at host) *health {
	z.mu.Lock()
	defer z.mu.Unlock()
	h, known := z.hosts[at]
	if !known {
		h = &health{}
		h.ctx, h.kill = context.WithCancelCause(context.WithoutCancel(ctx))
		z.hosts[at] = h
	}
	return h
}

// put puts a question, as long as the host is not taken for dead.
func (z *Zone) put(alive context.Context, h *health, q question) outcome {
	if alive.Err() != nil {
		return outcome{err: context.Cause(alive)}
	}
	ctx, cancel := context.WithTimeout(alive, bound)
	defer cancel()
	z.sent.Add(1)
	reply, err := z.exchange(ctx, q)
	if err == nil {
		h.answered.Store(true)
		return outcome{reply: reply}
	}
	var silence *probe.Unknown
	if errors.As(err, &silence) && silence.Class == "timeout" && !h.answered.Load() {
		h.kill(silence)
		if !q.edns { // who does not answer a plain question does not answer one with EDNS either
			z.health(ctx, host{q.server, q.tcp, true}).kill(silence)
		}
	}
	return outcome{err: err}
}

// content asks and makes sure that the whole answer is there: one that came truncated over UDP is fetched over TCP, and
// a server that does not know EDNS is asked without; but not a resolver for a client in a subnet, whose answer would then
// be for somebody else.
func (z *Zone) content(ctx context.Context, q question) (*reply, error) {
	r, err := z.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.edns && (!q.subnet.IsValid() || !q.recurse) && (r.Rcode == dns.RcodeFormatError || r.Rcode == dns.RcodeNotImplemented || r.Rcode == dns.RcodeBadVers) {
		q.edns, q.do, q.nsid, q.subnet = false, false, false, netip.Prefix{}
		if r, err = z.ask(ctx, q); err != nil {
			return nil, err
		}
	}
	if !r.Truncated || q.tcp {
		return r, nil
	}
	q.tcp = true
	whole, err := z.ask(ctx, q)
	var silence *probe.Unknown
	if errors.As(err, &silence) {
		return nil, &probe.Unknown{Class: "dns.truncated", Want: "the whole answer to " + q.String(), From: silence.From,
			Got: "a truncated answer over UDP and over TCP " + silence.Got, Fix: "make the server answer on TCP port 53 (RFC 7766)", Err: err}
	}
	return whole, err
}
