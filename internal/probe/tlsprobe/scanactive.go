package tlsprobe

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// active puts what takes more than a hello, all at the same time.
func (s *scan) active(ctx context.Context) {
	for _, put := range []func(context.Context){s.heartbleed, s.renegotiate, s.earlyCCS, s.robot, s.padding} {
		put(ctx)
	}
}

// certificates gathers the chains that the raw hellos saw.
func (s *scan) certificates() {
	for _, h := range s.heard {
		if h.answer == tlsgrade.Accepted && len(h.reply.Certificates) > 0 {
			s.addChain(h.reply.Certificates, suitesOf(h.reply)[0], h.reply.Stapled)
		}
	}
}

// heartbleed sends a heartbeat whose length is one more than what it carries (CVE-2014-0160), where the endpoint has acknowledged the
// extension (RFC 6520 4: such a message must be dropped silently). What comes back is thrown away unread but for its first byte.
func (s *scan) heartbleed(ctx context.Context) {
	o := tlsgrade.Offer{Question: tlsgrade.AskHeartbleed, Answer: tlsgrade.Refused, Proof: "no heartbeat extension"}
	for _, h := range s.heard {
		if h.answer == tlsgrade.Accepted && h.reply.Version != tlswire.SSL2 && h.reply.Extensions[tlswire.ExtHeartbeat] {
			o = s.heartbeat(ctx, h.ask)
			break
		}
	}
	s.offers = append(s.offers, o)
}

func (s *scan) heartbeat(ctx context.Context, a ask) tlsgrade.Offer {
	o := tlsgrade.Offer{Question: tlsgrade.AskHeartbleed}
	conn, done, err := s.dial(ctx)
	if err != nil {
		o.Proof = said(err)
		return o
	}
	defer done()
	a.hello.ServerName = s.name
	wire, err := a.hello.Marshal()
	if err != nil {
		o.Proof = err.Error()
		return o
	}
	if _, err := conn.Write(wire); err != nil {
		o.Proof = said(err)
		return o
	}
	reply, err := tlswire.Read(conn)
	if err != nil || !reply.Done {
		o.Proof = "no whole flight to send a heartbeat after: " + said(err)
		return o
	}
	const heartbeat, request = 24, 1
	const length, padding = 4 + 15, 15 // the message says two bytes, carries one, and has a byte of padding too few for two
	beat := binary.BigEndian.AppendUint16([]byte{heartbeat}, reply.Version)
	beat = append(beat, 0, length, request, 0, 2, 'x')
	if _, err := conn.Write(append(beat, make([]byte, padding)...)); err != nil {
		o.Proof = said(err)
		return o
	}
	if err := conn.SetReadDeadline(time.Now().Add(s.silence())); err != nil {
		o.Proof = err.Error()
		return o
	}
	var first [1]byte
	var slow net.Error
	switch _, err := io.ReadFull(conn, first[:]); {
	case err == nil && first[0] == heartbeat:
		o.Answer, o.Proof = tlsgrade.Accepted, "a heartbeat that claims to be longer than it is was answered"
	case err == nil, errors.Is(err, io.EOF), errors.As(err, &slow) && slow.Timeout():
		o.Answer, o.Proof = tlsgrade.Refused, "a heartbeat that claims to be longer than it is was dropped"
	default:
		o.Proof = said(err)
	}
	return o
}
