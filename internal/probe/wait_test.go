package probe_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

func TestAwait(t *testing.T) {
	for name, test := range map[string]struct {
		shows time.Duration // after the beginning
		found bool
	}{"at once": {0, true}, "later": {30 * time.Millisecond, true}, "just before the end": {95 * time.Millisecond, true}, "too late": {time.Second, false}} {
		began, looks := time.Now(), 0
		found, err := probe.Await(t.Context(), 100*time.Millisecond, 80*time.Millisecond, func(context.Context) (bool, error) {
			looks++
			return time.Since(began) >= test.shows, nil
		})
		require.NoError(t, err, name)
		assert.Equal(t, test.found, found, name)
		assert.LessOrEqual(t, looks, 7, name)
	}
}

func TestAwaitEndsWithAnErrorOrItsContext(t *testing.T) {
	broken := errors.New("broken")
	found, err := probe.Await(t.Context(), time.Minute, time.Second, func(context.Context) (bool, error) { return false, broken })
	require.ErrorIs(t, err, broken)
	assert.False(t, found)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	found, err = probe.Await(ctx, time.Minute, time.Minute, func(context.Context) (bool, error) { return false, nil })
	assert.False(t, found)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err))
}
