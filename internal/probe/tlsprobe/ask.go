package tlsprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// The bounds of one hello that is read by hand.
const (
	helloTimeout = 5 * time.Second // for a server that thinks for three seconds

	pageTimeout = 3 * time.Second

	// How often a hello that met no clear answer is put again before that counts as a refusal. Where one connection in
	// five is lost by chance, shakyTries leaves one false refusal in some thousand gradings.
	steadyTries = 2
	shakyTries  = 6
)

// maxConnections bounds what an endpoint is burdened with, retries included. What is left when they are spent is unknown.
const maxConnections = 60

var errSpent = fmt.Errorf("not asked: %d connections are spent", maxConnections)

// ask is one hello and what becomes of it.
type ask struct {
	what  string // in words, for the evidence
	ssl2  bool
	hello tlswire.Hello

	// What is done with the connection when the hello was answered; where it is session, the answer must be one that a session can be made of.
	after   func(net.Conn, *tlswire.Reply)
	session func(net.Conn, *tlswire.Session)

	certificate bool // of TLS 1.3: it is answered by a certificate, or by an alert
}

// heardOf is how a server met a hello.
type heardOf struct {
	ask
	answer tlsgrade.Answer
	reply  *tlswire.Reply // where Accepted
	proof  string
	silent bool // no clear answer: neither a whole flight nor an alert that refuses
	broken bool // an answer began, and was lost: that is never a refusal
}

// scanner puts hellos to one endpoint.
type scanner struct {
	network *probe.Network
	address string
	name    string
	slots   chan struct{}

	mu          sync.Mutex
	connections int
	answered    bool          // some hello met a clear answer
	mute        int           // hellos that met none in time
	slowest     time.Duration // of the clear answers, with the wait for a slot
	warm        bool          // the first wave is over
}

// all puts hellos at the same time, as many as there are slots, and returns what each met, in their order.
func (s *scanner) all(ctx context.Context, asks []ask) []heardOf {
	heard := make([]heardOf, len(asks))
	line := make(chan struct{}, cap(s.slots)) // no longer, so that what takes more round trips beside need not wait until the end
	var wait sync.WaitGroup
	for i, a := range asks {
		line <- struct{}{}
		wait.Go(func() {
			heard[i] = s.put(ctx, a)
			<-line
		})
	}
	wait.Wait()
	return heard
}

// put puts one hello.
func (s *scanner) put(ctx context.Context, a ask) heardOf {
	started := time.Now()
	reply, err := s.exchange(ctx, a)
	h := heardOf{ask: a, reply: reply}
	var alert *tlswire.Alert
	switch {
	case reply != nil && reply.Done:
		h.answer, h.proof = tlsgrade.Accepted, describe(reply)
	case errors.As(err, &alert) && refusing(alert) && (reply == nil || a.certificate):
		h.answer, h.proof = tlsgrade.Refused, err.Error()
	default:
		h.broken = reply != nil || (a.certificate || a.session != nil) && (errors.Is(err, tlswire.ErrMalformed) || errors.Is(err, tlswire.ErrUnreadable))
		if reply != nil && !a.certificate {
			h.answer = tlsgrade.Accepted // as much as the ServerHello shows
		}
		h.silent, h.proof = true, said(err)
		s.mu.Lock()
		defer s.mu.Unlock()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			s.mute++
		}
		return h
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = true
	s.slowest = max(s.slowest, time.Since(started))
	return h
}

// patience is how long a hello is waited for: the whole time until the endpoint has shown how fast it is.
func (s *scanner) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slowest == 0 || !s.warm {
		return helloTimeout
	}
	return min(helloTimeout, max(time.Second, 4*s.slowest))
}

func (s *scanner) exchange(ctx context.Context, a ask) (*tlswire.Reply, error) {
	conn, done, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	wire := tlswire.SSL2Hello()
	read := tlswire.ReadSSL2
	if !a.ssl2 {
		a.hello.ServerName = s.name
		if wire, err = a.hello.Marshal(); err != nil {
			return nil, err
		}
		read = tlswire.Read
	}
	if a.certificate {
		return tlswire.Handshake13(conn, a.hello)
	}
	if a.session != nil {
		session, err := tlswire.Start12(conn, a.hello)
		if err != nil {
			return nil, err
		}
		a.session(conn, session)
		return session.Reply, nil
	}
	if _, err := conn.Write(wire); err != nil {
		return nil, err
	}
	reply, err := read(conn)
	if err == nil && a.after != nil {
		a.after(conn, reply)
	}
	return reply, err
}

