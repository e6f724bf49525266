package launch

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// checker judges how the facts of a launch fit together. A key that could not be read is zero by now and was reported
// before, so every rule passes over zero values.
type checker struct {
	*Launch
	problems *Problems
}

func (c checker) bad(key, format string, args ...any) {
	c.problems.add(c.Position(key), key, format, args...)
}

// read says whether a key is there and could be read.
func (c checker) read(key string) bool {
	_, given := c.positions[key]
	return given && !slices.ContainsFunc(*c.problems, func(p Problem) bool { return p.Key == key })
}

func (l *Launch) check(problems *Problems, named []person) {
	c := checker{l, problems}
	c.production()
	c.people(named)
	c.schedule()
	c.names()
	c.records()
	c.resolvers()
	c.site()
	c.thresholds()
}

var launchID = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)

// production refuses what would let a run for production look at something else.
func (c checker) production() {
	if c.ID != "" && !launchID.MatchString(c.ID) {
		c.bad("launch", "want a short id in small letters, digits, . and -; got %s", quote(c.ID))
	}
	if c.Environment != "production" {
		return
	}
	for key, set := range map[string]bool{
		"network.connect": len(c.Network.Connect) > 0, "network.private": len(c.Network.Private) > 0,
		"dns.roots": len(c.DNS.Roots) > 0, "tls.ca_file": c.TLS.CAFile != "",
	} {
		if set {
			c.bad(key, "want it absent in production; got it set; it makes the suite look at something else than what the public sees; move it to the overlay of another environment")
		}
	}
}

// mayBeBot are the places that name who writes or is told, not who decides.
var mayBeBot = regexp.MustCompile(`^(document\.author|rollback\.notify\[\d+\])$`)

func (c checker) people(named []person) {
	if len(c.People) == 0 {
		return // reported before
	}
	for _, n := range named {
		switch p, known := c.People[n.id]; {
		case !known:
			c.bad(n.key, "%s", c.unknownPerson(n.id))
		case p.Bot && !mayBeBot.MatchString(n.key):
			c.bad(n.key, "want a person; got %s, which is a bot; an automation may write, never approve", quote(string(n.id)))
		}
	}
}

func (c checker) schedule() {
	s := c.Schedule
	if !c.read("schedule.date") || !c.read("schedule.time") || !c.read("schedule.timezone") {
		return
	}
	for key, clock := range map[string]Clock{"schedule.time": s.Time, "schedule.window.start": s.Window.Start, "schedule.window.end": s.Window.End,
		"schedule.maintenance.start": s.Maintenance.Start, "schedule.maintenance.end": s.Maintenance.End} {
		if !c.read(key) {
			continue
		}
		if err := local(s.Date, clock, s.Timezone); err != nil {
			c.bad(key, "want a local time that is unique; got %02d:%02d, which on %04d-%02d-%02d in %s %v; choose another time",
				clock.Hour, clock.Minute, s.Date.Year, s.Date.Month, s.Date.Day, s.Timezone, err)
		}
	}
	if m := "schedule.maintenance"; c.read(m) && (s.Maintenance.Start == s.Maintenance.End || !c.read(m+".start") || !c.read(m+".end")) {
		c.bad(m, "want a start and a different end; got %02d:%02d and %02d:%02d", s.Maintenance.Start.Hour, s.Maintenance.Start.Minute, s.Maintenance.End.Hour, s.Maintenance.End.Minute)
	}
	c.window()
}

// Window is when the deployment window opens and closes. One that passes midnight opens on the day before the launch
// where the launch is after midnight.
func (l *Launch) Window() (start, end time.Time) {
	s := l.Schedule
	start, end = s.Date.At(s.Window.Start, s.Timezone), s.Date.At(s.Window.End, s.Timezone)
	switch {
	case end.After(start):
	case l.At().After(end):
		end = end.AddDate(0, 0, 1)
	default:
		start = start.AddDate(0, 0, -1)
	}
	return start, end
}

func (c checker) window() {
	if !c.read("schedule.window.start") || !c.read("schedule.window.end") {
		return
	}
	start, end := c.Window()
	if want, got := end.Sub(start), c.Schedule.Window.Duration.D(); got != want && c.read("schedule.window.duration") {
		c.bad("schedule.window.duration", "want end - start, which is %s; got %s; correct the one that is wrong", Duration(want), Duration(got))
	}
	if at := c.At(); at.Before(start) || at.After(end) {
		c.bad("schedule.time", "want a time in the window %s – %s; got %s", start.Format("15:04"), end.Format("15:04"), at.Format("15:04"))
	}
}

// launchNames are the names that the launch is about, with the key each stands under.
func (c checker) launchNames() [][2]string {
	names := [][2]string{{"dns.domain", string(c.DNS.Domain)}, {"dns.www.name", string(c.DNS.WWW.Name)}}
	if c.DNS.API.Enabled {
		names = append(names, [2]string{"dns.api.name", string(c.DNS.API.Name)})
	}
	return slices.DeleteFunc(names, func(n [2]string) bool { return n[1] == "" })
}

