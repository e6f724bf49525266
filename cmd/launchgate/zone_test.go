package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/dnsprobe"
)

// lines reads what probe dns --json printed.
func lines(t *testing.T, s said) []zoneLine {
	t.Helper()
	var all []zoneLine
	for text := range strings.Lines(s.stdout) {
		var l zoneLine
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&l), text)
		all = append(all, l)
	}
	require.NotEmpty(t, all, s.stderr)
	return all
}

// launchFlags say about the sandbox's zone what its launch.yaml does.
func launchFlags(s *sandbox.Sandbox) []string {
	return []string{
		"--record", "getdrop.no=203.0.113.80,203.0.113.81,2001:db8:80::80", "--old", "getdrop.no=198.51.100.80,2001:db8:5::80",
		"--record", "www.getdrop.no=getdrop.no", "--old", "www.getdrop.no=old-front.getdrop.no",
		"--record", "api.getdrop.no=getdrop.no", "--old", "api.getdrop.no=old-api.getdrop.no",
		"--snapshot", filepath.Join(s.Dir, "before.zone"), "--ttl-log", filepath.Join(s.Dir, "ttl.jsonl"), "--low-ttl", "300s", "--repeat", "3/300ms",
		"--launch", time.Now().AddDate(0, 0, 6).Format(time.RFC3339), "--window-end", time.Now().AddDate(0, 0, 6).Add(4 * time.Hour).Format(time.RFC3339),
		"--return-path", "bounce.getdrop.no", "--selector", "s1", "--selector", "s2", "--sender", "203.0.113.25", "--own-senders",
		"--globalping", "NO", "--globalping", "US", "--globalping", "SG",
		"--cert-name", "getdrop.no", "--cert-name", "www.getdrop.no", "--cert-name", "*.getdrop.no", "--issuer", "ca.example",
		"--acme-account", "https://ca.example/acct/1", "--validation", "dns-01", "--mx", "10 mail.getdrop.no", "--trust-anchor", s.DNS.TrustAnchor(),
	}
}

// One object a line, with the keys that others read, and the same whether launch.yaml says it all or flags do.
func TestZoneLines(t *testing.T) {
	s := startSandbox(t, "dns.stale-resolver")
	byFlags := probeAt(t, flagsOf(t, s), append([]string{"dns", "getdrop.no", "--json"}, launchFlags(s)...)...)
	assert.Equal(t, 1, byFlags.code, byFlags.stderr)
	for key, value := range map[string]string{"LAUNCH_CONFIG": filepath.Join(s.Dir, "launch.yaml"), "LAUNCH_ENV": sandbox.Environment} {
		t.Setenv(key, value)
	}
	var out, errs strings.Builder
	byLaunch := said{code: run(t.Context(), []string{"probe", "dns", "--json"}, &out, &errs)}
	byLaunch.stdout, byLaunch.stderr = out.String(), errs.String()
	assert.Equal(t, 1, byLaunch.code, byLaunch.stderr)

	status := func(said said) map[string]probe.Status {
		all := map[string]probe.Status{}
		for _, l := range lines(t, said) {
			assert.Equal(t, "getdrop.no", l.Zone)
			assert.Regexp(t, `^[A-Z]{2,3}(-\d\d)?$`, l.Assertion)
			assert.Contains(t, []probe.Status{probe.Pass, probe.Fail, probe.NA}, l.Status, "%s: %s", l.Name, l.Got)
			assert.NotEmpty(t, l.Want, l.Name)
			assert.NotEmpty(t, l.Got, l.Name)
			if l.Status == probe.Pass && !strings.HasPrefix(l.Assertion, "RBK") {
				assert.NotEmpty(t, l.Who, l.Name)
			}
			all[l.Name] = l.Status
		}
		return all
	}
	assert.Equal(t, status(byLaunch), status(byFlags))
	for _, l := range lines(t, byFlags) {
		if l.Status != probe.Fail {
			assert.Nil(t, l.ETA, l.Name)
			continue
		}
		assert.Equal(t, "PRO-02", l.Assertion, "%s: want %s; got %s from %s", l.Name, l.Want, l.Got, l.Who)
		assert.Contains(t, l.Got, "198.51.100.80")
		assert.Contains(t, l.Who, "198.51.100.102:53")
		require.NotNil(t, l.ETA)
		assert.WithinDuration(t, time.Now().Add(25*time.Minute), *l.ETA, time.Minute)
	}
	for text := range strings.Lines(byFlags.stdout) {
		assert.Regexp(t, `^{"zone":".+","assertion":".+","status":".+","want":".+","got":".+","who":".*","eta":(null|"[0-9TZ:.-]+"),"name":`, text)
	}
}

