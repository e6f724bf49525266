package terraformprobe

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

// What terraform 1.x prints with -json.
const (
	summary = `{"@level":"info","@message":"Plan: 0 to add, 1 to change, 0 to destroy.","@module":"terraform.ui","changes":{"add":0,"change":1,"import":0,"remove":0,"operation":"plan"},"type":"change_summary"}` + "\n"
	none    = `{"@level":"info","@message":"Plan: 0 to add, 0 to change, 0 to destroy.","@module":"terraform.ui","changes":{"add":0,"change":0,"import":0,"remove":0,"operation":"plan"},"type":"change_summary"}` + "\n"
	looked  = `{"@level":"info","@message":"aws_db_instance.main: Refresh complete [id=drop-db]","@module":"terraform.ui","hook":{"resource":{"addr":"aws_db_instance.main","module":"","resource":"aws_db_instance.main","implied_provider":"aws","resource_type":"aws_db_instance","resource_name":"main","resource_key":null},"id_key":"id","id_value":"drop-db"},"type":"refresh_complete"}` + "\n"
	change  = `{"@level":"info","@message":"aws_db_instance.main: Plan to update","@module":"terraform.ui","change":{"resource":{"addr":"aws_db_instance.main","module":"","resource":"aws_db_instance.main","implied_provider":"aws","resource_type":"aws_db_instance","resource_name":"main","resource_key":null},"action":"update"},"type":"planned_change"}` + "\n"
	failed  = `{"@level":"error","@message":"Error: Backend initialization required","@module":"terraform.ui","diagnostic":{"severity":"error","summary":"Backend initialization required, please run \"terraform init\"","detail":""},"type":"diagnostic"}` + "\n"
)

// terraform puts a stand-in on PATH that notes its arguments, prints, and ends with an exit code.
func terraform(t *testing.T, out string, exit int) (dir string) {
	t.Helper()
	bin, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "out"), []byte(out), 0o600))
	script := fmt.Sprintf("#!/bin/sh\necho \"$@\" >args\nenv >env\ncat %s/out\nexit %d\n", bin, exit)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "terraform"), []byte(script), 0o700))
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	return dir
}

func TestNoDrift(t *testing.T) {
	for name, test := range map[string]struct {
		out  string
		exit int
		want probe.Status
		got  string
	}{
		"no change":                      {looked + none, 0, probe.Pass, ""},
		"a folder without a resource":    {none, 0, probe.Blocked, "nothing that it looked at"}, // as terraform 1.11.4 says it of outputs and locals alone
		"a change":                       {"plain words of a provider\n" + change + summary, 2, probe.Fail, "update aws_db_instance.main"},
		"outputs only":                   {none, 2, probe.Fail, "outputs"},
		"not initialised":                {failed, 1, probe.Blocked, "Backend initialization required"},
		"an error after some changes":    {change + failed, 1, probe.Blocked, "exit code 1"},
		"another program":                {"hello\n", 0, probe.Blocked, "no plan"},
		"nothing at all":                 {"", 0, probe.Blocked, "no plan"},
		"an exit code that nobody knows": {none, 127, probe.Blocked, "127"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := terraform(t, test.out, test.exit)
			t.Setenv("TF_CLI_ARGS_plan", "-refresh=false -target=null_resource.nothing")
			result := probe.Run(t.Context(), name, NoDrift(dir))
			assert.Equal(t, test.want, result.Status, result.Message())
			assert.Contains(t, result.Got, test.got)
			asked, err := os.ReadFile(filepath.Join(dir, "args"))
			require.NoError(t, err)
			assert.Equal(t, "plan -detailed-exitcode -input=false -lock=false -json\n", string(asked))
			env, err := os.ReadFile(filepath.Join(dir, "env"))
			require.NoError(t, err)
			assert.NotContains(t, string(env), "TF_CLI_ARGS", "which would make it another plan")
		})
	}
}

func TestNoTerraformIsNoPlan(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", NoDrift(t.TempDir())).Status)
	dir := terraform(t, none, 0)
	assert.Equal(t, probe.Blocked, probe.Run(t.Context(), "", NoDrift(filepath.Join(dir, "elsewhere"))).Status, "no such folder")
}

func TestAPlanThatTakesTooLongIsNoPlan(t *testing.T) {
	bin := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(bin, "terraform"), []byte("#!/bin/sh\nexec sleep 60\n"), 0o700))
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := NoDrift(t.TempDir())(ctx)
	assert.Equal(t, probe.Blocked, probe.StatusOf(err), "%v", err)
}
