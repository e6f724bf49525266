package cloud

import (
	"context"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/flagsprobe"
	"github.com/getdrop/launchgate/internal/target/providers"
)

// Flags is what decides about the launch's flags; nil where launch.yaml does not say.
func (c *Cloud) Flags() flagsprobe.Provider {
	if c.Launch.Flags.Provider == launch.EnvironmentVars {
		return flagsprobe.NewEnvironment(c.variables)
	}
	return providers.Of(c.Launch).Flags
}

func (c *Cloud) variables(ctx context.Context) (map[string]string, error) {
	s, err := c.Platform.Describe(ctx)
	return s.Variables, err
}
