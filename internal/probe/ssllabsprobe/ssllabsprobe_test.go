package ssllabsprobe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/fixtures/ssllabstest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/tlsprobe"
)

func TestANewAssessmentIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	r := w.run(t, GradeAtLeast(w.probe(), host, "A+"))
	green(t, r)
	assert.Equal(t, []string{"203.0.113.80:443/tcp", "[2001:db8:80::80]:443/tcp"}, r.Evidence.Asked)
	require.Len(t, r.Evidence.Notes, 2)
	assert.Contains(t, r.Evidence.Notes[1], "engine 2.4.3, criteria 2009q, tested at 20")

	calls := w.analyzed()
	assert.Equal(t, "fromCache=on&host=shop.example&maxAge=24", calls[0])
	for _, call := range calls[1:] {
		assert.Equal(t, "host=shop.example", call)
	}
	assert.Equal(t, 5*time.Second, w.waits[0], "until the assessment is under way")
	for _, wait := range w.waits[1:] {
		assert.Equal(t, 10*time.Second, wait)
	}
	assert.Len(t, w.waits, 1+12, "no longer than it takes")
}

func TestACachedReportIsEnough(t *testing.T) {
	w := newWorld(t)
	w.cached(23 * time.Hour)
	green(t, w.run(t, GradeAtLeast(w.probe(), host, "A+")))
	assert.Len(t, w.analyzed(), 1)
	assert.Empty(t, w.waits)
}

func TestGrades(t *testing.T) {
	for _, c := range []struct {
		first, second, want string
		class               string // empty: green
		part                string
	}{
		{"A+", "A+", "A+", "", ""},
		{"A+", "A", "A", "", ""},
		{"A+", "A", "A+", "tls.grade", "want the SSL Labs grade A+ or better for shop.example; got A: the report says why from [2001:db8:80::80]:443"},
		{"A-", "A", "A", "tls.grade", "got A-: warnings from 203.0.113.80:443"},
		{"A+", "B", "A", "tls.grade", "got B"},
		{"A", "F", "A", "tls.grade", "got F"},
		{"T", "T", "A", "tls.grade", "got T: the report says why from 203.0.113.80:443 (2 of 2 addresses are red)"},
		{"M", "A", "A", "tls.grade", "got M"},
		{"A", "", "A", "ssllabs.ungraded", "got no grade: Unable to connect to the server from [2001:db8:80::80]:443"},
		{"", "C", "A", "tls.grade", "got C"},
		{"", "", "A", "ssllabs.ungraded", "(2 of 2 addresses are red)"},
		{"A++", "A", "A", "ssllabs.ungraded", `got grade "A++", which this program does not know`},
		{"a", "A", "A", "ssllabs.ungraded", `grade "a"`},
	} {
		t.Run(fmt.Sprintf("%s and %s for %s", c.first, c.second, c.want), func(t *testing.T) {
			w := newWorld(t)
			w.grade(c.first, c.second)
			w.cached(time.Hour)
			r := w.run(t, GradeAtLeast(w.probe(), host, c.want))
			switch c.class {
			case "":
				green(t, r)
			case "tls.grade":
				red(t, r, probe.Fail, c.class, c.part)
			default:
				red(t, r, probe.Blocked, c.class, c.part)
			}
		})
	}
}

func TestACertificateForAnotherNameIsM(t *testing.T) {
	w := newWorld(t)
	other := w.endpoint(v4, "")
	other.StatusMessage = "Certificate not valid for domain name"
	w.service.Host(host, other, w.endpoint(v6, "A"))
	red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Fail, "tls.grade", "got M: a certificate for another name", "issued for the name")
}

