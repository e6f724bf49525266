package target

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/httpprobe"
)

// HTTPS is the https URL of a path (with its query) on one of the launch's names.
func HTTPS(name launch.Domain, path string) string { return fmt.Sprintf("https://%s%s", name, path) }

// HTTP is the plain HTTP URL of a path on one of the launch's names.
func (t *Targets) HTTP(name launch.Domain, path string) string {
	if port := t.Launch.Web.PlainHTTPPort; port != 80 {
		return fmt.Sprintf("http://%s:%d%s", name, port, path)
	}
	return fmt.Sprintf("http://%s%s", name, path)
}

// WebNames are the names that people type: the domain and www.
func (t *Targets) WebNames() []launch.Domain {
	return []launch.Domain{t.Launch.DNS.Domain, t.Launch.DNS.WWW.Name}
}

// CertificateNames are the names that send a certificate: those of tls.names, and the launch's own names where only a
// wildcard there covers them. What a wildcard's server sends for one name it need not send for another.
func (t *Targets) CertificateNames() []string {
	l := t.Launch
	all := slices.Concat(l.TLS.Names, t.WebNames())
	if l.DNS.API.Enabled {
		all = append(all, l.DNS.API.Name)
	}
	var names []string
	for _, name := range all {
		if !name.Wildcard() && !slices.Contains(names, string(name)) {
			names = append(names, string(name))
		}
	}
	return names
}

// Subdomains are the names below the launch's domain that send a certificate, and www in any case.
func (t *Targets) Subdomains() []string {
	www := "www." + string(t.Launch.DNS.Domain)
	below := []string{www}
	for _, name := range t.CertificateNames() {
		if name != www && strings.HasSuffix(name, "."+string(t.Launch.DNS.Domain)) {
			below = append(below, name)
		}
	}
	return below
}

// Pages are the URLs of the landing page and of the further pages that launch.yaml names.
func (t *Targets) Pages() []string {
	all := []string{string(t.Launch.Web.URL)}
	for _, path := range t.Launch.Web.Pages {
		all = append(all, HTTPS(t.Launch.DNS.Domain, path))
	}
	return all
}

// Patterns are what must stand in the scripts of the landing page: a pattern and the value of its group. Load has compiled them.
func (t *Targets) Patterns() map[*regexp.Regexp]string {
	all := map[*regexp.Regexp]string{}
	for _, b := range t.Launch.Web.Bundle {
		all[regexp.MustCompile(b.Pattern)] = t.Launch.Compute.Variables[b.Variable]
	}
	return all
}

// HealthURL is the URL of the health document.
func (t *Targets) HealthURL() string { return HTTPS(t.Launch.DNS.Domain, t.Launch.Health.Path) }

// Health is what the health document must say when a version is running.
func (t *Targets) Health(version string) httpprobe.Health {
	h := t.Launch.Health
	return httpprobe.Health{StatusPath: h.StatusPath, StatusOK: h.StatusOK, VersionPath: h.VersionPath, Version: version, Checks: h.Checks}
}
