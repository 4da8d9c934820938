package reencrypt

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pawlhq/pawl"
)

// settings are those of all the job's sessions, whatever the server, the
// database or the role have for others. Without them the planner turns to a
// scan of the whole table for each page when the batch is large, and row
// security would hide rows without a word; text would come in another encoding
// than applications bind it in; a session that waits would be ended. Commits
// need not be on disk one by one, because a row that a crash has lost is simply
// old again.
const settings = `SET application_name = 'pawl reencrypt'; SET search_path = ''; SET row_security = off; SET synchronous_commit = off;
SET client_encoding = 'UTF8'; SET standard_conforming_strings = on;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_sort = off; SET enable_bitmapscan = off; SET jit = off;
SET enable_tidscan = on; SET enable_nestloop = on; SET enable_indexscan = on;
SET plan_cache_mode = force_generic_plan; SET max_parallel_workers_per_gather = 0; SET lock_timeout = '20ms'; SET default_transaction_isolation = 'read committed'; SET default_transaction_read_only = off; SET statement_timeout = '5min'; SET client_min_messages = error;
SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'transaction_timeout')`

// session is a login with the job's settings.
type session struct{ pg *pgconn.PgConn }

func (j *Job) open(ctx context.Context) (*session, error) {
	pg, err := j.Connect(ctx)
	if err != nil {
		return nil, failed("connect", j.Table.Name, err)
	}
	s := &session{pg: pg}
	if _, err := pg.Exec(ctx, settings).ReadAll(); err != nil {
		s.close(ctx)
		return nil, failed("set up the session for", j.Table.Name, err)
	}
	return s, nil
}

// close ends the session; what the server does not hear does not matter.
func (s *session) close(ctx context.Context) { _ = s.pg.Close(context.WithoutCancel(ctx)) }

// rows asks a question and gives the answer as text; NULL is "".
func (s *session) rows(ctx context.Context, query string, params ...string) ([][]string, error) {
	values := make([][]byte, len(params))
	for i, p := range params {
		values[i] = []byte(p)
	}
	result := s.pg.ExecParams(ctx, query, values, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	out := make([][]string, len(result.Rows))
	for i, row := range result.Rows {
		for _, cell := range row {
			out[i] = append(out[i], string(cell))
		}
	}
	return out, nil
}

func (s *session) exec(ctx context.Context, statements string) error {
	_, err := s.pg.Exec(ctx, statements).ReadAll()
	return err
}

// barrier makes all that was committed before durable, here and on the
// standbys that the server waits for.
func (s *session) barrier(ctx context.Context) error {
	return s.exec(ctx, "BEGIN; SET LOCAL synchronous_commit = remote_apply; SELECT pg_catalog.pg_logical_emit_message(true, 'pawl', 'reencrypt'); COMMIT")
}

// ident quotes a name.
func ident(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// literal quotes a text.
func literal(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// failed makes the error of a statement. The text of a PgError is its message
// and code: the detail, which may hold values of the row, is not in it.
func failed(op, on string, err error) error {
	var own *pawl.Error
	if errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &pawl.Error{Code: pawl.CodeFailed, Op: op, On: on, Next: "mend it and start pawl reencrypt again: it goes on where it stopped"}
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	switch {
	case errors.As(err, &pg) && pg.Code == "42501":
		e.Code, e.Next = pawl.CodeUnauthorised, "grant the role SELECT and UPDATE on the table"
	case errors.As(err, &connect):
		e.Why = "the server cannot be reached, or refused the login"
	}
	e.Err = err
	return e
}

// state tells the SQLSTATE of an error, "" when it has none.
func state(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code
	}
	return ""
}
