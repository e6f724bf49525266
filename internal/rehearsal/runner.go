package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/internal/migrations"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/procedure"
	"github.com/getdrop/launchgate/internal/rehearsal/record"
)

// runner migrates a database as the launch's tool does.
type runner interface {
	version(ctx context.Context, dsn string) (int64, error) // what is applied; -1: nothing
	up(ctx context.Context, dsn string) error
	upTo(ctx context.Context, dsn string, version int64) error
	down(ctx context.Context, dsn string, to int64) error
	settle(ctx context.Context, dsn string) error // what a person does after a migration that gave up for a lock
}

func newRunner(p Plan) (runner, error) {
	switch p.Set.Tool {
	case migrations.SQL:
		return sqlFiles{p}, nil
	case migrations.GolangMigrate:
		return golangMigrate{p.Set}, nil
	case migrations.Goose:
		return gooseFiles{p.Set}, nil
	case migrations.Command:
		return command{p}, nil
	}
	return nil, fmt.Errorf("the tool %q: want one that is known", p.Set.Tool)
}

// failed is what a migration ended with, and where.
type failed struct {
	where string
	err   error
}

func (f *failed) Error() string { return f.where + ": " + f.err.Error() }
func (f *failed) Unwrap() error { return f.err }

// failure turns the error of a migration into what the record has; nil where it is none of the migration's.
func (r *run) failure(err error) *record.Failure {
	var f *failed
	if !errors.As(err, &f) {
		return nil
	}
	out := &record.Failure{Where: f.where, Message: f.err.Error()}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		out.Code, out.Message = pg.Code, pg.Message
		if pg.Detail != "" {
			out.Message += " (" + pg.Detail + ")"
		}
	} else if strings.Contains(out.Message, "due to lock timeout") || strings.Contains(out.Message, lockNotAvailable) {
		out.Code = lockNotAvailable // all that a command leaves is its output
	}
	return out
}

// at is the file, and the line where the server named a place in its text.
func at(f migrations.File, text string, first int, err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Position > 0 {
		runes := []rune(text)
		return fmt.Sprintf("%s:%d", f.Name, first+strings.Count(string(runes[:min(int(pg.Position)-1, len(runes))]), "\n"))
	}
	return f.Name
}

// of is the line of a statement, or the one in it that the server named.
func of(f migrations.File, s migrations.Statement, err error) string {
	if where := at(f, s.SQL, s.Line, err); where != f.Name {
		return where
	}
	return fmt.Sprintf("%s:%d", f.Name, s.Line)
}

// sqlFiles runs every file that production does not have, statement by statement, each a transaction of its own unless the file
// begins one: as `psql -v ON_ERROR_STOP=1 -f` does.
type sqlFiles struct{ Plan }

func (s sqlFiles) version(context.Context, string) (int64, error) { return s.Applied, nil }
func (s sqlFiles) settle(context.Context, string) error           { return nil }

func (s sqlFiles) up(ctx context.Context, dsn string) error {
	return s.run(ctx, dsn, func(f migrations.File) bool { return f.Up && f.Version > s.Applied }, false)
}

func (s sqlFiles) upTo(ctx context.Context, dsn string, version int64) error {
	return s.run(ctx, dsn, func(f migrations.File) bool { return f.Up && f.Version <= version }, false)
}

func (s sqlFiles) down(ctx context.Context, dsn string, to int64) error {
	return s.run(ctx, dsn, func(f migrations.File) bool { return f.Down && f.Version > to }, true)
}

func (s sqlFiles) run(ctx context.Context, dsn string, which func(migrations.File) bool, backwards bool) error {
	for i := range s.Set.Files {
		if backwards {
			i = len(s.Set.Files) - 1 - i
		}
		if f := s.Set.Files[i]; which(f) {
			if err := runFile(ctx, dsn, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func runFile(ctx context.Context, dsn string, f migrations.File) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, s := range migrations.Statements(f.Text) {
		if strings.HasPrefix(s.SQL, `\`) {
			return &failed{fmt.Sprintf("%s:%d", f.Name, s.Line), errors.New("a command of psql's, which the rehearsal does not know; use tool: command")}
		}
		if _, err := conn.PgConn().Exec(ctx, s.SQL).ReadAll(); err != nil {
			return &failed{of(f, s, err), err}
		}
	}
	if conn.PgConn().TxStatus() != 'I' {
		return &failed{f.Name, errors.New("the file ends within a transaction, which is rolled back; COMMIT is missing")}
	}
	return nil
}

// command is a program that migrates what DATABASE_URL names.
type command struct{ plan Plan }

func (c command) version(context.Context, string) (int64, error) { return c.plan.Applied, nil }
func (c command) settle(context.Context, string) error           { return nil }
func (c command) up(ctx context.Context, dsn string) error       { return c.run(ctx, dsn, c.plan.Up) }
func (c command) down(ctx context.Context, dsn string, _ int64) error {
	return c.run(ctx, dsn, c.plan.Down)
}

func (c command) upTo(context.Context, string, int64) error {
	return errors.New("the tool is a command, which cannot migrate to production's version; give a dump, or a script that makes schema and rows")
}

func (c command) run(ctx context.Context, dsn string, args []string) error {
	err := c.plan.program(dsn, args).Run(ctx)
	var unmet *probe.Unmet
	if errors.As(err, &unmet) && unmet.Class != "command.missing" {
		return &failed{strings.Join(args, " "), errors.New(unmet.Got)}
	}
	return err
}

// program is a program of the launch that is told the database by its environment, and by nothing of its own.
func (p Plan) program(dsn string, args []string) procedure.Command {
	env := append([]string{"DATABASE_URL=" + dsn}, pgtest.Environment(dsn)...)
	return procedure.Command{Args: args, Dir: p.Dir, Launch: p.Launch, Timeout: p.Timeout, Env: env}
}
