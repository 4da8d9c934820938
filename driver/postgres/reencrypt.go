package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/tcp"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keytable"
	"github.com/pawlhq/pawl/envelope/reencrypt"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

const (
	// slice is how long one look works. The rows are the state, so that the
	// next look, of this process or of another, goes on where it ended.
	slice = 20 * time.Second
	// measure is how much of it may go to columns with a limit of characters.
	measure = 5 * time.Second
	// soon is when a look that did not end the work comes again, and later when
	// it waits for writers.
	soon  = time.Second
	later = time.Minute

	// namedRows is how many rows with values that no key opens are named.
	namedRows = 3
)

// rewrite works on the table for a slice of time.
func (c *conn) rewrite(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	table := r.Target.Settings.String("table")
	lines := &lines{}
	job, err := c.job(r, lines)
	if err != nil {
		return driver.Finding{}, err
	}
	at := takeUp(r.Resume)
	job.From = at.Job
	total := int64(0)
	job.Progress = func(p reencrypt.Progress) { total = p.Total }
	job.Unreadable = func(u reencrypt.Unreadable) {
		if name := fmt.Sprintf("%s of row %s", u.Column, u.Row); len(at.Unreadable) < namedRows && !slices.Contains(at.Unreadable, name) {
			at.Unreadable = append(at.Unreadable, name)
		}
	}
	turn, end := sliceOf(ctx)
	defer end()
	res, err := job.Run(turn)
	at.Job = res.At
	switch {
	case err != nil && turn.Err() != nil && ctx.Err() == nil:
		return driver.Finding{State: driver.Pending, Worked: true, After: soon, Resume: at.text(), Detail: at.detail(table, total)}, nil
	case pawl.CodeOf(err) == pawl.CodePending:
		return driver.Finding{State: driver.Pending, After: later, Detail: table + ": " + reasonOf(err)}, nil
	case pawl.CodeOf(err) == pawl.CodeUnsupported, pawl.CodeOf(err) == pawl.CodeNotFound:
		return driver.Finding{State: driver.Failed, Final: true, Detail: err.Error()}, nil
	case err != nil:
		return driver.Finding{}, lines.failure(ctx, "re-encrypt", table, res.Asked > 0, err)
	case res.Unreadable > 0:
		return driver.Finding{State: driver.Failed, Final: true, Detail: fmt.Sprintf("%d values of %s open with no key, and are as they were: %s", res.Unreadable, table, strings.Join(at.Unreadable, ", "))}, nil
	case res.Left > 0:
		return driver.Finding{State: driver.Pending, Worked: true, After: soon, Detail: fmt.Sprintf("%d rows of %s are left", res.Left, table)}, nil
	}
	if r.Target.Settings.Bool("fence") {
		if err := job.Fence(ctx); pawl.CodeOf(err) == pawl.CodePending {
			return driver.Finding{State: driver.Pending, After: later, Detail: "somebody still writes older formats to " + table}, nil
		} else if err != nil {
			return driver.Finding{}, lines.failure(ctx, "put up the fence of", table, true, err)
		}
	}
	return driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("%s of %s were written, 0 are left under another key", at.rows(r.Resume != ""), table)}, nil
}

// lookedAt is where a look ended, for the next.
type lookedAt struct {
	Job        reencrypt.Position `json:"job"`
	Unreadable []string           `json:"unreadable,omitempty"` // some of the values that no key opens
}

// takeUp reads where the last look ended. What it cannot read it does without:
// the rows are the state.
func takeUp(resume string) lookedAt {
	var at lookedAt
	if resume == "" || json.Unmarshal([]byte(resume), &at) != nil {
		return lookedAt{}
	}
	return at
}

func (at lookedAt) text() string {
	b, _ := json.Marshal(at) // there is nothing in it that has no JSON
	return string(b)
}

