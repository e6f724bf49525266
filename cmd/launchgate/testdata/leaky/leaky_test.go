// Package leaky is a page whose gates say a secret in every way that a bug or a server could. Only tests run it.
package leaky

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
)

var page = gate.NewPage(launch.TMinus5, gate.NewSection("DNS", launch.RoleDNS, leaks))

func TestMain(m *testing.M) { gate.Main(m, page) }

func TestTMinus5(t *testing.T) {
	secret := os.Getenv("SLACK_WEBHOOK_URL")
	fmt.Println("to standard output:", secret)
	fmt.Fprintln(os.Stderr, "to standard error:", secret)
	fmt.Println(strings.Repeat("a line that test2json cuts ", 151), secret) // at 4 KiB, in the middle of it
	page.Run(t)
	t.Cleanup(func() { panic("in the page: " + secret) })
}

func leaks(s *gate.Section) {
	secret := os.Getenv("SLACK_WEBHOOK_URL")
	everywhere := probe.Evidence{Target: secret, Asked: []string{secret}, Notes: []string{fmt.Sprintf("%q", secret)},
		Observed: map[string]any{secret: fmt.Sprintf("%q", fmt.Sprintf("%q", secret))}}
	s.Gate("LowTTL", gate.Hard, "It says it in a message.", func(g *gate.G) {
		g.Check(secret, func(context.Context) (probe.Evidence, error) {
			return everywhere, &probe.Unmet{Class: "leak", Want: secret, Got: fmt.Sprintf("%q", secret), From: secret, Fix: secret}
		})
	})
	s.Gate("API", gate.Hard, "It says it in an error.", func(g *gate.G) {
		g.Check("an error", func(context.Context) (probe.Evidence, error) { return everywhere, errors.New(secret) })
	})
	s.Gate("WWW", gate.Hard, "It panics with it.", func(g *gate.G) {
		g.Check("a panic", func(context.Context) (probe.Evidence, error) { panic(secret) })
	})
	s.Gate("Hygiene", gate.Warn, "Its body panics with it.", func(*gate.G) { panic(secret) })
}
