// Package terraformprobe claims that the infrastructure is as it is written down. It runs Terraform's own plan, which reads and
// changes nothing, and judges the exit code that Terraform documents.
package terraformprobe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/getdrop/launchgate/internal/probe"
)

// Patience bounds one plan.
const Patience = 4 * time.Minute

// Plan is what Terraform said: https://developer.hashicorp.com/terraform/internals/machine-readable-ui
type Plan struct {
	Exit    int      `json:"exit_code"`
	Changes []string `json:"changes,omitempty"` // "<action> <address>"
	Errors  []string `json:"errors,omitempty"`
	Summary bool     `json:"summary"` // the plan was made to its end
	Looked  int      `json:"looked"`  // at so many things that are there
}

// args: a plan that takes no lock keeps nobody from applying.
var args = []string{"plan", "-detailed-exitcode", "-input=false", "-lock=false", "-json"}

// NoDrift claims that a plan in a folder, which must be initialised, finds nothing to change.
func NoDrift(dir string) probe.Claim {
	return func(ctx context.Context) (probe.Evidence, error) {
		from := "terraform " + strings.Join(args, " ") + " in " + filepath.Base(dir)
		evidence := probe.Evidence{Target: dir, Asked: []string{from}, Source: "terraform plan"}
		ctx, cancel := context.WithTimeout(ctx, Patience)
		defer cancel()
		plan, err := run(ctx, dir)
		evidence.Observed = plan
		if err != nil {
			return evidence, &probe.Unknown{Class: "iac.run", Want: "a plan", Got: err.Error(), From: from, Err: err, Fix: "install terraform where the gates run, and see infra.iac_dir"}
		}
		return evidence, judge(plan, from)
	}
}

func run(ctx context.Context, dir string) (Plan, error) {
	cmd := exec.CommandContext(ctx, "terraform", args...)
	cmd.Dir, cmd.Env = dir, environment(os.Environ())
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) } // which lets it end its providers
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return Plan{}, context.Cause(ctx)
	case err != nil && (!errors.As(err, &exit) || !exit.Exited()):
		return Plan{}, err
	}
	return read(out, cmd.ProcessState.ExitCode()), nil
}

// environment leaves out what would make the plan another one: TF_CLI_ARGS can limit it to a target, or keep it from looking.
func environment(all []string) []string {
	return append(slices.DeleteFunc(slices.Clone(all), func(entry string) bool { return strings.HasPrefix(entry, "TF_CLI_ARGS") }), "TF_IN_AUTOMATION=1")
}

func read(out []byte, exit int) Plan {
	p := Plan{Exit: exit}
	for line := range bytes.Lines(out) {
		var said struct {
			Type   string
			Change struct {
				Action   string
				Resource struct{ Addr string }
			}
			Diagnostic struct{ Severity, Summary string }
		}
		if json.Unmarshal(line, &said) != nil {
			continue // a provider's own words
		}
		switch said.Type {
		case "planned_change", "resource_drift":
			if change := said.Change.Action + " " + said.Change.Resource.Addr; said.Change.Action != "no-op" && !slices.Contains(p.Changes, change) {
				p.Changes = append(p.Changes, change)
			}
		case "diagnostic":
			if said.Diagnostic.Severity == "error" {
				p.Errors = append(p.Errors, said.Diagnostic.Summary)
			}
		case "refresh_complete":
			p.Looked++
		case "change_summary":
			p.Summary = true
		}
	}
	return p
}

// judge: 0 is no change and 2 is changes; everything else is no plan.
func judge(p Plan, from string) error {
	want := "infrastructure as it is written down"
	switch {
	case p.Exit == 2:
		got := strings.Join(p.Changes, ", ")
		if got == "" {
			got = "changes of outputs"
		}
		return &probe.Unmet{Class: "iac.drift", Want: want, Got: "a plan that would " + got, From: from, Fix: "apply it, or write down what was changed by hand"}
	case p.Exit == 0 && p.Summary && p.Looked > 0:
		return nil
	case p.Exit == 0 && p.Summary:
		return &probe.Unknown{Class: "iac.plan", Want: want, Got: "a plan with nothing that it looked at", From: from, Fix: "see whether infra.iac_dir is the folder of the environment's root module, and its workspace the right one"}
	case p.Exit == 0:
		return &probe.Unknown{Class: "iac.plan", Want: want, Got: "no plan, though it ended well", From: from, Fix: "see what the command terraform is on this machine; it must be version 1.0 or later"}
	}
	got := fmt.Sprintf("exit code %d", p.Exit)
	if len(p.Errors) > 0 {
		got += ": " + strings.Join(p.Errors, "; ")
	}
	return &probe.Unknown{Class: "iac.plan", Want: want, Got: got, From: from, Fix: "run `terraform init` in the folder, and see that its backend and providers are reached from here"}
}