func TestReasons(t *testing.T) {
	w := newWorld(t)
	bad := w.endpoint(v4, "T")
	bad.TrustIgnored, bad.Issues = "F", 1|4|64
	bad.Details = map[string]any{"heartbleed": true, "bleichenbacher": 3, "ticketbleed": 1, "supportsRc4": map[string]any{"odd": true},
		"protocols": []any{map[string]any{"id": 768, "name": "SSL", "version": "3.0"}, map[string]any{"id": 769, "name": "TLS", "version": "1.0"}, "odd"}}
	w.service.Host(host, bad, w.endpoint(v6, "A"))
	red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Fail, "tls.grade",
		"got T: no chain of trust, certificate expired, self-signed certificate, F if trust is ignored, Heartbleed, ROBOT, SSL 3.0, TLS 1.0 from 203.0.113.80:443;")
}

// What the service saw is judged, and so is what it should have seen.
func TestAddresses(t *testing.T) {
	t.Run("one that the service did not find", func(t *testing.T) {
		w := newWorld(t)
		w.service.Host(host, w.endpoint(v4, "A+"))
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.ungraded", "no assessment of this address, which the DNS names from [2001:db8:80::80]:443")
	})
	t.Run("one that the cache does not have yet", func(t *testing.T) {
		w := newWorld(t)
		w.service.Host(host, w.endpoint(v4, "A+"))
		w.cached(time.Hour)
		w.grade("A", "A")
		green(t, w.run(t, GradeAtLeast(w.probe(), host, "A")))
		assert.Equal(t, 1, w.count("startNew=on"))
	})
	t.Run("one more than the DNS has", func(t *testing.T) {
		w := newWorld(t)
		w.service.Host(host, w.endpoint(v4, "A+"), w.endpoint(v6, "A+"), w.endpoint(netip.MustParseAddr("198.51.100.9"), "C"))
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Fail, "tls.grade", "got C", "from 198.51.100.9")
	})
	t.Run("one of them twice", func(t *testing.T) {
		w := newWorld(t)
		w.service.Host(host, w.endpoint(v4, "A+"), w.endpoint(v6, "A+"), w.endpoint(v4, "F"))
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Fail, "tls.grade", "got F", "from 203.0.113.80")
	})
	t.Run("a name that does not resolve", func(t *testing.T) {
		w := newWorld(t)
		red(t, w.run(t, GradeAtLeast(w.probe(), "gone.example", "A")), probe.Blocked, "dns", "no such name")
		assert.Empty(t, w.service.Asked(), "the service is not asked")
	})
}

// A cached report counts only for what is served now; else there is one new assessment, and not a second.
func TestOutdatedReports(t *testing.T) {
	for title, change := range map[string]func(*testing.T, *world){
		"old":                       func(_ *testing.T, w *world) { w.service.Advance(25 * time.Hour) },
		"of an earlier certificate": func(t *testing.T, w *world) { w.renew(t) },
		"by other criteria":         func(_ *testing.T, w *world) { w.service.Upgrade("2.4.3", "2009r") },
		"by another engine":         func(_ *testing.T, w *world) { w.service.Upgrade("2.5.0", "2009q") },
		"without a certificate":     func(_ *testing.T, w *world) { w.service.Host(host) },
	} {
		t.Run(title, func(t *testing.T) {
			w := newWorld(t)
			if title == "without a certificate" {
				w.service.Host(host, ssllabstest.Endpoint{Address: v4, Grade: "A"}, ssllabstest.Endpoint{Address: v6, Grade: "A"})
			}
			w.cached(time.Hour)
			change(t, w)
			w.grade("A", "A")

			w.service.Break(ssllabstest.OldCache)
			red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.outdated", "want a report of the last 24 hours", "clear cache")

			w.service.Break("")
			before := w.count("startNew=on")
			s := w.probe()
			for range 2 {
				green(t, w.run(t, GradeAtLeast(s, host, "A")))
			}
			if title == "old" { // maxAge has the service begin by itself
				assert.Equal(t, before, w.count("startNew=on"))
			} else {
				assert.Equal(t, before+1, w.count("startNew=on"))
			}
		})
	}
	t.Run("renewed while it was assessed", func(t *testing.T) {
		w := newWorld(t)
		w.service.Host(host, w.endpoint(v4, "A"), w.endpoint(v6, "A"))
		w.renew(t)
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.outdated", "on another certificate than 203.0.113.80:443 sends now")
		assert.Zero(t, w.count("startNew=on"), "one assessment a run")
	})
	t.Run("of before the address was out of reach from here", func(t *testing.T) {
		w := newWorld(t)
		w.cached(time.Hour)
		w.network.Connect["203.0.113.80:443"] = "127.0.0.1:1"
		w.service.Break(ssllabstest.OldCache)
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.outdated", "it cannot be seen from here what 203.0.113.80:443 sends now: connection refused")
		w.service.Break("")
		green(t, w.run(t, GradeAtLeast(w.probe(), host, "A")))
	})
}