func (at lookedAt) detail(table string, total int64) string {
	if at.Job.Zero {
		return fmt.Sprintf("%s of %s are written; it counts what is left", at.rows(true), table)
	}
	return fmt.Sprintf("%s of %s are written, of about %d", at.rows(true), table, total)
}

// rows says how many were written. Of the statements that a look was stopped in
// nobody knows whether they were.
func (at lookedAt) rows(stopped bool) string {
	if stopped {
		return fmt.Sprintf("at least %d rows", at.Job.Rows)
	}
	return fmt.Sprintf("%d rows", at.Job.Rows)
}

// reasonOf is what an error of the job says besides what it was about.
func reasonOf(err error) string {
	var e *pawl.Error
	if errors.As(err, &e) && e.Why != "" {
		return e.Why
	}
	return err.Error()
}

// sliceOf gives the context of one look's work, which ends in time to tell how
// far it is. It has no deadline of its own: whoever waits for a limit of speed
// would give up before it, with an error.
func sliceOf(ctx context.Context) (context.Context, func()) {
	left := slice
	if end, ok := ctx.Deadline(); ok {
		left = min(slice, time.Until(end)*2/3)
	}
	turn, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(ctx, cancel)
	if ctx.Err() != nil { // the hook runs beside us, and nothing may be called any more
		cancel()
	}
	timer := time.AfterFunc(left, cancel)
	return turn, func() {
		timer.Stop()
		unhook()
		cancel()
	}
}

// job makes the job of the settings and of the values.
func (c *conn) job(r driver.CheckRequest, lines *lines) (*reencrypt.Job, error) {
	s := r.Target.Settings
	fresh, old, err := keysOf(r, "re-encrypt")
	if err != nil {
		return nil, err
	}
	target, err := targetOf(s, fresh, old)
	if err != nil {
		return nil, invalid("re-encrypt", s.String("table"), err.Error(), "check format and value_encoding")
	}
	t := reencrypt.Table{Name: s.String("table"), Key: s.List("key"), Bind: s.String("bind"), Scope: s.String("scope"), Unbound: s.Bool("unbound")}
	for _, name := range s.List("columns") {
		t.Columns = append(t.Columns, reencrypt.Column{Name: name})
	}
	return &reencrypt.Job{Table: t, Target: target, Options: reencrypt.Options{Rate: s.Int("rate"), Measure: measure}, Log: c.env.Log,
		Connect: func(ctx context.Context) (*pgconn.PgConn, error) {
			session, err := c.open(ctx, "re-encrypt", t.Name)
			if err != nil {
				return nil, err
			}
			lines.add(session.dialer)
			return session.pg, nil
		}}, nil
}

func targetOf(s estate.Settings, fresh []byte, old [][]byte) (reencrypt.Target, error) {
	legacy, err := envelope.NewLegacy(append([][]byte{fresh}, old...), nil)
	if err != nil {
		return nil, err
	}
	if s.String("format") == formatStatic {
		return reencrypt.ToStatic(fresh, legacy, reencrypt.Encoding(s.String("encoding")))
	}
	ring, err := envelope.DirectRing(fresh, old...)
	if err != nil {
		return nil, err
	}
	return reencrypt.ToEnvelope(ring, legacy, ring), nil
}

// keysOf reads the new key and those that data may still be under.
func keysOf(r driver.CheckRequest, op string) (fresh []byte, old [][]byte, err error) {
	how := r.Target.Settings.String("value_encoding")
	if len(r.Value) == 0 || len(r.Accepted) == 0 {
		return nil, nil, &driver.Error{Op: op, Kind: driver.NoValue, Effect: pawl.EffectNone, Why: "data is rewritten from the version before to the new one, and pawl does not hold both",
			Next: "pawl provide SECRET --current, before the rotation"}
	}
	for i, parts := range append([]secret.Parts{r.Value}, r.Accepted...) {
		v, err := estate.Render("", parts, nil)
		if err != nil {
			return nil, nil, invalid(op, "", "the value has several parts: "+err.Error(), "let the secret have one part")
		}
		var key []byte
		_ = v.Use(func(b []byte) error { key = decode(how, b); return nil }) // it was made just now
		if key == nil {
			return nil, nil, invalid(op, "", "the secret's value is not 32 bytes as value_encoding says", "check value_encoding and the secret's format")
		}
		if i == 0 {
			fresh = key
		} else {
			old = append(old, key)
		}
	}
	return fresh, old, nil
}

