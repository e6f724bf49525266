package cloud

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/computeprobe"
	"github.com/getdrop/launchgate/internal/probe/logsprobe"
)

type platform struct {
	service computeprobe.Service
	err     error
}

func (p platform) Describe(context.Context) (computeprobe.Service, error) { return p.service, p.err }

func holds(context.Context) (probe.Evidence, error) { return probe.Evidence{}, nil }

func TestOnThePlatform(t *testing.T) {
	inLogs := func(c *Cloud) probe.Claim {
		return c.InPlatformLogs(func(*logsprobe.Group) probe.Claim { return holds })
	}
	traced := func(c *Cloud) probe.Claim { return c.WhereTraced(holds) }
	traces := func(c *Cloud) probe.Claim { return computeprobe.Traces(c.Platform) }
	for name, test := range map[string]struct {
		platform platform
		claim    func(*Cloud) probe.Claim
		want     probe.Status
	}{
		"its log group":      {platform{service: computeprobe.Service{Group: "/aws/apprunner/a/b/application"}}, inLogs, probe.Pass},
		"no log group":       {platform{}, inLogs, probe.Blocked},
		"nobody knows":       {platform{err: errors.New("denied")}, inLogs, probe.Blocked},
		"there is no such":   {platform{err: &probe.Unmet{Class: "compute.missing"}}, inLogs, probe.Fail},
		"tracing":            {platform{service: computeprobe.Service{Tracing: true}}, traced, probe.Pass},
		"no tracing":         {platform{}, traced, probe.NA}, // the check beside it is red then
		"tracing unknown":    {platform{err: errors.New("denied")}, traced, probe.Blocked},
		"traces":             {platform{service: computeprobe.Service{Tracing: true}}, traces, probe.Pass},
		"does not":           {platform{}, traces, probe.Fail},
		"nobody knows if so": {platform{err: errors.New("denied")}, traces, probe.Blocked},
	} {
		_, err := test.claim(&Cloud{Platform: test.platform})(t.Context())
		assert.Equal(t, test.want, probe.StatusOf(err), "%s: %v", name, err)
	}
}

func TestPlatformGroup(t *testing.T) {
	for service, want := range map[launch.ARN]string{
		"arn:aws:apprunner:eu-west-1:111122223333:service/drop-web/8fe1": "/aws/apprunner/drop-web/8fe1/application",
		"arn:aws:ecs:eu-west-1:111122223333:service/cluster/drop-web":    "",
		"": "",
	} {
		assert.Equal(t, want, platformGroup(service))
	}
}
