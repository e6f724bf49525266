package flagsprobe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Switch is a flag that turns a feature off at once, and how to see that it did, in an environment where one may try.
type Switch struct {
	Flag    string
	Admin   *jsonapi.Service // the call that sets it
	Method  string
	Path    string
	OnBody  string // JSON
	OffBody string
	Page    string // URL of the behaviour
	On, Off string // what the page says while the feature is on, and while it is off
	Within  time.Duration
	Fetch   func(context.Context, string) (status int, body []byte, err error)
}

// Drill is how the drill went: the evidence.
type Drill struct {
	Flag     string        `json:"flag"`
	Called   time.Time     `json:"called"`
	OffAfter time.Duration `json:"off_after_ns"` // negative: not in time
	Last     string        `json:"last_seen"`
	Restored bool          `json:"restored"`
}

// inARow is how many answers must agree: instances do not hear of it all at the same time.
const inARow = 3

// restoreWithin bounds what is done to leave the environment as it was, whatever became of the claim.
const restoreWithin = 30 * time.Second

// Kills claims that the feature is gone within the time once its flag is turned off. The drill turns it off and always on again.
func Kills(p Provider, s Switch) probe.Claim {
	return func(ctx context.Context) (evidence probe.Evidence, err error) {
		evidence = probe.Evidence{Target: s.Page, Source: "a drill: the flag is turned off, and the page asked until it shows"}
		if _, redeploys := p.(*Environment); redeploys {
			return evidence, &probe.Unmet{Class: "flags.redeploy", Want: "a flag that is turned off within " + s.Within.String(), Got: "environment variables, which need a deployment", From: p.String(),
				Fix: "put what must be stoppable behind a flag service"}
		}
		if s.Flag == "" || s.Page == "" || s.Admin.Base == "" {
			return evidence, unset("flags.kill_switch", "name the flag, the call that sets it, and the page that shows it")
		}
		evidence.Notes = []string{"whether the provider recorded who turned the flag is not looked at: the OpenFeature Remote Evaluation Protocol evaluates flags and has no audit log"}
		d := &Drill{Flag: s.Flag, OffAfter: -1}
		defer func() { evidence.Observed = *d }()
		if d.Last = s.shows(ctx); d.Last != "on" {
			return evidence, &probe.Unknown{Class: "flags.drill", Want: "a page that says that the feature is on, before the drill", Got: d.Last, From: s.Page, Fix: "turn the flag on there, or correct flags.kill_switch"}
		}
		defer func() { err = s.restore(ctx, d, err) }()
		d.Called = time.Now()
		if err := s.set(ctx, s.OffBody); err != nil {
			return evidence, err
		}
		if err := s.watch(ctx, d); err != nil {
			return evidence, err
		}
		return evidence, killed(*d, s)
	}
}

// watch asks the page until it shows that the feature is off, several times in a row.
func (s Switch) watch(ctx context.Context, d *Drill) error {
	row := 0
	_, err := probe.Await(ctx, s.Within, max(s.Within/20, 50*time.Millisecond), func(ctx context.Context) (bool, error) {
		asked := time.Now()
		d.Last = s.shows(ctx)
		if d.Last != "off" {
			row = 0
			return false, nil
		}
		if row++; row == 1 {
			d.OffAfter = asked.Sub(d.Called)
		}
		return row == inARow, nil
	})
	if row < inARow {
		d.OffAfter = -1
	}
	return err
}

func killed(d Drill, s Switch) error {
	want := s.Flag + " off within " + s.Within.String()
	switch {
	case d.OffAfter >= 0 && d.OffAfter <= s.Within:
		return nil
	case d.Last == "on" || d.Last == "off":
		return &probe.Unmet{Class: "flags.slow", Want: want, Got: "a page that says that the feature is " + d.Last + ", and did not say off in time", From: s.Page,
			Fix: "have the application ask for flags more often, and keep no page that depends on one"}
	}
	return &probe.Unknown{Class: "flags.drill", Want: want, Got: d.Last, From: s.Page, Fix: "see what the page says while the feature is off"}
}

// restore turns the feature on again, and says so where that fails: the first thing that somebody has to know.
func (s Switch) restore(ctx context.Context, d *Drill, verdict error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreWithin)
	defer cancel()
	var err error
	for range 3 {
		if err = s.set(ctx, s.OnBody); err == nil {
			break
		}
	}
	if err == nil {
		on, waiting := probe.Await(ctx, min(s.Within, restoreWithin/2), time.Second, func(ctx context.Context) (bool, error) { return s.shows(ctx) == "on", nil })
		d.Restored = on
		if err = waiting; err == nil && !on {
			err = errors.New("the page does not say that the feature is on")
		}
	}
	if err == nil {
		return verdict
	}
	also := ""
	if verdict != nil {
		also = "; before that, " + verdict.Error()
	}
	return &probe.Unmet{Class: "flags.not-restored", Want: s.Flag + " on again after the drill", Got: err.Error() + also, From: s.Page, Fix: "turn it on by hand"}
}

func (s Switch) set(ctx context.Context, body string) error {
	answer, err := s.Admin.Do(ctx, jsonapi.Request{Method: s.Method, Path: s.Path, JSON: json.RawMessage(body)})
	if err == nil && (answer.Status < 200 || answer.Status > 299) {
		err = answer.Unexpected()
	}
	return err
}

// shows is "on", "off", or why the page says neither. A page that fails says neither: what is missing there proves nothing.
func (s Switch) shows(ctx context.Context) string {
	status, body, err := s.Fetch(ctx, s.Page)
	if err != nil {
		return err.Error()
	}
	on, off := strings.Contains(string(body), s.On), strings.Contains(string(body), s.Off)
	switch {
	case status != 200:
		return fmt.Sprintf("status %d", status)
	case on && !off:
		return "on"
	case off && !on:
		return "off"
	}
	return "a page that says both, or neither"
}
