package rehearsal_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	page  = "../../docs/migration-rehearsal.md"
	begin = "<!-- table: go test ./internal/rehearsal -update -->\n"
	end   = "<!-- end of table -->\n"
	head  = "| migration | red gate | what is said |\n|---|---|---|\n"
)

// cell is a line for the table: without what is another in each run.
func cell(line string) string {
	line = regexp.MustCompile(`[0-9.]+(m?s)\b`).ReplaceAllString(line, "…$1")
	return strings.ReplaceAll(line, "|", `\|`)
}

// golden writes the table into the page.
func golden(t *testing.T, table string) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ended := strings.Cut(rest, end)
	require.True(t, ok && ended, "%s has no place for the table", page)
	require.NoError(t, os.WriteFile(page, []byte(before+begin+head+table+end+after), 0o600))
}

// TestThePageHasEveryBadMigration fails when the table was not written anew.
func TestThePageHasEveryBadMigration(t *testing.T) {
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, tt := range bad {
		assert.Contains(t, string(text), "| "+tt.name+" | "+tt.gate+" | ")
	}
}