// The launch does not say when another zone is launched, and so nothing of what its signatures must outlive.
func TestAnotherZoneHasNoWindow(t *testing.T) {
	s := startSandbox(t, "")
	t.Setenv("LAUNCH_CONFIG", filepath.Join(s.Dir, "launch.yaml"))
	t.Setenv("LAUNCH_ENV", sandbox.Environment)
	outlives := func(args ...string) bool {
		var f zoneFlags
		f.flags(&cobra.Command{})
		targets, err := zoneTargets(&where{}, &f, args)
		require.NoError(t, err)
		return slices.ContainsFunc(zoneClaims(targets), func(n dnsprobe.Named) bool { return strings.HasPrefix(n.Name, "SEC-03") })
	}
	assert.True(t, outlives())
	assert.True(t, outlives("getdrop.no"))
	assert.False(t, outlives("other.example"))
}

// A recommendation that nobody can tell is BLOCKED and changes no exit code; a claim that never came to say its id has it by its name.
func TestZoneLineOf(t *testing.T) {
	until := time.Date(2027, 1, 19, 10, 0, 0, 0, time.UTC)
	l := zoneLineOf("drop.example", probe.Result{Name: "REC-08 explicit: www", Status: probe.Warn, Measured: probe.Blocked, Want: "w", Got: "g", From: "f"})
	assert.Equal(t, zoneLine{Zone: "drop.example", Assertion: "REC-08", Status: probe.Blocked, Want: "w", Got: "g", Who: "f", Name: "REC-08 explicit: www"}, l)
	assert.Equal(t, 0, codeOf([]probe.Result{{Status: probe.Pass}, {Status: probe.Warn, Measured: probe.Blocked}}))
	l = zoneLineOf("drop.example", probe.Result{Name: "REC-08 explicit: www", Status: probe.Warn, Measured: probe.Fail, Until: &until})
	assert.Equal(t, probe.Warn, l.Status)
	assert.Equal(t, &until, l.ETA)
	l = zoneLineOf("drop.example", probe.Result{Name: "PRO-02 propagated: www", Status: probe.Pass, Started: until,
		Evidence: probe.Evidence{Asked: []string{"a", "b"}, GuaranteedAfter: until.Add(time.Hour)}})
	assert.Equal(t, "propagated: www", l.Want)
	assert.Equal(t, "as wanted; guaranteed after 2027-01-19T11:00:00Z", l.Got)
	assert.Equal(t, "a, b", l.Who)
	text, err := json.Marshal(l)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"eta":null`)
}

// What the flags say stands in the launch as if launch.yaml had said it.
func TestZoneFlagsFillALaunch(t *testing.T) {
	anchor := "1 13 1 " + strings.Repeat("AB CD ", 10)
	l := filled(t, "--record", "shop.example=lb.cloud.example", "--record", "api.shop.example=192.0.2.1,2001:db8::1", "--record", "new.shop.example=192.0.2.2",
		"--old", "shop.example=192.0.2.9,old.shop.example", "--old", "api.shop.example=192.0.2.8", "--snapshot", "before.zone", "--new", "new.shop.example",
		"--launch", "2027-01-19T23:30:30+01:00", "--window-end", "2027-01-20T02:00:30+01:00", "--low-ttl", "60s", "--negative-ttl", "5m", "--repeat", "4/20s",
		"--resolver", "192.0.2.53=eu@198.51.100.0/24,192.0.2.54=us", "--subnet", "203.0.113.0/24", "--regions", "2", "--providers", "2", "--globalping", "NO", "--globalping", "New York",
		"--trust-anchor", anchor, "--cert-name", "*.shop.example", "--issuer", "letsencrypt.org", "--acme-account", "https://acme.example/1", "--validation", "dns-01",
		"--selector", "s1", "--sender", "192.0.2.25", "--own-senders", "--return-path", "bounce.shop.example", "--mx", "10 mail.shop.example", "--dmarc", "reject", "--ttl-log", "log")
	d := l.DNS
	require.Len(t, d.Records, 3)
	assert.Equal(t, launch.Record{Name: "shop.example", Target: "lb.cloud.example", Old: []string{"192.0.2.9", "old.shop.example"}}, d.Records[0])
	assert.Equal(t, "2001:db8::1", d.Records[1].AAAA[0].String())
	assert.True(t, d.Records[2].New)
	assert.False(t, d.Records[1].New)
	assert.Equal(t, "2027-01-19T22:30:00Z", l.At().Format(time.RFC3339))
	_, end := l.Window()
	assert.Equal(t, "2027-01-20T01:01:00Z", end.Format(time.RFC3339))
	assert.Equal(t, []any{"before.zone", "log", time.Minute, 5 * time.Minute, 4, 20 * time.Second, 2, 2}, []any{d.RollbackFile, d.TTLLog, d.LowTTL.D(), d.NegativeTTL.D(), d.Repeat.Times, d.Repeat.Over.D(), d.Regions, d.Providers})
	assert.Equal(t, launch.Globalping{Locations: []string{"NO", "New York"}, Probes: 2}, d.Globalping)
	var vantages []string
	for _, r := range d.Resolvers {
		vantages = append(vantages, string(r.Address)+" "+r.Region+" "+r.Subnet.String())
	}
	assert.Equal(t, []string{"192.0.2.53 eu 198.51.100.0/24", "192.0.2.54 us invalid Prefix", "192.0.2.53 eu 203.0.113.0/24", "192.0.2.54 us 203.0.113.0/24"}, vantages)
	assert.Equal(t, []launch.DSData{launch.DSData(anchor)}, d.DNSSEC.TrustAnchor)
	assert.Equal(t, launch.TLS{Names: []launch.Domain{"*.shop.example"}, CA: []launch.Domain{"letsencrypt.org"}, ACMEAccount: "https://acme.example/1", Validation: "dns-01"}, l.TLS)
	assert.Equal(t, "192.0.2.25", l.Mail.Senders[0].String())
	l.Mail.Senders = nil
	assert.Equal(t, launch.Mail{Domain: "shop.example", ReturnPath: "bounce.shop.example", Selectors: []string{"s1"}, OwnSenders: true, DMARC: "reject"}, l.Mail)
	assert.Equal(t, []string{"10 mail.shop.example"}, d.MX)

	window := filled(t, "--launch", "2027-01-19T23:30:30+01:00").Schedule.Window
	assert.Equal(t, window.Start, window.End, "no window is known")
	bare := filled(t)
	assert.True(t, bare.At().IsZero(), "no launch is known")
	assert.Equal(t, launch.Mail{Domain: "shop.example", ReturnPath: "shop.example", DMARC: "quarantine"}, bare.Mail)
	assert.Equal(t, []any{15 * time.Minute, 3, 10 * time.Second, 1}, []any{bare.DNS.NegativeTTL.D(), bare.DNS.Repeat.Times, bare.DNS.Repeat.Over.D(), bare.DNS.Providers})
	assert.True(t, filled(t, "--record", "shop.example=192.0.2.1").DNS.Records[0].New, "nothing is said of what was before")
	assert.False(t, filled(t, "--record", "shop.example=192.0.2.1", "--snapshot", "f").DNS.Records[0].New, "the snapshot says it")
}

// filled is the launch that flags make of the zone shop.example.
func filled(t *testing.T, args ...string) *launch.Launch {
	t.Helper()
	var w where
	var f zoneFlags
	cmd := &cobra.Command{}
	w.flags(cmd)
	f.flags(cmd)
	require.NoError(t, cmd.ParseFlags(args))
	l, named, err := w.launchOf(f.given())
	require.NoError(t, err)
	require.False(t, named)
	l.DNS.Domain = "shop.example"
	require.NoError(t, f.fill(l))
	return l
}

// Every bad value is said, a line each, before anything is asked.
func TestBadZoneFlagsAreSaidAtOnce(t *testing.T) {
	sealed := []string{"--root", "198.51.100.1", "--connect", "198.51.100.2:53=127.0.0.1:9"}
	s := probeAt(t, sealed, "dns", "shop.example", "--record", "shop.example", "--record", "other.example=192.0.2.1", "--record", "a.shop.example=192.0.2.1,x.example",
		"--record", "b.shop.example=192.0.2.1", "--record", "b.shop.example=192.0.2.2", "--old", "c.shop.example=192.0.2.1", "--old", "b.shop.example", "--new", "d.shop.example",
		"--low-ttl", "0", "--negative-ttl", "soon", "--repeat", "3", "--launch", "tomorrow", "--subnet", "10.0.0.1/8", "--regions", "3", "--providers", "0",
		"--trust-anchor", "AB", "--cert-name", "x", "--issuer", "-", "--sender", "mail", "--return-path", "?", "--mx", "mail.shop.example", "--resolver", "eu", "--private", "x")
	assert.Equal(t, 3, s.code)
	assert.Empty(t, s.stdout)
	for _, want := range []string{
		`--resolver: want ip or ip:port`, `--private: want an address range`, `--record: want NAME=TARGET, or NAME=ADDRESS,ADDRESS…; got "shop.example"`,
		`--record: want a name in shop.example; got "other.example"`, `--record: want NAME=TARGET, or NAME=ADDRESS,ADDRESS…; got "a.shop.example=192.0.2.1,x.example"`,
		`--record: want each name once, with all its answers; got "b.shop.example"`, `--old: want NAME=ANSWER,ANSWER… of a planned record; got "c.shop.example=192.0.2.1"`,
		`got "b.shop.example"`, `--new: want the name of a planned record; got "d.shop.example"`, `--low-ttl: want a duration above zero such as 300s or 15m; got "0"`,
		`--negative-ttl: want a duration`, `--repeat: want TIMES/DURATION such as 3/10s; got "3"`, `--launch: want a point in time`, `--subnet: want an address range`,
		`--regions: want at most the 1 regions of --resolver; got "3"`, `--providers: want 1 or more; got "0"`, `--trust-anchor: want DS data`, `--cert-name: want a host name`,
		`--issuer: want a host name`, `--sender: want an IP address`, `--return-path: want a host name`, `--mx: want a preference and a name`,
	} {
		assert.Contains(t, s.stderr, want)
	}
	assert.Contains(t, probeAt(t, sealed, "dns", "shop.example", "--window-end", "2027-01-19T10:00:00Z").stderr, "--window-end: want --launch with it")
	assert.Contains(t, probeAt(t, sealed, "dns", "shop.example", "--launch", "2027-01-19T10:00:00Z", "--window-end", "2027-01-20T10:00:00Z").stderr, "within a day after --launch")
	assert.Contains(t, probeAt(t, sealed, "dns", "shop.example", "--launch", "2027-01-19T10:00:00Z", "--window-end", "2027-01-19T09:00:00Z").stderr, "within a day after --launch")
	assert.Contains(t, probeAt(t, sealed, "dns", "shop.example", "--subnet", "198.51.100.0/24").stderr, "--subnet: want --resolver with it")
	assert.Contains(t, probeAt(t, sealed, "dns", "shop.example", "--dmarc", "none").stderr, "want quarantine, reject")
	t.Setenv("LAUNCH_ENV", "sandbox")
	var errs strings.Builder
	assert.Equal(t, 3, run(t.Context(), []string{"probe", "dns", "--low-ttl", "60s"}, &errs, &errs))
	assert.Contains(t, errs.String(), "got both")
}
