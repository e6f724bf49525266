package launch

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a committed file, or writes it with -update.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "%s: run go test ./internal/launch -update", path)
}

func TestSchemaIsCommitted(t *testing.T) {
	schema, err := Schema()
	require.NoError(t, err)
	golden(t, "../../launch.schema.json", schema)
	overlay, err := OverlaySchema()
	require.NoError(t, err)
	golden(t, "../../environments/overlay.schema.json", overlay)
}

func validator(t *testing.T, encode func() ([]byte, error)) *jsonschema.Schema {
	t.Helper()
	text, err := encode()
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("schema.json", document))
	schema, err := compiler.Compile("schema.json")
	require.NoError(t, err)
	return schema
}

// plain reads YAML as an editor's schema checker does: by the core schema of YAML 1.2, in which a date is a text.
func plain(t *testing.T, text []byte) any {
	t.Helper()
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal(text, &node))
	var untime func(*yaml.Node)
	untime = func(n *yaml.Node) {
		if n.Tag == "!!timestamp" {
			n.Tag = "!!str"
		}
		for _, child := range n.Content {
			untime(child)
		}
	}
	untime(&node)
	var value any
	require.NoError(t, node.Decode(&value))
	return value
}

func TestFilesMatchTheirSchema(t *testing.T) {
	launchSchema, overlaySchema := validator(t, Schema), validator(t, OverlaySchema)
	overlays, err := filepath.Glob("../../environments/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, overlays)
	for _, path := range append(overlays, "../../launch.yaml", "testdata/minimal/launch.yaml") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		schema := overlaySchema
		if filepath.Base(path) == "launch.yaml" {
			schema = launchSchema
		}
		require.NoError(t, schema.Validate(plain(t, text)), path)
	}
	require.Error(t, launchSchema.Validate(plain(t, []byte("{}"))), "keys are required")
	require.Error(t, overlaySchema.Validate(plain(t, []byte("dns: {low_tll: 5s}"))), "unknown key")
	require.Error(t, overlaySchema.Validate(plain(t, []byte("dns: {low_ttl: fast}"))), "wrong value")
	require.NoError(t, overlaySchema.Validate(plain(t, []byte("dns: {low_ttl: '${TTL}', regions: '${N}'}"))), "a variable")
	require.NoError(t, overlaySchema.Validate(plain(t, []byte("dns: {mx: null}"))), "a removed key")
}

func TestExampleLoads(t *testing.T) {
	for _, environment := range []string{"production", "staging"} {
		l, err := Load("../../launch.yaml", environment)
		require.NoError(t, err)
		assert.Len(t, l.SHA256, 64)
		assert.Equal(t, environment, l.Environment)
		_, err = os.Stat(l.Path(l.DNS.RollbackFile))
		require.NoError(t, err)
	}
	text, err := os.ReadFile("../../launch.yaml")
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(text, []byte("# yaml-language-server: $schema=launch.schema.json\n")))
}
