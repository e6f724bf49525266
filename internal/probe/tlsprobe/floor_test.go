package tlsprobe

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
)

func TestProtocolFloor(t *testing.T) {
	type policy struct {
		lowest, highest uint16
		suites          []uint16
		clientAuth      tls.ClientAuthType
	}
	for title, c := range map[string]struct {
		policy
		floor uint16
		class string // empty: green
		parts []string
		note  string
	}{
		"1.2 and 1.3":                      {policy: policy{lowest: tls.VersionTLS12}, floor: tls.VersionTLS12},
		"1.3 alone":                        {policy: policy{lowest: tls.VersionTLS13}, floor: tls.VersionTLS12},
		"1.3 alone, floor 1.3":             {policy: policy{lowest: tls.VersionTLS13}, floor: tls.VersionTLS13},
		"1.2, floor 1.3":                   {policy: policy{lowest: tls.VersionTLS12}, floor: tls.VersionTLS13, class: "tls.protocol", parts: []string{"want TLS 1.3 or later only", "got TLS 1.2 accepted"}},
		"1.0 on":                           {policy: policy{lowest: tls.VersionTLS10}, floor: tls.VersionTLS12, class: "tls.protocol", parts: []string{"got TLS 1.0, TLS 1.1 accepted", "switch it off"}},
		"1.1 on":                           {policy: policy{lowest: tls.VersionTLS11}, floor: tls.VersionTLS12, class: "tls.protocol", parts: []string{"got TLS 1.1 accepted"}},
		"1.0 on, with client certificates": {policy: policy{lowest: tls.VersionTLS10, clientAuth: tls.RequireAnyClientCert}, floor: tls.VersionTLS12, class: "tls.protocol", parts: []string{"TLS 1.0, TLS 1.1 accepted"}},
		"1.0 at best":                      {policy: policy{lowest: tls.VersionTLS10, highest: tls.VersionTLS10}, floor: tls.VersionTLS12, class: "tls.protocol", parts: []string{"TLS 1.0 accepted"}},
		"3DES": {policy: policy{lowest: tls.VersionTLS12, suites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}},
			floor: tls.VersionTLS12, class: "tls.cipher", parts: []string{"got 3DES accepted", "from 203.0.113.81:443"}},
		"RC4": {policy: policy{lowest: tls.VersionTLS12, suites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_RC4_128_SHA}},
			floor: tls.VersionTLS12, class: "tls.cipher", parts: []string{"got RC4 accepted"}},
		"CBC and static RSA": {policy: policy{lowest: tls.VersionTLS12, suites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256}},
			floor: tls.VersionTLS12, note: "203.0.113.81:443 accepts key exchange with static RSA"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 2)
			config := w.config(t, tlstest.RSA(2048))
			config.MinVersion, config.MaxVersion, config.CipherSuites, config.ClientAuth = c.lowest, c.highest, c.suites, c.clientAuth
			good := w.config(t)
			good.MinVersion = c.floor
			w.serve(t, good)
			w.servers[1].Handle(tlstest.Serve(config))
			r := run(t, ProtocolFloor(w.observer, name, c.floor))
			if c.class != "" {
				red(t, r, probe.Fail, c.class, append(c.parts, "203.0.113.81:443")...)
				return
			}
			green(t, r)
			if c.note != "" {
				notes, err := json.Marshal(r.Evidence.Notes)
				require.NoError(t, err)
				assert.Contains(t, string(notes), c.note)
			}
		})
	}
}

