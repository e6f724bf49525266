package tlsprobe

import (
	"crypto/tls"
	"encoding/json"
	"maps"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/tlstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
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
			floor: tls.VersionTLS12, class: "tls.cipher", parts: []string{"got 3DES (64-bit blocks) accepted", "from 203.0.113.81:443"}},
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
		"clean close":       {tlstest.CloseAfterHello, probe.Pass, "", ""},
		"reset, every time": {tlstest.ResetAfterHello, probe.Pass, "", ""},
		"plain text":        {tlstest.PlainText, probe.Pass, "", ""},
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

func TestJudgeFloor(t *testing.T) {
	type answers map[tlsgrade.Version]tlsgrade.Answer
	no, yes := tlsgrade.Refused, tlsgrade.Accepted
	good := answers{tlsgrade.SSL2: no, tlsgrade.SSL3: no, tlsgrade.TLS10: no, tlsgrade.TLS11: no, tlsgrade.TLS12: yes, tlsgrade.TLS13: yes}
	with := func(v tlsgrade.Version, a tlsgrade.Answer) answers {
		other := maps.Clone(good)
		other[v] = a
		return other
	}
	for title, c := range map[string]struct {
		protocols answers
		rc4       tlsgrade.Answer
		want      probe.Status
	}{
		"good":                 {good, no, probe.Pass},
		"SSL 2.0":              {with(tlsgrade.SSL2, yes), no, probe.Fail},
		"accepted and unclear": {with(tlsgrade.TLS10, yes), tlsgrade.Unknown, probe.Fail},
		"unclear version":      {with(tlsgrade.TLS10, tlsgrade.Unknown), no, probe.Blocked},
		"unclear suite":        {good, tlsgrade.Unknown, probe.Blocked},
		"RC4":                  {good, yes, probe.Fail},
		"1.3 alone":            {with(tlsgrade.TLS12, no), no, probe.Pass},
	} {
		t.Run(title, func(t *testing.T) {
			g := Graded{observed: tlsgrade.Observation{Protocols: c.protocols}}
			for _, class := range belowFloor {
				answer := no
				if class.question == tlsgrade.AskSuitesRC4 {
					answer = c.rc4
				}
				g.observed.Offers = append(g.observed.Offers, tlsgrade.Offer{Question: class.question, Answer: answer})
			}
			assert.Equal(t, c.want, probe.StatusOf(g.judgeFloor(tls.VersionTLS12)))
			g.observed.Offers = nil
			assert.NotEqual(t, probe.Pass, probe.StatusOf(g.judgeFloor(tls.VersionTLS12)), "what was not asked is no refusal")
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
