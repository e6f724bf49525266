package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// trials runs the integrity script on the migrated database, on a copy for each corruption, and on the good one again.
func (r *run) trials(ctx context.Context) error {
	if len(r.Verify) == 0 {
		return nil
	}
	if err := r.trial(ctx, mainDB, ""); err != nil {
		return err
	}
	damages, err := r.damages(ctx)
	if err != nil {
		return err
	}
	for _, d := range damages {
		if err := r.copyOf(ctx, mainDB, copyDB); err != nil {
			return err
		}
		done, err := r.corrupt(ctx, d)
		if err != nil {
			return fmt.Errorf("%s: %w", d.what, err)
		}
		if done {
			if err := r.trial(ctx, copyDB, d.what); err != nil {
				return err
			}
		}
	}
	if err := r.drop(ctx, copyDB); err != nil {
		return err
	}
	return r.trial(ctx, mainDB, "")
}

func (r *run) trial(ctx context.Context, database, what string) error {
	defer r.progress("integrity script", 0)()
	err := r.program(r.dsn(database), r.Verify).Run(ctx)
	t := record.Trial{Copy: what, Passed: err == nil}
	var unmet *probe.Unmet
	if err != nil && (!errors.As(err, &unmet) || unmet.Class == "command.missing") {
		return err
	}
	if unmet != nil {
		t.Output = unmet.Got
	}
	r.rec.Trials = append(r.rec.Trials, t)
	return nil
}

// damage is one corruption: statements that must change rows.
type damage struct {
	what string
	sql  []string
}

// corrupt damages the copy, and says whether that changed a row.
func (r *run) corrupt(ctx context.Context, d damage) (bool, error) {
	conn, err := r.connect(ctx, copyDB)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var changed int64
	for _, sql := range append([]string{"SET session_replication_role = replica"}, d.sql...) {
		tag, err := conn.Exec(ctx, sql)
		if err != nil {
			return false, err
		}
		changed += tag.RowsAffected()
	}
	return changed > 0, nil
}

const (
	// columns of a table that are in no key: name, whether the migration may have made them is told by the schema
	plainColumns = `SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisunique AND a.attnum = ANY(i.indkey)) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = a.attrelid AND c.contype = 'f' AND a.attnum = ANY(c.conkey)) ORDER BY a.attnum DESC`
	references = `SELECT conrelid::regclass::text, confrelid::regclass::text,
 (SELECT string_agg('c.' || quote_ident(x.attname) || ' = p.' || quote_ident(y.attname), ' AND ' ORDER BY n.i) FROM generate_subscripts(f.conkey, 1) n(i) JOIN pg_attribute x ON x.attrelid = f.conrelid AND x.attnum = f.conkey[n.i] JOIN pg_attribute y ON y.attrelid = f.confrelid AND y.attnum = f.confkey[n.i])
FROM pg_constraint f WHERE contype = 'f' AND conparentid = 0 ORDER BY 1, 2`
)

// reference is a foreign key.
type reference struct{ Child, Parent, On string }

// damages are what is done to copies: to the tables that the migration touched, or where it touched none with rows, to all.
func (r *run) damages(ctx context.Context) ([]damage, error) {
	conn, err := r.connect(ctx, mainDB)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	touched, news := r.touched()
	var all []damage
	add := func(kind, what string, sql ...string) {
		if len(r.Corruptions) == 0 || slices.Contains(r.Corruptions, kind) {
			all = append(all, damage{what, sql})
		}
	}
	for _, table := range touched[:min(1, len(touched))] {
		add("lost", "every tenth row of "+table+" deleted", "DELETE FROM "+table+" WHERE ctid IN (SELECT ctid FROM (SELECT ctid, row_number() OVER () AS no FROM "+table+") t WHERE no % 10 = 1)")
		columns, err := texts(ctx, conn, plainColumns, table)
		if err != nil {
			return nil, err
		}
		slices.SortStableFunc(columns, func(a, b string) int { return rank(news, table+"."+a) - rank(news, table+"."+b) })
		for _, column := range columns[:min(1, len(columns))] {
			add("nulls", table+"."+column+" NULL in every tenth row", "ALTER TABLE "+table+" ALTER COLUMN "+column+" DROP NOT NULL",
				"UPDATE "+table+" SET "+column+" = NULL WHERE "+column+" IS NOT NULL AND ctid IN (SELECT ctid FROM (SELECT ctid, row_number() OVER () AS no FROM "+table+") t WHERE no % 10 = 1)")
			add("swapped", table+"."+column+" swapped between rows", "UPDATE "+table+" t SET "+column+" = o.other FROM (SELECT ctid, lead("+column+") OVER (ORDER BY ctid) AS other FROM "+table+") o WHERE o.ctid = t.ctid AND o.other IS NOT NULL AND o.other IS DISTINCT FROM t."+column)
		}
	}
	rows, err := conn.Query(ctx, references)
	if err != nil {
		return nil, err
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[reference])
	if err != nil {
		return nil, err
	}
	for _, table := range touched {
		at := slices.IndexFunc(keys, func(k reference) bool { return k.Child == table || k.Parent == table })
		if at >= 0 {
			k := keys[at]
			add("orphans", "rows of "+k.Child+" without their "+k.Parent, "DELETE FROM "+k.Parent+" p WHERE ctid IN (SELECT p.ctid FROM "+k.Parent+" p WHERE EXISTS (SELECT FROM "+k.Child+" c WHERE "+k.On+") LIMIT 10)")
			break
		}
	}
	return all, nil
}

func rank(news []string, column string) int {
	if slices.Contains(news, column) {
		return 0
	}
	return 1
}

// touched are the tables with rows that the migration changed, those with most rows first, and the columns that are new or other.
func (r *run) touched() (names, columns []string) {
	before, after := r.rec.Step(record.Start), r.rec.Step(record.Up)
	for _, line := range r.seen[record.Up] {
		if column, ok := strings.CutPrefix(line, "column "); ok && !slices.Contains(r.seen[record.Start], line) {
			name, _, _ := strings.Cut(column, " no. ")
			columns = append(columns, name)
		}
	}
	pick := func(which func(record.Table) bool) (all []record.Table) {
		for _, t := range after.Tables {
			if t.Rows > 0 && which(t) {
				all = append(all, t)
			}
		}
		return all
	}
	found := pick(func(t record.Table) bool {
		return !slices.Contains(before.Tables, t) || slices.ContainsFunc(columns, func(c string) bool { return strings.HasPrefix(c, t.Name+".") })
	})
	if len(found) == 0 {
		found = pick(func(record.Table) bool { return true })
	}
	slices.SortStableFunc(found, func(a, b record.Table) int { return int(min(1, max(-1, b.Rows-a.Rows))) })
	for _, t := range found {
		names = append(names, t.Name)
	}
	return names, columns
}
