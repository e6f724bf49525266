package launch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// FromEnv loads the launch that LAUNCH_CONFIG names, for the environment that LAUNCH_ENV names. Neither has a default: a
// run must never reach an environment by accident. A relative LAUNCH_CONFIG is relative to Root.
//
// A run of nothing but the rollback reads no decisions: nothing that people decided, or wrote wrongly into a decision, may
// stand in its way. No phases mean that it is not about a run.
func FromEnv(phases ...Phase) (*Launch, error) {
	path, environment := os.Getenv("LAUNCH_CONFIG"), os.Getenv("LAUNCH_ENV")
	var unset []string
	if path == "" {
		unset = append(unset, "LAUNCH_CONFIG")
	}
	if environment == "" {
		unset = append(unset, "LAUNCH_ENV")
	}
	if len(unset) > 0 {
		return nil, fmt.Errorf("want LAUNCH_CONFIG (the file) and LAUNCH_ENV (the environment); got no %s; type: export LAUNCH_CONFIG=launch.yaml LAUNCH_ENV=staging",
			strings.Join(unset, " and "))
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(Root(), path)
	}
	rollback := len(phases) > 0 && !slices.ContainsFunc(phases, func(p Phase) bool { return p != RollBack })
	l, err := load(path, environment, !rollback, time.Now(), os.LookupEnv)
	if err == nil {
		l.registerSecrets()
	}
	return l, err
}

// registerSecrets makes the values of all secrets known to package redact before anything is printed: a server may echo
// what it was sent. A secret that cannot be read here blocks whoever needs it, and nobody else.
func (l *Launch) registerSecrets() {
	for _, s := range append(l.watchSecrets(), l.Chat.Webhook, l.DNS.Globalping.Token, l.CDN.Session.Credential, l.Drill.URL,
		l.BankID.ClientID, l.BankID.Secret, l.BankID.Login.Token, l.Sumsub.Token, l.Sumsub.Key, l.Sumsub.Webhook.Secret, l.Sumsub.Webhook.Canary.Token,
		l.OpenBanking.Token, l.OpenBanking.Consent.ID, l.OpenBanking.Consent.Account, l.OpenBanking.Sandbox.Token) {
		if !s.IsZero() {
			_, _ = s.Reveal(context.Background())
		}
	}
}

// Root is the repository: the nearest folder with a go.mod at or above the working directory, else the working directory.
func Root() string {
	start, err := os.Getwd()
	if err != nil {
		return "." // what is relative then stays relative
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			return start
		}
	}
}

// Load reads launch.yaml, lays environments/<environment>.yaml over it, and reads the decisions beside it. The error is
// a *Problems with every mistake there is.
func Load(path, environment string) (*Launch, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return load(absolute, environment, true, time.Now(), os.LookupEnv)
}

func load(path, environment string, decisions bool, now time.Time, lookup func(string) (string, bool)) (*Launch, error) {
	problems := &Problems{}
	files := folder{dir: filepath.Dir(path), problems: problems}
	l := &Launch{Environment: environment, Dir: files.dir}
	base := files.read(filepath.Base(path), "run launchgate init to write a first one, or correct LAUNCH_CONFIG")
	environments := files.environments()
	over := files.overlay(environment, environments)
	d := &decoder{dir: files.dir, lookup: lookup, problems: problems, positions: map[string]Position{}}
	l.positions = d.positions
	complete := base != nil && over != nil
	if complete {
		d.decode("", merge(base, over), reflect.ValueOf(l).Elem(), field{})
		l.fillNames()
		l.check(problems, d.people)
	}
	if decisions {
		l.Decisions = files.decisions(l, complete, environments, now)
	}
	if err := problems.err(); err != nil {
		return nil, err
	}
	var err error
	l.SHA256, err = l.hash()
	return l, err
}

// fillNames sets the names that follow from the domain.
func (l *Launch) fillNames() {
	if l.DNS.Domain == "" {
		return
	}
	if l.DNS.WWW.Name == "" {
		l.DNS.WWW.Name = "www." + l.DNS.Domain
	}
	if l.DNS.API.Enabled && l.DNS.API.Name == "" {
		l.DNS.API.Name = "api." + l.DNS.Domain
	}
	l.CDN.Host = cmp.Or(l.CDN.Host, l.DNS.Domain)
	l.Mail.Domain = cmp.Or(l.Mail.Domain, l.DNS.Domain)
	l.Mail.ReturnPath = cmp.Or(l.Mail.ReturnPath, l.Mail.Domain)
}

