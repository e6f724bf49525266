package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/fixtures/sandbox"
	"github.com/getdrop/launchgate/internal/launch"
)

func sandboxCommand() *cobra.Command {
	var fault, dir, base string
	var list bool
	cmd := &cobra.Command{
		Use: "sandbox [--fault NAME] [-- command …]", Short: "Start every counterpart of the launch on loopback",
		Long: "Starts name servers, resolvers and the web site of the launch on loopback, writes the overlay that points at them, and runs until\n" +
			"it is interrupted; or runs a command with LAUNCH_CONFIG and LAUNCH_ENV set, and ends with its exit code. --fault breaks one thing.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				for _, f := range sandbox.Faults() {
					fmt.Fprintf(cmd.OutOrStdout(), "%-28s %s\n%-28s red: %s\n", f.Name, f.Sentence, "", strings.Join(f.Red, ", "))
				}
				return nil
			}
			s, err := sandbox.Start(sandbox.Config{Dir: dir, Base: base, Fault: fault})
			if err != nil {
				return err
			}
			return errors.Join(useSandbox(cmd.Context(), cmd.OutOrStdout(), s, args), s.Close())
		},
	}
	cmd.Flags().StringVar(&fault, "fault", "", "break one thing; --list shows them")
	cmd.Flags().StringVar(&dir, "dir", filepath.Join(launch.Root(), ".sandbox"), "folder for the overlay")
	cmd.Flags().StringVar(&base, "base", filepath.Join(launch.Root(), "launch.yaml"), "launch.yaml to lay it over")
	cmd.Flags().BoolVar(&list, "list", false, "list the faults and the gates that each turns red")
	return cmd
}

func useSandbox(ctx context.Context, w io.Writer, s *sandbox.Sandbox, command []string) error {
	if len(command) == 0 {
		fmt.Fprintf(w, "The sandbox runs. In another terminal:\n\n  export %s\n\nInterrupt to stop it.\n", strings.Join(s.Env(), " "))
		<-ctx.Done()
		return nil
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), s.Env()...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		return exit{ended.ExitCode()}
	}
	return err
}
