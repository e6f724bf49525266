package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/getdrop/launchgate/internal/launch"
)

// questions are what init asks, by the field of launch.Answers that each fills.
var questions = []struct{ field, flag, text string }{
	{"LaunchID", "launch", "Short id of the launch, such as drop-2027-01"},
	{"Project", "project", "Name of the project"},
	{"Version", "version", "Version that is launched"},
	{"PreviousVersion", "previous-version", "Version to go back to"},
	{"Domain", "domain", "Domain, such as getdrop.no"},
	{"LoadBalancer", "load-balancer", "Host name that the domain leads to"},
	{"Date", "date", "Launch date, such as 2027-01-19"},
	{"Time", "time", "Launch time, such as 10:00"},
	{"Timezone", "timezone", "Time zone, such as Europe/Oslo"},
	{"Owner", "owner", "Id of the go-live owner, such as ceo"},
}

func initCommand() *cobra.Command {
	var dir string
	answers := map[string]*string{}
	cmd := &cobra.Command{
		Use: "init", Short: "Write a first launch.yaml",
		Long: "Asks for what it was not told by flags (on a terminal), writes launch.yaml and environments/, and leaves TBD where something is\n" +
			"not known yet: the gates name each such line until it is filled in.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if term.IsTerminal(int(os.Stdin.Fd())) {
				if err := ask(cmd.InOrStdin(), cmd.OutOrStdout(), answers); err != nil {
					return err
				}
			}
			var a launch.Answers
			for _, q := range questions {
				reflect.ValueOf(&a).Elem().FieldByName(q.field).SetString(*answers[q.flag])
			}
			return writeFirst(cmd.OutOrStdout(), dir, a)
		},
	}
	for _, q := range questions {
		answers[q.flag] = cmd.Flags().String(q.flag, "", q.text)
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "folder to write into")
	return cmd
}

func ask(in io.Reader, out io.Writer, answers map[string]*string) error {
	lines := bufio.NewScanner(in)
	for _, q := range questions {
		if *answers[q.flag] != "" {
			continue
		}
		fmt.Fprintf(out, "%s (empty if not known yet): ", q.text)
		if flusher, ok := out.(interface{ Flush() error }); ok {
			if err := flusher.Flush(); err != nil {
				return err
			}
		}
		if !lines.Scan() {
			return lines.Err()
		}
		*answers[q.flag] = strings.TrimSpace(lines.Text())
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
			return fmt.Errorf("%s: want a folder without it; got one that has it; nothing was written; take another --dir", filepath.Join(dir, f.name))
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
