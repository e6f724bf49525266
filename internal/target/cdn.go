package target

import (
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/cdnprobe"
	"github.com/getdrop/launchgate/internal/procedure"
)

// CDN is the URL of a path on the CDN; "" where there is no path.
func (t *Targets) CDN(path string) string {
	if path == "" {
		return ""
	}
	return HTTPS(t.Launch.CDN.Host, path)
}

// CDNOrigin is how the production origin is told from others.
func (t *Targets) CDNOrigin() cdnprobe.Origin {
	o := t.Launch.CDN.Origin
	return cdnprobe.Origin{Header: o.Header, Value: o.Value}
}

// CDNSession is the test account.
func (t *Targets) CDNSession() cdnprobe.Session {
	s := t.Launch.CDN.Session
	return cdnprobe.Session{Header: s.Header, Sees: s.Sees, Credential: s.Credential.Revealer()}
}

// CDNManifest is where the build lists its fingerprinted files.
func (t *Targets) CDNManifest() cdnprobe.Manifest {
	a := t.Launch.CDN.Assets
	m := cdnprobe.Manifest{Base: a.Base}
	if a.Manifest != "" {
		m.File = t.Launch.Path(a.Manifest)
	}
	if a.Build != "" {
		m.Build = t.Launch.Path(a.Build)
	}
	return m
}

// HTML are the URLs of the CDN's HTML pages: those that launch.yaml names, else the site's own where the CDN stands before it.
func (t *Targets) HTML() []string {
	if len(t.Launch.CDN.Assets.HTML) == 0 && t.Launch.CDN.Host == t.Launch.DNS.Domain {
		return t.Pages()
	}
	return t.CDNAll(t.Launch.CDN.Assets.HTML)
}

// CDNAll are the URLs of paths on the CDN.
func (t *Targets) CDNAll(paths []string) []string {
	var all []string
	for _, path := range paths {
		all = append(all, t.CDN(path))
	}
	return all
}

// CDNPaths are the URLs of the paths that the CDN may treat so.
func (t *Targets) CDNPaths(cache string) []string {
	var all []string
	for _, b := range t.Launch.CDN.Behaviors {
		if b.Cache == cache {
			all = append(all, t.CDN(b.Path))
		}
	}
	return all
}

// CDNPurge is how the canary is purged.
func (t *Targets) CDNPurge() cdnprobe.Purge {
	p := t.Launch.CDN.Purge
	purge := cdnprobe.Purge{Within: p.Within.D()}
	if len(p.Command) > 0 {
		purge.Run = purgeCommand(t.Launch).Run
	}
	return purge
}

// purgeCommand is the program that purges the canary. Its output is kept for the message of a failure.
func purgeCommand(l *launch.Launch) procedure.Command {
	return procedure.Command{Args: l.CDN.Purge.Command, Dir: l.Dir, Version: l.Project.Version, Launch: l.ID, Timeout: l.CDN.Purge.Within.D()}
}

// AtOrigin is the URL of the same path without the CDN.
func (t *Targets) AtOrigin(path string) string {
	return strings.TrimSuffix(string(t.Launch.CDN.Origin.URL), "/") + path
}

// CDNPerf is the URL whose first byte is waited for around the world.
func (t *Targets) CDNPerf() string {
	if path := t.Launch.CDN.Perf.Path; path != "" {
		return t.CDN(path)
	}
	return t.CDNPaths("static")[0] // Load has checked that there is one
}
