package drill

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/getdrop/launchgate/fixtures/pgtest"
	"github.com/getdrop/launchgate/internal/probe"
	"github.com/getdrop/launchgate/internal/probe/drillprobe"
	"github.com/getdrop/launchgate/internal/redact"
)

// server is a PostgreSQL server on this machine to restore to. A kill ends it with this process, or leaves it to pgtest's sweep.
type server struct {
	Live   string // connection string of the live database
	Driver string // as in pgtest.Config

	at      func(point string)
	running *pgtest.Server
}

func (s *server) Remove(context.Context, string) error {
	if s.running == nil {
		return nil
	}
	return s.running.Close() //nolint:contextcheck // it ends at once
}

func (s *server) Sweep(ctx context.Context, _ []string) error { return pgtest.Sweep(ctx) }

// started keeps what was started, so that it is removed.
func (s *server) started(p *pgtest.Server, err error) (Place, error) {
	place := Place{Name: "a PostgreSQL server on this machine"}
	if err != nil {
		return place, err
	}
	s.running, place.DSN = p, p.DSN()
	if s.at != nil {
		s.at("asked")
	}
	return place, nil
}

// roles are the connection string to a server on this machine with the live database's roles.
func (s *server) roles(p *pgtest.Server) (string, error) {
	host, port, err := net.SplitHostPort(p.Addr())
	if err != nil {
		return "", err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return "", err
	}
	dsn, err := At(s.Live, host, number)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", err
	}
	u.RawQuery = "sslmode=disable" // on loopback
	return u.String(), nil
}

// databaseOf is the database of a connection string.
func databaseOf(dsn string) (string, error) {
	u, err := url.Parse(dsn)
	if err != nil || strings.Trim(u.Path, "/") == "" {
		return "", &probe.Unknown{Class: "drill.dsn", Want: "a connection string with a database", Got: "none", From: "drill.url", Fix: "write postgres://user:password@host:port/database?sslmode=verify-full"}
	}
	return strings.Trim(u.Path, "/"), nil
}

// newest is the entry of a folder that was changed last; hidden ones are those that are being written.
func newest(dir string, folders bool) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", &probe.Unknown{Class: "drill.folder", Want: "the folder of the backups", Got: err.Error(), Fix: "correct drill.dumps or drill.base, or mount it", Err: err}
	}
	var found string
	var at time.Time
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // rotated meanwhile
		}
		if err != nil {
			return "", err
		}
		if entry.IsDir() == folders && !strings.HasPrefix(entry.Name(), ".") && (found == "" || info.ModTime().After(at)) {
			found, at = entry.Name(), info.ModTime()
		}
	}
	if found == "" {
		return "", &probe.Unmet{Class: "drill.backup", Want: "a backup", Got: "none", From: dir, Fix: "make one"}
	}
	return filepath.Join(dir, found), nil
}

// Dumps restores the newest file of a folder that pg_dump -Fc wrote: to a server that is thrown away, or to a database that is.
type Dumps struct {
	server
	Dir   string
	Named *pgtest.Named // where the database is made; nil: a server is started
}

// NewDumps restores dumps to a server on this machine. The driver is pgtest's; empty: the one that there is.
func NewDumps(dir, live, driver string) *Dumps {
	return &Dumps{server: server{Live: live, Driver: driver}, Dir: dir}
}

// restored is the database on a named server.
const restored = "drill"

// Remove removes the server, or the database.
func (s *Dumps) Remove(ctx context.Context, run string) error {
	if s.Named == nil {
		return s.server.Remove(ctx, run)
	}
	return s.Named.Close() //nolint:contextcheck // they are dropped however the run ends
}

// Sweep removes what killed runs left.
func (s *Dumps) Sweep(ctx context.Context, dead []string) error {
	if s.Named == nil {
		return s.server.Sweep(ctx, dead)
	}
	return s.Named.Sweep(ctx)
}

// make makes where the dump is loaded to, and says how.
func (s *Dumps) make(ctx context.Context) (place Place, load func(ctx context.Context, file string, args ...string) error, err error) {
	if s.Named == nil {
		p, err := pgtest.Start(ctx, pgtest.Config{Driver: s.Driver})
		place, err = s.started(p, err)
		return place, p.Load, err
	}
	place.Name = s.Named.Database(restored) + " on the server that " + pgtest.Variable + " names"
	if place.DSN, err = s.Named.Create(ctx, restored); err == nil && s.at != nil {
		s.at("asked")
	}
	return place, func(ctx context.Context, file string, args ...string) error {
		return s.Named.Load(ctx, file, append(args, "--dbname="+s.Named.Database(restored))...)
	}, err
}

// zones is between how many hours the clocks of the world are: the time of a dump or a base backup is only so exact.
const zones = 15 * time.Hour

// Newest is the dump that was written last, which must be one of the live database.
func (s *Dumps) Newest(context.Context) (drillprobe.Backup, error) {
	file, err := newest(s.Dir, false)
	if err != nil {
		return drillprobe.Backup{}, err
	}
	b := drillprobe.Backup{ID: filepath.Base(file), Within: int(zones.Seconds())}
	want, err := databaseOf(s.Live)
	if err != nil {
		return b, err
	}
	h, err := readHeader(file)
	b.Made = h.Made
	switch {
	case errors.Is(err, errNoDump):
		return b, &probe.Unmet{Class: "drill.dump", Want: "a whole dump of pg_dump -Fc", Got: err.Error(), From: file, Fix: "see why the job that makes dumps did not end well"}
	case err != nil:
		return b, &probe.Unknown{Class: "drill.folder", Want: "the newest dump", Got: err.Error(), Fix: "make it readable", Err: err}
	case h.Database != want:
		return b, &probe.Unmet{Class: "drill.other-database", Want: "a dump of the database " + want, Got: fmt.Sprintf("one of %q", h.Database), From: file, Fix: "dump the database that drill.url leads to"}
	}
	return b, nil
}