// dial takes a slot and connects. done gives both back.
func (s *scanner) dial(ctx context.Context) (conn net.Conn, done func(), err error) {
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	s.mu.Lock()
	hangs := !s.answered && s.mute >= cap(s.slots)
	spent := s.connections >= maxConnections
	if !spent && !hangs {
		s.connections++
	}
	s.mu.Unlock()
	if spent {
		<-s.slots
		return nil, nil, errSpent
	}
	if hangs { // as many hellos as go at a time got no answer at all: no other will
		<-s.slots
		return nil, nil, os.ErrDeadlineExceeded
	}
	if conn, err = s.network.DialContext(ctx, "tcp", s.address); err != nil {
		<-s.slots
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	done = func() {
		stop()
		conn.Close()
		<-s.slots
	}
	if err := conn.SetDeadline(time.Now().Add(s.patience())); err != nil {
		done()
		return nil, nil, err
	}
	return conn, done, nil
}

// refusing says whether an alert declines what was offered. Those of a server in trouble say nothing about the offer.
func refusing(a *tlswire.Alert) bool {
	const internalError, userCanceled = 80, 90
	return a.Description != internalError && a.Description != userCanceled
}

// said is an error in the words of the wire.
func said(err error) string {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed without a word"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "silent"
	default:
		return err.Error()
	}
}

func describe(r *tlswire.Reply) string {
	if r.Version == tlswire.SSL2 {
		return fmt.Sprintf("SSL 2.0 with %v", r.Kinds)
	}
	text := versionName(r.Version) + " " + suiteName(r.Suite)
	if kind := kindOf(r.Verify); kind != nil {
		text += " signed with " + kind.name
	}
	if r.Exchange.Group != "" {
		return text + " " + r.Exchange.Group
	}
	if r.Exchange.Bits > 0 {
		return fmt.Sprintf("%s with %d bits", text, r.Exchange.Bits)
	}
	return text
}

// settle puts the hellos that met no clear answer again, alone, in rounds of all of them with a control that is known to be accepted. What never
// meets one counts as a refusal while the control passes every time: twice where the endpoint is steady, and more often where other hellos were lost
// by chance. Where the control fails, nobody can tell. The order is by chance, so that no endpoint that drops every so many connections keeps step.
func (s *scanner) settle(ctx context.Context, heard []heardOf, control *ask) {
	if control == nil {
		return
	}
	tries := make([]int, len(heard))
	wanted := steadyTries
	for round := 0; round < wanted; round++ {
		var silent []int
		for i := range heard {
			if heard[i].silent {
				silent = append(silent, i)
			}
		}
		if len(silent) == 0 || ctx.Err() != nil {
			return
		}
		passes := false
		turn := rand.Perm(len(silent) + 1)
		for _, n := range turn {
			if n == len(silent) {
				passes = s.put(ctx, *control).answer == tlsgrade.Accepted
				continue
			}
			h := &heard[silent[n]]
			if again := s.put(ctx, h.ask); !again.silent {
				again.proof += " (at first: " + h.proof + ")"
				*h, wanted = again, shakyTries
			}
		}
		for _, i := range silent {
			if passes {
				tries[i]++
			} else {
				wanted = shakyTries
			}
		}
	}
	for i := range heard {
		heard[i].conclude(tries[i], wanted)
	}
}

// conclude says what it means that a hello met no clear answer although it was put again so often, in rounds where the control passed.
func (h *heardOf) conclude(tries, wanted int) {
	switch {
	case !h.silent:
	case h.broken:
		h.proof += fmt.Sprintf(", in the middle of the answer, and asked again %d times it was not better", wanted)
	case tries >= wanted:
		h.silent, h.answer = false, tlsgrade.Refused
		h.proof = fmt.Sprintf("%s, %d times, each beside a hello that was accepted", h.proof, wanted+1)
	default:
		h.proof += fmt.Sprintf(", and asked again %d times the endpoint was not steady enough to tell", wanted)
	}
}
