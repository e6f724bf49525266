package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/gate"
	"github.com/getdrop/launchgate/internal/launch"
)

func listCommand() *cobra.Command {
	var asJSON, write bool
	cmd := &cobra.Command{
		Use: "list [phase]", Short: "List the gates of the runbook", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if write {
				return writeCatalogue(cmd.Context())
			}
			all, err := catalogue.All()
			if err != nil {
				return err
			}
			if len(args) == 1 {
				if all = all.Phase(args[0]); len(all) == 0 {
					return fmt.Errorf("list: want a phase that has gates; got %q; `launchgate list` shows all", args[0])
				}
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(all)
			}
			for _, g := range all {
				fmt.Fprintf(cmd.OutOrStdout(), "%-36s %-8s %-8s %s\n", g.ID, g.Severity, g.Role, g.Claim)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the catalogue as JSON")
	cmd.Flags().BoolVar(&write, "write", false, "ask the gates themselves and write gates/CHECKLIST.md and the catalogue (in the repository)")
	return cmd
}

// writeCatalogue compiles every page, asks it for its gates and writes the two generated files.
func writeCatalogue(ctx context.Context) error {
	root := launch.Root()
	list := exec.CommandContext(ctx, "go", "list", "-f", "{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}", "./gates/...", "./smoke/...", "./rollback/...")
	list.Dir, list.Stderr = root, os.Stderr
	packages, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	var all catalogue.Catalogue
	for _, pkg := range strings.Fields(string(packages)) {
		page, err := askPage(ctx, root, pkg)
		if err != nil {
			return err
		}
		all = append(all, page...)
	}
	files, err := generated(all)
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(root, name), text, 0o644))
	}
	return err
}

// generated are the files that the catalogue goes into, by their names below the repository.
func generated(all catalogue.Catalogue) (map[string][]byte, error) {
	slices.SortStableFunc(all, func(a, b catalogue.Gate) int { return rank(a.Phase) - rank(b.Phase) })
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, err
	}
	var checklist bytes.Buffer
	writeChecklist(&checklist, all)
	return map[string][]byte{"internal/catalogue/catalogue.json": append(text, '\n'), "gates/CHECKLIST.md": checklist.Bytes()}, nil
}

func rank(phase string) int { return slices.Index(launch.Phases, launch.Phase(phase)) }

// askPage runs one page's test binary for its catalogue. It ends with an exit code other than 0 by design; the file is the answer.
func askPage(ctx context.Context, root, pkg string) (catalogue.Catalogue, error) {
	dir, err := os.MkdirTemp("", "launchgate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "catalogue.json")
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", pkg)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), gate.CatalogueEnv+"="+file)
	said, runErr := cmd.CombinedOutput()
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: want a page that lists its gates; got %w:\n%s", pkg, errors.Join(err, runErr), said)
	}
	var page catalogue.Catalogue
	if err := json.Unmarshal(text, &page); err != nil {
		return nil, fmt.Errorf("%s: %w", pkg, err)
	}
	return page, nil
}

// writeChecklist writes the runbook's checklist as people read it.
func writeChecklist(w io.Writer, all catalogue.Catalogue) {
	fmt.Fprintln(w, "<!-- Generated from the gates by `make generate`. -->\n# The checklist")
	fmt.Fprintf(w, "\n%d gates. A gate is red until it is proven: **hard** blocks the launch, **warning** needs a waiver to pass, **info** is only recorded.\n", len(all))
	phase, section := "", ""
	for _, g := range all {
		if g.Phase != phase {
			phase, section = g.Phase, ""
			fmt.Fprintf(w, "\n## %s\n", phase)
		}
		if g.Section != section {
			section = g.Section
			fmt.Fprintf(w, "\n### %s — %s\n\n", section, g.Role)
		}
		fmt.Fprintf(w, "- [ ] [`%s`](../%s#L%d) %s (%s)\n", g.ID, g.File, g.Line, g.Claim, g.Severity)
	}
}
