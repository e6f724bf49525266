package pgprobe

import (
	"context"
	"errors"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/getdrop/launchgate/internal/probe"
)

// SQLSTATEs that are told apart: https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	insufficientPrivilege = "42501"
	undefinedTable        = "42P01"
	invalidAuthorization  = "28000"
	invalidPassword       = "28P01"
	invalidCatalogName    = "3D000"
	tooManyConnections    = "53300"
	queryCanceled         = "57014"
	lockNotAvailable      = "55P03"
	cannotConnectNow      = "57P03"
	readOnlyTransaction   = "25006"
)

func code(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code
	}
	return ""
}

// unseen says why a claim could not look: whatever the server or the way to it says, nothing was measured. What is a verdict
// already stays one.
func unseen(err error, from Server, want, right string) error {
	var unmet *probe.Unmet
	var unknown *probe.Unknown
	if err == nil || errors.As(err, &unmet) || errors.As(err, &unknown) {
		return err
	}
	u := &probe.Unknown{Class: "pg.error", Want: want, Got: words(err), From: from.String(), Err: err}
	switch code(err) {
	case insufficientPrivilege:
		u.Class, u.Fix = "pg.denied", "the role "+from.Role+" lacks a right: GRANT "+right+" TO "+from.Role
	case invalidAuthorization, invalidPassword:
		u.Class, u.Fix = "pg.denied", "correct the role and password of the connection string"
	case invalidCatalogName:
		u.Class, u.Fix = "pg.database", "correct the database of the connection string"
	case tooManyConnections:
		u.Class, u.Fix = "pg.full", "the server takes no more connections: see who holds them"
	case queryCanceled, lockNotAvailable:
		u.Class, u.Fix = "timeout", "see what keeps the server busy: the query has five seconds"
	case cannotConnectNow:
		u.Class, u.Fix = "pg.starting", "try again when the server takes connections"
	case readOnlyTransaction:
		u.Class, u.Fix = "pg.query", "write a query that only reads"
	case "":
		unreached(u, err)
	default:
	}
	return u
}

// unreached says what there was instead of an answer.
func unreached(u *probe.Unknown, err error) {
	var slow net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &slow) && slow.Timeout():
		u.Class, u.Fix = "timeout", "see whether a firewall on the way drops packets, and whether the server answers at all"
	case strings.Contains(err.Error(), "tls:"), strings.Contains(err.Error(), "x509:"), strings.Contains(err.Error(), "TLS"):
		u.Class, u.Fix = "pg.tls", "see the server's certificate, and sslmode and sslrootcert of the connection string"
	default:
		u.Class, u.Fix = "pg.unreachable", "see whether this machine reaches the server, or add a tunnel"
	}
}

// words are an error's, without the connection's: those are in From.
func words(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Message + " (SQLSTATE " + server.Code + ")"
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && connect.Unwrap() != nil {
		return strings.ReplaceAll(connect.Unwrap().Error(), "\n", " ")
	}
	return err.Error()
}
