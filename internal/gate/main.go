package gate

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/launch"
)

// CatalogueEnv names a file: a test binary that finds it writes its page's catalogue there instead of running. It then
// exits with ExitUsage, so that a run that checked nothing can never look like one that did.
const CatalogueEnv = "LAUNCHGATE_CATALOGUE"

// ExitUsage is the exit code for a run that was not asked properly: a pattern that names no gate, a flag that would hide one.
const ExitUsage = 3

// Main is TestMain of every page. It refuses what would be green without having checked anything, loads launch.yaml, and runs
// the page. A launch.yaml that cannot be used does not stop the run: it blocks every gate, so that each shows up red.
func Main(m *testing.M, p *Page) {
	flag.Parse()
	if file := os.Getenv(CatalogueEnv); file != "" {
		os.Exit(writeCatalogue(file, p))
	}
	if err := errors.Join(refuse(p), prepare()); err != nil {
		fmt.Fprintf(os.Stderr, "launchgate: %v\n", err)
		os.Exit(ExitUsage)
	}
	p.load(time.Now())
	os.Exit(m.Run())
}

// prepare sets the flags of package testing that a page needs otherwise than a test.
func prepare() error {
	// Without a log of what was read, go test keeps no answer in its cache. The world is in no such log.
	if err := flag.Set("test.testlogfile", ""); err != nil || given("test.parallel") {
		return err
	}
	// Gates wait for the network, not for a processor. What hosts have to bear is bounded elsewhere.
	return flag.Set("test.parallel", "64")
}

// load reads launch.yaml, or keeps why it cannot be used.
func (p *Page) load(now time.Time) {
	p.launch, p.broken = launch.FromEnv(p.phase)
	if p.broken == nil {
		p.broken = p.launch.CheckSchedule(p.phase, now)
	}
}

func refuse(p *Page) error {
	if skip := flag.Lookup("test.skip").Value.String(); skip != "" {
		return fmt.Errorf("-skip %q: want every selected gate to run; a gate is never skipped: it is waived, declared not applicable, or red", skip)
	}
	if count := flag.Lookup("test.count").Value.String(); count != "1" {
		return fmt.Errorf("-count=%s: want each gate run once; a gate that never runs is no better than one that is skipped, and one that runs twice has two answers", count)
	}
	pattern := flag.Lookup("test.run").Value.String()
	if pattern == "" {
		return nil
	}
	all, err := catalogue.All()
	if err != nil {
		return err
	}
	return selects(pattern, append(all, p.Catalogue()...))
}

func given(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

func writeCatalogue(file string, p *Page) int {
	text, err := json.MarshalIndent(p.Catalogue(), "", "  ")
	if err == nil {
		err = os.WriteFile(file, append(text, '\n'), 0o644)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "launchgate: writing the catalogue: %v\n", err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "launchgate: %s is set: the catalogue of %s was written to it, no gate was run\n", CatalogueEnv, p.phase)
	return ExitUsage
}