// Restorable is what no dump is.
func (s *Dumps) Restorable(context.Context, Database, time.Time) (drillprobe.Backup, bool, error) {
	return drillprobe.Backup{}, false, &probe.Unknown{Class: "drill.point", Want: "a backup that can be restored to a point", Got: "dumps", From: "drill.source", Fix: "keep base backups and the WAL, and set drill.source"}
}

// Restore loads the dump, all or nothing. Roles are not in a dump, so that owners and grants are left out.
func (s *Dumps) Restore(ctx context.Context, _ string, from drillprobe.Backup, _ time.Time) (Place, error) {
	place, load, err := s.make(ctx)
	if err != nil {
		return place, unstarted(err)
	}
	if err := load(ctx, filepath.Join(s.Dir, from.ID), "--no-owner", "--no-privileges"); err != nil {
		if ctx.Err() != nil {
			return place, errors.Join(&underway{"loading"}, err)
		}
		return place, &probe.Unmet{Class: "drill.dump", Want: "a dump that pg_restore loads without an error", Got: redact.String(err.Error()), From: filepath.Join(s.Dir, from.ID), Fix: "see why the job that makes dumps did not end well"}
	}
	return place, nil
}

func unstarted(err error) error {
	return &probe.Unknown{Class: "drill.server", Want: "a PostgreSQL server to restore to", Got: redact.String(err.Error()), Fix: "see docs/adr/0013: PostgreSQL's programs, of the backup's version, must be on this machine, or Docker", Err: err}
}

// Base restores the newest base backup of a folder, and the WAL.
type Base struct {
	server
	Dir, Archive string
	segment      string // that the point is in, or before
}

// NewBase restores base backups to a server on this machine.
func NewBase(dir, archive, live, driver string) *Base {
	return &Base{server: server{Live: live, Driver: driver}, Dir: dir, Archive: archive}
}

// begun is when a base backup was begun, by its label.
var begun = regexp.MustCompile(`(?m)^START TIME: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \S+$`)

// Newest is the base backup that was made last.
func (s *Base) Newest(context.Context) (drillprobe.Backup, error) {
	dir, err := newest(s.Dir, true)
	if err != nil {
		return drillprobe.Backup{}, err
	}
	b := drillprobe.Backup{ID: filepath.Base(dir), Within: int(zones.Seconds())} // the WAL makes it younger: its canary tells by how much
	label, err := os.ReadFile(filepath.Join(dir, "backup_label"))                // #nosec G304 -- the launch's own backups
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return b, &probe.Unknown{Class: "drill.folder", Want: "the newest base backup", Got: err.Error(), Fix: "make it readable", Err: err}
	}
	found := begun.FindSubmatch(label)
	if found == nil {
		return b, &probe.Unmet{Class: "drill.backup", Want: "a base backup with its backup_label", Got: "none that says when it was begun", From: dir, Fix: "see why pg_basebackup did not end well"}
	}
	b.Made, err = time.Parse("2006-01-02 15:04:05", string(found[1])) // the names of zones are not unique
	return b, err
}

// Restorable says whether the segment with what was written up to now is in the archive.
func (s *Base) Restorable(ctx context.Context, live Database, _ time.Time) (b drillprobe.Backup, there bool, err error) {
	if b, err = s.Newest(ctx); err != nil {
		return b, false, err
	}
	if s.segment == "" {
		if s.segment, err = live.Segment(ctx); err != nil {
			return b, false, err
		}
	}
	_, err = os.Stat(filepath.Join(s.Archive, s.segment))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err = os.ReadDir(s.Archive) // a folder that is not mounted has no segments either
		if err != nil {
			err = &probe.Unknown{Class: "drill.folder", Want: "the folder of the WAL", Got: err.Error(), Fix: "correct drill.archive, or mount it", Err: err}
		}
		return b, false, err
	case err != nil:
		return b, false, err
	}
	return b, true, nil
}

// Restore replays the WAL to the point, or to its end.
func (s *Base) Restore(ctx context.Context, _ string, from drillprobe.Backup, to time.Time) (Place, error) {
	p, err := pgtest.Restore(ctx, pgtest.RestoreConfig{Base: filepath.Join(s.Dir, from.ID), Archive: s.Archive, TargetTime: to, Driver: s.Driver})
	place, err := s.started(p, err)
	var missing *pgtest.MissingSegment
	switch {
	case errors.As(err, &missing):
		return place, &probe.Unmet{Class: "drill.segment", Want: "every WAL segment up to the point", Got: "no " + missing.Segment + " (" + missing.Why + ")", From: missing.Archive, Fix: "find out what became of that segment; the base backup is good only up to it"}
	case err != nil && ctx.Err() != nil:
		return place, errors.Join(&underway{"replaying the WAL"}, err)
	case err != nil:
		return place, unstarted(err)
	}
	place.DSN, err = s.roles(p)
	return place, err
}
