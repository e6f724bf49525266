package rehearsal

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"

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

func (g gooseFiles) open(dsn string, do func(*goose.Provider) error) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS(g.set.Dir))
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
	return g.run(dsn, func(p *goose.Provider) error { _, err := p.Up(ctx); return err })
}

func (g gooseFiles) upTo(ctx context.Context, dsn string, version int64) error {
	return g.run(dsn, func(p *goose.Provider) error { _, err := p.UpTo(ctx, version); return err })
}

func (g gooseFiles) down(ctx context.Context, dsn string, to int64) error {
	return g.run(dsn, func(p *goose.Provider) error { _, err := p.DownTo(ctx, max(0, to)); return err })
}

func (g gooseFiles) run(dsn string, do func(*goose.Provider) error) error {
	return g.open(dsn, func(p *goose.Provider) error {
		err := do(p)
		if err == nil {
			return nil
		}
		where := "goose"
		if partial := (*goose.PartialError)(nil); errors.As(err, &partial) {
			where = g.place(filepath.Base(partial.Failed.Source.Path), err)
		}
		return &failed{where, err}
	})
}

// place is the line of the statement in a file that the server's words are about, where they name a place; the server counts within
// the statement, so that only a file with one statement each way tells.
func (g gooseFiles) place(name string, err error) string {
	i := slices.IndexFunc(g.set.Files, func(f migrations.File) bool { return f.Name == name })
	if i < 0 {
		return name
	}
	f := g.set.Files[i]
	if s := migrations.Statements(f.Text); len(s) == 1 || len(s) == 2 {
		return at(f, s[0].SQL, s[0].Line, err)
	}
	return name
}

func (g gooseFiles) settle(context.Context, string) error { return nil }
