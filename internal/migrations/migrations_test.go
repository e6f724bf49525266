package migrations

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestStatements(t *testing.T) {
	for text, want := range map[string][]Statement{
		"":                            nil,
		"-- nothing; here\n/* ; */ ;": nil,
		"SELECT 1;\n\nSELECT 2":       {{1, "SELECT 1"}, {3, "SELECT 2"}},
		"-- first\nSELECT ';', ';;' -- ;\n;\nSELECT 'it''s;';":              {{2, "SELECT ';', ';;' -- ;"}, {4, "SELECT 'it''s;'"}},
		`SELECT E'\';'; SELECT 1`:                                           {{1, `SELECT E'\';'`}, {1, "SELECT 1"}},
		`SELECT '\'; SELECT 1`:                                              {{1, `SELECT '\'`}, {1, "SELECT 1"}},
		`SELECT "a;b"; SELECT 1`:                                            {{1, `SELECT "a;b"`}, {1, "SELECT 1"}},
		"DO $$ BEGIN; END; $$; SELECT $a$ $$;$$ ;$a$;":                      {{1, "DO $$ BEGIN; END; $$"}, {1, "SELECT $a$ $$;$$ ;$a$"}},
		"/* a /* b; */ ; */ SELECT a$b; SELECT $1;":                         {{1, "SELECT a$b"}, {1, "SELECT $1"}},
		"CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); SELECT 3": {{1, "CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)"}, {1, "SELECT 3"}},
		"\n\n  SELECT 1;":                                                   {{3, "SELECT 1"}},
	} {
		assert.Equal(t, want, Statements(text), text)
	}
}

func FuzzStatements(f *testing.F) {
	f.Add("SELECT 'a';")
	f.Add("$a$ /* -- E'\\")
	f.Fuzz(func(t *testing.T, text string) {
		for _, s := range Statements(text) {
			assert.NotEmpty(t, s.SQL)
			assert.Positive(t, s.Line)
		}
	})
}

func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func TestFilesAreJudgedWithoutADatabase(t *testing.T) {
	for name, tt := range map[string]struct {
		tool         string
		files        map[string]string
		where        []string // problems
		irreversible []string // above version 1
	}{
		"good":                {SQL, map[string]string{"1_a.up.sql": "S;", "1_a.down.sql": "S;", "2_b.up.sql": "S;", "2_b.down.sql": "S;"}, nil, nil},
		"no down":             {SQL, map[string]string{"1_a.up.sql": "S;", "2_b.up.sql": "S;"}, nil, []string{"2_b.up.sql"}},
		"empty down":          {SQL, map[string]string{"1_a.up.sql": "S;", "2_b.up.sql": "S;", "2_b.down.sql": "-- later\n"}, nil, []string{"2_b.up.sql"}},
		"twice":               {GolangMigrate, map[string]string{"1_a.up.sql": "S;", "01_b.up.sql": "S;"}, []string{"1_a.up.sql"}, nil},
		"gap":                 {SQL, map[string]string{"1_a.up.sql": "S;", "3_b.up.sql": "S;", "3_b.down.sql": "S;"}, []string{"3_b.up.sql"}, nil},
		"dates have gaps":     {SQL, map[string]string{"20260101120000_a.up.sql": "S;", "20260102120000_b.up.sql": "S;", "20260101120000_a.down.sql": "S;", "20260102120000_b.down.sql": "S;"}, nil, nil},
		"latin1":              {SQL, map[string]string{"1_a.up.sql": "S;\n-- p\xe5\n"}, []string{"1_a.up.sql:2"}, nil},
		"byte order mark":     {SQL, map[string]string{"1_a.up.sql": "\ufeffS;"}, []string{"1_a.up.sql:1"}, nil},
		"goose":               {Goose, map[string]string{"1_a.sql": "-- +goose Up\nS;\n", "2_b.sql": "-- +goose Up\nS;\n-- +goose Down\nS;\n"}, nil, nil},
		"goose, nothing down": {Goose, map[string]string{"2_b.sql": "-- +goose Up\nS;\n-- +goose Down\n"}, nil, []string{"2_b.sql"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Read(tt.tool, folder(t, tt.files))
			require.NoError(t, err)
			var where, irreversible []string
			for _, p := range s.Problems() {
				where = append(where, p.Where)
			}
			for _, p := range s.Irreversible(1) {
				irreversible = append(irreversible, p.Where)
			}
			assert.Equal(t, tt.where, where)
			assert.Equal(t, tt.irreversible, irreversible)
		})
	}
	_, err := Read(SQL, folder(t, map[string]string{"readme.md": "no migration"}))
	require.ErrorContains(t, err, "got none")
}

func TestEdited(t *testing.T) {
	dir := folder(t, map[string]string{"1_a.up.sql": "SELECT 1;"})
	s, err := Read(SQL, dir)
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		list string
		want int
		err  string
	}{
		"as it was": {s.Files[0].SHA256 + "  migrations/1_a.up.sql\n", 0, ""},
		"edited":    {sum([]byte("SELECT 2;")) + "  1_a.up.sql\n", 1, ""},
		"removed":   {s.Files[0].SHA256 + "  1_a.up.sql\n" + s.Files[0].SHA256 + "  0_z.up.sql\n", 1, ""},
		"empty":     {"", 0, "got none"},
		"no list":   {"hello\n", 0, "as sha256sum writes them"},
	} {
		t.Run(name, func(t *testing.T) {
			list := filepath.Join(t.TempDir(), "list")
			require.NoError(t, os.WriteFile(list, []byte(tt.list), 0o600))
			found, err := s.Edited(list)
			assert.Len(t, found, tt.want)
			if tt.err != "" {
				require.ErrorContains(t, err, tt.err)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func TestWhatWasRemovedIsListedByName(t *testing.T) {
	s, err := Read(SQL, folder(t, map[string]string{"9_z.up.sql": "SELECT 1;"}))
	require.NoError(t, err)
	was := map[string]string{}
	var want []string
	for i := range 9 {
		name := fmt.Sprintf("%d_a.up.sql", i)
		was[name], want = "", append(want, name)
	}
	var got []string
	for _, p := range s.changed(was, "then") {
		got = append(got, p.Where)
	}
	assert.Equal(t, want, got)
}

func TestEditedSinceACommit(t *testing.T) {
	dir := folder(t, map[string]string{"1_a.up.sql": "SELECT 1;", "2_b.up.sql": "SELECT 2;"})
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "a"}, {"tag", "v1"}} {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	look := func() []Problem {
		s, err := Read(SQL, dir)
		require.NoError(t, err)
		found, err := s.EditedSince(t.Context(), "v1")
		require.NoError(t, err)
		return found
	}
	assert.Empty(t, look())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "1_a.up.sql"), []byte("SELECT 3;"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "3_c.up.sql"), []byte("SELECT 3;"), 0o600))
	require.NoError(t, os.Remove(filepath.Join(dir, "2_b.up.sql")))
	assert.Len(t, look(), 2, "the new file is none")
	s, err := Read(SQL, dir)
	require.NoError(t, err)
	_, err = s.EditedSince(t.Context(), "v2")
	require.ErrorContains(t, err, "fetch it")
}
