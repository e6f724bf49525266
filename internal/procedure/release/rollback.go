package release

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/procedure"
)

// Looks in a row that must all show the same version, and the pause between them.
const looks = 20

var every = 250 * time.Millisecond // tests are in more of a hurry

// Rollback is the way back to the previous version, whose steps share an attempt. Each step may be done again, so that
// nothing that an earlier run left behind can stand in its way.
func Rollback(l *launch.Launch, shared *procedure.Shared) (*procedure.Procedure, error) {
	from, to := Next(l), Previous(l)
	owner := string(l.Roles.Deploy)
	confirm := min(5*time.Minute, to.Timeout)
	return New(l, "Rollback", way(from, to),
		announcement(l, "1_Announce", func() string {
			return fmt.Sprintf("Going back to the previous version %s of %s in %s (launch %s).", to.Version, l.Project.Name, l.Environment, l.ID)
		}),
		procedure.Step{Name: "3_Run", Owner: owner, Repeatable: true, Says: to.says(), Timeout: to.Timeout,
			Precondition: func(ctx context.Context) error { _, err := to.Found(ctx); return err },
			Do:           to.Run, Verify: to.Serves},
		procedure.Step{Name: "4_ConfirmPrevious", Owner: owner, Says: fmt.Sprintf("see version %s on every address %d times in a row", to.Version, looks),
			Timeout: confirm, Verify: to.Keeps(looks, every)},
		procedure.Step{Name: "6_Smoke", Owner: string(l.Roles.QA), Says: "run the smoke journeys on version " + to.Version,
			Timeout: confirm, Verify: to.Journeys},
		announcement(l, "8_Notify", func() string { return ending(l, to.Version, shared.Broken()) }),
	)
}

// announcement is a message that must not block: a silent chat costs five seconds.
func announcement(l *launch.Launch, name string, text func() string) procedure.Step {
	return procedure.Step{Name: name, Owner: string(l.Roles.IC), MustNotBlock: true, Says: "tell the chat", Timeout: 5 * time.Second,
		Precondition: func(ctx context.Context) error { return canAnnounce(ctx, l) },
		Do:           func(ctx context.Context) error { return announce(ctx, l, text()) }}
}

// ending is what people have to hear: that it is over, or that it is not and where it stopped.
func ending(l *launch.Launch, version string, broken *procedure.Result) string {
	var notify []string
	for _, id := range l.Rollback.Notify {
		notify = append(notify, l.People[id].Name)
	}
	what := fmt.Sprintf("%s in %s is back on version %s; every address serves it and the smoke journeys succeed.", l.Project.Name, l.Environment, version)
	if broken != nil {
		what = fmt.Sprintf("The rollback of %s in %s to version %s FAILED at %s and needs a person now: %v", l.Project.Name, l.Environment, version, broken.Step, broken.Err)
	}
	return fmt.Sprintf("%s Launch %s. For: %s", what, l.ID, strings.Join(notify, ", "))
}