// folder is where launch.yaml stands, and what stands beside it.
type folder struct {
	dir      string
	problems *Problems
}

// shown is a file's name for messages: from the repository's root, where the file is below it.
func (f folder) shown(name string) string {
	path := filepath.Join(f.dir, name)
	if relative, err := filepath.Rel(Root(), path); err == nil && filepath.IsLocal(relative) {
		return filepath.ToSlash(relative)
	}
	return name
}

// read parses one file. It returns nil where it cannot, after saying why.
func (f folder) read(name, hint string) *value {
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.problems.add(Position{File: f.shown(name)}, "", "want this file; got none in %s; %s", f.dir, hint)
		return nil
	case err != nil:
		f.problems.add(Position{File: f.shown(name)}, "", "want a file that can be read; got %v", err)
		return nil
	}
	return parse(f.shown(name), text, f.problems)
}

var environmentName = regexp.MustCompile(`^[a-z0-9-]+$`)

func (f folder) overlay(environment string, environments []string) *value {
	known := "there are " + strings.Join(environments, ", ")
	if len(environments) == 0 {
		known = "there are none; write {} into environments/production.yaml to begin"
	}
	name := "environments/" + environment + ".yaml"
	if !environmentName.MatchString(environment) {
		f.problems.add(Position{File: f.shown("environments")}, "", "want the name of an environment in small letters, digits and -; got %s; %s", quote(environment), known)
		return nil
	}
	return f.read(name, "correct LAUNCH_ENV: "+known)
}

// environments lists the overlays there are.
func (f folder) environments() []string {
	var names []string
	for _, name := range f.yamlFiles("environments") {
		names = append(names, strings.TrimSuffix(filepath.Base(name), ".yaml"))
	}
	return names
}

// yamlFiles lists the *.yaml files of a folder, which need not exist. What looks like one and would not be read is
// reported: a rejection that nobody reads must not go unnoticed.
func (f folder) yamlFiles(sub string) []string {
	entries, err := os.ReadDir(filepath.Join(f.dir, sub))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.problems.add(Position{File: f.shown(sub)}, "", "want a folder that can be read; got %v", err)
	}
	var names []string
	for _, entry := range entries {
		name := filepath.Join(sub, entry.Name())
		switch ext := filepath.Ext(name); {
		case entry.IsDir():
			f.problems.add(Position{File: f.shown(name)}, "", "want files; got a folder, whose files are not read; move them to %s", sub)
		case ext == ".yaml":
			names = append(names, name)
		case strings.EqualFold(ext, ".yml") || strings.EqualFold(ext, ".yaml"):
			f.problems.add(Position{File: f.shown(name)}, "", "want a name that ends with .yaml; got %s, which is not read; rename it", ext)
		}
	}
	return names
}

// Path is a path of launch.yaml as the process can open it: relative ones are relative to launch.yaml.
func (l *Launch) Path(relative string) string {
	if filepath.IsAbs(relative) {
		return relative
	}
	return filepath.Join(l.Dir, relative)
}

// Position is where a key stands, such as dns.low_ttl or dns.records[0].name. For a key that has its default it is where
// the nearest key above it stands.
func (l *Launch) Position(key string) Position {
	for {
		if at, ok := l.positions[key]; ok || key == "" {
			return at
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
}

// CheckSchedule is the problem of a page that is looked at too late: the pages before the launch say nothing once it is
// over. It is no problem of loading, because a rollback comes after the launch.
func (l *Launch) CheckSchedule(p Phase, now time.Time) error {
	_, preLaunch := p.Before()
	if at := l.At(); preLaunch && now.After(at) {
		problem := Problems{}
		problem.add(l.Position("schedule.date"), "schedule.date", "want a launch still to come for the page %s; got %s, which is over; set the new date, or run the pages after the launch",
			p, at.Format(time.RFC3339))
		return problem[0]
	}
	return nil
}
