package sqlite

import (
	"context"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
)

// failure turns what went wrong with the file into an error that says what to
// do. Refusals, which are answers and not failures, pass as they are.
func (s *Store) failure(op string, err error) error {
	var e *driver.Error
	switch {
	case err == nil, isAnswer(err):
		return err
	case errors.As(err, &e):
		out := s.explain(e.Code() & 0xff)
		out.Op, out.On, out.Err = op, s.path, err
		return out
	}
	return &pawl.Error{Code: pawl.CodeStore, Op: op, On: s.path, Err: err, Next: "pawl doctor"}
}

func isAnswer(err error) bool {
	var refused *pawl.Error
	var open *rotation.OpenError
	var held *rotation.HeldError
	return errors.As(err, &refused) || errors.As(err, &open) || errors.As(err, &held) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (s *Store) explain(code int) *pawl.Error {
	switch code {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return &pawl.Error{Code: pawl.CodeStore, Why: fmt.Sprintf("another process kept it locked for %s", s.o.Patience),
			Next: "find the other process with pawl status, then run the same command again"}
	case codes.SQLITE_FULL:
		return &pawl.Error{Code: pawl.CodeStore, Why: "the disk is full; nothing was stored", Next: "free space on its disk, then: pawl resume"}
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_CANTOPEN, codes.SQLITE_AUTH:
		return &pawl.Error{Code: pawl.CodeStore, Why: "it cannot be opened or written",
			Next: "let this user read and write the file and its folder, then: pawl doctor"}
	case codes.SQLITE_CORRUPT, codes.SQLITE_NOTADB:
		return &pawl.Error{Code: pawl.CodeCorrupt, Why: "the file is damaged or not a store",
			Next: "keep a copy of the file, then put back your backup; docs/operate/recovery.md says how"}
	case codes.SQLITE_IOERR:
		return &pawl.Error{Code: pawl.CodeStore, Why: "its disk reported an error; nothing was stored", Next: "check the disk, then: pawl doctor"}
	}
	return &pawl.Error{Code: pawl.CodeStore, Next: "pawl doctor"}
}

func isBusy(err error) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Code()&0xff == codes.SQLITE_BUSY
}

// unusable means that the file cannot be opened at all.
func (s *Store) unusable(why string, err error) error {
	return &pawl.Error{Code: pawl.CodeStore, Op: "open store", On: s.path, Why: why, Err: err,
		Next: "give the right path, or make the store with pawl init"}
}

// shut means that the store takes no writes.
func (s *Store) shut(op, why, next string) error {
	return &pawl.Error{Code: pawl.CodeStore, Op: op, On: s.path, Why: why, Next: next}
}
