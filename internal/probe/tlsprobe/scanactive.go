package tlsprobe

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
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
			o.Answer, o.Proof = s.heartbeats(ctx, h.ask)
			break
		}
	}
	s.offers = append(s.offers, o)
}

// heartbeats tries until the answer is clear. That the connection ends every time is one.
func (s *scan) heartbeats(ctx context.Context, a ask) (answer tlsgrade.Answer, proof string) {
	closed, silent := 0, 0
	a.after = func(conn net.Conn, reply *tlswire.Reply) {
		var err error
		if answer, proof, err = s.heartbeat(conn, reply); err == nil {
			return
		}
		what, clear := reactionTo(err)
		if proof = "after a heartbeat that claims to be longer than it is: " + what; clear {
			closed++
		} else {
			silent++
		}
	}
	for range shakyTries {
		if h := s.put(ctx, a); proof == "" {
			proof = h.proof
		}
		if answer != tlsgrade.Unknown || silent >= steadyTries {
			return answer, proof
		}
	}
	if closed == shakyTries {
		return tlsgrade.Refused, fmt.Sprintf("%s, %d times", proof, closed)
	}
	return tlsgrade.Unknown, proof
}

// heartbeat sends one. Silence is a dropped heartbeat only where the endpoint meets what comes next.
func (s *scan) heartbeat(conn net.Conn, reply *tlswire.Reply) (tlsgrade.Answer, string, error) {
	const changeCipherSpec, alert, heartbeat, request = 20, 21, 24, 1
	const length, padding = 4 + 15, 15 // the message says two bytes, carries one, and has a byte of padding too few for two
	beat := binary.BigEndian.AppendUint16([]byte{heartbeat}, reply.Version)
	beat = append(append(beat, 0, length, request, 0, 2, 'x'), make([]byte, padding)...)
	next := append(binary.BigEndian.AppendUint16([]byte{changeCipherSpec}, reply.Version), 0, 1, 1)
	for _, wire := range [][]byte{beat, append(next, next...)} {
		if _, err := conn.Write(wire); err != nil {
			return tlsgrade.Unknown, "", err
		}
		if err := conn.SetReadDeadline(time.Now().Add(s.silence())); err != nil {
			return tlsgrade.Unknown, "", err
		}
		var first [1]byte
		_, err := io.ReadFull(conn, first[:])
		switch {
		case err == nil && first[0] == heartbeat:
			return tlsgrade.Accepted, "a heartbeat that claims to be longer than it is was answered", nil
		case err == nil && first[0] == alert:
			return tlsgrade.Refused, "a heartbeat that claims to be longer than it is was dropped, and what came next met an alert", nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return tlsgrade.Unknown, "", err
		}
	}
	return tlsgrade.Unknown, "", os.ErrDeadlineExceeded
}
