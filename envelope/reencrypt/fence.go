package reencrypt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

// The fence is put up while the application works: it waits for its lock only
// as long as lock_timeout says, and tries again.
const (
	fenceTries = 50
	fencePause = 200 * time.Millisecond

	maxName = 63 // bytes of a name (NAMEDATALEN - 1)
)

// Fence has the database refuse whatever is not in format 3 in the columns
// from now on: CHECK constraints, validated, which is the server's own proof
// that no older value is left. It needs the table's owner. Constraints that
// are there already are left alone.
//
// It fails with CodePending, and the constraints do not stand, when a row has
// an older value.
func (j *Job) Fence(ctx context.Context) error {
	if j.Target.Header() == nil {
		return &pawl.Error{Code: pawl.CodeUnsupported, Op: "put up the fence of", On: j.Table.Name, Why: "only values in format 3 under keys of one scope can be told by their first bytes", Next: "leave --fence out"}
	}
	s, err := j.open(ctx)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	v, err := j.survey(ctx, s)
	if err != nil {
		return failed("look at", j.Table.Name, err)
	}
	for _, c := range v.columns {
		if err := fence(ctx, s, v, c); err != nil {
			if state(err) == "23514" { // check_violation
				return &pawl.Error{Code: pawl.CodePending, Op: "put up the fence of", On: j.Table.Name + "." + c.name, Why: "a row has a value that is not in format 3", Next: "switch all writers, and run pawl reencrypt until nothing is left"}
			}
			err = failed("put up the fence of", j.Table.Name+"."+c.name, err)
			var e *pawl.Error
			if errors.As(err, &e) && e.Code == pawl.CodeUnauthorised {
				e.Next = "use the role of the table's owner"
			}
			return err
		}
	}
	return nil
}

// fenceName names the constraint of a column. The server would cut a name that
// is too long, and take two for one.
func fenceName(column string) string {
	name := "pawl_format_" + column
	if len(name) <= maxName {
		return name
	}
	sum := fmt.Sprintf("_%x", sha256.Sum256([]byte(column)))[:9]
	return strings.ToValidUTF8(name[:maxName-len(sum)], "") + sum
}

func fence(ctx context.Context, s *session, v *Survey, c column) error {
	name := fenceName(c.name)
	rows, err := s.rows(ctx, "SELECT convalidated FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid AND conname = $2", v.oid, name)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		add := fmt.Sprintf("ALTER TABLE %s ADD CONSTRAINT %s CHECK (%s IS NULL OR %s) NOT VALID", v.name, ident(name), ident(c.name), formatted(c))
		if err := s.patiently(ctx, add); err != nil {
			return err
		}
	}
	if len(rows) == 1 && rows[0][0] == "t" {
		return nil
	}
	err = s.patiently(ctx, "SET statement_timeout = 0; ALTER TABLE "+v.name+" VALIDATE CONSTRAINT "+ident(name))
	if err != nil && state(err) == "23514" {
		err = errors.Join(err, s.patiently(ctx, "ALTER TABLE "+v.name+" DROP CONSTRAINT "+ident(name)))
	}
	return err
}

// formatted is the condition that a value is empty or in format 3, under
// whatever key: the next rotation must not run into it.
func formatted(c column) string {
	name := ident(c.name)
	if !c.text() {
		return fmt.Sprintf("%s = '\\x'::bytea OR substring(%s, 1, 4) = '\\x%s'::bytea", name, name, hex.EncodeToString(envelope.Header(0)[:4]))
	}
	return fmt.Sprintf("%s = '' OR substring(%s, 1, %d) = %s", name, name, len(envelope.TextPrefix), literal(envelope.TextPrefix))
}

// patiently runs statements that need a lock on the table until they get it.
func (s *session) patiently(ctx context.Context, statements string) error {
	for try := 1; ; try++ {
		err := s.exec(ctx, statements)
		if err == nil || try == fenceTries || !slices.Contains([]string{"55P03", "40P01"}, state(err)) {
			return err
		}
		t := time.NewTimer(fencePause)
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
	}
}
