package tlsprobe

import (
	"crypto/rsa"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

// old is a stand-in that can finish a handshake.
func old(t *testing.T, w *world, change func(*tlstest.Old)) tlstest.Old {
	t.Helper()
	cert, err := w.authority.Issue(tlstest.Names(name), tlstest.RSA(2048))
	require.NoError(t, err)
	o := tlstest.Old{Versions: []uint16{tlswire.TLS12}, Suites: []uint16{0x002f}, Chain: cert.Certificate, Key: cert.PrivateKey.(*rsa.PrivateKey)}
	change(&o)
	return o
}

func TestRenegotiationWithoutRFC5746(t *testing.T) {
	for title, c := range map[string]struct {
		change func(*tlstest.Old)
		ends   bool // the session, with a ClientHello in it
		want   tlsgrade.Answer
		grade  string
	}{
		"secure":                      {func(*tlstest.Old) {}, false, tlsgrade.Refused, "B"},
		"refused":                     {func(o *tlstest.Old) { o.Insecure = true }, false, tlsgrade.Refused, "B"},
		"accepted":                    {func(o *tlstest.Old) { o.Insecure, o.Renegotiates = true, true }, false, tlsgrade.Accepted, "F"},
		"accepted in TLS 1.0":         {func(o *tlstest.Old) { o.Insecure, o.Renegotiates, o.Versions = true, true, []uint16{tlswire.TLS10} }, false, tlsgrade.Accepted, "F"},
		"no session can be made":      {func(o *tlstest.Old) { o.Insecure, o.Key = true, nil }, false, tlsgrade.Unknown, ""},
		"the session ends every time": {func(o *tlstest.Old) { o.Insecure = true }, true, tlsgrade.Refused, "B"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			o := old(t, w, c.change)
			o.EndsSession = c.ends
			w.servers[0].Handle(func(conn net.Conn) { o.Serve(conn) })
			g := gradeOf(t, w)
			got := g.observed.Answer(tlsgrade.AskInsecureReneg)
			assert.Equal(t, c.want, got.Answer, "%s", got.Proof)
			assert.Equal(t, c.grade, g.Grade.Grade, "%s", g.Grade)
		})
	}
}

// Each stand-in has one hole, and the sound one has none.
func TestHoles(t *testing.T) {
	type answers = map[tlsgrade.Question]tlsgrade.Answer
	const no, yes, unknown = tlsgrade.Refused, tlsgrade.Accepted, tlsgrade.Unknown
	for title, c := range map[string]struct {
		change func(*tlstest.Old)
		want   answers
		grade  string
	}{
		"sound":                   {func(*tlstest.Old) {}, answers{tlsgrade.AskEarlyCCS: no, tlsgrade.AskROBOT: no, tlsgrade.AskPadding: no}, "B"},
		"sound, TLS 1.0":          {func(o *tlstest.Old) { o.Versions = []uint16{tlswire.TLS10} }, answers{tlsgrade.AskEarlyCCS: no, tlsgrade.AskROBOT: no, tlsgrade.AskPadding: no}, "C"},
		"early CCS":               {func(o *tlstest.Old) { o.TakesEarlyCCS = true }, answers{tlsgrade.AskEarlyCCS: yes, tlsgrade.AskROBOT: no}, "F"},
		"early CCS, TLS 1.1":      {func(o *tlstest.Old) { o.TakesEarlyCCS, o.Versions = true, []uint16{tlswire.TLS11} }, answers{tlsgrade.AskEarlyCCS: yes}, "F"},
		"ROBOT":                   {func(o *tlstest.Old) { o.Robot = true }, answers{tlsgrade.AskEarlyCCS: no, tlsgrade.AskROBOT: yes, tlsgrade.AskPadding: no}, "F"},
		"POODLE in TLS":           {func(o *tlstest.Old) { o.Padding = "poodle" }, answers{tlsgrade.AskROBOT: no, tlsgrade.AskPadding: yes}, "F"},
		"padding oracle":          {func(o *tlstest.Old) { o.Padding = "oracle" }, answers{tlsgrade.AskPadding: yes}, "F"},
		"padding oracle, TLS 1.0": {func(o *tlstest.Old) { o.Padding, o.Versions = "oracle", []uint16{tlswire.TLS10} }, answers{tlsgrade.AskPadding: yes}, "F"},
		"no CBC":                  {func(o *tlstest.Old) { o.Suites = []uint16{0x009c} }, answers{tlsgrade.AskROBOT: no, tlsgrade.AskPadding: no}, "B"},
		"CBC, and no session":     {func(o *tlstest.Old) { o.Key = nil }, answers{tlsgrade.AskROBOT: no, tlsgrade.AskPadding: unknown}, ""},
		"CBC of another kind":     {func(o *tlstest.Old) { o.Suites = []uint16{0x0041} }, answers{tlsgrade.AskROBOT: no, tlsgrade.AskPadding: unknown}, ""},
		"SSL 3.0 only":            {func(o *tlstest.Old) { o.Versions = []uint16{tlswire.SSL3} }, answers{tlsgrade.AskEarlyCCS: no, tlsgrade.AskROBOT: no, tlsgrade.AskPadding: no}, "F"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.servers[0].Handle(old(t, w, c.change).Serve)
			g := gradeOf(t, w)
			for q, want := range c.want {
				got := g.observed.Answer(q)
				assert.Equal(t, want, got.Answer, "%s: %s", q, got.Proof)
			}
			assert.Equal(t, c.grade, g.Grade.Grade, "%s", g.Grade)
			assert.LessOrEqual(t, g.Connections, maxConnections)
		})
	}
}

