// Package page is a page of gates that go well or badly as SCENARIO says, in the shape of the real harness: the
// verdict's tests build it and read the streams that it really writes.
package page

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/evidence"
	"github.com/getdrop/launchgate/internal/probe"
)

func TestMain(m *testing.M) {
	if os.Getenv("SCENARIO") == "refused" {
		fmt.Fprintln(os.Stderr, "launchgate: -run \"TMinus5/Typo\": want a pattern that names a gate; nearest: TMinus5/DNS")
		os.Exit(3)
	}
	os.Exit(m.Run())
}

func TestTMinus5(t *testing.T) {
	if os.Getenv("SCENARIO") == "page-fails" {
		t.Error("the page itself is broken")
	}
	section(t, "DNS", "ApexToTarget", "LowTTL", "Hygiene")
	if os.Getenv("SCENARIO") == "section-skipped" {
		t.Run("SSL", func(t *testing.T) { t.Skip("not today") })
		return
	}
	section(t, "SSL", "Expiry90")
	if os.Getenv("SCENARIO") == "unknown" {
		section(t, "SSL2", "Surprise")
	}
}

func section(t *testing.T, name string, gates ...string) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		for _, gate := range gates {
			t.Run(gate, func(t *testing.T) {
				t.Parallel()
				run(t, strings.TrimPrefix(t.Name(), "Test"))
			})
		}
	})
}

// run is one gate. Only LowTTL goes as the scenario says; Hygiene is of severity info and fails in the scenario of that name.
func run(t *testing.T, id string) {
	g := &evidence.Gate{Gate: id, Claim: "It is so.", Status: evidence.Pass, Message: "1 check holds", Severity: "hard", Role: "dns",
		Launch: "launch-1", Environment: "sandbox", Config: os.Getenv("CONFIG_SHA256"), Catalogue: os.Getenv("CATALOGUE_SHA256"),
		Started: time.Now().UTC(), File: "gates/tminus5/dns_test.go", Line: 12}
	status := probe.Pass
	switch scenario := os.Getenv("SCENARIO"); {
	case id == "TMinus5/DNS/Hygiene":
		g.Severity = "info"
		if scenario == "info" {
			status = probe.Fail
		}
	case id == "TMinus5/SSL/Expiry90":
		g.Severity = "warning"
	case id == "TMinus5/DNS/LowTTL":
		status = misbehave(t, g, scenario)
	}
	g.Checks = []probe.Result{{Name: "a check", Status: status, Started: g.Started}}
	if status != probe.Pass {
		c := &g.Checks[0]
		c.Class, c.Want, c.Got, c.From, c.Fix = "dns.ttl", "a TTL of at most 300 s", "3600 s", "192.0.2.53:53", "lower it, and wait 3600 s"
		if g.Status == evidence.Pass {
			g.Status = evidence.Status(status)
		}
		g.Class, g.Message = c.Class, c.Name+": "+c.Message()
	}
	leave(t, g)
	t.Log(string(g.Status), id)
	if !g.Status.Open() && g.Severity != "info" {
		t.Fail()
	}
}

func misbehave(t *testing.T, g *evidence.Gate, scenario string) probe.Status {
	decision := &evidence.Decision{File: "decisions/ttl.yaml", SHA256: "d1", Person: "owner", Reason: "known"}
	switch scenario {
	case "fail":
		return probe.Fail
	case "blocked":
		return probe.Blocked
	case "waived":
		g.Status, g.Measured, g.Decision = evidence.Waived, evidence.Fail, decision
		return probe.Fail
	case "na":
		g.Status, g.Decision = evidence.NA, decision
		return probe.NA
	case "skip":
		t.Skip("not today")
	case "panic":
		panic("boom")
	case "goroutine-panic":
		go func() { panic("boom below") }()
		<-make(chan int)
	case "timeout":
		<-make(chan int)
	case "exit":
		os.Exit(0)
	case "fatal":
		t.Fatal("gone before a record was left")
	}
	return probe.Pass
}

func leave(t *testing.T, g *evidence.Gate) {
	g.Finished = time.Now().UTC()
	g.Expires = g.Finished.Add(time.Hour)
	text, err := g.Encode()
	if err != nil {
		t.Fatal(err)
	}
	sha, err := evidence.Write(os.Getenv("LAUNCH_REPORTS"), g.Gate, text)
	if err != nil {
		t.Fatal(err)
	}
	t.Attr(evidence.AttrGate, g.Gate)
	t.Attr(evidence.AttrStatus, string(g.Status))
	t.Attr(evidence.AttrSeverity, g.Severity)
	t.Attr(evidence.AttrEnvironment, g.Environment)
	t.Attr(evidence.AttrFile, evidence.Path(g.Gate))
	t.Attr(evidence.AttrSHA256, sha)
}