func TestTrouble(t *testing.T) {
	for trouble, c := range map[ssllabstest.Trouble]struct{ class, part string }{
		ssllabstest.Overloaded:  {"ssllabs.overloaded", "529, the service is down or overloaded from https://api.ssllabs.com/api/v4/; wait 15 to 30 minutes"},
		ssllabstest.Unavailable: {"ssllabs.overloaded", "503"},
		ssllabstest.TooFast:     {"ssllabs.limit", "429, too many requests"},
		ssllabstest.Internal:    {"ssllabs.error", "500, an error of the service"},
		ssllabstest.BadGateway:  {"ssllabs.error", "502"},
		ssllabstest.Moved:       {"ssllabs.answer", "status 301"},
		ssllabstest.HTML:        {"ssllabs.answer", `what is no JSON of this API (invalid character '<' looking for beginning of value), beginning "<!doctype html>`},
		ssllabstest.Cut:         {"ssllabs.answer", "unexpected end of JSON input"},
		ssllabstest.Empty:       {"ssllabs.answer", "no engineVersion"},
		ssllabstest.OtherHost:   {"ssllabs.answer", `a report on "elsewhere.example"`},
		ssllabstest.NewStatus:   {"ssllabs.answer", `status "DONE"`},
		ssllabstest.HostError:   {"ssllabs.failed", "an assessment that failed: Internal assessment error"},
		ssllabstest.NoCerts:     {"ssllabs.outdated", "does not say which certificate it is on"},
	} {
		t.Run(string(trouble), func(t *testing.T) {
			w := newWorld(t)
			w.cached(time.Hour)
			w.service.Break(trouble)
			s := w.probe()
			if trouble == ssllabstest.NoCerts { // a report that was waited for needs none
				green(t, w.run(t, GradeAtLeast(s, host, "A")))
				return
			}
			red(t, w.run(t, GradeAtLeast(s, host, "A")), probe.Blocked, c.class, c.part)
			assert.LessOrEqual(t, len(w.service.Asked()), 5, "no hammering")
			if c.class == "ssllabs.overloaded" {
				red(t, w.run(t, GradeAtLeast(s, other, "A")), probe.Blocked, c.class, c.part)
				assert.Len(t, w.service.Asked(), 1, "it has asked to be left alone")
			}
		})
	}
	t.Run("every second request", func(t *testing.T) {
		w := newWorld(t)
		w.service.Break(ssllabstest.SecondFails)
		green(t, w.run(t, GradeAtLeast(w.probe(), host, "A")))
	})
	t.Run("a name that the service cannot resolve", func(t *testing.T) {
		w := newWorld(t)
		w.service.Host(host)
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.failed", "Unable to resolve domain name, which the service remembers until 20")
	})
	t.Run("overloaded in the middle", func(t *testing.T) {
		w := newWorld(t)
		s := w.probe()
		wait := s.wait
		s.wait = func(ctx context.Context, d time.Duration) error {
			w.service.Break(ssllabstest.Overloaded)
			return wait(ctx, d)
		}
		red(t, w.run(t, GradeAtLeast(s, host, "A")), probe.Blocked, "ssllabs.overloaded", "529")
		assert.Len(t, w.waits, 1)
	})
}

