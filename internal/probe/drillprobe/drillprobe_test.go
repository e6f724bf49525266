package drillprobe

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/getdrop/launchgate/internal/probe"
)

var now = time.Date(2027, 1, 18, 12, 0, 0, 0, time.UTC)

var ledger = Table{Name: "ledger", Key: "id", Columns: []string{"id", "amount"}}

var want = Want{Launch: "drop", Environment: "production", Database: "drop-db", Tables: []Table{ledger}, RTO: time.Hour, RPO: 26 * time.Hour, LogRPO: 10 * time.Minute, Days: 30}

// good is a report of a drill of a day ago.
func good(kind string) Report {
	began := now.AddDate(0, 0, -1)
	figures := Figures{Table: ledger, UpTo: "9", Rows: 9, Sum: "77"}
	r := Report{Kind: kind, Launch: "drop", Environment: "production", Database: "drop-db", Source: "rds", Run: "r1", Backup: Backup{ID: "rds:1", Made: began.Add(-2 * time.Hour), Within: 300},
		Began: began, Ready: began.Add(20 * time.Minute), Verified: began.Add(25 * time.Minute), Canary: Canary{ID: "a", Made: began.Add(-3 * time.Hour), Found: true},
		Tables: []Compared{{Live: figures, Restored: figures}}}
	if kind == PITR {
		r.Target, r.Restorable = began.Add(-5*time.Minute), began.Add(-time.Second)
		r.Canary.Made, r.After = r.Target.Add(-time.Second), &Canary{ID: "b", Made: r.Target.Add(2 * time.Second)}
	}
	return r
}

