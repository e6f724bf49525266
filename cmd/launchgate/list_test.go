package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/catalogue"
	"github.com/getdrop/launchgate/internal/gate"
)

// TestGeneratedFilesSayWhatThePagesDeclare asks every compiled page for its gates, as list --write does, and compares.
func TestGeneratedFilesSayWhatThePagesDeclare(t *testing.T) {
	beside, err := bin()
	require.NoError(t, err)
	var all catalogue.Catalogue
	for phase := range pages {
		file := filepath.Join(t.TempDir(), "catalogue.json")
		cmd := exec.Command(filepath.Join(beside, phase+".test"))
		cmd.Env = append(os.Environ(), gate.CatalogueEnv+"="+file)
		err := cmd.Run()
		require.Equal(t, gate.ExitUsage, cmd.ProcessState.ExitCode(), "%s: %v", phase, err)
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		var page catalogue.Catalogue
		require.NoError(t, json.Unmarshal(text, &page))
		require.NotEmpty(t, page)
		all = append(all, page...)
	}
	files, err := generated(all)
	require.NoError(t, err)
	require.Len(t, files, 2)
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "%s: run make generate", name)
	}
}

// gatesOf is how many gates a page has.
func gatesOf(t *testing.T, phase string) int {
	t.Helper()
	all, err := catalogue.All()
	require.NoError(t, err)
	gates := 0
	for _, g := range all {
		if string(g.Phase) == phase {
			gates++
		}
	}
	return gates
}
