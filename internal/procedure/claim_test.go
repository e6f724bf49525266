package procedure

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestOnlyTheLaunchsOwnIDAllowsExecution(t *testing.T) {
	for typed, want := range map[string]struct{ execute, refused bool }{
		"": {false, false}, "drop-2026": {true, false}, "drop-2025": {false, true}, "true": {false, true}, " drop-2026": {false, true},
	} {
		t.Setenv(ExecuteEnv, typed)
		execute, err := Allowed("drop-2026")
		assert.Equal(t, want.execute, execute, typed)
		assert.Equal(t, want.refused, err != nil, typed)
	}
}

func TestAClaimThatChangesSomethingIsMadeOnlyWhereItIsAllowed(t *testing.T) {
	for typed, want := range map[string]struct {
		status probe.Status
		class  string
	}{"": {probe.Blocked, "rehearsed"}, "drop-2025": {probe.Blocked, "execute.refused"}, "drop-2026": {probe.Pass, ""}} {
		t.Setenv(ExecuteEnv, typed)
		made := 0
		r := probe.Run(t.Context(), typed, Only("drop-2026", "deliver something", func(context.Context) (probe.Evidence, error) { made++; return probe.Evidence{}, nil }))
		assert.Equal(t, want.status, r.Status, r.Message())
		assert.Equal(t, want.class, r.Class)
		assert.Equal(t, want.status == probe.Pass, made == 1)
	}
}

func TestTheStepsOfAPageShareOneAttempt(t *testing.T) {
	p := sample(t.TempDir(), "")
	built := 0
	build := func() (*Procedure, error) { built++; return p, nil }
	var s Shared
	for _, step := range p.Steps {
		result := probe.Run(t.Context(), step.Name, s.Step(step.Name, build))
		require.Equal(t, probe.Pass, result.Status, result.Message())
		require.NotNil(t, result.Evidence.Observed)
	}
	assert.Equal(t, 1, built)
	assert.Nil(t, s.Broken())
}

func TestARefusedProcedureBlocksEveryStep(t *testing.T) {
	t.Setenv(ExecuteEnv, "wrong")
	build := func() (*Procedure, error) { _, err := Allowed("drop-2026"); return nil, err }
	var s Shared
	for _, name := range []string{"1", "2"} {
		result := probe.Run(t.Context(), name, s.Step(name, build))
		assert.Equal(t, probe.Blocked, result.Status)
		assert.Equal(t, "execute.refused", result.Class)
	}
}
