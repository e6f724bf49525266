package tlsprobe

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlsgrade"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe/tlswire"
)

func TestJudgeGrade(t *testing.T) {
	for title, c := range map[string]struct {
		grade, best, want string
		status            probe.Status
	}{
		"as wanted": {"A", "A", "A", probe.Pass}, "better": {"A+", "A+", "A", probe.Pass}, "worse": {"A", "A", "A+", probe.Fail}, "another name": {"M", "M", "A", probe.Fail},
		"nobody can tell": {"", "A+", "A", probe.Blocked}, "nobody can tell, and at best worse": {"", "B", "A", probe.Fail}, "nothing was measured": {"", "", "A", probe.Blocked},
	} {
		t.Run(title, func(t *testing.T) {
			g := Graded{Grade: tlsgrade.Grade{Grade: c.grade, Best: c.best}}
			assert.Equal(t, c.status, probe.StatusOf(g.judge(c.want)))
		})
	}
	reasons := []tlsgrade.Reason{{ID: "hsts-absent", Cap: "A", Fix: "send it"}, {ID: "told", Fix: "nothing"}, {ID: "tls1.0", Cap: "B", Fix: "switch it off"}}
	assert.Equal(t, "hsts-absent: send it; tls1.0: switch it off", fixes(reasons, "A+"))
	assert.Equal(t, "tls1.0: switch it off", fixes(reasons, "A"))
}

func TestACurveThatWasNotOfferedIsNoWeakOne(t *testing.T) {
	for bits, want := range map[int]tlsgrade.Answer{256: tlsgrade.Refused, 192: tlsgrade.Accepted, 0: tlsgrade.Accepted} {
		a := curveAsk(tlswire.TLS12, string(tlsgrade.AskWeakCurves), weakGroups)
		s := &scan{heard: []heardOf{{ask: a, answer: tlsgrade.Accepted, reply: &tlswire.Reply{Exchange: tlswire.Parameters{Bits: bits}}}}}
		assert.Equal(t, want, s.curveOffers()[0].Answer, "%d bits", bits)
	}
}
