package rollback

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/procedure/release"
)

// Looks in a row that must all show the previous version, and the pause between them.
const (
	looks = 20
	every = 250 * time.Millisecond
)

// back is the attempt that the page's steps share.
var back procedure.Shared

// step is the body of a step's gate.
func step(name string) func(*gate.G) {
	return func(g *gate.G) {
		g.Check(name, back.Step(name, func() (*procedure.Procedure, error) { return build(g.Launch()) }))
	}
}

// build is the way back to the previous version. Each step may be done again, so that nothing that an earlier run left
// behind can stand in its way.
func build(l *launch.Launch) (*procedure.Procedure, error) {
	from, to := release.Next(l), release.Previous(l)
	owner := string(l.Roles.Deploy)
	confirm := min(5*time.Minute, to.Timeout)
	return release.Procedure(l, "Rollback", from, to,
		announcement(l, "1_Announce", func() string {
			return fmt.Sprintf("Going back to the previous version %s of %s in %s (launch %s).", to.Version, l.Project.Name, l.Environment, l.ID)
		}),
		procedure.Step{Name: "3_Run", Owner: owner, Repeatable: true, Says: to.Says(), Timeout: to.Timeout,
			Precondition: func(ctx context.Context) error { _, err := to.Found(ctx); return err },
			Do:           to.Run, Verify: to.Serves},
		procedure.Step{Name: "4_ConfirmPrevious", Owner: owner, Says: fmt.Sprintf("see version %s on every address %d times in a row", to.Version, looks),
			Timeout: confirm, Verify: to.Keeps(looks, every)},
		procedure.Step{Name: "6_Smoke", Owner: string(l.Roles.QA), Says: "run the smoke journeys on version " + to.Version,
			Timeout: confirm, Verify: to.Journeys},
		announcement(l, "8_Notify", func() string { return ending(l, to.Version) }),
	)
}

// announcement is a message that must not block: a silent chat costs five seconds.
func announcement(l *launch.Launch, name string, text func() string) procedure.Step {
	return procedure.Step{Name: name, Owner: string(l.Roles.IC), MustNotBlock: true, Says: "tell the chat", Timeout: 5 * time.Second,
		Precondition: func(ctx context.Context) error { return release.CanAnnounce(ctx, l) },
		Do:           func(ctx context.Context) error { return release.Announce(ctx, l, text()) }}
}

// ending is what people have to hear: that it is over, or that it is not and where it stopped.
func ending(l *launch.Launch, version string) string {
	var notify []string
	for _, id := range l.Rollback.Notify {
		notify = append(notify, l.People[id].Name)
	}
	what := fmt.Sprintf("%s in %s is back on version %s; every address serves it and the smoke journeys succeed.", l.Project.Name, l.Environment, version)
	if broken := back.Broken(); broken != nil {
		what = fmt.Sprintf("The rollback of %s in %s to version %s FAILED at %s and needs a person now: %v", l.Project.Name, l.Environment, version, broken.Step, broken.Err)
	}
	return fmt.Sprintf("%s Launch %s. For: %s", what, l.ID, strings.Join(notify, ", "))
}
