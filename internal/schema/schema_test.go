package schema_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/getdrop/launchgate/internal/schema"
)

// TestHash has what the lines are made of in package pgprobe's tests, on a real server.
func TestHash(t *testing.T) {
	assert.Regexp(t, "^"+schema.Version+"[0-9a-f]{64}$", schema.Hash(nil))
	assert.NotEqual(t, schema.Hash([]string{"a", "b"}), schema.Hash([]string{"a\nb"}), "a view's definition has lines of its own")
	assert.NotEqual(t, schema.Hash([]string{"a", "b"}), schema.Hash([]string{"a"}))
}