// decode gives the 32 bytes of a key, or nil.
func decode(how string, b []byte) []byte {
	var key []byte
	var err error
	switch how {
	case keySHA256:
		sum := sha256.Sum256(b)
		key = sum[:]
	case keyBase64:
		key, err = base64.StdEncoding.DecodeString(string(b))
	default:
		key, err = hex.DecodeString(string(b))
	}
	if err != nil || len(key) != sha256.Size {
		return nil
	}
	return key
}

// lines are the connections of a job.
type lines struct {
	mu   sync.Mutex
	list []*tcp.Dialer
}

func (l *lines) add(d *tcp.Dialer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, d)
}

// unmade reports whether the last request was not made.
func (l *lines) unmade() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.list) == 0 || l.list[len(l.list)-1].Unmade()
}

// failure makes the driver's error of a job's. changed says that rows may have
// been written: whatever was, is whole, and the next look goes on from there.
func (l *lines) failure(ctx context.Context, op, on string, changed bool, err error) error {
	var own *driver.Error
	if errors.As(err, &own) {
		e := *own
		if changed {
			e.Effect = pawl.EffectUnknown
		}
		return &e
	}
	var told *pgconn.PgError
	if errors.As(err, &told) {
		e := &driver.Error{Op: op, On: on, Effect: pawl.EffectNone, Why: "SQLSTATE " + told.Code}
		if e.Kind, e.Next = class(told.Code); changed {
			e.Effect = pawl.EffectUnknown
		}
		return e
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, d := range l.list {
		if e := d.Failure(op, on, changed, err); e.Kind != driver.Malformed {
			return e
		}
	}
	return tcp.Failure(ctx, op, on, changed, err)
}

// rewrap wraps the data keys of a key table anew.
func (c *conn) rewrap(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "rewrap data keys"
	table := r.Target.Settings.String("table")
	if table == "" {
		return driver.Finding{}, invalid(op, "", "no table is named", "check table")
	}
	fresh, old, err := keysOf(r, op)
	if err != nil {
		return driver.Finding{}, err
	}
	to, err := envelope.NewKeyKeeper(fresh)
	if err != nil {
		return driver.Finding{}, invalid(op, table, err.Error(), "")
	}
	from := []envelope.Keeper{to}
	for _, key := range old {
		k, err := envelope.NewKeyKeeper(key)
		if err != nil {
			return driver.Finding{}, invalid(op, table, err.Error(), "")
		}
		from = append(from, k)
	}
	lines := &lines{}
	db, err := c.database(ctx, op, table, lines)
	if err != nil {
		return driver.Finding{}, err
	}
	defer func() { _ = db.Close() }() // nothing is kept there
	done, err := keytable.New(db, keytable.Postgres, qualified(table)).Rewrap(ctx, from, to, false)
	switch {
	case pawl.CodeOf(err) == pawl.CodeNotFound, pawl.CodeOf(err) == pawl.CodeCorrupt:
		return driver.Finding{State: driver.Failed, Final: true, Detail: err.Error()}, nil
	case err != nil:
		return driver.Finding{}, lines.failure(ctx, op, table, done.Keys > 0 || done.Asked > 0 && !lines.unmade(), err)
	case done.Left > 0:
		return driver.Finding{State: driver.Pending, After: later, Detail: fmt.Sprintf("%d data keys of %s are under another key: somebody still makes some under the old one", done.Left, table)}, nil
	}
	return driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("%d data keys of %s were wrapped anew, 0 are left under another key", done.Keys, table)}, nil
}

