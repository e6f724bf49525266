package catalogue_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/catalogue"
)

func TestTheHashIsOfWhatTheGatesClaim(t *testing.T) {
	all, err := catalogue.All()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	before := all.SHA256()

	all[0].File, all[0].Line = "elsewhere.go", 1
	assert.Equal(t, before, all.SHA256(), "where a gate stands does not count")

	all[0].Claim += " Or so."
	assert.NotEqual(t, before, all.SHA256(), "what it claims does")
	assert.NotEqual(t, all.SHA256(), all[1:].SHA256(), "and so does every gate")
}

func TestEveryGateIsInOnePhaseAndOnce(t *testing.T) {
	all, err := catalogue.All()
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, g := range all {
		assert.False(t, seen[g.ID], g.ID)
		seen[g.ID] = true
		assert.Equal(t, g.Phase+"/"+g.Section+"/"+g.Name, g.ID)
		assert.Contains(t, all.Phase(g.Phase), g)
		assert.NotEmpty(t, g.Claim)
		assert.Positive(t, g.ValidFor)
	}
}
