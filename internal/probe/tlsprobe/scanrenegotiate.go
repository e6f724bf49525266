package tlsprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// sessionAsk offers what a session can be made of, in the versions before TLS 1.3.
func sessionAsk(version uint16, match func(tlswire.Suite) bool) ask {
	a := classAsk(version, "a session", func(s tlswire.Suite) bool { return !isBroken(s) && match(s) })
	a.hello.Plain, a.hello.ALPN, a.hello.Groups = true, []string{"http/1.1"}, []uint16{29, 23, 24, 25}
	return a
}

func withAES(s tlswire.Suite) bool { return s.BlockBits == 128 && (s.AEAD || s.CBC) }

// session makes a session as far as the server's first flight. done ends it.
func (s *scan) session(ctx context.Context, a ask) (session *tlswire.Session, conn net.Conn, done func(), err error) {
	if conn, done, err = s.dial(ctx); err != nil {
		return nil, nil, nil, err
	}
	a.hello.ServerName = s.name
	if session, err = tlswire.Start12(conn, a.hello); err != nil {
		done()
		return nil, nil, nil, err
	}
	return session, conn, done, nil
}

// newest is the newest version before TLS 1.3 that sessions can be made in; 0 where there is none.
func (s *scan) newest() uint16 {
	for _, v := range []uint16{tlswire.TLS12, tlswire.TLS11, tlswire.TLS10} {
		if s.accepted(v) {
			return v
		}
	}
	return 0
}

// renegotiate asks whether the client may start a renegotiation without RFC 5746 (CVE-2009-3555), where the endpoint does not know that.
func (s *scan) renegotiate(ctx context.Context) {
	o := tlsgrade.Offer{Question: tlsgrade.AskInsecureReneg, Answer: tlsgrade.Refused, Proof: "renegotiation is secure (RFC 5746)"}
	switch secure := s.flagOffers()[1]; secure.Answer {
	case tlsgrade.Unknown:
		o.Answer, o.Proof = tlsgrade.Unknown, secure.Proof
	case tlsgrade.Refused:
		o.Answer, o.Proof = s.renegotiated(ctx)
	case tlsgrade.Accepted:
	}
	s.offers = append(s.offers, o)
}

// renegotiated tries until an answer is clear. That the session ends is one, where sessions last otherwise.
func (s *scan) renegotiated(ctx context.Context) (tlsgrade.Answer, string) {
	proof := ""
	for range shakyTries {
		answer, got, err := s.renegotiation(ctx)
		if answer != tlsgrade.Unknown {
			return answer, got
		}
		if proof = got; err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errSpent) || s.hsts.State == tlsgrade.HSTSUnknown {
			return tlsgrade.Unknown, proof
		}
	}
	return tlsgrade.Refused, fmt.Sprintf("a ClientHello within a session: %s, %d times", proof, shakyTries)
}

// renegotiation puts a hello within a session. The error is how the session ended after it.
func (s *scan) renegotiation(ctx context.Context) (answer tlsgrade.Answer, proof string, ended error) {
	a := sessionAsk(s.newest(), withAES)
	a.hello.Insecure = true
	session, conn, done, err := s.session(ctx, a)
	if err != nil {
		return tlsgrade.Unknown, "no session to renegotiate: " + said(err), nil
	}
	defer done()
	if _, err = conn.Write(session.Finish()); err == nil {
		err = session.Accepted()
	}
	if err != nil {
		return tlsgrade.Unknown, "no session to renegotiate: " + said(err), nil
	}
	a.hello.ServerName = s.name
	again, err := a.hello.Again()
	if err != nil {
		return tlsgrade.Unknown, err.Error(), nil
	}
	if _, err := conn.Write(session.Seal(22, again)); err != nil {
		return tlsgrade.Unknown, said(err), err
	}
	kind, err := s.reaction(conn, session)
	if errors.Is(err, os.ErrDeadlineExceeded) { // whether it was passed over shows a request
		if _, err := conn.Write(session.Seal(23, []byte("HEAD / HTTP/1.0\r\nHost: "+hostOf(s.name, s.address)+"\r\n\r\n"))); err != nil {
			return tlsgrade.Unknown, said(err), err
		}
		kind, err = s.reaction(conn, session)
	}
	switch {
	case err != nil:
		return tlsgrade.Unknown, said(err), err
	case kind == 22:
		return tlsgrade.Accepted, "a ClientHello within a session, without RFC 5746, was answered in " + describe(session.Reply), nil
	case kind == 21:
		return tlsgrade.Refused, "a ClientHello within a session met an alert", nil
	default:
		return tlsgrade.Refused, "a ClientHello within a session was passed over, and the session went on", nil
	}
}

// reaction is the kind of the record that the endpoint sends next.
func (s *scan) reaction(conn net.Conn, session *tlswire.Session) (kind uint8, err error) {
	if err := conn.SetReadDeadline(time.Now().Add(s.silence())); err != nil {
		return 0, err
	}
	kind, _, err = session.Next()
	return kind, err
}

// silence is how long nothing must come before it counts as silence.
func (s *scan) silence() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(500*time.Millisecond, 3*s.slowest)
}
