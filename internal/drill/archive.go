package drill

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// header is what a dump in pg_dump's custom format says of itself.
type header struct {
	Database string
	Made     time.Time // as if the clock of the machine that made it had shown UTC: it does not say which zone it is in
}

// errNoDump says that a file is no dump, or none that goes as far as its first page.
var errNoDump = errors.New("no dump in the custom format of pg_dump")

// readHeader reads the head of a dump: the function ReadHead of PostgreSQL's src/bin/pg_dump/pg_backup_archiver.c, versions 1.12 (PostgreSQL 9)
// to 1.16 (PostgreSQL 17 and 18).
func readHeader(file string) (h header, err error) {
	f, err := os.Open(file) // #nosec G304 -- the launch's own backups
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r := archive{r: bufio.NewReader(f)}
	if magic := r.bytes(5); string(magic) != "PGDMP" {
		return h, errNoDump
	}
	major, minor, _ := r.byte(), r.byte(), r.byte()
	if r.err == nil && (major != 1 || minor < 12 || minor > 16) {
		return h, fmt.Errorf("%w that this program knows: version %d.%d", errNoDump, major, minor)
	}
	r.size = int(r.byte())
	_, format := r.byte(), r.byte() // the size of an offset, and what the archive is
	if r.err == nil && (format != 1 || r.size < 1 || r.size > 8) {
		return h, errNoDump
	}
	if minor >= 15 {
		r.byte() // the algorithm of the compression
	} else {
		r.int() // its level
	}
	second, minute, hour, day, month, year := r.int(), r.int(), r.int(), r.int(), r.int(), r.int()
	r.int() // daylight saving
	h.Database = r.text()
	if r.err != nil {
		return h, fmt.Errorf("%w: %w", errNoDump, r.err)
	}
	h.Made = time.Date(1900+year, time.Month(1+month), day, hour, minute, second, 0, time.UTC)
	return h, nil
}

// archive reads the numbers and texts of an archive; the first error stays.
type archive struct {
	r    *bufio.Reader
	size int
	err  error
}

func (a *archive) bytes(n int) []byte {
	text := make([]byte, n)
	if a.err == nil {
		_, a.err = io.ReadFull(a.r, text)
	}
	return text
}

func (a *archive) byte() byte { return a.bytes(1)[0] }

// int is a sign and the number, the lowest byte first.
func (a *archive) int() int {
	sign, n := a.byte(), 0
	for i, b := range a.bytes(a.size) {
		n |= int(b) << (8 * i)
	}
	if sign != 0 {
		return -n
	}
	return n
}

func (a *archive) text() string {
	n := a.int()
	if n < 0 || n > 1<<10 {
		if n != -1 && a.err == nil { // -1 is no text
			a.err = errors.New("a text without end")
		}
		return ""
	}
	return string(a.bytes(n))
}
