package target

import (
	"context"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/githubprobe"
	"github.com/getdrop/launchgate/internal/probe/jsonapi"
)

// Providers are the third parties that are asked about one launch.
type Providers struct {
	*Targets
	GitHub *githubprobe.Repository
}

var knownProviders PerLaunch[Providers]

// ProvidersOf gives the providers of a launch: always the same ones.
func ProvidersOf(l *launch.Launch) *Providers {
	return knownProviders.Of(l, func(l *launch.Launch) *Providers {
		p := &Providers{Targets: Of(l)}
		github := p.api("GitHub", l.GitHub.API, l.GitHub.Token, "github.token")
		github.Header = githubprobe.Header()
		p.GitHub = githubprobe.New(github, l.GitHub.Repository)
		return p
	})
}

// api is an API that a launch names. One without a token that it needs refuses by itself.
func (t *Targets) api(name string, base launch.URL, token launch.Secret, key string) *jsonapi.Service {
	s := &jsonapi.Service{Name: name, Base: string(base), Network: t.Network, Resolver: t.Zone, Key: key}
	if !token.IsZero() {
		s.Token = token.Reveal
	}
	return s
}

// Revision is the commit that is launched, by launch.yaml.
func (p *Providers) Revision(context.Context) (string, error) {
	if r := p.Launch.CI.Revision; r != "" {
		return r, nil
	}
	return "", &probe.Unknown{Class: "not-configured", Want: "the commit that the image was built from", Got: "no ci.revision in launch.yaml", Fix: "add it"}
}
