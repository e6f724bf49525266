package launch

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// decision is a valid waiver, with parts replaced: old, new, old, new.
func decision(edit ...string) string {
	return strings.NewReplacer(edit...).Replace(`gate: TMinus5/DNS/LowTTL
decision: waive
person: owner
role: dns
requested_by: reviewer
reason: The registrar's panel goes no lower than 600 s, which costs ${FIVE} minutes.
compensating_control: Rollback by load balancer.
signed: 2026-11-30T09:00:00Z
expires: 2027-02-18T09:00:00Z
environment: staging
`)
}

func TestDecisions(t *testing.T) {
	na := decision("decision: waive", "decision: na", "requested_by: reviewer\n", "", "compensating_control: Rollback by load balancer.\n", "")
	path := stage(t, map[string]string{"decisions/waive.yaml": decision(), "decisions/na.yaml": na, "decisions/README.md": "not a decision",
		"decisions/other.yaml": decision("environment: staging", "environment: production", "person: owner", "person: reviewer", "requested_by: reviewer", "requested_by: owner")})
	l, err := load(path, "staging", true, now, variables)
	require.NoError(t, err)
	assert.Len(t, l.Decisions, 3)
	d := l.Decisions[2]
	assert.Equal(t, "decisions/waive.yaml", d.File)
	assert.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(decision()))), d.SHA256)
	assert.Equal(t, PersonID("owner"), d.Person)
	assert.Contains(t, d.Reason, "${FIVE}", "nothing is expanded")
}

func TestRejections(t *testing.T) {
	at := func(hour int) Instant { return Instant{now.Add(time.Duration(hour) * time.Hour)} }
	no := Decision{Gate: "TMinus5/DNS", Decision: "reject", Person: "owner", Environment: "staging", Signed: at(9)}
	for what, c := range map[string]struct {
		also   func(*Decision)
		stands bool
	}{
		"a later approval takes it back":      {func(d *Decision) { d.Signed = at(10) }, false},
		"one of the same moment does not":     {func(d *Decision) {}, true},
		"an earlier one does not":             {func(d *Decision) { d.Signed = at(8) }, true},
		"one by another does not":             {func(d *Decision) { d.Signed, d.Person = at(10), "reviewer" }, true},
		"one of a gate below it does not":     {func(d *Decision) { d.Signed, d.Gate = at(10), "TMinus5/DNS/API" }, true},
		"one for another environment doesn't": {func(d *Decision) { d.Signed, d.Environment = at(10), "production" }, true},
		"a waiver does not":                   {func(d *Decision) { d.Signed, d.Decision = at(10), "waive" }, true},
	} {
		yes := no
		yes.Decision = "approve"
		c.also(&yes)
		l := &Launch{Environment: "staging", Decisions: []Decision{yes, no}}
		assert.Equal(t, c.stands, len(l.Rejections()) == 1, what)
	}
	assert.Empty(t, (&Launch{Environment: "production", Decisions: []Decision{no}}).Rejections())
}

func TestInvalidDecisions(t *testing.T) {
	var got strings.Builder
	for _, c := range []struct{ name, text string }{
		{"empty", ""},
		{"broken", "gate: [unclosed"},
		{"no keys", "{}"},
		{"unknown key", decision("role:", "rolle:")},
		{"no expiry", decision("expires: 2027-02-18T09:00:00Z\n", "")},
		{"unreadable expiry", decision("2027-02-18T09:00:00Z", "in spring")},
		{"na without expiry", decision("decision: waive", "decision: na", "expires: 2027-02-18T09:00:00Z\n", "")},
		{"31 days after the launch", decision("2027-02-18T09:00:00Z", "2027-02-18T09:00:01Z")},
		{"expires before signed", decision("2027-02-18", "2026-11-29")},
		{"signed in the future", decision("2026-11-30", "2026-12-02")},
		{"no compensating control", decision("compensating_control: Rollback by load balancer.\n", "")},
		{"no requester", decision("requested_by: reviewer\n", "")},
		{"own request", decision("requested_by: reviewer", "requested_by: owner")},
		{"unknown people", decision("person: owner", "person: nobody", "requested_by: reviewer", "requested_by: ghost")},
		{"bot", decision("person: owner", "person: robot")},
		{"unknown role", decision("role: dns", "role: dsn")},
		{"unknown environment", decision("environment: staging", "environment: stagin")},
		{"unknown kind", decision("decision: waive", "decision: skip")},
		{"gate of no phase", decision("TMinus5/DNS/LowTTL", "TMinus4/DNS/LowTTL")},
		{"gate without section", decision("TMinus5/DNS/LowTTL", "TMinus5")},
		{"evidence", decision("role: dns", "role: dns\nevidence_sha256: abc")},
		{"leftover", decision("The registrar's panel", "TBD")},
	} {
		path := stage(t, map[string]string{"decisions/it.yaml": c.text, "environments/staging.yaml": "people: {robot: {name: Robot, bot: true}}"})
		l, err := load(path, "staging", true, now, variables)
		assert.Nil(t, l, c.name)
		if assert.Error(t, err, c.name) {
			fmt.Fprintf(&got, "== %s\n%v\n", c.name, err)
		}
	}
	golden(t, "testdata/decisions.golden", []byte(got.String()))
}

func TestUnreadDecisions(t *testing.T) {
	path := stage(t, map[string]string{"decisions/reject.yml": decision(), "decisions/2026/reject.yaml": decision(), "environments/Other.YAML": "{}"})
	require.NoError(t, os.Symlink("nowhere", filepath.Join(filepath.Dir(path), "decisions", "gone.yaml")))
	_, err := load(path, "staging", true, now, variables)
	require.ErrorContains(t, err, "decisions/2026: want files; got a folder, whose files are not read; move them to decisions")
	require.ErrorContains(t, err, "decisions/gone.yaml: want a file that can be read")
	require.ErrorContains(t, err, "decisions/reject.yml: want a name that ends with .yaml; got .yml, which is not read; rename it")
	require.ErrorContains(t, err, "environments/Other.YAML: want a name that ends with .yaml")
}
