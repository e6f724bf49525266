package watch

import (
	"cmp"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/betterstackprobe"
	"github.com/getdrop/launchgate/internal/probe/oncallprobe"
	"github.com/getdrop/launchgate/internal/probe/pagerdutyprobe"
	"github.com/getdrop/launchgate/internal/target"
)

func onCall(t *target.Targets) oncallprobe.Provider {
	o := t.Launch.OnCall
	if o.Provider == launch.OnBetterStack {
		return betterstackprobe.OnCall{Account: betterstackprobe.New(t.API("Better Stack", betterstackprobe.Base, o.Token, "oncall.token")), Schedule: cmp.Or(o.Schedule, "default"), Policy: o.Policy, Tester: t.Launch.People[o.Tester].Email}
	}
	rest := t.API("PagerDuty", pagerdutyprobe.REST, o.Token, "oncall.token")
	rest.Scheme, rest.Header = pagerdutyprobe.Scheme, pagerdutyprobe.Header()
	return pagerdutyprobe.New(rest, t.API("PagerDuty", pagerdutyprobe.Events, launch.Secret{}, "oncall.routing_key"), o.Schedule, o.RoutingKey.Revealer())
}

// Window is the launch window.
func (w *Watch) Window() (from, to time.Time) { return w.Launch.Window() }

// Email is that of a person, by which providers know them.
func (w *Watch) Email(id launch.PersonID) string { return w.Launch.People[id].Email }

// Drill is the test alert.
func (w *Watch) Drill() oncallprobe.Drill {
	o := w.Launch.OnCall
	return oncallprobe.Drill{Tester: w.Email(o.Tester), Within: o.Within.D(), Says: fmt.Sprintf("Launch %s in %s.", w.Launch.ID, w.Launch.Environment)}
}