func TestTheWayThere(t *testing.T) {
	t.Run("nobody there", func(t *testing.T) {
		w := newWorld(t)
		w.network.Connect["198.51.100.200:443"] = "127.0.0.1:1"
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.unreachable", "connection refused from 198.51.100.200:443")
		assert.Empty(t, w.waits)
	})
	t.Run("another address of it", func(t *testing.T) {
		w := newWorld(t)
		w.network.Connect["[2001:db8:200::1]:443"] = "127.0.0.1:1"
		w.names[ssllabstest.Name] = []netip.Addr{netip.MustParseAddr("2001:db8:200::1"), ssllabstest.Address}
		green(t, w.run(t, GradeAtLeast(w.probe(), host, "A")))
	})
	t.Run("no such name", func(t *testing.T) {
		w := newWorld(t)
		delete(w.names, ssllabstest.Name)
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.unreachable", "no such name for the addresses of api.ssllabs.com")
	})
	t.Run("somebody else", func(t *testing.T) {
		w := newWorld(t)
		w.network.Connect["198.51.100.200:443"] = w.shop.Addr
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.unreachable", "does not cover api.ssllabs.com")
	})
	t.Run("outside the environment", func(t *testing.T) {
		w := newWorld(t)
		delete(w.network.Connect, "198.51.100.200:443")
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.unreachable", "198.51.100.200:443")
	})
}

func TestTheAddressIsRegisteredAndNeverShown(t *testing.T) {
	w := newWorld(t)
	s := w.probe()
	s.email = "stranger@elsewhere.example"
	r := w.run(t, GradeAtLeast(s, host, "A"))
	red(t, r, probe.Blocked, "ssllabs.unregistered", "status 441", "register the address of tls.ssllabs_email")
	text, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(text), "‹redacted:tls.ssllabs_email› is not registered", "the service repeats it")
	assert.NotContains(t, string(text), "stranger@")
	red(t, w.run(t, GradeAtLeast(s, other, "A")), probe.Blocked, "ssllabs.unregistered")
	assert.Len(t, w.service.Asked(), 2, "info and one analyze")

	for _, address := range []string{"", "a@b"} {
		s := w.probe()
		s.email = address
		red(t, w.run(t, GradeAtLeast(s, host, "A")), probe.Blocked, "not-configured", "set tls.ssllabs_email")
	}
	red(t, w.run(t, GradeAtLeast(w.probe(), host, "A++")), probe.Blocked, "not-configured")
	assert.Len(t, w.service.Asked(), 2)
}

func TestNamesTakeTurns(t *testing.T) {
	w := newWorld(t)
	w.service.Limit(1)
	s := w.probe()
	done := make(chan probe.Result)
	for _, name := range []string{host, other, host, other} {
		go func() { done <- probe.Run(t.Context(), name, GradeAtLeast(s, name, "A")) }()
	}
	for range 4 {
		green(t, <-done)
	}
	assert.Equal(t, 2, w.count("fromCache=on"), "one assessment a name")
	assert.Zero(t, w.count("startNew=on"))
}

func TestLimits(t *testing.T) {
	t.Run("none allowed", func(t *testing.T) {
		w := newWorld(t)
		w.service.Limit(0)
		red(t, w.run(t, GradeAtLeast(w.probe(), host, "A")), probe.Blocked, "ssllabs.limit", "maxAssessments 0")
		assert.Empty(t, w.analyzed())
	})
	t.Run("somebody else's go on", func(t *testing.T) {
		w := newWorld(t)
		w.service.Limit(1)
		w.service.Assess(other)
		green(t, w.run(t, GradeAtLeast(w.probe(), host, "A")))
		assert.Equal(t, "fromCache=on&host=shop.example&maxAge=24", w.analyzed()[0])
		assert.Greater(t, w.count("/info"), 1)
	})
	t.Run("cool-off", func(t *testing.T) {
		w := newWorld(t)
		w.cached(time.Hour)
		w.renew(t)
		w.grade("A", "A")
		w.service.Assess(other) // just now, by somebody else: the first 429 is met with patience
		green(t, w.run(t, GradeAtLeast(w.probe(), host, "A")))
		assert.Contains(t, w.waits, slowDown)
	})
}

