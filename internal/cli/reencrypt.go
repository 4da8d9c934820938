package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keytable"
	"github.com/pawlhq/pawl/envelope/reencrypt"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/credential"
	"github.com/pawlhq/pawl/secret"
)

// reencryptFlags are those of pawl reencrypt.
type reencryptFlags struct {
	database string
	table    reencrypt.Table
	columns  []string
	newKey   string
	oldKeys  []string
	keys     keyFlags
	format   string
	encoding string
	options  reencrypt.Options
	noVacuum bool
	dry      bool
	fence    bool
	report   string
	backups  string
	resolver *credential.Resolver
}

func reencryptCommand(a *App) *cobra.Command {
	f := &reencryptFlags{}
	c := &cobra.Command{
		Use:   "reencrypt --table TABLE --column COLUMN ...",
		Short: "Write the encrypted columns of a table anew under another key, while the application works",
		Long: `Opens every value of the columns with the old keys and writes it anew under the
new one, while the application reads and writes (PostgreSQL 14 or later). A row
that somebody changes in between is never overwritten: it is read again. The rows
are the state: a run that was stopped, by whatever, is simply started again.
Sweeps go on until one finds nothing to do.

Before it starts, every reader must know the new key and every writer must use it.

What no key opens stays as it is and is reported; the status is then 5. What
cannot be done safely is refused before anything is written, with all reasons.

The keys are given by --new-key and --old-key, 32 bytes in hexadecimal or base64,
named by where they are found; or they are data keys in a table of the database,
wrapped by a keeper: --key-table and --keeper. Then the primary key of the scope
is the new one. See pawl reencrypt keys.

Values that are found: AES-GCM under a static key (nonce, ciphertext, tag), in
bytes, hexadecimal or base64; and those of package envelope. Values that are
written: those of package envelope (--format envelope), or the first form under
the new key (--format static), for applications that read no other.`,
		Example: `  # how many rows are there to be written, and does every one of them open?
  pawl reencrypt --table org_instances --column database_url --column redis_url \
    --database env:DATABASE_URL --new-key env:NEW_KEY --old-key env:OLD_KEY --dry-run

  # do it, at most 20,000 rows a second, and have the database refuse older values from then on
  pawl reencrypt --table org_instances --column database_url --column redis_url \
    --database env:DATABASE_URL --new-key env:NEW_KEY --old-key env:OLD_KEY --rate 20000 --fence --backups 30d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.reencrypt(cmd.Context(), f) },
	}
	f.register(c.Flags())
	c.AddCommand(reencryptKeysCommand(a))
	return c
}

func (f *reencryptFlags) register(s *pflag.FlagSet) {
	d := reencrypt.Options{}.WithDefaults()
	s.StringVar(&f.database, "database", "env:DATABASE_URL", "where the database's URL is found")
	s.StringVar(&f.table.Name, "table", "", "the table, with its schema where that is not public")
	s.StringSliceVar(&f.columns, "column", nil, "an encrypted column; once for each")
	s.StringSliceVar(&f.table.Key, "key", nil, "a column of the rows' key (default: the primary key)")
	s.StringVar(&f.table.Bind, "bind", "", "the table's name as the application binds it into values (default: as --table)")
	s.StringVar(&f.table.Scope, "scope", "", "the scope that the application binds into values, and whose keys are used")
	s.StringVar(&f.table.ScopeColumn, "scope-column", "", "a column that has each row's scope, with --key-table")
	s.BoolVar(&f.table.Unbound, "unbound", false, "values are not bound to their row's key")
	s.StringVar(&f.newKey, "new-key", "", "where the new key is found")
	s.StringSliceVar(&f.oldKeys, "old-key", nil, "where an old key is found; once for each")
	f.keys.register(s)
	s.StringVar(&f.format, "format", "envelope", "what is written: envelope or static")
	s.StringVar(&f.encoding, "encoding", "", "with --format static, of text columns: hex, base64 or base64url")
	s.BoolVar(&f.dry, "dry-run", false, "open every value and write none")
	s.IntVar(&f.options.Rate, "rate", 0, "rows a second, at most")
	s.IntVar(&f.options.Workers, "workers", d.Workers, "sessions that write")
	s.IntVar(&f.options.Batch, "batch", 0, "rows in one statement, at most: they stay locked until it ends (default: 1000; under --rate a hundredth of that)")
	s.IntVar(&f.options.Passes, "passes", 0, "passes over each part of the table (default: 1, or 10 where two or more indexes make that quicker)")
	s.IntVar(&f.options.Sweeps, "sweeps", d.Sweeps, "sweeps, at most")
	s.DurationVar(&f.options.MaxLag, "max-lag", d.MaxLag, "how far a replica may be behind before the job slows down")
	s.DurationVar(&f.options.MaxLatency, "max-latency", d.MaxLatency, "how long a statement may take before the job slows down")
	s.DurationVar(&f.options.MaxSnapshot, "max-snapshot", d.MaxSnapshot, "how old another session's snapshot may be before the job waits for its end")
	s.StringSliceVar(&f.options.Triggers, "allow-trigger", nil, "a trigger that may run for every row")
	s.BoolVar(&f.noVacuum, "no-vacuum", false, "do not vacuum the table on the way")
	s.BoolVar(&f.fence, "fence", false, "have the database refuse older values when nothing is left (format envelope; needs the table's owner)")
	s.StringVar(&f.report, "report", "", "a file for the values that no key opens, as JSON Lines")
	s.StringVar(&f.backups, "backups", "", "how long backups are kept, such as 30d: until then the old key may be needed")
}

func (a *App) reencrypt(ctx context.Context, f *reencryptFlags) error {
	job, err := a.reencryptJob(ctx, f)
	if err != nil {
		return err
	}
	kept := time.Duration(-1)
	if f.backups != "" {
		if kept, err = estate.ParseDuration(f.backups); err != nil {
			return usageError{fmt.Errorf("--backups: %w", err)}
		}
	}
	if f.fence && f.dry {
		return usageError{errors.New("--fence does not go with --dry-run")}
	}
	out, err := f.openReport()
	if err != nil {
		return err
	}
	show := newReencryptShow(a, job.Table.Name, f.dry, out)
	job.Progress, job.Unreadable = show.progress, show.unreadable
	run := job.Run
	if f.dry {
		run = job.DryRun
	}
	// What lives is little and flat, so collecting it less often costs some ten
	// MiB and saves a tenth of the processor.
	defer debug.SetGCPercent(debug.SetGCPercent(reencryptGC))
	began := a.now()
	res, err := run(ctx)
	show.close()
	if out != nil {
		err = errors.Join(err, unreported(f.report, errors.Join(show.lost, out.Close())))
	}
	if err != nil {
		return interrupted(ctx, err, res)
	}
	doc := newReencryptDoc(job.Table.Name, f.dry, res, began, kept)
	if f.fence && res.Unreadable == 0 {
		if err := job.Fence(ctx); err != nil {
			return err
		}
		doc.Fence = true
	}
	if err := a.print(doc, func() error { return doc.text(a.Streams.Out) }); err != nil {
		return err
	}
	return doc.verdict()
}

// reencryptGC is how much may be allocated between two collections, in percent
// of what lives.
const reencryptGC = 400

// interrupted says that a stopped run can go on.
func interrupted(ctx context.Context, err error, res reencrypt.Result) error {
	if ctx.Err() == nil {
		return err
	}
	return &pawl.Error{Code: pawl.CodeInterrupted, Op: "re-encrypt", Why: fmt.Sprintf("it was stopped after %s rows; each row is whole, under one key or the other", grouped(res.Rows)), Next: "the same command goes on"}
}

func (f *reencryptFlags) openReport() (*os.File, error) {
	if f.report == "" {
		return nil, nil
	}
	out, err := os.OpenFile(f.report, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeFailed, Op: "open the report", On: f.report, Err: err, Next: "choose another file with --report"}
	}
	return out, nil
}

// unreported says that the report is not whole.
func unreported(path string, err error) error {
	if err == nil {
		return nil
	}
	return &pawl.Error{Code: pawl.CodeFailed, Op: "write the report", On: path, Err: err, Next: "make room, or choose another file with --report, and run it again: it lists them anew"}
}

// reencryptJob makes the job of the flags.
func (a *App) reencryptJob(ctx context.Context, f *reencryptFlags) (*reencrypt.Job, error) {
	if f.table.Name == "" || len(f.columns) == 0 {
		return nil, usageError{errors.New("name the table with --table, and each encrypted column with --column")}
	}
	for _, name := range f.columns {
		f.table.Columns = append(f.table.Columns, reencrypt.Column{Name: name})
	}
	if f.noVacuum {
		f.options.Vacuum = -1
	}
	base, err := filepath.Abs(filepath.Dir(a.file()))
	if err != nil {
		return nil, err
	}
	f.resolver, f.keys.dir = &credential.Resolver{Dir: base}, base
	target, err := f.target(ctx)
	if err != nil {
		return nil, err
	}
	connect, err := f.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &reencrypt.Job{Table: f.table, Target: target, Options: f.options, Connect: connect, Now: a.now, Log: a.logger()}, nil
}

// target makes the form that values are to have.
func (f *reencryptFlags) target(ctx context.Context) (reencrypt.Target, error) {
	old, err := f.readOld(ctx)
	if err != nil {
		return nil, err
	}
	if f.keys.table != "" {
		return f.tableTarget(ctx, old)
	}
	if f.table.ScopeColumn != "" {
		return nil, usageError{errors.New("--scope-column goes with --key-table: keys that are given are the same for all rows")}
	}
	fresh, err := f.readKey(ctx, "--new-key", f.newKey)
	if err != nil {
		return nil, err
	}
	for i, k := range old {
		if bytes.Equal(k, fresh) {
			return nil, usageError{fmt.Errorf("--old-key %s is the new key", f.oldKeys[i])}
		}
	}
	legacy, err := envelope.NewLegacy(append([][]byte{fresh}, old...), nil)
	if err != nil {
		return nil, err
	}
	switch f.format {
	case "envelope":
		ring, err := envelope.DirectRing(fresh, old...)
		if err != nil {
			return nil, err
		}
		return reencrypt.ToEnvelope(ring, legacy, ring), nil
	case "static":
		encoding := reencrypt.Encoding(f.encoding)
		switch encoding {
		case "", reencrypt.Hex, reencrypt.Base64, reencrypt.Base64URL:
			return reencrypt.ToStatic(fresh, legacy, encoding)
		}
		return nil, usageError{fmt.Errorf("--encoding %s: it is hex, base64 or base64url", f.encoding)}
	}
	return nil, usageError{fmt.Errorf("--format %s: it is envelope or static", f.format)}
}

func (f *reencryptFlags) readOld(ctx context.Context) ([][]byte, error) {
	var old [][]byte
	for _, ref := range f.oldKeys {
		k, err := f.readKey(ctx, "--old-key", ref)
		if err != nil {
			return nil, err
		}
		old = append(old, k)
	}
	return old, nil
}

// tableTarget has values under the primary keys of the key table.
func (f *reencryptFlags) tableTarget(ctx context.Context, old [][]byte) (reencrypt.Target, error) {
	if f.newKey != "" || f.format != "envelope" {
		return nil, usageError{errors.New("--key-table has the new key, and goes with --format envelope")}
	}
	keepers, err := f.keys.open(ctx)
	if err != nil {
		return nil, err
	}
	table, err := f.keyTable(ctx)
	if err != nil {
		return nil, err
	}
	legacy, err := envelope.NewLegacy(old, valueKeys(keepers))
	if err != nil {
		return nil, err
	}
	ring := envelope.NewKeyring(keepers, table, time.Hour, nil)
	if err := ring.Also(directKeys(old)...); err != nil {
		return nil, err
	}
	if f.table.ScopeColumn != "" {
		return reencrypt.ToEnvelope(ring, legacy, nil), nil
	}
	one, err := ring.Ring(ctx, f.table.Scope)
	if err != nil {
		return nil, err
	}
	return reencrypt.ToEnvelope(ring, legacy, one), nil
}

// directKeys are the keys that may have been those of an envelope.DirectRing.
func directKeys(keys [][]byte) [][]byte {
	return slices.DeleteFunc(slices.Clone(keys), func(k []byte) bool { return len(k) != 32 })
}

// valueKeys is the first keeper that unwraps the keys which values of the
// legacy format carry; nil when none does.
func valueKeys(keepers []envelope.Keeper) envelope.ValueKeys {
	for _, k := range keepers {
		if v, ok := k.(envelope.ValueKeys); ok {
			return v
		}
	}
	return nil
}

// resolve reads what a flag refers to.
func (f *reencryptFlags) resolve(ctx context.Context, flag, text string) (secret.Value, error) {
	ref, err := estate.ParseReference(text)
	if err != nil {
		return secret.Value{}, usageError{fmt.Errorf("%s: %w", flag, err)}
	}
	return f.resolver.Resolve(ctx, ref)
}

// readKey reads a key: 32 bytes in hexadecimal or base64.
func (f *reencryptFlags) readKey(ctx context.Context, flag, text string) ([]byte, error) {
	if text == "" {
		return nil, usageError{fmt.Errorf("say where the key is found: %s env:NAME", flag)}
	}
	v, err := f.resolve(ctx, flag, text)
	if err != nil {
		return nil, err
	}
	var key []byte
	err = v.Use(func(b []byte) error {
		key = envelope.ParseKey(b)
		return nil
	})
	if err == nil && key == nil {
		err = &pawl.Error{Code: pawl.CodeInvalid, Op: "read the key", On: text, Why: "it is not 32 bytes in hexadecimal or base64", Next: "openssl rand -hex 32 makes one"}
	}
	return key, err
}

// connect makes the way to the database.
func (f *reencryptFlags) connect(ctx context.Context) (func(context.Context) (*pgconn.PgConn, error), error) {
	config, err := f.config(ctx)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (*pgconn.PgConn, error) {
		return pgconn.ConnectConfig(ctx, config.Config.Copy())
	}, nil
}

// config reads the database's URL.
func (f *reencryptFlags) config(ctx context.Context) (*pgx.ConnConfig, error) {
	v, err := f.resolve(ctx, "--database", f.database)
	if err != nil {
		return nil, err
	}
	var config *pgx.ConnConfig
	err = v.Use(func(b []byte) error {
		config, err = pgx.ParseConfig(string(b))
		return err
	})
	if err != nil { // the library's error may quote the URL
		return nil, &pawl.Error{Code: pawl.CodeInvalid, Op: "read the database's URL", On: f.database, Why: "it is not a PostgreSQL URL", Next: "postgres://user:password@host:5432/database?sslmode=verify-full"}
	}
	return config, nil
}

// keyTable gives the key table, in the same database.
func (f *reencryptFlags) keyTable(ctx context.Context) (*keytable.Table, error) {
	config, err := f.config(ctx)
	if err != nil {
		return nil, err
	}
	return keytable.New(stdlib.OpenDB(*config), keytable.Postgres, f.keys.table), nil
}

// unreadableDoc is a line of the report.
type unreadableDoc struct {
	Table  string `json:"table"`
	Column string `json:"column"`
	Row    string `json:"row"`
	Why    string `json:"why"`
}

func (s *reencryptShow) unreadable(u reencrypt.Unreadable) {
	if s.report != nil && s.lost == nil { // one reason is enough
		s.lost = json.NewEncoder(s.report).Encode(unreadableDoc(u))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told++; s.told <= maxTold {
		s.line(fmt.Sprintf("%s.%s of row %s opens with no key: %s", u.Table, u.Column, cmp.Or(u.Row, "?"), u.Why))
	}
}

// maxTold bounds how many values that no key opens are told one by one.
const maxTold = 10
