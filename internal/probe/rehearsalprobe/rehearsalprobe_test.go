package rehearsalprobe

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

var now = time.Date(2027, 1, 16, 12, 0, 0, 0, time.UTC)

// rehearsed is a rehearsal that went well, and what it is looked at with.
func rehearsed(t *testing.T) (*Rehearsal, *record.Record) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "1_a.up.sql"), []byte("SELECT 1;"), 0o600))
	script := filepath.Join(dir, "verify.sh")
	require.NoError(t, os.WriteFile(script, []byte("exit 0"), 0o600))
	set, err := migrations.Read(migrations.SQL, dir)
	require.NoError(t, err)
	r := &Rehearsal{File: filepath.Join(dir, "rehearsal.json"), Launch: "drop-1", Tool: migrations.SQL, Dir: dir, Words: []string{"0"}, Major: 16, ValidFor: 24 * time.Hour, Script: script,
		Announced: 10 * time.Minute, Window: 30 * time.Minute, LockWait: 2 * time.Second, Rows: []Rows{{"account", 100}}, Now: func() time.Time { return now }}
	before, after := []record.Table{{Name: "account", Rows: 100, Sum: "1 2"}}, []record.Table{{Name: "account", Rows: 100, Sum: "3 4"}}
	rec := &record.Record{Format: record.Format, Launch: "drop-1", Tool: migrations.SQL, Migrations: set.Hash("0"), Script: ScriptHash(script), Began: now.Add(-2 * time.Hour), Ended: now.Add(-time.Hour), Major: 16,
		Steps: []record.Step{{Name: record.Start, Schema: "a", Tables: before}, {Name: record.Up, Took: time.Minute, Schema: "b", Tables: after}, {Name: record.Behind, Schema: "a", Tables: before,
			Failure: &record.Failure{Code: lockNotAvailable, Message: "canceling statement due to lock timeout"}}, {Name: record.Released, Schema: "b", Tables: after},
			{Name: record.Again, Schema: "b", Tables: after}, {Name: record.Down, Schema: "a", Tables: before}, {Name: record.Back, Schema: "b", Tables: after}},
		Trials: []record.Trial{{Passed: true}, {Copy: "rows lost"}, {Passed: true}}}
	return r, rec
}

func claims(r *Rehearsal) []probe.Claim {
	return []probe.Claim{r.Timed(), r.Sized(), r.Reversible(), r.Repeatable(), r.Verified()}
}

func TestARecordThatIsNotOfNowIsBlocked(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Rehearsal, *record.Record)
		spoil  func(string) string // of the file's text
		want   probe.Status
	}{
		"as it is":       {want: probe.Pass},
		"another launch": {change: func(_ *Rehearsal, rec *record.Record) { rec.Launch = "drop-0" }},
		"other files":    {change: func(_ *Rehearsal, rec *record.Record) { rec.Migrations = "0" }},
		"another tool":   {change: func(_ *Rehearsal, rec *record.Record) { rec.Tool = migrations.Goose }},
		"another major":  {change: func(_ *Rehearsal, rec *record.Record) { rec.Major = 15 }},
		"no major":       {change: func(r *Rehearsal, rec *record.Record) { r.Major, rec.Major = 0, 0 }},
		"too old":        {change: func(_ *Rehearsal, rec *record.Record) { rec.Ended = now.Add(-25 * time.Hour); rec.Began = rec.Ended }},
		"to come":        {change: func(_ *Rehearsal, rec *record.Record) { rec.Ended = now.Add(time.Hour) }},
		"not ended":      {change: func(_ *Rehearsal, rec *record.Record) { rec.Ended = time.Time{} }},
		"no way back":    {change: func(_ *Rehearsal, rec *record.Record) { rec.ForwardOnly = true }},
		"no steps":       {change: func(_ *Rehearsal, rec *record.Record) { rec.Steps, rec.Trials = nil, nil }},
		"torn":           {spoil: func(text string) string { return text[:len(text)/2] }},
		"empty":          {spoil: func(string) string { return "" }},
		"null":           {spoil: func(string) string { return "null" }},
		"a page":         {spoil: func(string) string { return "<html>" }},
		"edited":         {spoil: func(text string) string { return text[:20] + "9" + text[21:] }},
	} {
		t.Run(name, func(t *testing.T) {
			r, rec := rehearsed(t)
			if tt.change != nil {
				tt.change(r, rec)
			}
			text, err := rec.Encode()
			require.NoError(t, err)
			if tt.spoil != nil {
				text = []byte(tt.spoil(string(text)))
			}
			require.NoError(t, os.WriteFile(r.File, text, 0o600))
			want := tt.want
			if want == "" {
				want = probe.Blocked
			}
			for i, claim := range claims(r) {
				result := probe.Run(t.Context(), name, claim)
				assert.Equal(t, want, result.Status, "%d: %s", i, result.Message())
			}
		})
	}
	r, _ := rehearsed(t)
	for _, claim := range claims(r) {
		result := probe.Run(t.Context(), "missing", claim)
		assert.Equal(t, probe.Blocked, result.Status)
		assert.Contains(t, result.Message(), Run)
	}
}