func (c checker) names() {
	for i, n := range c.launchNames() {
		key, name := n[0], Domain(n[1])
		if name.Wildcard() {
			c.bad(key, "want one name; got the wildcard %s", name)
			continue
		}
		if i > 0 && name == c.DNS.Domain {
			c.bad(key, "want another name than dns.domain; got the same")
		}
		if len(c.DNS.Records) > 0 && !slices.ContainsFunc(c.DNS.Records, func(r Record) bool { return r.Name == name }) {
			c.bad("dns.records", "want a record for %s (%s); got none; say what the name must answer", name, key)
		}
		if len(c.TLS.Names) > 0 && !slices.ContainsFunc(c.TLS.Names, func(d Domain) bool { return d.Covers(name) }) {
			c.bad("tls.names", "want a name or wildcard that covers %s (%s); got none", name, key)
		}
	}
}

func (c checker) records() {
	seen := map[Domain]bool{}
	for i, r := range c.DNS.Records {
		key := fmt.Sprintf("dns.records[%d]", i)
		if r.Name == "" {
			continue
		}
		if seen[r.Name] {
			c.bad(key+".name", "want each name once; got %s again; put all its answers into one record", r.Name)
		}
		seen[r.Name] = true
		if r.Name.Wildcard() || r.Target.Wildcard() {
			c.bad(key, "want names that can be asked for; got a wildcard")
		}
		if domain := c.DNS.Domain; domain != "" && r.Name != domain && !strings.HasSuffix(string(r.Name), "."+string(domain)) {
			c.bad(key+".name", "want a name in %s; got %s", domain, r.Name)
		}
		_, target := c.positions[key+".target"]
		switch addresses := len(r.A)+len(r.AAAA) > 0; {
		case !target && !addresses:
			c.bad(key, "want a, aaaa or target; got none for %s; say what the name must answer", r.Name)
		case target && addresses:
			c.bad(key, "want either addresses (a, aaaa) or target; got both for %s; keep what the zone says", r.Name)
		}
		for n, ip := range r.A {
			if ip.IsValid() && !ip.Is4() {
				c.bad(fmt.Sprintf("%s.a[%d]", key, n), "want an IPv4 address; got %s; IPv6 goes under aaaa", ip)
			}
		}
		for n, ip := range r.AAAA {
			if ip.IsValid() && !ip.Is6() {
				c.bad(fmt.Sprintf("%s.aaaa[%d]", key, n), "want an IPv6 address; got %s; IPv4 goes under a", ip)
			}
		}
	}
}

func (c checker) resolvers() {
	regions, seen := map[string]bool{}, map[DNSResolver]bool{}
	for i, r := range c.DNS.Resolvers {
		regions[r.Region] = true
		same := DNSResolver{Address: r.Address, Subnet: r.Subnet}
		if r.Address != "" && seen[same] {
			c.bad(fmt.Sprintf("dns.resolvers[%d].address", i), "want each resolver once; got %s again; a second answer of the same server proves nothing", r.Address)
		}
		seen[same] = true
	}
	if len(c.DNS.Resolvers) > 0 && c.DNS.Regions > len(regions) {
		c.bad("dns.regions", "want at most the %d regions of dns.resolvers; got %d; add resolvers of other regions", len(regions), c.DNS.Regions)
	}
}

func (c checker) site() {
	if host := c.Web.URL.Host(); host != "" && c.DNS.Domain != "" && host != string(c.DNS.Domain) {
		c.bad("web.url", "want the host dns.domain, %s; got %s", c.DNS.Domain, quote(host))
	}
	if c.Web.PlainHTTPPort > 65535 {
		c.bad("web.plain_http_port", "want a port up to 65535; got %d", c.Web.PlainHTTPPort)
	}
	for i, path := range append([]string{c.Health.Path}, c.Web.Pages...) {
		if path != "" && !strings.HasPrefix(path, "/") {
			key := "health.path"
			if i > 0 {
				key = fmt.Sprintf("web.pages[%d]", i-1)
			}
			c.bad(key, "want a path that begins with /; got %s", quote(path))
		}
	}
	if v := c.Rollback.PreviousVersion; v != "" && v == c.Project.Version {
		c.bad("rollback.previous_version", "want another version than project.version; got %s for both; a rollback would change nothing", quote(v))
	}
}

func (c checker) thresholds() {
	for key, p := range map[string]Percent{"thresholds.error_rate": c.Thresholds.ErrorRate, "thresholds.db_pool": c.Thresholds.DBPool,
		"thresholds.cache_hit": c.Thresholds.CacheHit, "rollback.error_rate": c.Rollback.ErrorRate} {
		if p == 0 && c.read(key) {
			c.bad(key, "want a percentage above 0; got 0, which would always hold, or never")
		}
		if above := key == "thresholds.cache_hit" || key == "rollback.error_rate"; above && p == 100 {
			c.bad(key, "want a percentage below 100; got 100; more than that never happens")
		}
	}
}
