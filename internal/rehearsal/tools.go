package rehearsal

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	_ "github.com/golang-migrate/migrate/v4/source/file" // the folder of migrations
	_ "github.com/jackc/pgx/v5/stdlib"                   // the driver "pgx"
	"github.com/pressly/goose/v3"

	"github.com/getdrop/launchgate/internal/migrations"
)

// golangMigrate is golang-migrate as a library: the same code as its command.
type golangMigrate struct{ set *migrations.Set }

func (g golangMigrate) open(dsn string, do func(*migrate.Migrate) error) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	dir, err := filepath.Abs(g.set.Dir)
	if err != nil {
		return err
	}
	m, err := migrate.NewWithDatabaseInstance("file://"+dir, "pgx", driver)
	if err != nil {
		return errors.Join(&failed{"golang-migrate", err}, driver.Close())
	}
	err = do(m)
	source, closing := m.Close()
	return errors.Join(err, source, closing)
}

func (g golangMigrate) version(_ context.Context, dsn string) (version int64, err error) {
	err = g.open(dsn, func(m *migrate.Migrate) error {
		v, _, err := m.Version()
		version = int64(v) // #nosec G115 -- Read takes 63 bits
		if errors.Is(err, migrate.ErrNilVersion) {
			version, err = -1, nil
		}
		return err
	})
	return version, err
}

func (g golangMigrate) up(ctx context.Context, dsn string) error {
	return g.run(ctx, dsn, true, (*migrate.Migrate).Up)
}

func (g golangMigrate) upTo(ctx context.Context, dsn string, version int64) error {
	return g.run(ctx, dsn, true, func(m *migrate.Migrate) error { return m.Migrate(uint(version)) }) // #nosec G115 -- above 0
}

func (g golangMigrate) down(ctx context.Context, dsn string, to int64) error {
	return g.run(ctx, dsn, false, func(m *migrate.Migrate) error {
		if to < 0 {
			return m.Down()
		}
		return m.Migrate(uint(to))
	})
}

func (g golangMigrate) run(ctx context.Context, dsn string, up bool, do func(*migrate.Migrate) error) error {
	return g.open(dsn, func(m *migrate.Migrate) error {
		stop := context.AfterFunc(ctx, func() { m.GracefulStop <- true })
		defer stop()
		err := do(m)
		if err == nil || errors.Is(err, migrate.ErrNoChange) {
			return nil
		}
		where := "golang-migrate"
		if dirty := (migrate.ErrDirty{}); !errors.As(err, &dirty) {
			if v, isDirty, versionErr := m.Version(); versionErr == nil && isDirty {
				where = g.place(int64(v), up, err) // #nosec G115 -- see above
			} else if errors.Is(versionErr, migrate.ErrNilVersion) {
				where = g.place(-1, up, err)
			}
		}
		return &failed{where, inner(err)}
	})
}

// inner is what the server said, where golang-migrate keeps that from errors.As.
func inner(err error) error {
	if said := (database.Error{}); errors.As(err, &said) && said.OrigErr != nil {
		return said.OrigErr
	}
	if said := (*database.Error)(nil); errors.As(err, &said) && said.OrigErr != nil {
		return said.OrigErr
	}
	return err
}

// place is the file that failed: on the way down, the version that is noted is the one below.
func (g golangMigrate) place(version int64, up bool, err error) string {
	for _, f := range g.set.Files {
		if up && f.Up && f.Version == version || !up && f.Down && f.Version > version {
			return at(f, f.Text, 1, inner(err))
		}
	}
	return "golang-migrate"
}

// settle is `migrate force` to the version before: what gave up for a lock was one transaction, and left nothing.
func (g golangMigrate) settle(_ context.Context, dsn string) error {
	return g.open(dsn, func(m *migrate.Migrate) error {
		v, dirty, err := m.Version()
		if err != nil || !dirty {
			return err
		}
		before := -1
		for _, f := range g.set.Files {
			if f.Up && f.Version < int64(v) { // #nosec G115 -- Read takes 63 bits
				before = int(f.Version) // #nosec G115 -- see above
			}
		}
		return m.Force(before)
	})
}

// gooseFiles is goose as a library.
type gooseFiles struct{ set *migrations.Set }

// begun is the statement that goose began last, which its log tells and its errors do not.
type begun struct {
	slog.Handler
	sql *string
}

func (b begun) Enabled(context.Context, slog.Level) bool { return true }

func (b begun) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "statement" {
			*b.sql = a.Value.String()
		}
		return true
	})
	return nil
}

func (g gooseFiles) open(dsn string, do func(*goose.Provider) error, options ...goose.ProviderOption) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS(g.set.Dir), options...)
	if err != nil {
		return errors.Join(&failed{"goose", err}, db.Close())
	}
	return errors.Join(do(provider), provider.Close())
}

func (g gooseFiles) version(ctx context.Context, dsn string) (version int64, err error) {
	err = g.open(dsn, func(p *goose.Provider) error {
		version, err = p.GetDBVersion(ctx)
		return err
	})
	return version, err
}

func (g gooseFiles) up(ctx context.Context, dsn string) error {
	return g.run(dsn, true, func(p *goose.Provider) error { _, err := p.Up(ctx); return err })
}

func (g gooseFiles) upTo(ctx context.Context, dsn string, version int64) error {
	return g.run(dsn, true, func(p *goose.Provider) error { _, err := p.UpTo(ctx, version); return err })
}

func (g gooseFiles) down(ctx context.Context, dsn string, to int64) error {
	return g.run(dsn, false, func(p *goose.Provider) error { _, err := p.DownTo(ctx, max(0, to)); return err })
}

func (g gooseFiles) run(dsn string, up bool, do func(*goose.Provider) error) error {
	var last string
	log := slog.New(begun{slog.DiscardHandler, &last})
	return g.open(dsn, func(p *goose.Provider) error {
		err := do(p)
		if err == nil {
			return nil
		}
		where := "goose"
		if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
			where = g.place(filepath.Base(partial.Failed.Source.Path), up, last, err)
		}
		return &failed{where, err}
	}, goose.WithSlog(log), goose.WithVerbose(true))
}

// place is the line of a statement in its half of a file; only the file, where the statement is not there as it was run, or twice.
func (g gooseFiles) place(name string, up bool, statement string, err error) string {
	i := slices.IndexFunc(g.set.Files, func(f migrations.File) bool { return f.Name == name })
	if i < 0 || statement == "" {
		return name
	}
	half, below, _ := strings.Cut(g.set.Files[i].Text, migrations.GooseDown)
	first := 1
	if !up {
		first, half = 1+strings.Count(half, "\n"), below
	}
	if strings.Count(half, statement) != 1 {
		return name
	}
	head, _, _ := strings.Cut(half, statement)
	return of(g.set.Files[i], migrations.Statement{Line: first + strings.Count(head, "\n"), SQL: statement}, err)
}

func (g gooseFiles) settle(context.Context, string) error { return nil }