// qualified quotes a table's name, with or without its schema.
func qualified(name string) string {
	if schema, table, ok := strings.Cut(name, "."); ok {
		return identifier(schema) + "." + identifier(table)
	}
	return identifier(name)
}

// database opens the connection's database for database/sql.
func (c *conn) database(ctx context.Context, op, on string, lines *lines) (*sql.DB, error) {
	if c.env.Credential == nil {
		return nil, &driver.Error{Op: op, On: on, Kind: driver.Unauthenticated, Effect: pawl.EffectNone, Why: "the connection has no credential"}
	}
	own, err := c.env.Credential(ctx)
	if err != nil {
		return nil, &driver.Error{Op: op, On: on, Kind: driver.Unauthenticated, Effect: pawl.EffectNone, Why: "the connection's credential cannot be had", Err: err}
	}
	config, err := pgx.ParseConfig("host=127.0.0.1 port=5432 user=pawl password=none sslmode=disable")
	if err != nil {
		return nil, invalid(op, on, "PostgreSQL's own environment variables cannot be understood", "unset PGSERVICE and the other variables that begin with PG")
	}
	dialer := tcp.NewDialer(ctx, c.env)
	lines.add(dialer)
	plain, err := c.config(c.at, c.user, dialer)
	if err != nil {
		return nil, err
	}
	config.Config = *plain
	err = own.Use(func(b []byte) error { config.Password = string(b); return nil })
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1) // a dialer has one connection
	return db, nil
}

// probeRewrite tells what stands in the way of re-encrypting the table, so
// that it shows before anything is minted.
func (c *conn) probeRewrite(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	table := t.Settings.String("table")
	none := make([]byte, sha256.Size) // what the table is like does not depend on the keys
	lines := &lines{}
	job, err := c.job(driver.CheckRequest{Target: driver.Target{Kind: t.Kind, Settings: t.Settings.With(estate.Settings{"value_encoding": keySHA256})},
		Value: secret.One(secret.New(none)), Accepted: []secret.Parts{secret.One(secret.NewString("none"))}}, lines)
	if err != nil {
		return nil, err
	}
	survey, err := job.Survey(ctx)
	switch {
	case pawl.CodeOf(err) == pawl.CodeNotFound:
		return []driver.Grant{{Need: "the table " + table, Has: driver.No, Detail: "it is not there, or has not all of the columns"}}, nil
	case err != nil:
		return nil, lines.failure(ctx, "probe", table, false, err)
	}
	grants := []driver.Grant{}
	for _, r := range survey.Refusals {
		grants = append(grants, driver.Grant{Need: "re-encrypt " + table, Has: driver.No, Detail: r.Why + ": " + r.Next})
	}
	if len(grants) == 0 {
		grants = append(grants, driver.Grant{Need: "re-encrypt " + table, Has: driver.Yes})
	}
	return grants, nil
}

// probeRewrap tells whether the key table can be read and written.
func (c *conn) probeRewrap(ctx context.Context, t driver.Target) ([]driver.Grant, error) {
	table := t.Settings.String("table")
	s, err := c.open(ctx, "probe", table)
	if err != nil {
		return nil, err
	}
	defer s.close()
	rows, err := s.ask("SELECT c IS NOT NULL, has_table_privilege(c, 'SELECT') AND has_table_privilege(c, 'UPDATE') FROM to_regclass($1) c", qualified(table))
	if err != nil {
		return nil, err
	}
	g := driver.Grant{Need: "read and update the key table " + table, Has: driver.Yes}
	switch {
	case rows[0][0] != "t":
		g.Has, g.Detail = driver.No, "it is not there: pawl reencrypt keys make makes it"
	case rows[0][1] != "t":
		g.Has, g.Detail = driver.No, "as its owner: GRANT SELECT, UPDATE ON "+table+" TO "+identifier(c.user)
	}
	return []driver.Grant{g}, nil
}
