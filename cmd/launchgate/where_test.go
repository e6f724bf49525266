package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/internal/probe"
)

// startSandbox starts a sandbox in this process, with the launched version deployed.
func startSandbox(t *testing.T, fault string) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.Start(sandbox.Config{Dir: filepath.Join(t.TempDir(), "sandbox"), Base: filepath.Join(root, "launch.yaml"), Fault: fault})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	require.NoError(t, s.Deploy())
	return s
}

// flagsOf say to a probe where a sandbox is, without its launch.yaml.
func flagsOf(t *testing.T, s *sandbox.Sandbox) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir, "environments", "sandbox.yaml"))
	require.NoError(t, err)
	var overlay struct {
		Network struct {
			Connect map[string]string
			Private []string
		}
		DNS struct {
			Roots     []string
			Resolvers []struct{ Address, Region, Subnet string }
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &overlay))
	flags := []string{"--ca", filepath.Join(s.Dir, "ca.pem"), "--private", strings.Join(overlay.Network.Private, ",")}
	for from, to := range overlay.Network.Connect {
		flags = append(flags, "--connect", from+"="+to)
	}
	for _, root := range overlay.DNS.Roots {
		flags = append(flags, "--root", root)
	}
	for _, r := range overlay.DNS.Resolvers {
		text := r.Address + "=" + r.Region
		if r.Subnet != "" {
			text += "@" + r.Subnet
		}
		flags = append(flags, "--resolver", text)
	}
	return flags
}

// probeAt runs a probe in this process, and only where flags say where to look: without them it would ask the internet.
func probeAt(t *testing.T, flags []string, args ...string) said {
	t.Helper()
	require.Contains(t, flags, "--connect")
	require.Contains(t, flags, "--root")
	var out, errs strings.Builder
	code := run(context.Background(), append(append([]string{"probe"}, args...), flags...), &out, &errs)
	return said{out.String(), errs.String(), code}
}

func TestFlagsSayWhereToLook(t *testing.T) {
	all := [][]string{
		{"dns", "getdrop.no"}, {"cert", "getdrop.no"}, {"expiry", "www.getdrop.no", "80"}, {"floor", "getdrop.no"},
		{"redirect", "http://getdrop.no/a?b=c"}, {"hsts", "https://getdrop.no/"}, {"preload", "getdrop.no"}, {"page", "https://getdrop.no/", "Send penger"},
		{"headers", "https://getdrop.no/"}, {"health", "https://getdrop.no/api/health", "1.0.0"},
	}
	require.Len(t, all, len(probes)+1)
	healthy := startSandbox(t, "")
	flags, anchor := flagsOf(t, healthy), []string{"--trust-anchor", healthy.DNS.TrustAnchor()}
	all[0] = append(all[0], anchor...)
	for _, args := range all {
		s := probeAt(t, flags, args...)
		assert.Zero(t, s.code, "%v: %s%s", args, s.stdout, s.stderr)
		assert.Contains(t, s.stdout, "PASS", "%v", args)
	}
	s := probeAt(t, flags, "dns", "getdrop.no")
	assert.Contains(t, s.stdout, "regions covered", "the resolvers are asked")
	assert.NotContains(t, s.stdout, "RBK-01", "nothing is known about the zone before")
	assert.Equal(t, 2, s.code, "private roots without an anchor, and a zone with a DS: %s", s.stdout)

	red := flagsOf(t, startSandbox(t, "tls.expired"))
	assert.Equal(t, 1, probeAt(t, red, "cert", "getdrop.no").code)
}

func TestFlagsThatSayNothingAreRefused(t *testing.T) {
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(notPEM, []byte("nothing"), 0o600))
	sealed := []string{"--root", "198.51.100.1", "--connect", "198.51.100.2:53=127.0.0.1:9"}
	for want, flags := range map[string][]string{
		`--root: want ip or ip:port; got "ns.example"`:                         {"--root", "ns.example"},
		`--resolver: want ip or ip:port, with =REGION, with @SUBNET; got "eu"`: {"--resolver", "eu=127.0.0.1:53"},
		`--connect: want ip:port=ip:port; got ""`:                              {"--connect", "203.0.113.1:53"},
		`--connect: want ip:port=ip:port; got "localhost:53"`:                  {"--connect", "localhost:53=127.0.0.1:53"},
		`--private: want an address range such as 192.0.2.0/24; got`:           {"--private", "192.0.2.1"},
		"--ca /there/is/no/such.pem: want a PEM file of certificate":           {"--ca", "/there/is/no/such.pem"},
		"--ca " + notPEM + ": want a PEM file of certificate":                  {"--ca", notPEM},
		`invalid argument "soon" for "--timeout" flag`:                         {"--timeout", "soon"},
		"unknown flag: --resolvers":                                            {"--resolvers", "127.0.0.1:53"},
	} {
		s := probeAt(t, append(sealed[:len(sealed):len(sealed)], flags...), "cert", "getdrop.no")
		assert.Equal(t, 3, s.code, "%v", flags)
		assert.Contains(t, s.stderr, want)
		assert.Empty(t, s.stdout)
	}
}

// TestConnectSealsTheNetwork asks for addresses that --connect does not name, of the documentation ranges, so that even a
// network that leaks would reach nobody.
func TestConnectSealsTheNetwork(t *testing.T) {
	sealed := []string{"--root", "198.51.100.1", "--connect", "198.51.100.2:53=127.0.0.1:9", "--resolver", "198.51.100.3", "--json"}
	for _, args := range [][]string{{"dns", "getdrop.no"}, {"cert", "getdrop.no"}, {"page", "https://203.0.113.80/", "x"}} {
		s := probeAt(t, sealed, args...)
		assert.Equal(t, 2, s.code, "%v: %s", args, s.stderr)
		for line := range strings.Lines(s.stdout) {
			var r probe.Result
			require.NoError(t, json.Unmarshal([]byte(line), &r))
			assert.Equal(t, probe.Blocked, r.Status, line)
			assert.Regexp(t, `reaches nothing else|answers from 0 region`, line)
		}
	}
}

func TestWithoutALaunchAZoneIsNamed(t *testing.T) {
	s := probeAt(t, []string{"--root", "198.51.100.1", "--connect", "198.51.100.2:53=127.0.0.1:9"}, "dns")
	assert.Equal(t, 3, s.code)
	assert.Contains(t, s.stderr, "probe dns: want a domain, or LAUNCH_CONFIG and LAUNCH_ENV; got neither")
}
