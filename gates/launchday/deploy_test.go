package launchday

import (
	"context"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/procedure/release"
)

// Looks in a row that must all show the launched version, and the pause between them.
const (
	looks = 20
	every = 250 * time.Millisecond
)

// out is the attempt that the page's steps share.
var out procedure.Shared

// step is the body of a step's gate.
func step(name string) func(*gate.G) {
	return func(g *gate.G) {
		g.Check(name, out.Step(name, func() (*procedure.Procedure, error) { return build(g.Launch()) }))
	}
}

// build brings the launched version out. Nobody promises that the command may be run twice, so it never is.
func build(l *launch.Launch) (*procedure.Procedure, error) {
	from, to := release.Previous(l), release.Next(l)
	owner := string(l.Roles.Deploy)
	return release.Procedure(l, "Deploy", from, to,
		procedure.Step{Name: "LatestImage", Owner: owner, Says: to.Says(), Timeout: to.Timeout,
			Precondition: func(ctx context.Context) error { _, err := to.Found(ctx); return err },
			Do:           to.Run, Verify: to.Serves},
		procedure.Step{Name: "Health", Owner: owner, Says: fmt.Sprintf("see version %s on every address %d times in a row", to.Version, looks),
			Timeout: min(5*time.Minute, to.Timeout), Verify: to.Keeps(looks, every)},
	)
}
