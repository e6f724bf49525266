// Command launchgate holds the few things of the go-live runbook that are not a test: it lists the gates, runs them,
// decides what a run says, starts the sandbox, and makes single claims from the command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/redact"
	"github.com/getdrop/launchgate/internal/verdict"
)

// exit ends the program with a code of its own; any other error is wrong usage. err, which may be nil, is said first.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string { return fmt.Sprintf("exit code %d: %v", e.code, e.err) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run runs the command line and returns its exit code. All it prints passes the redacting writer.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	out, errs := redact.NewWriter(stdout), redact.NewWriter(stderr)
	root := &cobra.Command{
		Use: "launchgate", Short: "A go-live runbook as a Go test suite", SilenceErrors: true, SilenceUsage: true,
		Args: cobra.NoArgs, RunE: needsCommand,
	}
	root.SetOut(out)
	root.SetErr(errs)
	root.SetArgs(args)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(listCommand(), runCommand(), verdictCommand(), sandboxCommand(), probeCommand(), initCommand(), iamPolicyCommand(), drillCommand(), backupCommand(), tunnelsCommand(), rehearseCommand()) //nolint:contextcheck // cobra hands each command its context
	err := root.ExecuteContext(ctx)
	code := 0
	if err != nil {
		code = verdict.ExitUsage
	}
	if ended := (exit{}); errors.As(err, &ended) {
		code, err = ended.code, ended.err
	}
	if err != nil {
		fmt.Fprintf(errs, "launchgate: %v\n", err)
	}
	if err := errors.Join(out.Close(), errs.Close()); err != nil && code == 0 {
		return verdict.ExitUsage
	}
	return code
}

// needsCommand refuses a command line that stops short: help that ends with 0 would look like something that went well.
func needsCommand(cmd *cobra.Command, _ []string) error {
	return errors.Join(cmd.Help(), fmt.Errorf("%s: want one of its commands; got none", cmd.CommandPath()))
}
