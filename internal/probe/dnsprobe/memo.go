package dnsprobe

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"

	"github.com/miekg/dns"

	"github.com/getdrop/launchgate/internal/probe"
)

// flight is one question under way, and afterwards its reply. It runs on its own clock: a claim that gives up neither
// stops it nor spoils it for the others.

type flight struct {
	done  chan struct{}
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
	if log, ok := ctx.Value(askedKey{}).(*askedLog); ok {
		log.add(q.server.String() + "/" + q.transport())
	}
	f := z.flight(ctx, q)
	select {
	case <-f.done:
		return f.reply, f.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (z *Zone) flight(ctx context.Context, q question) *flight {
	z.mu.Lock()
	defer z.mu.Unlock()
	if f, known := z.flights[q]; known {
		return f
	}
	f := &flight{done: make(chan struct{})}
	z.flights[q] = f
	h := z.health(ctx, host{q.server, q.tcp, q.edns})
	go z.fly(h.ctx, h, q, f) //nolint:contextcheck // the question outlives the claim that asks it first
	return f
}

// health is called with the lock held.
func (z *Zone) health(ctx context.Context, at host) *health {
	h, known := z.hosts[at]
	if !known {
		h = &health{}
		h.ctx, h.kill = context.WithCancelCause(context.WithoutCancel(ctx))
		z.hosts[at] = h
	}
	return h
}

// fly asks, as long as the host is not taken for dead.
func (z *Zone) fly(alive context.Context, h *health, q question, f *flight) {
	defer close(f.done)
	if alive.Err() != nil {
		f.err = context.Cause(alive)
		return
	}
	ctx, cancel := context.WithTimeout(alive, bound)
	defer cancel()
	z.sent.Add(1)
	f.reply, f.err = z.exchange(ctx, q)
	if f.err == nil {
		h.answered.Store(true)
		return
	}
	var silence *probe.Unknown
	if errors.As(f.err, &silence) && silence.Class == "timeout" && !h.answered.Load() {
		h.kill(silence)
		if !q.edns { // who does not answer a plain question does not answer one with EDNS either
			z.mu.Lock()
			defer z.mu.Unlock()
			z.health(alive, host{q.server, q.tcp, true}).kill(silence)
		}
	}
}

// content asks and makes sure that the whole answer is there: one that came truncated over UDP is fetched over TCP, and
// a server that does not know EDNS is asked without.
func (z *Zone) content(ctx context.Context, q question) (*reply, error) {
	r, err := z.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.edns && !q.subnet.IsValid() && (r.Rcode == dns.RcodeFormatError || r.Rcode == dns.RcodeNotImplemented || r.Rcode == dns.RcodeBadVers) {
		q.edns, q.do, q.nsid = false, false, false
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