func TestJudge(t *testing.T) {
	type judge = func(*Rehearsal, *record.Record) error
	timed, sized, down, again, script := (*Rehearsal).judgeTimed, (*Rehearsal).judgeSized, (*Rehearsal).judgeDown, (*Rehearsal).judgeAgain, (*Rehearsal).judgeScript
	step := func(name string, change func(*record.Step)) func(*Rehearsal, *record.Record) {
		return func(_ *Rehearsal, rec *record.Record) { change(rec.Step(name)) }
	}
	fails := func(s *record.Step) { s.Failure = &record.Failure{Message: "no"} }
	for name, tt := range map[string]struct {
		judge  judge
		change func(*Rehearsal, *record.Record)
		want   probe.Status
	}{
		"as long as announced":   {timed, step(record.Up, func(s *record.Step) { s.Took = 10 * time.Minute }), probe.Pass},
		"longer":                 {timed, step(record.Up, func(s *record.Step) { s.Took = 10*time.Minute + 1 }), probe.Fail},
		"half the window":        {timed, func(r *Rehearsal, _ *record.Record) { r.Window = 2 * time.Minute }, probe.Pass},
		"more than half of it":   {timed, func(r *Rehearsal, _ *record.Record) { r.Window = 2*time.Minute - 1 }, probe.Fail},
		"no window":              {timed, func(r *Rehearsal, _ *record.Record) { r.Window = 0 }, probe.Fail},
		"up fails":               {timed, step(record.Up, fails), probe.Fail},
		"an invalid index":       {timed, step(record.Up, func(s *record.Step) { s.Invalid = []string{"i"} }), probe.Fail},
		"waits":                  {timed, step(record.Behind, func(s *record.Step) { s.Waited = &record.Lock{For: 3 * time.Second} }), probe.Fail},
		"waits briefly":          {timed, step(record.Behind, func(s *record.Step) { s.Waited = &record.Lock{For: 2 * time.Second} }), probe.Pass},
		"fails otherwise":        {timed, step(record.Behind, func(s *record.Step) { s.Failure.Code = "42601" }), probe.Fail},
		"fails once released":    {timed, step(record.Released, fails), probe.Fail},
		"another schema then":    {timed, step(record.Released, func(s *record.Step) { s.Schema = "c" }), probe.Fail},
		"80 %":                   {sized, func(r *Rehearsal, _ *record.Record) { r.Rows[0].Rows = 125 }, probe.Pass},
		"less":                   {sized, func(r *Rehearsal, _ *record.Record) { r.Rows[0].Rows = 126 }, probe.Fail},
		"no such table":          {sized, func(r *Rehearsal, _ *record.Record) { r.Rows[0].Table = "fee" }, probe.Fail},
		"nobody said how many":   {sized, func(r *Rehearsal, _ *record.Record) { r.Rows = nil }, probe.Blocked},
		"down":                   {down, func(*Rehearsal, *record.Record) {}, probe.Pass},
		"down fails":             {down, step(record.Down, fails), probe.Fail},
		"down leaves":            {down, step(record.Down, func(s *record.Step) { s.Schema = "b" }), probe.Fail},
		"down loses":             {down, step(record.Down, func(s *record.Step) { s.Tables = nil }), probe.Fail},
		"down changes":           {down, step(record.Down, func(s *record.Step) { s.Tables = []record.Table{{Name: "account", Rows: 100, Sum: "9 9"}} }), probe.Fail},
		"another way up":         {down, step(record.Back, func(s *record.Step) { s.Schema = "c" }), probe.Fail},
		"up failed before":       {down, func(_ *Rehearsal, rec *record.Record) { fails(rec.Step(record.Up)); rec.Steps = rec.Steps[:2] }, probe.Blocked},
		"again":                  {again, func(*Rehearsal, *record.Record) {}, probe.Pass},
		"again fails":            {again, step(record.Again, fails), probe.Fail},
		"again another schema":   {again, step(record.Again, func(s *record.Step) { s.Schema = "c" }), probe.Fail},
		"again a table":          {again, step(record.Again, func(s *record.Step) { s.Tables = append(s.Tables, record.Table{Name: "x"}) }), probe.Fail},
		"script":                 {script, func(*Rehearsal, *record.Record) {}, probe.Pass},
		"script refuses good":    {script, func(_ *Rehearsal, rec *record.Record) { rec.Trials[2].Passed = false }, probe.Fail},
		"script takes all":       {script, func(_ *Rehearsal, rec *record.Record) { rec.Trials[1].Passed = true }, probe.Fail},
		"script saw no bad copy": {script, func(_ *Rehearsal, rec *record.Record) { rec.Trials = rec.Trials[:1] }, probe.Blocked},
		"script never ran":       {script, func(_ *Rehearsal, rec *record.Record) { rec.Trials = nil }, probe.Blocked},
		"script changed":         {script, func(_ *Rehearsal, rec *record.Record) { rec.Script = "0" }, probe.Blocked},
		"no script":              {script, func(r *Rehearsal, _ *record.Record) { r.Script = "" }, probe.Blocked},
		"script gone":            {script, func(r *Rehearsal, _ *record.Record) { r.Script += ".old" }, probe.Fail},
	} {
		t.Run(name, func(t *testing.T) {
			r, rec := rehearsed(t)
			tt.change(r, rec)
			err := tt.judge(r, rec)
			assert.Equal(t, tt.want, probe.StatusOf(err), "%v", err)
		})
	}
}

// TestACommandsFilesShowNoWayBack: that it has one is measured, and not read.
func TestACommandsFilesShowNoWayBack(t *testing.T) {
	r, _ := rehearsed(t)
	r.Tool = migrations.Command
	_, err := r.HasDown()(t.Context())
	assert.Equal(t, probe.NA, probe.StatusOf(err))
}
