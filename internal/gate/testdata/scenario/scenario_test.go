// Package scenario is a page whose gates end in every way a gate can end. The harness's tests run it as a real test binary.
package scenario

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
)

var page = gate.NewPage(launch.TMinus5, gate.NewSection("Ways", launch.RoleDNS, ways), gate.NewSection("Steps", launch.RoleDNS, steps),
	gate.NewSection("Meta", launch.RoleDNS, func(s *gate.Section) { s.SignOff("OwnerDue", "Ways", launch.RoleDNS) }))

func TestMain(m *testing.M)    { gate.Main(m, page) }
func TestTMinus5(t *testing.T) { page.Run(t) }

func holds(context.Context) (probe.Evidence, error) { return probe.Evidence{Assertion: "X-01"}, nil }

func wrong(context.Context) (probe.Evidence, error) {
	return probe.Evidence{}, &probe.Unmet{Class: "x.wrong", Want: "blue", Got: "red\nwith a line break \x1b[31m", From: "203.0.113.1", Fix: "paint it"}
}

func ways(s *gate.Section) {
	s.Within(2 * time.Second)
	s.Gate("Holds", gate.Hard, "It holds.", func(g *gate.G) { g.Check("one", holds); g.Advise("advice", wrong) })
	s.Gate("HoldsLater", gate.Hard, "It holds everywhere only after the year 2100.", func(g *gate.G) {
		g.Check("one", holds)
		g.Check("two", func(context.Context) (probe.Evidence, error) {
			return probe.Evidence{GuaranteedAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}, nil
		})
	})
	s.Gate("Wrong", gate.Hard, "It is wrong.", func(g *gate.G) { g.Check("one", holds); g.Check("two", wrong) })
	s.Gate("WrongWarn", gate.Warn, "It is wrong, at a lower severity.", func(g *gate.G) { g.Check("one", wrong) })
	s.Gate("WrongInfo", gate.Info, "It is wrong, and only recorded.", func(g *gate.G) { g.Check("one", wrong) })
	s.Gate("Empty", gate.Hard, "It checks nothing.", func(*gate.G) {})
	s.Gate("OnlyAdvice", gate.Hard, "It only recommends.", func(g *gate.G) { g.Advise("one", holds); g.Advise("two", wrong) })
	s.Gate("OnlyNA", gate.Hard, "Nothing applies.", func(g *gate.G) {
		g.Check("one", func(context.Context) (probe.Evidence, error) {
			return probe.Evidence{}, &probe.NotApplicable{Why: "nothing"}
		})
	})
	s.Gate("Unapplied", gate.Hard, "It does not apply.", func(g *gate.G) { g.NotApplicable("launch.yaml turns it off") })
	s.Gate("PanicInBody", gate.Hard, "Its body panics.", func(*gate.G) { var m map[string]int; m["x"] = 1 })
	s.Gate("PanicInClaim", gate.Hard, "Its claim panics.", func(g *gate.G) {
		g.Check("one", func(context.Context) (probe.Evidence, error) { panic("in the claim") })
	})
	s.Gate("GoexitInClaim", gate.Hard, "Its claim ends the goroutine.", func(g *gate.G) {
		g.Check("one", func(context.Context) (probe.Evidence, error) { runtime.Goexit(); return probe.Evidence{}, nil })
	})
	s.Gate("Forever", gate.Hard, "It never ends.", func(g *gate.G) {
		g.Check("one", func(context.Context) (probe.Evidence, error) { select {} })
	})
	deadline := func(ctx context.Context) (probe.Evidence, error) {
		at, _ := ctx.Deadline()
		<-time.After(min(time.Until(at), 3*time.Second)) // longer than the section allows
		return probe.Evidence{}, ctx.Err()
	}
	s.Gate("OwnDeadline", gate.Hard, "It takes longer than the others may.", func(g *gate.G) { g.Within(time.Minute); g.Check("one", deadline) })
	s.Gate("LateDeadline", gate.Hard, "It asks for more time when it has begun.", func(g *gate.G) { g.Check("one", deadline); g.Within(time.Minute) })
	s.Gate("File", gate.Hard, "A file is approved as it is.", func(g *gate.G) { g.Check("it", g.ApprovedFile(g.Launch().Path("launch.yaml"))) })
	s.Gate("LeaksSecret", gate.Hard, "It reads a secret and says it.", func(g *gate.G) {
		g.Check("one", func(ctx context.Context) (probe.Evidence, error) {
			value, err := g.Launch().Chat.Webhook.Reveal(ctx)
			if err != nil {
				return probe.Evidence{}, err
			}
			return probe.Evidence{Observed: value}, &probe.Unmet{Want: "silence", Got: value}
		})
	})
}

var order []string

func steps(s *gate.Section) {
	s.InOrder()
	for _, name := range []string{"First", "Second", "Third"} {
		s.Gate(name, gate.Hard, "Steps wait for each other.", func(g *gate.G) {
			g.Check("in order", func(context.Context) (probe.Evidence, error) {
				time.Sleep(50 * time.Millisecond)
				order = append(order, name)
				if want := []string{"First", "Second", "Third"}[:len(order)]; want[len(want)-1] != name {
					return probe.Evidence{}, &probe.Unmet{Want: want[len(want)-1], Got: name}
				}
				return probe.Evidence{}, nil
			})
		})
	}
	if os.Getenv("SCENARIO_CRASH") != "" {
		s.Gate("Crash", gate.Hard, "It takes the whole process down.", func(g *gate.G) {
			g.Check("one", func(context.Context) (probe.Evidence, error) { os.Exit(7); return probe.Evidence{}, nil })
		})
	}
}
