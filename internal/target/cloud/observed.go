package cloud

import (
	"context"
	"crypto/rand"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/logsprobe"
)

// Captures claims that a request that nobody made before is found in a log group.
func (c *Cloud) Captures(group *logsprobe.Group) probe.Claim {
	nonce := rand.Text()
	ask := c.Emit(c.Launch.Logs.Nonce + "?launchgate=" + nonce)
	return group.Captures(nonce, c.Launch.Logs.Within.D(), func(ctx context.Context) (string, error) { return ask(ctx, nil) })
}

// InPlatformLogs makes a claim about the log group in which the platform puts the application's output, as the platform says it,
// and not about one that somebody wrote down.
func (c *Cloud) InPlatformLogs(claim func(*logsprobe.Group) probe.Claim) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, err := c.Platform.Describe(ctx)
		switch {
		case err != nil:
			return probe.Evidence{Target: s.Name}, err
		case s.Group == "":
			return probe.Evidence{Target: s.Name}, &probe.Unknown{Class: "not-configured", Want: "the log group of " + s.Name, Got: "none that the platform names", From: s.Where, Fix: "have the service log to CloudWatch"}
		}
		return claim(logsprobe.New(c.Account, s.Group))(ctx)
	}
}

// WhereTraced makes a claim about a trace where the platform traces at all; computeprobe.Traces judges whether it does.
func (c *Cloud) WhereTraced(claim probe.Claim) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		s, err := c.Platform.Describe(ctx)
		switch {
		case err != nil:
			return probe.Evidence{Target: s.Name}, err
		case !s.Tracing:
			return probe.Evidence{Target: s.Name}, &probe.NotApplicable{Why: "the platform does not trace"}
		}
		return claim(ctx)
	}
}