func TestJudge(t *testing.T) {
	for name, test := range map[string]struct {
		kind   string
		change func(*Report, *Want)
		status probe.Status
		class  string
	}{
		"restored":  {Restore, nil, probe.Pass, ""},
		"recovered": {PITR, nil, probe.Pass, ""},
		"just young enough": {Restore, func(r *Report, _ *Want) {
			*r = moved(*r, now.AddDate(0, 0, -30).Sub(r.Began))
		}, probe.Pass, ""},
		"just in time":            {Restore, func(r *Report, _ *Want) { r.Verified = r.Began.Add(time.Hour) }, probe.Pass, ""},
		"an empty table too":      {Restore, func(r *Report, w *Want) { addTable(r, w, Figures{}) }, probe.Pass, ""},
		"the log just in time":    {PITR, func(r *Report, _ *Want) { r.Target = r.Restorable.Add(-10 * time.Minute); r.around() }, probe.Pass, ""},
		"a dump, by its canary":   {Restore, func(r *Report, _ *Want) { r.Backup.Within, r.Backup.Made = 54000, r.Began.Add(2*time.Hour) }, probe.Pass, ""},
		"the report of the other": {Restore, func(r *Report, _ *Want) { r.Kind = PITR }, probe.Blocked, "drill.other"},
		"another launch":          {Restore, func(r *Report, _ *Want) { r.Launch = "drip" }, probe.Blocked, "drill.other"},
		"another environment":     {Restore, func(r *Report, _ *Want) { r.Environment = "sandbox" }, probe.Blocked, "drill.other"},
		"another database":        {PITR, func(r *Report, _ *Want) { r.Database = "drop-db-2" }, probe.Blocked, "drill.other"},
		"no database at all":      {Restore, func(r *Report, w *Want) { r.Database, w.Database = "", "" }, probe.Blocked, "drill.other"},

		"a second too old": {Restore, func(r *Report, _ *Want) { *r = moved(*r, now.AddDate(0, 0, -30).Add(-time.Second).Sub(r.Began)) }, probe.Fail, "drill.stale"},
		"still to come":    {Restore, func(r *Report, _ *Want) { *r = moved(*r, 25*time.Hour) }, probe.Blocked, "drill.clock"},
		"without a time":   {Restore, func(r *Report, _ *Want) { r.Began = time.Time{} }, probe.Blocked, "drill.torn"},
		"never looked at":  {Restore, func(r *Report, _ *Want) { r.Verified = time.Time{} }, probe.Blocked, "drill.torn"},
		"ends before it":   {Restore, func(r *Report, _ *Want) { r.Verified = r.Began.Add(-time.Second) }, probe.Blocked, "drill.torn"},
		"ends in a week":   {Restore, func(r *Report, w *Want) { r.Verified, w.RTO = now.AddDate(0, 0, 7), 1000*time.Hour }, probe.Blocked, "drill.torn"},
		"a backup to come": {Restore, func(r *Report, _ *Want) { r.Backup.Made = r.Began.Add(11 * time.Minute) }, probe.Blocked, "drill.clock"},
		"no backup's name": {Restore, func(r *Report, _ *Want) { r.Backup.ID = "" }, probe.Blocked, "drill.torn"},
		"no canary":        {Restore, func(r *Report, _ *Want) { r.Canary = Canary{} }, probe.Blocked, "drill.torn"},
		"no second canary": {PITR, func(r *Report, _ *Want) { r.After = nil }, probe.Blocked, "drill.torn"},
		"twice the same":   {PITR, func(r *Report, _ *Want) { r.After.ID = r.Canary.ID }, probe.Blocked, "drill.torn"},
		"no point":         {PITR, func(r *Report, _ *Want) { r.Target = time.Time{} }, probe.Blocked, "drill.torn"},
		"a failure": {Restore, func(r *Report, _ *Want) {
			r.Failure = &Failure{Class: "drill.status", Want: "it available", Got: "failed"}
		}, probe.Fail, "drill.status"},
		"a failure of another class": {Restore, func(r *Report, _ *Want) {
			r.Failure = &Failure{Class: "rds.missing", Want: "the database drop-db", Got: "no such instance"}
		}, probe.Fail, "rds.missing"},
		"canary is missing": {Restore, func(r *Report, _ *Want) { r.Canary.Found = false }, probe.Fail, "drill.canary"},

		"the second is there":       {PITR, func(r *Report, _ *Want) { r.After.Found = true }, probe.Fail, "drill.point"},
		"the first is not":          {PITR, func(r *Report, _ *Want) { r.Canary.Found = false }, probe.Fail, "drill.canary"},
		"both are before the point": {PITR, func(r *Report, _ *Want) { r.After.Made = r.Target }, probe.Blocked, "drill.torn"},
		"both are after the point":  {PITR, func(r *Report, _ *Want) { r.Canary.Made = r.Target.Add(time.Second) }, probe.Blocked, "drill.torn"},
		"far apart":                 {PITR, func(r *Report, _ *Want) { r.Canary.Made = r.Canary.Made.Add(-10 * time.Minute) }, probe.Blocked, "drill.window"},
		"the log is late":           {PITR, func(r *Report, _ *Want) { r.Target = r.Restorable.Add(-10*time.Minute - time.Second); r.around() }, probe.Fail, "drill.rpo"},

		"nothing to compare":       {Restore, func(r *Report, w *Want) { w.Tables = nil }, probe.Blocked, "not-configured"},
		"a table was added since":  {Restore, func(_ *Report, w *Want) { w.Tables = append([]Table{{Name: "new", Key: "id"}}, ledger) }, probe.Blocked, "drill.tables"},
		"a column was added since": {Restore, func(_ *Report, w *Want) { w.Tables = []Table{{Name: "ledger", Key: "id", Columns: []string{"id"}}} }, probe.Blocked, "drill.tables"},
		"a row is missing":         {Restore, func(r *Report, _ *Want) { r.Tables[0].Restored.Rows = 8 }, probe.Fail, "drill.rows"},
		"a row too many":           {PITR, func(r *Report, _ *Want) { r.Tables[0].Restored.Rows = 10 }, probe.Fail, "drill.rows"},
		"a row is another":         {Restore, func(r *Report, _ *Want) { r.Tables[0].Restored.Sum = "78" }, probe.Fail, "drill.checksum"},
		"nobody summed up":         {Restore, func(r *Report, _ *Want) { r.Tables[0].Live.Sum, r.Tables[0].Restored.Sum = "", "" }, probe.Fail, "drill.checksum"},
		"counted up to somewhere":  {Restore, func(r *Report, _ *Want) { r.Tables[0].Restored.UpTo = "8" }, probe.Blocked, "drill.torn"},
		"all tables are empty":     {Restore, func(r *Report, _ *Want) { r.Tables[0] = Compared{Figures{Table: ledger}, Figures{Table: ledger}} }, probe.Fail, "drill.rows"},
		"a second too long":        {Restore, func(r *Report, _ *Want) { r.Verified = r.Began.Add(time.Hour + time.Second) }, probe.Fail, "drill.rto"},
		"a backup a second too old": {Restore, func(r *Report, _ *Want) {
			r.Backup.Made = r.Began.Add(-26*time.Hour - time.Second)
			r.Canary.Made = r.Backup.Made
		}, probe.Fail, "drill.rpo"},
		"an old canary":              {Restore, func(r *Report, _ *Want) { r.Canary.Made = r.Backup.Made.Add(-27 * time.Hour) }, probe.Blocked, "drill.canary-old"},
		"a dump that says it is new": {Restore, func(r *Report, _ *Want) { r.Backup.Within, r.Canary.Made = 54000, r.Began.Add(-27*time.Hour) }, probe.Blocked, "drill.canary-old"},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := good(test.kind), want
			if test.change != nil {
				test.change(&r, &w)
			}
			result := probe.Run(t.Context(), "", func(context.Context) (probe.Evidence, error) { return probe.Evidence{}, w.Judge(&r, test.kind, now) })
			require.Equal(t, test.status, result.Status, result.Message())
			assert.Equal(t, test.class, result.Class)
		})
	}
}

