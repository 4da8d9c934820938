package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// The conditions that are told apart (documentation, "PostgreSQL Error Codes").
const (
	invalidPassword   = "28P01"
	invalidAuth       = "28000"
	divisionByZero    = "22012"
	noDatabase        = "3D000"
	denied            = "42501"
	undefinedObject   = "42704"
	duplicateObject   = "42710"
	dependentsExist   = "2BP01"
	objectInUse       = "55006"
	lockNotAvailable  = "55P03"
	completionUnknown = "40003"
	queryCanceled     = "57014"
)

// failure makes the error of a request. It is nil when err is. sent says that
// a request that changes something left, so that it may have been done. The
// server's own text is never told: it may quote what it was sent.
func (s *session) failure(sent bool, err error) error {
	if err == nil {
		return nil
	}
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		return s.dialer.Failure(s.op, s.on, sent, err)
	}
	e := &driver.Error{Op: s.op, On: s.on, Effect: pawl.EffectNone, Why: "SQLSTATE " + told.Code}
	e.Kind, e.Next = class(told.Code)
	// An ERROR ends the transaction without a trace. After anything graver the
	// session has ended, maybe between the commit and the word about it.
	if sent && (severity(told) != "ERROR" || told.Code == completionUnknown) {
		e.Effect = pawl.EffectUnknown
	}
	return e
}

// severity is the one that no language setting changes; servers before 9.6 and
// some poolers send only the other.
func severity(e *pgconn.PgError) string {
	if e.SeverityUnlocalized != "" {
		return e.SeverityUnlocalized
	}
	return e.Severity
}

func class(code string) (kind driver.ErrorKind, next string) {
	switch code {
	case denied:
		return driver.Denied, "give the connection's role the permissions that docs/drivers/zz_postgres.md lists"
	case undefinedObject:
		return driver.NotFound, "make the roles that the settings name"
	case duplicateObject:
		return driver.Invalid, "a role of this name is there: end it, or let the name have {{.Version}} in it"
	case noDatabase:
		return driver.NotFound, "check the connection's database"
	case dependentsExist:
		return driver.Invalid, "it owns objects or has privileges in other databases: run REASSIGN OWNED BY and DROP OWNED BY for it there"
	case objectInUse, lockNotAvailable, "40001", "40P01", "55000":
		return driver.Conflict, ""
	}
	switch code[:min(2, len(code))] {
	case "28":
		return driver.Unauthenticated, "check the connection's user and credential"
	case "53":
		return driver.Limited, ""
	case "08", "57", "58":
		return driver.Unavailable, ""
	default:
		return driver.Invalid, ""
	}
}

// loginFailure makes the error of a login that pawl itself needs.
func (s *session) loginFailure(err error) error {
	var own *driver.Error
	if errors.As(err, &own) {
		e := *own
		e.Op, e.On = s.op, s.on
		return &e
	}
	var told *pgconn.PgError
	if errors.As(err, &told) && unlisted(told) {
		return &driver.Error{Op: s.op, On: s.on, Kind: driver.Denied, Effect: pawl.EffectNone, Why: "SQLSTATE 28000: the server lets nobody in this way",
			Next: "check pg_hba.conf for this host, user, database and sslmode"}
	}
	if unasked(err) {
		return invalid(s.op, s.on, "the server takes logins without a password or in a way that proves nothing of it",
			"make pg_hba.conf ask this host for scram-sha-256")
	}
	return s.failure(false, err)
}

// refused reports whether the server has refused exactly this name and
// password: a wrong password or an unknown name (28P01), or a role that is not
// there or may not log in (28000, from InitializeSessionUserId of the server's
// sources; the routine's name is the same in every language).
func refused(err error) bool {
	var told *pgconn.PgError
	if !errors.As(err, &told) {
		return false
	}
	return told.Code == invalidPassword || told.Code == invalidAuth && !unlisted(told)
}

// unlisted reports whether pg_hba.conf has no line for a login: that is a fact
// about the way, not about the password (ClientAuthentication of the server's
// sources, which also has the code 28000).
func unlisted(e *pgconn.PgError) bool {
	return e.Code == invalidAuth && e.Routine != "InitializeSessionUserId" && e.Routine != "auth_failed"
}

// unasked reports whether the library gave up since the server did not ask for
// a password. It has no type for that.
func unasked(err error) bool { return strings.Contains(err.Error(), "require_auth check failed") }

// describe gives a refusal for a finding: the code alone.
func describe(err error) string {
	var told *pgconn.PgError
	if errors.As(err, &told) {
		return fmt.Sprintf("the server refuses with SQLSTATE %s", told.Code)
	}
	return "the server refuses"
}
