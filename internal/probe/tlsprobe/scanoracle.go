package tlsprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// reactionTo is how an endpoint ended a connection, in words that can be compared. clear is false where it did not.
func reactionTo(err error) (what string, clear bool) {
	var alert *tlswire.Alert
	switch {
	case errors.As(err, &alert):
		return alert.Error(), true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "closed", true // whether with a reset is chance
	case err == nil:
		return "answered", true
	default:
		return said(err), false
	}
}

// probe puts something that no client says after the hello of an ask was answered, and reads what comes.
func (s *scan) probe(conn net.Conn, wire []byte) (what string, clear bool) {
	if _, err := conn.Write(wire); err != nil {
		return reactionTo(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * s.silence())); err != nil {
		return err.Error(), false
	}
	_, err := tlswire.Read(conn)
	return reactionTo(err)
}

// tooEarly sends ChangeCipherSpec before keys were agreed on, twice (CVE-2014-0224): who takes the first cannot decrypt the second, and everybody else
// does not expect the first.
func (s *scan) tooEarly(conn net.Conn, reply *tlswire.Reply) {
	one := []byte{20, byte(reply.Version >> 8), byte(reply.Version & 0xff), 0, 1, 1}
	what, clear := s.probe(conn, append(one, one...))
	const badRecordMAC, decryptionFailed = "alert bad_record_mac", "alert 21"
	s.mu.Lock()
	defer s.mu.Unlock()
	s.early.Proof = "an early ChangeCipherSpec: " + what
	switch {
	case what == badRecordMAC || what == decryptionFailed:
		s.early.Answer = tlsgrade.Accepted
	case clear && what != "closed" && what != "answered":
		s.early.Answer = tlsgrade.Refused
	case what == "closed":
		if s.closings++; s.closings >= shakyTries {
			s.early.Answer = tlsgrade.Refused
			s.early.Proof += fmt.Sprintf(", %d times", shakyTries)
		}
	}
}

// earlyCCS asks until it is clear whether the endpoint takes an early ChangeCipherSpec.
func (s *scan) earlyCCS(ctx context.Context) {
	s.early.Question = tlsgrade.AskEarlyCCS
	a := versionAsk(s.newest())
	a.after = s.tooEarly
	if s.newest() == 0 {
		s.early.Answer, s.early.Proof = tlsgrade.Refused, "no TLS before 1.3"
	}
	for try := 0; try < shakyTries && s.early.Answer == tlsgrade.Unknown; try++ {
		if h := s.put(ctx, a); h.answer != tlsgrade.Accepted {
			s.early.Proof = h.what + ": " + h.proof
		}
	}
	s.offers = append(s.offers, s.early)
}

// oracleTries is how often things are compared that must not be told apart.
const oracleTries = 3

// oracle compares how an endpoint meets things that it must not tell apart. Those that it told apart twice in the same way, it does tell apart.
func oracle(names []string, got map[string]string, try func(name string) (what string, clear bool)) (tlsgrade.Answer, string) {
	var last map[string]string
	for range oracleTries {
		if got == nil {
			unclear := ""
			if got, unclear = compared(names, try); got == nil {
				last = map[string]string{"unclear": unclear}
				continue
			}
		}
		all := slices.Compact(slices.Sorted(maps.Values(got)))
		if len(all) == 1 {
			return tlsgrade.Refused, fmt.Sprintf("%s, whether %s", all[0], strings.Join(names, " or "))
		}
		if maps.Equal(got, last) {
			return tlsgrade.Accepted, fmt.Sprintf("told apart: %v", got)
		}
		last, got = got, nil
	}
	return tlsgrade.Unknown, fmt.Sprintf("not the same twice: %v", last)
}