// around puts the canaries around the point.
func (r *Report) around() {
	r.Canary.Made, r.After.Made = r.Target.Add(-time.Second), r.Target.Add(time.Second)
}

func moved(r Report, by time.Duration) Report {
	for _, at := range []*time.Time{&r.Backup.Made, &r.Began, &r.Ready, &r.Verified, &r.Canary.Made} {
		*at = at.Add(by)
	}
	return r
}

func addTable(r *Report, w *Want, f Figures) {
	f.Table = Table{Name: "rates", Key: "id"}
	r.Tables = append(r.Tables, Compared{f, f})
	w.Tables = append([]Table{ledger}, f.Table)
}

func TestReports(t *testing.T) {
	for name, test := range map[string]struct {
		change func(text []byte) []byte
		status probe.Status
		class  string
	}{
		"as it was written": {func(text []byte) []byte { return text }, probe.Pass, ""},
		"empty":             {func([]byte) []byte { return []byte{} }, probe.Blocked, "drill.torn"},
		"cut off":           {func(text []byte) []byte { return text[:len(text)-10] }, probe.Blocked, "drill.torn"},
		"HTML":              {func([]byte) []byte { return []byte("<html>not found</html>") }, probe.Blocked, "drill.torn"},
		"a number changed":  {func(text []byte) []byte { return bytes.Replace(text, []byte(`"rows": 9`), []byte(`"rows": 8`), 2) }, probe.Fail, "drill.tampered"},
		"a key added":       {func(text []byte) []byte { return bytes.Replace(text, []byte(`{`), []byte(`{"ok": true,`), 1) }, probe.Blocked, "drill.torn"},
		"a key twice":       {func(text []byte) []byte { return bytes.Replace(text, []byte(`{`), []byte(`{"launch": "drop",`), 1) }, probe.Fail, "drill.tampered"},
		"more behind it":    {func(text []byte) []byte { return append(text, text...) }, probe.Fail, "drill.tampered"},
		"without its hash":  {func(text []byte) []byte { return bytes.Replace(text, []byte(`"sha256": "`), []byte(`"sha256": "0`), 1) }, probe.Fail, "drill.tampered"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := &Drills{Dir: dir, Want: want, Now: func() time.Time { return now }}
			file, err := good(Restore).Write(dir)
			require.NoError(t, err)
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(file, test.change(text), 0o600))
			result := probe.Run(t.Context(), "", d.Restored())
			assert.Equal(t, test.status, result.Status, result.Message())
			assert.Equal(t, test.class, result.Class)
			assert.Equal(t, []string{file}, result.Evidence.Asked)
			if test.status != probe.Pass {
				assert.Contains(t, result.Message(), file)
				assert.Contains(t, result.Message(), "launchgate drill restore")
			}
		})
	}
	t.Run("none", func(t *testing.T) {
		d := &Drills{Dir: t.TempDir(), Want: want}
		_, err := d.Recovered()(t.Context())
		assert.Equal(t, probe.Blocked, probe.StatusOf(err))
		assert.ErrorContains(t, err, "run launchgate drill pitr")
	})
	t.Run("nothing half is left", func(t *testing.T) {
		dir := t.TempDir()
		_, err := good(PITR).Write(dir)
		require.NoError(t, err)
		files, err := filepath.Glob(filepath.Join(dir, "production", "*"))
		require.NoError(t, err)
		assert.Equal(t, []string{filepath.Join(dir, "production", "pitr.json")}, files)
	})
}
