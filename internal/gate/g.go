package gate

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe"
)

// G is what a gate's body is given: the facts of the launch, and the ways to claim something about it. It offers no skip.
type G struct {
	gate          catalogue.Gate
	launch        *launch.Launch
	ctx           context.Context
	cancel        context.CancelFunc
	waiting       sync.WaitGroup
	notApplicable string
	checks        []*probe.Result // each is there once its claim has ended
}

// slots bounds the claims that are under way in one test binary; what each host has to bear is bounded by probe.Network.
var slots = make(chan struct{}, 64)

// Launch is the launch the gate is about.
func (g *G) Launch() *launch.Launch { return g.launch }

// Within gives this gate another deadline than its section's, from now on, where the facts of the launch ask for it. It
// comes before the checks: what was begun under the old deadline ends, BLOCKED.
func (g *G) Within(d time.Duration) {
	g.cancel()
	g.ctx, g.cancel = context.WithTimeout(context.Background(), d)
}

// Check makes a claim that the gate stands or falls with. Claims of a gate are made at the same time.
func (g *G) Check(name string, claim probe.Claim) { g.start(name, claim, probe.Run) }

// Advise makes a claim that is a recommendation: where it does not hold, the gate says so and stays open.
func (g *G) Advise(name string, claim probe.Claim) { g.start(name, claim, probe.Advise) }

// NotApplicable says that launch.yaml has nothing for this gate to check. That opens the gate only together with a
// decision of a person, a file in `decisions` that declares it not applicable.
func (g *G) NotApplicable(why string) { g.notApplicable = why }

func (g *G) start(name string, claim probe.Claim, run func(context.Context, string, probe.Claim) probe.Result) {
	result := new(probe.Result)
	g.checks = append(g.checks, result)
	ctx := g.ctx // as it is now: Within may come later
	g.waiting.Go(func() {
		slots <- struct{}{}
		defer func() { <-slots }()
		*result = run(ctx, name, claim)
	})
}

// results waits for all claims and returns how they ended, in the order in which the body made them.
func (g *G) results() []probe.Result {
	g.waiting.Wait()
	list := make([]probe.Result, 0, len(g.checks))
	for _, result := range g.checks {
		list = append(list, *result)
	}
	return list
}

// name lets the body name its checks. A body that panics has one check that says so.
func (g *G) name(body func(*G)) {
	defer func() {
		if p := recover(); p != nil {
			stack := string(debug.Stack())
			g.Check("body", func(context.Context) (probe.Evidence, error) {
				return probe.Evidence{Notes: []string{stack}}, &probe.Unknown{Class: "panic", Want: "a gate that names its checks",
					Got: fmt.Sprintf("a panic: %v", p), Fix: "this is a bug of the gate; the stack is in the evidence"}
			})
		}
	}()
	body(g)
}
