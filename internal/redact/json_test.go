package redact

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJSONIsRedactedBelowItsEscapes(t *testing.T) {
	forget(t)
	text := []byte(`{"a":"b \"c\" \u00e9","n":1}`)
	assert.Equal(t, text, JSON(text), "without a secret nothing changes")
	require.NoError(t, Register("TOKEN", secret))
	assert.Equal(t, text, JSON(text), "what holds no secret keeps its escapes")

	twice := fmt.Sprintf("%q", "before "+secret+" after")
	encoded, err := json.Marshal(map[string]any{"got": twice, secret: []string{fmt.Sprintf("%q", twice), "whole"}})
	require.NoError(t, err)
	clean := JSON(encoded)
	assert.True(t, json.Valid(clean), "%s", clean)
	assert.Contains(t, string(clean), `{"got":"\"before ‹redacted:TOKEN› after\""`)
	assert.Contains(t, string(clean), `"‹redacted:TOKEN›":[`)
	assert.Contains(t, string(clean), `"whole"`)
	assert.Equal(t, "not JSON: ‹redacted:TOKEN›", string(JSON([]byte("not JSON: "+secret))))
}
