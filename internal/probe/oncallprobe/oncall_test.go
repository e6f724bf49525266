package oncallprobe

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/probe"
)

const ic, tester = "ic@example.com", "tester@example.com"

// provider has one answer to everything.
type provider struct {
	shifts   []Shift
	incident Incident
	stuck    error // what it says to whoever resolves
}

func (p *provider) Name() string { return "the provider" }

func (p *provider) Shifts(context.Context, time.Time, time.Time) ([]Shift, error) {
	return p.shifts, nil
}

func (p *provider) Fire(context.Context, string, string) (string, error) { return "1", nil }

func (p *provider) State(context.Context, string) (Incident, error) { return p.incident, nil }

func (p *provider) Resolve(context.Context, string) error {
	if p.stuck == nil {
		p.incident.Resolved = true
	}
	return p.stuck
}

func TestAnswers(t *testing.T) {
	now := time.Now()
	shift := func(from, to time.Duration) []Shift {
		return []Shift{{Person: "backup@example.com", From: now.Add(-time.Hour), To: now.Add(time.Hour)}, {Person: ic, From: now.Add(from), To: now.Add(to)}}
	}
	always := shift(-time.Hour, time.Hour)
	conflict := errors.New("409")
	for name, test := range map[string]struct {
		provider provider
		want     probe.Status
		got      string
	}{
		"taken":                    {provider{always, Incident{Taken: now.Add(time.Second), By: ic}, nil}, probe.Pass, ""},
		"taken in capitals":        {provider{always, Incident{Taken: now.Add(time.Second), By: "IC@Example.com"}, nil}, probe.Pass, ""},
		"a shift of yesterday":     {provider{shift(-25*time.Hour, -time.Hour), Incident{Taken: now.Add(time.Second), By: ic}, nil}, probe.Fail, "who is not on call"},
		"a shift of tomorrow":      {provider{shift(time.Hour, 25*time.Hour), Incident{Taken: now.Add(time.Second), By: ic}, nil}, probe.Fail, "who is not on call"},
		"over just before":         {provider{shift(-time.Hour, 0), Incident{Taken: now.Add(time.Second), By: ic}, nil}, probe.Fail, "who is not on call"},
		"begins just after":        {provider{shift(3*time.Second, time.Hour), Incident{Taken: now.Add(2 * time.Second), By: ic}, nil}, probe.Fail, "who is not on call"},
		"called before a handover": {provider{shift(-time.Hour, 2*time.Second), Incident{Taken: now.Add(3 * time.Second), By: ic}, nil}, probe.Pass, ""},
		"after a handover":         {provider{shift(2*time.Second, time.Hour), Incident{Taken: now.Add(3 * time.Second), By: ic}, nil}, probe.Pass, ""},
		"late":                     {provider{always, Incident{Taken: now.Add(time.Minute), By: ic}, nil}, probe.Fail, "by " + ic},
		"by a stranger":            {provider{always, Incident{Taken: now.Add(time.Second), By: "x@example.com"}, nil}, probe.Fail, "who is not on call"},
		"by a service":             {provider{always, Incident{Taken: now.Add(time.Second), By: `service_reference "A bot"`}, nil}, probe.Fail, "who is not on call"},
		"by the tester":            {provider{always, Incident{Taken: now.Add(time.Second), By: tester}, nil}, probe.Fail, "who fired it"},
		"by nobody":                {provider{always, Incident{}, nil}, probe.Fail, "nobody's acknowledgement"},
		"by somebody":              {provider{always, Incident{Taken: now.Add(time.Second)}, nil}, probe.Blocked, "does not say"},
		"at no time":               {provider{always, Incident{By: ic}, nil}, probe.Blocked, "does not say"},
		"before it was fired":      {provider{always, Incident{Taken: now.Add(-10 * time.Minute), By: ic}, nil}, probe.Blocked, "before it was fired"},
		"a clock a little behind":  {provider{always, Incident{Taken: now.Add(-5 * time.Second), By: ic}, nil}, probe.Pass, ""},
		"resolved, taken by none":  {provider{always, Incident{Resolved: true}, nil}, probe.Fail, "resolved"},
		"resolved by the taker":    {provider{always, Incident{Taken: now.Add(time.Second), By: ic, Resolved: true}, conflict}, probe.Pass, ""},
		"nobody is on call":        {provider{nil, Incident{Taken: now.Add(time.Second), By: ic}, nil}, probe.Fail, "who is not on call"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := probe.Run(t.Context(), name, Answers(&test.provider, Drill{Tester: tester, Within: 4 * time.Second}))
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Contains(t, result.Message(), test.got)
		})
	}
}
