package launch

import (
	"cmp"
	"time"
)

// Migration is the database migration of the launch and its rehearsal.
type Migration struct {
	Enabled     bool            `yaml:"enabled" doc:"The launch migrates its database, which is rehearsed. Where it is false, each gate of the rehearsal needs a decision that declares it not applicable."`
	Tool        string          `yaml:"tool" default:"golang-migrate" enum:"golang-migrate,goose,sql,command" doc:"What migrates; sql: files <version>_<name>.up.sql and .down.sql, statement by statement as psql does; command: up and down below."`
	Dir         string          `yaml:"dir" doc:"Folder with the migrations, beside launch.yaml."`
	InRepo      string          `yaml:"in_repository" doc:"The same folder in github.repository, where it has another path there. Default: dir."`
	Noted       MigrationsNoted `yaml:"noted"`
	Start       Instant         `yaml:"at" doc:"When the migration begins. Default: the start of schedule.maintenance, or of schedule.window where nothing is announced."`
	Up          []string        `yaml:"up" doc:"Of tool command: program and arguments, no shell; DATABASE_URL names the database."`
	Down        []string        `yaml:"down" doc:"Of tool command: takes the migrations of this launch back."`
	Applied     int64           `yaml:"applied" doc:"The version that production is at before the launch; absent: none."`
	Postgres    int             `yaml:"postgres" doc:"Major version of production's PostgreSQL; the rehearsal takes no other."`
	Data        MigrationData   `yaml:"data"`
	Rows        []MigrationRows `yaml:"rows" doc:"How many rows production has, or is expected to have, in its ten largest tables; the rehearsal must have 80 % of them."`
	Verify      []string        `yaml:"verify" doc:"The integrity script, such as [bash, scripts/verify-migration.sh]; DATABASE_URL names the database. It must fail on corrupted data."`
	Corruptions []string        `yaml:"corruptions" doc:"What the script must notice. Default: lost rows, NULLs, orphans and swapped values (lost, nulls, orphans, swapped)."`
	ForwardOnly bool            `yaml:"forward_only" doc:"There is no way down; needs a decision that declares TMinus3/Migration/Down not applicable."`
	History     string          `yaml:"history" doc:"List of the applied migrations as sha256sum wrote it when they were applied."`
	Baseline    string          `yaml:"baseline" doc:"Commit or tag whose migrations production has; they must not have been edited since."`
	LockWait    Duration        `yaml:"lock_wait" default:"2s" doc:"The longest that the migration may wait for a lock behind an open transaction, because queries wait behind it."`
	Record      string          `yaml:"record" default:"rehearsal.json" doc:"What the rehearsal leaves behind and the gates read; it is committed, like the reports of drills."`
	ValidFor    Duration        `yaml:"valid_for" default:"14d" doc:"How long a rehearsal is good for."`
	Timeout     Duration        `yaml:"timeout" default:"4h" doc:"Bounds the whole rehearsal."`
}

// MigrationsNoted is where the database notes which migrations it has. golang-migrate and goose are known; of other tools all three are needed.
type MigrationsNoted struct {
	Table  string `yaml:"table" doc:"Default: schema_migrations of golang-migrate, goose_db_version of goose."`
	Column string `yaml:"column" doc:"Of tool sql or command: the column with what identifies a migration, a row each."`
	File   string `yaml:"file" doc:"Of tool sql or command: regular expression (RE2) with one group, which in the name of a file, or of a migration's folder, is what the column has."`
}

// MigrationsInRepository is the folder of the migrations as it is in the application's repository.
func (l *Launch) MigrationsInRepository() string { return cmp.Or(l.Migration.InRepo, l.Migration.Dir) }

// MigrationStart is when the migration begins.
func (l *Launch) MigrationStart() time.Time {
	if at := l.Migration.Start; !at.IsZero() {
		return at.Time
	}
	start, _ := l.Announced()
	if start.IsZero() {
		start, _ = l.Window()
	}
	return start
}

// MigrationData is what the rehearsal's database is filled with: a dump, else a script, else generated rows.
type MigrationData struct {
	Dump   string `yaml:"dump" doc:"pg_dump file of production, in custom format or SQL."`
	Script string `yaml:"script" doc:"SQL script that makes rows of production's size, run after the applied migrations."`
}

// MigrationRows is the rows of one table.
type MigrationRows struct {
	Table string `yaml:"table" required:"true" doc:"With its schema where that is not public."`
	Rows  int64  `yaml:"rows" required:"true"`
}

// MigrationWindow is how long the migration may take at most: the maintenance that is announced, else the deployment window.
func (l *Launch) MigrationWindow() time.Duration {
	if m := l.Schedule.Maintenance; m.Start != m.End {
		length := time.Duration(m.End.Hour-m.Start.Hour)*time.Hour + time.Duration(m.End.Minute-m.Start.Minute)*time.Minute
		if length < 0 {
			length += 24 * time.Hour
		}
		return length
	}
	return l.Schedule.Window.Duration.D()
}
