// Package tminus5 is the T-5 page of the runbook: DNS and certificates, five days before the launch.
package tminus5

import (
	"testing"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
)

var page = gate.NewPage(launch.TMinus5,
	gate.NewSection("DNS", launch.RoleDNS, dnsGates),
	gate.NewSection("SSL", launch.RoleSSL, sslGates),
	gate.NewSection("Meta", launch.RoleDNS, metaGates),
)

func TestMain(m *testing.M) { gate.Main(m, page) }

// TestTMinus5 is the T-5 page of the runbook.
func TestTMinus5(t *testing.T) { page.Run(t) }

func metaGates(s *gate.Section) {
	s.SignOff("DNSOwnerDue", "DNS", launch.RoleDNS)
	s.SignOff("SSLOwnerDue", "SSL", launch.RoleSSL)
}