func TestProtocolFloorReadsNoSilenceAsRefusal(t *testing.T) {
	for title, c := range map[string]struct {
		below  tlstest.Handler
		status probe.Status
		class  string
		part   string
	}{
		"clean close": {tlstest.CloseAfterHello, probe.Pass, "", ""},
		"reset":       {tlstest.ResetAfterHello, probe.Blocked, "tls.unmeasured", "neither a refusal nor an acceptance of TLS 1.0, twice, while a standard handshake passes"},
		"plain text":  {tlstest.PlainText, probe.Blocked, "tls.unmeasured", "plain text on the TLS port"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.servers[0].Handle(tlstest.ServeBelow(tls.VersionTLS12, c.below, tlstest.Serve(w.config(t))))
			r := run(t, ProtocolFloor(w.observer, name, tls.VersionTLS12))
			if c.status == probe.Pass {
				green(t, r)
				return
			}
			red(t, r, c.status, c.class, c.part, "203.0.113.80:443")
		})
	}
	t.Run("a server that is down is not a strict one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 1)
		w.servers[0].Handle(tlstest.CloseAfterHello)
		red(t, run(t, ProtocolFloor(w.observer, name, tls.VersionTLS12)), probe.Fail, "tls.closed")
	})
	t.Run("a reset that passes is tried again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, 1)
		good := tlstest.Serve(w.config(t))
		old := w.config(t)
		old.MinVersion = tls.VersionTLS10
		resets := make(chan bool, 2) // one for TLS 1.0 and one for TLS 1.1
		resets <- true
		resets <- true
		w.servers[0].Handle(tlstest.ServeBelow(tls.VersionTLS12, flaky(resets, tlstest.Serve(old)), good))
		red(t, run(t, ProtocolFloor(w.observer, name, tls.VersionTLS12)), probe.Fail, "tls.protocol", "TLS 1.0, TLS 1.1 accepted")
	})
}

func TestJudgeMatrix(t *testing.T) {
	at := func(version uint16) *handshake {
		return &handshake{address: "a", state: tls.ConnectionState{Version: version}}
	}
	refused, accepted := answer{Offer: "TLS 1.0", bad: true, class: "tls.protocol"}, answer{Offer: "TLS 1.0", bad: true, class: "tls.protocol", Accepted: true}
	unclear, noted := answer{Offer: "RC4", bad: true, class: "tls.cipher", err: io.EOF}, answer{Offer: "CBC with SHA-1", Accepted: true}
	for title, c := range map[string]struct {
		answers []answer
		control uint16
		want    probe.Status
	}{
		"refused":                           {[]answer{refused, noted}, tls.VersionTLS12, probe.Pass},
		"accepted":                          {[]answer{refused, accepted}, tls.VersionTLS13, probe.Fail},
		"accepted and unclear":              {[]answer{unclear, accepted}, tls.VersionTLS13, probe.Fail},
		"unclear":                           {[]answer{refused, unclear}, tls.VersionTLS13, probe.Blocked},
		"refused, but shaken hands with it": {[]answer{refused}, tls.VersionTLS10, probe.Fail},
		"unclear, and old at best":          {[]answer{unclear}, tls.VersionTLS11, probe.Fail},
	} {
		t.Run(title, func(t *testing.T) {
			assert.Equal(t, c.want, probe.StatusOf(matrix{Answers: c.answers}.judge(at(c.control), tls.VersionTLS12)))
		})
	}
}

// flaky resets as often as it is told to, and then goes on.
func flaky(resets <-chan bool, then tlstest.Handler) tlstest.Handler {
	return func(conn net.Conn) {
		select {
		case <-resets:
			tlstest.ResetAfterHello(conn)
		default:
			then(conn)
		}
	}
}

func TestHeard(t *testing.T) {
	fatal, warning, hello := "\x15\x03\x01\x00\x02\x02\x46", "\x15\x03\x01\x00\x02\x01\x70", "\x16\x03\x01\x00\x40\x02"
	alert, closed := &probe.Unmet{Class: "tls.alert"}, &probe.Unmet{Class: "tls.closed"}
	for title, c := range map[string]struct {
		bytes          string
		err            error
		hello, refused bool
	}{
		"alert":                         {fatal, alert, false, true},
		"close":                         {"", closed, false, true},
		"hello":                         {hello, alert, true, false},
		"warning, then hello":           {warning + hello, alert, true, false},
		"warning, then alert":           {warning + fatal, alert, false, true},
		"half an answer, then a close":  {"\x16", closed, true, false},
		"garbage, then a close":         {"HTTP", closed, false, false},
		"reset":                         {"", &probe.Unmet{Class: "reset"}, false, false},
		"silence":                       {"", &probe.Unmet{Class: "tls.silent"}, false, false},
		"no connection":                 {"", &probe.Unknown{Class: "timeout"}, false, false},
		"our own refusal of their word": {"", io.ErrUnexpectedEOF, false, false},
		"alert that we sent ourselves":  {"", errors.New("local error: tls: bad record MAC"), false, false},
	} {
		t.Run(title, func(t *testing.T) {
			h := &heard{first: []byte(c.bytes)}
			assert.Equal(t, c.hello, h.hello())
			assert.Equal(t, c.refused, h.refused(c.err))
		})
	}
}
