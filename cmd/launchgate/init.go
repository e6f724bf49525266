package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/getdrop/launchgate/internal/launch"
)

// question is one answer that init needs.
type question struct {
	answer     *string
	flag, text string
}

func questions(a *launch.Answers) []question {
	return []question{
		{&a.LaunchID, "launch", "Short id of the launch, such as drop-2027-01"},
		{&a.Project, "project", "Name of the project"},
		{&a.Version, "version", "Version that is launched"},
		{&a.PreviousVersion, "previous-version", "Version to go back to"},
		{&a.Domain, "domain", "Domain, such as getdrop.no"},
		{&a.LoadBalancer, "load-balancer", "Host name that the domain leads to"},
		{&a.Date, "date", "Launch date, such as 2027-01-19"},
		{&a.Time, "time", "Launch time, such as 10:00"},
		{&a.Timezone, "timezone", "Time zone, such as Europe/Oslo"},
		{&a.Owner, "owner", "Id of the go-live owner, such as ceo"},
	}
}

func initCommand() *cobra.Command {
	var dir string
	var answers launch.Answers
	cmd := &cobra.Command{
		Use: "init", Short: "Write a first launch.yaml",
		Long: "Asks for what it was not told by flags (on a terminal), writes launch.yaml and environments/, and leaves TBD where something is\n" +
			"not known yet: the gates name each such line until it is filled in.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if term.IsTerminal(int(os.Stdin.Fd())) {
				signal.Reset(os.Interrupt) // somebody who changes their mind at a question is out at once
				if err := ask(cmd.InOrStdin(), cmd.OutOrStdout(), questions(&answers)); err != nil {
					return err
				}
			}
			return writeFirst(cmd.OutOrStdout(), dir, answers)
		},
	}
	for _, q := range questions(&answers) {
		cmd.Flags().StringVar(q.answer, q.flag, "", q.text)
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "folder to write into")
	return cmd
}

// ask asks what is not answered yet. Input that ends leaves the rest unanswered.
func ask(in io.Reader, out io.Writer, questions []question) error {
	lines := bufio.NewScanner(in)
	for _, q := range questions {
		if *q.answer != "" {
			continue
		}
		fmt.Fprintf(out, "%s (empty if not known yet): ", q.text)
		if !lines.Scan() {
			return lines.Err()
		}
		*q.answer = strings.TrimSpace(lines.Text())
	}
	return nil
}

// writeFirst writes the files of a new launch. It never writes over one that is there.
func writeFirst(out io.Writer, dir string, a launch.Answers) error {
	text, err := launch.Initial(a)
	if err != nil {
		return err
	}
	files := []struct {
		name string
		text []byte
	}{{"launch.yaml", text}, {"environments/production.yaml", []byte("{}\n")}, {"environments/staging.yaml", []byte("{}\n")}}
	for _, f := range files {
		if _, err := os.Stat(filepath.Join(dir, f.name)); err == nil {
			return fmt.Errorf("%s: want no such file yet; got one; nothing was written; take another --dir", filepath.Join(dir, f.name))
		}
	}
	for _, f := range files {
		path := filepath.Join(dir, f.name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.text, 0o644)); err != nil {
			return err
		}
		fmt.Fprintln(out, "wrote", path)
	}
	fmt.Fprintf(out, "Next: fill in what says TBD, then\n\n  export LAUNCH_CONFIG=%s LAUNCH_ENV=staging\n  make gate G=TMinus5/DNS\n", filepath.Join(dir, "launch.yaml"))
	return nil
}
