package dnsprobe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

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
		bits := uint8(q.subnet.Bits()) //nolint:gosec // a valid prefix has 0 to 128
		opt.Option = append(opt.Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: bits,
			Address: q.subnet.Masked().Addr().AsSlice()})
	}
	return m
}

// answers says whether a message is the reply to this question.
func (q question) answers(m *dns.Msg, id uint16) bool {
	if len(m.Question) == 0 { // as some servers decline, in particular EDNS
		return m.Response && m.Id == id && m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError
	}
	return m.Response && m.Id == id && len(m.Question) == 1 && m.Question[0].Qtype == q.qtype &&
		m.Question[0].Qclass == dns.ClassINET && dns.CanonicalName(m.Question[0].Name) == q.name
}

// reply is a message as it came.
type reply struct {
	*dns.Msg
	sent time.Time // when the question went out first
	at   time.Time // when the reply came
	size int       // octets on the wire
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
	sent := time.Now()
	if q.tcp {
		r, err = q.overTCP(conn)
	} else {
		r, err = q.overUDP(ctx, conn)
	}
	if err != nil {
		return nil, q.silence(ctx, err)
	}
	r.sent = sent
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
