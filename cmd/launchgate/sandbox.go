package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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
			if err := mayEmpty(dir); err != nil {
				return err
			}
			s, err := sandbox.Start(sandbox.Config{Dir: dir, Base: base, Fault: fault})
			if err != nil {
				return err
			}
			return errors.Join(useSandbox(cmd.Context(), cmd.OutOrStdout(), s, args), s.Close())
		},
	}
	cmd.Flags().StringVar(&fault, "fault", "", "break one thing; --list shows them")
	cmd.Flags().StringVar(&dir, "dir", filepath.Join(launch.Root(), ".sandbox"), "folder for its files, which is emptied first")
	cmd.Flags().StringVar(&base, "base", filepath.Join(launch.Root(), "launch.yaml"), "launch.yaml to lay it over")
	cmd.Flags().BoolVar(&list, "list", false, "list the faults and the gates that each turns red")
	return cmd
}

// mayEmpty refuses a folder that holds anything else than an earlier sandbox.
func mayEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "site", "version"))
	}
	if err != nil {
		return fmt.Errorf("sandbox: --dir %s: want a new folder, or that of an earlier sandbox, because it is emptied first; got another: %w", dir, err)
	}
	return nil
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
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) && ended.Exited() {
		return exit{code: ended.ExitCode()}
	}
	return err
}