// A connection that is lost by chance tells nothing apart, and hides nothing.
func TestHolesOfAShakyServer(t *testing.T) {
	for title, c := range map[string]struct {
		change func(*tlstest.Old)
		worst  tlsgrade.Answer
	}{
		"sound":   {func(*tlstest.Old) {}, tlsgrade.Accepted},
		"ROBOT":   {func(o *tlstest.Old) { o.Robot = true }, tlsgrade.Refused},
		"padding": {func(o *tlstest.Old) { o.Padding = "oracle" }, tlsgrade.Refused},
		"early":   {func(o *tlstest.Old) { o.TakesEarlyCCS = true }, tlsgrade.Refused},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.servers[0].Handle(shaky["resets one in five by chance"](old(t, w, c.change).Serve))
			g := gradeOf(t, w)
			question := map[string]tlsgrade.Question{"ROBOT": tlsgrade.AskROBOT, "padding": tlsgrade.AskPadding, "early": tlsgrade.AskEarlyCCS}
			for hole, q := range question {
				if got := g.observed.Answer(q); title == "sound" || title == hole {
					assert.NotEqual(t, c.worst, got.Answer, "%s: %s", q, got.Proof)
				}
			}
		})
	}
}

// muted says nothing any more after a heartbeat.
type muted struct {
	net.Conn
	ends, silent bool
}

func (m *muted) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	if n > 0 && b[0] == 24 {
		if m.silent = true; !m.ends {
			_, _ = io.Copy(io.Discard, m.Conn) // until the client goes
		}
		return 0, io.EOF
	}
	return n, err
}

func (m *muted) Write(b []byte) (int, error) {
	if m.silent {
		return len(b), nil
	}
	return m.Conn.Write(b)
}

func TestSilenceAfterAHeartbeat(t *testing.T) {
	for title, c := range map[string]struct {
		change       func(*tlstest.Old)
		silent, ends bool
		want         tlsgrade.Answer
	}{
		"dropped":             {func(*tlstest.Old) {}, false, false, tlsgrade.Refused},
		"bleeds":              {func(o *tlstest.Old) { o.Bleeds = true }, false, false, tlsgrade.Accepted},
		"nothing any more":    {func(*tlstest.Old) {}, true, false, tlsgrade.Unknown},
		"closed, every time":  {func(*tlstest.Old) {}, true, true, tlsgrade.Refused},
		"bleeds, and is slow": {func(o *tlstest.Old) { o.Bleeds = true }, true, false, tlsgrade.Unknown},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			o := old(t, w, c.change)
			o.Heartbeat = true
			w.servers[0].Handle(func(conn net.Conn) {
				if c.silent {
					conn = &muted{Conn: conn, ends: c.ends}
				}
				o.Serve(conn)
			})
			g := gradeOf(t, w)
			got := g.observed.Answer(tlsgrade.AskHeartbleed)
			assert.Equal(t, c.want, got.Answer, "%s", got.Proof)
		})
	}
}
