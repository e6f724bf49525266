// Package release says what bringing a version out and bringing it back have in common: the command of launch.yaml, the
// version that every address must serve, the smoke journeys, and the chat. It turns launch.yaml into the steps of package
// procedure and must not import `testing` or the gates.
package release

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
	"github.com/getdrop/launchgate/internal/probe/slackprobe"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/target"
	"github.com/getdrop/launchgate/smoke"
)

// way is what an attempt is about that leads from one version to another.
func way(from, to Release) string { return fmt.Sprintf("%s to %s", from.Version, to.Version) }

// Release is one version of the launch and the command that brings it to the users.
type Release struct {
	Launch  *launch.Launch
	Version string
	Command []string
	Timeout time.Duration
}

// Next is the version that is launched.
func Next(l *launch.Launch) Release {
	return Release{l, l.Project.Version, l.Deploy.Command, l.Deploy.Timeout.D()}
}

// Previous is the version to go back to.
func Previous(l *launch.Launch) Release {
	return Release{l, l.Rollback.PreviousVersion, l.Rollback.Command, l.Rollback.Timeout.D()}
}

// New gives a launch's steps their name, their journal's place and their permission: LAUNCH_EXECUTE. Key is what an attempt is about.
func New(l *launch.Launch, name, key string, steps ...procedure.Step) (*procedure.Procedure, error) {
	execute, err := procedure.Allowed(l.ID)
	if err != nil {
		return nil, err
	}
	return &procedure.Procedure{Name: name, Launch: l.ID, Key: key,
		Dir: l.Path(filepath.Join("state", "procedures", l.Environment)), Execute: execute, Steps: steps}, nil
}

func (r Release) command() procedure.Command {
	return procedure.Command{Args: r.Command, Dir: r.Launch.Dir, Version: r.Version, Launch: r.Launch.ID, Timeout: r.Timeout, Output: os.Stderr}
}

// says is the command for a person.
func (r Release) says() string { return "run " + r.command().String() }

// Run runs the command.
func (r Release) Run(ctx context.Context) error { return r.command().Run(ctx) }

// Found claims that the command's program is there and can be run.
func (r Release) Found(context.Context) (probe.Evidence, error) {
	path, err := r.command().Find()
	return probe.Evidence{Target: fmt.Sprintf("%q", r.Command), Observed: map[string]string{"program": path, "folder": r.Launch.Dir}}, err
}

// Serves claims that every address serves the version in good health, as seen now.
func (r Release) Serves(ctx context.Context) (probe.Evidence, error) {
	return r.look(target.New(r.Launch))(ctx)
}

func (r Release) look(t *target.Targets) probe.Claim {
	return httpprobe.HealthIs(t.Web, t.HealthURL(), t.Health(r.Version))
}

// Keeps claims that every address serves the version in good health, so many times in a row. The first look that shows
// something else decides.
func (r Release) Keeps(times int, every time.Duration) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		t := target.New(r.Launch)
		for n := 1; ; n++ {
			t.Web = &httpprobe.Client{Network: t.Network, Resolver: t.Zone} // which has seen nothing yet
			evidence, err := r.look(t)(ctx)
			evidence.Notes = append(evidence.Notes, fmt.Sprintf("look %d of %d", n, times))
			if err != nil || n >= times {
				return evidence, err
			}
			wait := time.NewTimer(every)
			select {
			case <-wait.C:
			case <-ctx.Done():
				wait.Stop()
				return evidence, &probe.Unknown{Class: "timeout", Want: fmt.Sprintf("version %s seen %d times in a row", r.Version, times),
					Got: fmt.Sprintf("%d times when the time was over", n), Err: context.Cause(ctx)}
			}
		}
	}
}

// Journeys claims that the smoke journeys succeed and meet the version.
func (r Release) Journeys(ctx context.Context) (probe.Evidence, error) {
	t := target.New(r.Launch)
	journeys := append(smoke.Health(t, r.Version), smoke.Landing(t)...)
	results := make([]probe.Result, len(journeys))
	var all sync.WaitGroup
	for i, step := range journeys {
		all.Go(func() { results[i] = probe.Run(ctx, step.Name, step.Claim) })
	}
	all.Wait()
	return probe.Evidence{Target: string(r.Launch.Web.URL), Observed: results}, worst(results)
}

// worst is the first journey step that was measured and is wrong, else the first that nobody can tell.
func worst(results []probe.Result) error {
	var unknown error
	for _, r := range results {
		switch r.Status {
		case probe.Pass:
		case probe.Fail:
			return &probe.Unmet{Class: r.Class, Want: r.Want, Got: r.Got, From: r.Name + ": " + r.From, Fix: r.Fix}
		default:
			if unknown == nil {
				unknown = &probe.Unknown{Class: r.Class, Want: r.Want, Got: r.Got, From: r.Name + ": " + r.From, Fix: r.Fix}
			}
		}
	}
	return unknown
}

// errNoWebhook is what an announcement says where launch.yaml has no chat.
var errNoWebhook = errors.New("chat.webhook is not set in launch.yaml")

// announce posts a text to the launch's chat.
func announce(ctx context.Context, l *launch.Launch, text string) error {
	webhook, err := webhook(ctx, l)
	if err != nil {
		return err
	}
	return slackprobe.Post(ctx, target.Of(l).Webhook, webhook, text)
}

// canAnnounce says whether there is a chat and its address can be read.
func canAnnounce(ctx context.Context, l *launch.Launch) error {
	_, err := webhook(ctx, l)
	return err
}

func webhook(ctx context.Context, l *launch.Launch) (string, error) {
	err := errNoWebhook
	value := ""
	if !l.Chat.Webhook.IsZero() {
		value, err = l.Chat.Webhook.Reveal(ctx)
	}
	if err != nil {
		return "", &probe.Unknown{Class: "not-configured", Want: "the chat's webhook", Got: err.Error(), From: "chat.webhook", Fix: "tell the channel by hand", Err: err}
	}
	return value, nil
}
