package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/miekg/dns"
)

// bufferSize is the UDP payload size that passes everywhere without fragments (RFC 9715).
const bufferSize = 1232

// A question goes out over UDP at these times, and is given up after patience. bound is for all of it together with
// the wait for a free socket.
var sends = []time.Duration{0, 400 * time.Millisecond, 1200 * time.Millisecond}

const (
	patience = 3 * time.Second
	bound    = 5 * time.Second
)

// question is everything that makes one question unlike another.
type question struct {
	server  netip.AddrPort
	tcp     bool
	name    string // canonical
	qtype   uint16
	recurse bool // RD=1: to resolvers
	edns    bool
	do      bool
	nsid    bool
	subnet  netip.Prefix
	round   int // repeated questions are different questions
}

func (q question) String() string { return plain(q.name) + " " + dns.TypeToString[q.qtype] }

func (q question) transport() string {
	if q.tcp {
		return "tcp"
	}
	return "udp"
}

func (q question) message() *dns.Msg {
	m := &dns.Msg{}
	m.SetQuestion(q.name, q.qtype)
	m.RecursionDesired = q.recurse
	if !q.edns {
		return m
	}
	m.SetEdns0(bufferSize, q.do)
	opt := m.IsEdns0()
	if q.nsid {
		opt.Option = append(opt.Option, &dns.EDNS0_NSID{Code: dns.EDNS0NSID})
	}
	if q.subnet.IsValid() {
		family := uint16(1)
		if q.subnet.Addr().Is6() {
			family = 2
		}
		opt.Option = append(opt.Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family,
			SourceNetmask: uint8(q.subnet.Bits()), Address: q.subnet.Masked().Addr().AsSlice()})
	}
	return m
}

// answers says whether a message is the reply to this question.
func (q question) answers(m *dns.Msg, id uint16) bool {
	return m.Response && m.Id == id && len(m.Question) == 1 && m.Question[0].Qtype == q.qtype &&
		m.Question[0].Qclass == dns.ClassINET && dns.CanonicalName(m.Question[0].Name) == q.name
}

// reply is a message as it came.
type reply struct {
	*dns.Msg
	at   time.Time
	size int // octets on the wire
}

// exchange puts one question to one server. Every error is a *probe.Unknown: nobody knows what the server would say.
func (z *Zone) exchange(ctx context.Context, q question) (*reply, error) {
	conn, err := z.config.Network.DialContext(ctx, q.transport(), q.server.String())
	if err != nil {
		return nil, q.silence(ctx, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	var r *reply
	if q.tcp {
		r, err = q.overTCP(conn)
	} else {
		r, err = q.overUDP(ctx, conn)
	}
	if err != nil {
		return nil, q.silence(ctx, err)
	}
	return r, nil
}

func (q question) overTCP(conn net.Conn) (*reply, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	framed := &dns.Conn{Conn: conn}
	m := q.message()
	if err := framed.WriteMsg(m); err != nil {
		return nil, err
	}
	wire, err := framed.ReadMsgHeader(nil)
	if err != nil {
		return nil, err
	}
	var answer dns.Msg
	if err := answer.Unpack(wire); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	if !q.answers(&answer, m.Id) {
		return nil, fmt.Errorf("%w: the reply is to another question", errMalformed)
	}
	return &reply{Msg: &answer, at: time.Now(), size: len(wire)}, nil
}

var errMalformed = errors.New("malformed reply")

func (q question) overUDP(ctx context.Context, conn net.Conn) (*reply, error) {
	m := q.message()
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	var last error
	for i := range sends {
		until := start.Add(patience)
		if i+1 < len(sends) {
			until = start.Add(sends[i+1])
		}
		if _, err := conn.Write(wire); err != nil {
			last = err
		} else {
			r, err := q.readUDP(conn, m.Id, until)
			if err == nil {
				return r, nil
			}
			if last == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
				last = err
			}
		}
		if i+1 == len(sends) {
			break
		}
		select { // after "connection refused" the next send still keeps its time
		case <-time.After(time.Until(until)):
		case <-ctx.Done():
			return nil, last
		}
	}
	return nil, last
}

// readUDP waits for the reply and passes over whatever else arrives on the socket.
func (q question) readUDP(conn net.Conn, id uint16, until time.Time) (*reply, error) {
	if err := conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	const roomy = 8192 // a server that ignores the buffer size is to be seen doing so
	buffer := make([]byte, roomy)
	var malformed error
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return nil, errors.Join(malformed, err)
		}
		var m dns.Msg
		if err := m.Unpack(buffer[:n]); err != nil {
			malformed = fmt.Errorf("%w: %w", errMalformed, err)
			continue
		}
		if q.answers(&m, id) {
			return &reply{Msg: &m, at: time.Now(), size: n}, nil
		}
	}
}

// silence explains why there is no reply, and whose it is.
func (q question) silence(ctx context.Context, err error) error {
	var known *probe.Unknown
	if errors.As(err, &known) || errors.As(context.Cause(ctx), &known) {
		return known
	}
	u := &probe.Unknown{Want: "an answer to " + q.String() + " over " + q.transport(), From: q.server.String(), Err: err}
	switch {
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		u.Class, u.Got = "no-route", "no route from this machine"
		u.Fix = "run where " + family(q.server.Addr()) + " works; this is not the server's fault"
	case errors.Is(err, syscall.ECONNREFUSED):
		u.Class, u.Got, u.Fix = "refused", "connection refused", "start the name server there, or take the address out of the DNS"
	case errors.Is(err, errMalformed):
		u.Class, u.Got, u.Fix = "malformed", err.Error(), "see what answers on that address"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		u.Class, u.Got, u.Fix = "timeout", fmt.Sprintf("no answer within %s", patience), "see whether the server is up and lets port 53 through"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		u.Class, u.Got, u.Fix = "reset", "the connection was closed without an answer", "see why the server closes connections"
	default:
		u.Class, u.Got = "network", err.Error()
	}
	return u
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func family(addr netip.Addr) string {
	if addr.Unmap().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// unanswered puts the server's name and this very question on the reason why there is no answer: a dead server's reason
// comes from the first question that it left open.
func (q question) unanswered(from string, err error) error {
	var shared *probe.Unknown
	if !errors.As(err, &shared) {
		return err
	}
	own := *shared
	own.From = from
	if own.Class != "dns.truncated" {
		own.Want = "an answer to " + q.String() + " over " + q.transport()
	}
	return &own
}
