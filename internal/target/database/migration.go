package database

import (
	"path/filepath"
	"strconv"
	"strings"

	"github.com/getdrop/launchgate/internal/launch"
	"github.com/getdrop/launchgate/internal/probe/rehearsalprobe"
)

// Migration is the rehearsal of a launch's migration.
func Migration(l *launch.Launch) *rehearsalprobe.Rehearsal {
	m := l.Migration
	r := &rehearsalprobe.Rehearsal{File: l.Path(m.Record), Launch: l.ID, Tool: m.Tool, Words: words(m), Major: m.Postgres, ValidFor: m.ValidFor.D(),
		Forward: m.ForwardOnly, Announced: l.Thresholds.MigrationTime.D(), Window: l.MigrationWindow(), LockWait: m.LockWait.D(),
		Applied: int64(m.Applied), Ref: m.Baseline, Script: VerifyScript(l)}
	if m.Dir != "" {
		r.Dir = l.Path(m.Dir)
	}
	if m.History != "" {
		r.List = l.Path(m.History)
	}
	for _, t := range m.Rows {
		r.Rows = append(r.Rows, rehearsalprobe.Rows{Table: t.Table, Rows: int64(t.Rows)})
	}
	return r
}

// words are what a rehearsal depends on beside the files.
func words(m launch.Migration) []string {
	all := []string{strconv.FormatInt(int64(m.Applied), 10)}
	return append(append(append(all, m.Up...), "down"), m.Down...)
}

// VerifyScript is the file of the integrity script: the last argument of its command that is a path, or the program itself.
func VerifyScript(l *launch.Launch) string {
	command := l.Migration.Verify
	for i := len(command) - 1; i >= 0; i-- {
		if word := command[i]; strings.Contains(word, "/") || i > 0 && filepath.Ext(word) != "" {
			return l.Path(word)
		}
	}
	return ""
}
