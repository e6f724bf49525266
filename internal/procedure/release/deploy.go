package release

import (
	"context"
	"fmt"
	"time"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/procedure"
)

// Deploy brings the launched version out. Nobody promises that the command may be run twice, so it never is.
func Deploy(l *launch.Launch) (*procedure.Procedure, error) {
	from, to := Previous(l), Next(l)
	owner := string(l.Roles.Deploy)
	return New(l, "Deploy", way(from, to),
		procedure.Step{Name: "LatestImage", Owner: owner, Says: to.says(), Timeout: to.Timeout,
			Precondition: func(ctx context.Context) error { _, err := to.Found(ctx); return err },
			Do:           to.Run, Verify: to.Serves},
		procedure.Step{Name: "Health", Owner: owner, Says: fmt.Sprintf("see version %s on every address %d times in a row", to.Version, looks),
			Timeout: min(5*time.Minute, to.Timeout), Verify: to.Keeps(looks, every)},
	)
}