// compared is how each of some things was met, or nil and why, where that was not clear of one.
func compared(names []string, try func(name string) (what string, clear bool)) (got map[string]string, unclear string) {
	got = map[string]string{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for _, name := range names {
		wait.Go(func() {
			what, clear := try(name)
			mu.Lock()
			defer mu.Unlock()
			if got[name] = what; !clear {
				unclear = name + ": " + what
			}
		})
	}
	wait.Wait()
	if unclear != "" {
		return nil, unclear
	}
	return got, ""
}

// robot compares how the endpoint meets secrets that are encrypted right and wrong, where the key exchange is RSA.
func (s *scan) robot(ctx context.Context) {
	o := tlsgrade.Offer{Question: tlsgrade.AskROBOT, Answer: tlsgrade.Refused, Proof: "no key exchange with RSA"}
	for _, h := range s.heard {
		if h.answer != tlsgrade.Accepted || !h.reply.Done || h.reply.Version < tlswire.TLS10 || h.reply.Version > tlswire.TLS12 {
			continue
		}
		if suite := tlswire.Suites[h.reply.Suite]; suite.Exchange == "RSA" && !suite.Export {
			a := h.ask
			a.hello.Suites = []uint16{h.reply.Suite}
			names := []string{"a sound block", "wrong first bytes", "a secret of 2 bytes", "no end of padding", "a wrong version"}
			o.Answer, o.Proof = oracle(names, nil, func(name string) (what string, clear bool) {
				a := a
				a.after = func(conn net.Conn, reply *tlswire.Reply) {
					flights, err := reply.Bleichenbacher(a.hello.Version)
					if err != nil {
						what = err.Error()
						return
					}
					what, clear = s.probe(conn, flights[name])
				}
				if again := s.put(ctx, a); what == "" {
					what = again.proof
				}
				return what, clear
			})
			break
		}
	}
	s.offers = append(s.offers, o)
}

// cbcAsks offer suites with CBC that sessions can be made in.
func cbcAsks(version uint16) []ask {
	aes := sessionAsk(version, func(s tlswire.Suite) bool { return s.CBC && strings.Contains(s.Name, "_AES_") })
	triple := sessionAsk(version, func(s tlswire.Suite) bool { return s.CBC && strings.Contains(s.Name, "_3DES_") })
	aes.what, triple.what = "AES with CBC in "+versionName(version), "3DES with CBC in "+versionName(version)
	return []ask{aes, triple}
}

// padding compares how the endpoint meets records of CBC whose MAC or padding is wrong (POODLE in TLS, Zombie POODLE, GOLDENDOODLE, 0-length).
func (s *scan) padding(ctx context.Context) {
	o := tlsgrade.Offer{Question: tlsgrade.AskPadding, Answer: tlsgrade.Refused, Proof: "no suite with CBC in TLS"}
	seen := slices.ContainsFunc(s.heard, func(h heardOf) bool {
		return h.answer == tlsgrade.Accepted && h.reply.Version >= tlswire.TLS10 && tlswire.Suites[h.reply.Suite].CBC
	})
	for _, a := range cbcAsks(max(s.newest(), tlswire.TLS10)) {
		h := s.of(a.what)
		if h == nil && (seen || !strings.HasPrefix(a.what, "3DES")) && s.newest() > 0 {
			s.wave(ctx, []ask{a})
			h = s.of(a.what)
		}
		if h == nil || h.answer == tlsgrade.Refused {
			continue
		}
		o.Answer, o.Proof = tlsgrade.Unknown, h.what+": "+h.proof
		if h.answer == tlsgrade.Accepted {
			o.Answer, o.Proof = oracle(paddings, s.padded, func(name string) (string, bool) {
				_, what, clear := s.pad(ctx, a, name)
				return what, clear
			})
		}
		break
	}
	if seen && o.Proof == "no suite with CBC in TLS" {
		o.Answer, o.Proof = tlsgrade.Unknown, "a suite with CBC, but none in which it can be asked"
	}
	s.offers = append(s.offers, o)
}

// paddings are the records that must not be told apart.
var paddings = []string{"the MAC is wrong", "the padding is wrong", "the padding is too long", "the MAC of nothing is wrong"}

// spoilt is the record of a name.
func spoilt(session *tlswire.Session, request []byte, name string) []byte {
	switch name {
	case paddings[0]:
		return session.Broken(23, request, func(content []byte, mac int) { content[mac] ^= 1 })
	case paddings[1]:
		return session.Broken(23, session.WithPadding(request), func(content []byte, _ int) { content[len(content)-2] ^= 1 })
	case paddings[2]:
		return session.Broken(23, request[:8], func(content []byte, _ int) { content[len(content)-1] = 0xff })
	default:
		return session.Broken(23, nil, func(content []byte, mac int) { content[mac] ^= 1 })
	}
}

// pad sends one of them right behind the Finished.
func (s *scan) pad(ctx context.Context, a ask, name string) (h heardOf, what string, clear bool) {
	request := []byte("GET / HTTP/1.1\r\nHost: " + hostOf(s.name, s.address) + "\r\nConnection: close\r\n\r\n")
	a.session = func(conn net.Conn, session *tlswire.Session) {
		flight := session.Finish() // the records count from here
		_, err := conn.Write(append(flight, spoilt(session, request, name)...))
		if err == nil {
			err = session.Accepted()
		}
		if err != nil {
			what = "no session: " + said(err)
			return
		}
		if err := conn.SetReadDeadline(time.Now().Add(2 * s.silence())); err != nil {
			what = err.Error()
			return
		}
		what, clear = ending(session)
	}
	h = s.put(ctx, a)
	if what == "" {
		what = h.proof
	}
	h.session = nil
	return h, what, clear
}

// ending is how the endpoint meets the last record, where it may answer in the session.
func ending(session *tlswire.Session) (what string, clear bool) {
	kind, plain, err := session.Next()
	switch {
	case err != nil:
		return reactionTo(err)
	case kind == 21 && len(plain) == 2:
		return reactionTo(&tlswire.Alert{Description: plain[1]})
	default:
		return fmt.Sprintf("answered with a record of type %d", kind), true
	}
}

// firstPaddings compares them in AES with CBC, beside the first hellos and all at once: it takes the most round trips. What became of the hello
// is told by one of them.
func (s *scan) firstPaddings(ctx context.Context) (h heardOf) {
	a := cbcAsks(tlswire.TLS12)[0]
	s.padded, _ = compared(paddings, func(name string) (string, bool) {
		of, what, clear := s.pad(ctx, a, name)
		if name == paddings[0] {
			h = of
		}
		return what, clear
	})
	return h
}