func TestTimeRunsOut(t *testing.T) {
	w := newWorld(t)
	w.service.Host(host, w.endpoint(v4, "A"), w.endpoint(v6, "A"), w.endpoint(v6.Next(), "A"), w.endpoint(v6.Next().Next(), "A"),
		w.endpoint(v4.Next(), "A"), w.endpoint(v4.Next().Next(), "A"), w.endpoint(v4.Next().Next().Next(), "A"), w.endpoint(v4.Prev(), "A"))
	r := w.run(t, GradeAtLeast(w.probe(), host, "A"))
	red(t, r, probe.Blocked, "timeout", "want the SSL Labs grade of shop.example; got an assessment that is not finished: IN_PROGRESS, 203.0.113.79: Determining available cipher suites",
		"run the gate again in a few minutes", "fromCache=on")
	w.service.Advance(time.Minute)
	before := len(w.analyzed())
	green(t, w.run(t, GradeAtLeast(w.probe(), host, "A")))
	assert.Len(t, w.analyzed(), before+1, "the next run takes it from the cache")

	s := w.probe()
	s.wait = func(ctx context.Context, _ time.Duration) error {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	w.service.Advance(48 * time.Hour)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	s.now = time.Now // so that there seems to be time
	r = probe.Run(ctx, "claim", GradeAtLeast(s, host, "A"))
	assert.Equal(t, probe.Blocked, r.Status, r.Message())
}

func TestSleep(t *testing.T) {
	require.NoError(t, probe.Wait(t.Context(), time.Millisecond))
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	assert.ErrorIs(t, probe.Wait(ctx, time.Hour), stop)
}

// Whatever the service says, an address passes only with a grade that is good enough.
func FuzzReport(f *testing.F) {
	f.Add(`{"host":"shop.example","status":"READY","certs":[{"id":"x","sha256Hash":"y","issues":3}],"endpoints":[{"ipAddress":"203.0.113.80","statusMessage":"Ready","grade":"A+","details":{"certChains":[{"certIds":["x"]}],"protocols":[{"id":768}]}}]}`)
	f.Add(`{"endpoints":[{"ipAddress":"2001:db8:80:0:0:0:0:80","grade":"B","eta":-1,"statusDetailsMessage":"s"},{"ipAddress":""}]}`)
	f.Add(`null`)
	f.Add(`{"endpoints":[{"ipAddress":"::ffff:203.0.113.80","statusMessage":"Ready","grade":"A","details":{"certChains":{},"protocols":7,"heartbleed":[]}}]}`)
	leaf := tlsprobe.Leaf{Address: "203.0.113.80:443", SHA256: strings.Repeat("0", 64)}
	f.Fuzz(func(t *testing.T, body string) {
		a := &assessment{host: host, leaves: []tlsprobe.Leaf{leaf}, report: new(report)}
		if err := decode([]byte(body), a.report); err != nil {
			assert.Equal(t, probe.Blocked, probe.StatusOf(err))
			return
		}
		_, _, _ = a.report.progress(), a.notes(), a.ofAnotherTime()
		results := a.judge("A")
		require.NotEmpty(t, results)
		for i, r := range results {
			if r.Err == nil {
				got, ok := r.Seen.(seen)
				require.True(t, ok, i)
				assert.Contains(t, []string{"A+", "A"}, got.Grade)
				assert.Equal(t, "Ready", got.Status)
			}
		}
	})
}
