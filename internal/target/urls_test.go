package target

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/launch"
)

func TestANameThatOnlyAWildcardCoversIsLookedAt(t *testing.T) {
	l := &launch.Launch{}
	l.DNS.Domain, l.DNS.WWW.Name = "example.com", "www.example.com"
	l.DNS.API = launch.APIName{Enabled: true, Name: "api.example.com"}
	l.TLS.Names = []launch.Domain{"*.example.com", "pay.example.com", "www.example.com"}
	site := Targets{Launch: l}
	assert.Equal(t, []string{"pay.example.com", "www.example.com", "example.com", "api.example.com"}, site.CertificateNames())
	l.DNS.API.Enabled = false
	assert.NotContains(t, site.CertificateNames(), "api.example.com")
}

func TestSubdomainsAreBelowTheDomain(t *testing.T) {
	l := &launch.Launch{}
	l.DNS.Domain, l.DNS.WWW.Name = "example.com", "web.example.com"
	l.TLS.Names = []launch.Domain{"example.com", "*.example.com", "pay.example.com", "notexample.com", "example.net"}
	site := Targets{Launch: l}
	assert.Equal(t, []string{"www.example.com", "pay.example.com", "web.example.com"}, site.Subdomains())
}
