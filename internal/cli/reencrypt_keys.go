package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keytable"
	"github.com/pawlhq/pawl/internal/credential"
	"github.com/pawlhq/pawl/internal/keepers"
)

// keyFlags name a table of wrapped keys and what unwraps them.
type keyFlags struct {
	table   string
	keepers []string
	dir     string // what the paths of key files are relative to
}

func (f *keyFlags) register(s *pflag.FlagSet) {
	s.StringVar(&f.table, "key-table", "", "the table of wrapped data keys, instead of --new-key")
	s.StringSliceVar(&f.keepers, "keeper", nil, "what unwraps them, such as awskms:ARN or file:PATH; once for each")
}

// open opens the keepers.
func (f *keyFlags) open(ctx context.Context) ([]envelope.Keeper, error) {
	if len(f.keepers) == 0 {
		return nil, usageError{errors.New("say what unwraps the data keys: --keeper file:PATH, awskms:ARN, gcpkms:NAME or transit:MOUNT/KEY")}
	}
	var list []envelope.Keeper
	for _, uri := range f.keepers {
		k, err := openKeeper(ctx, f.dir, uri)
		if err != nil {
			return nil, err
		}
		list = append(list, k)
	}
	return list, nil
}

func openKeeper(ctx context.Context, dir, uri string) (envelope.Keeper, error) {
	if path, ok := strings.CutPrefix(uri, "file:"); ok && !filepath.IsAbs(path) {
		uri = "file:" + filepath.Join(dir, path)
	}
	return keepers.Open(ctx, uri, keepers.Env{})
}

// keysJob is what the commands below pawl reencrypt keys share.
type keysJob struct {
	a     *App
	flags reencryptFlags
	scope string
}

func reencryptKeysCommand(a *App) *cobra.Command {
	j := &keysJob{a: a}
	c := &cobra.Command{
		Use:   "keys",
		Short: "List, make, promote, rewrap and destroy the data keys of a key table",
		Long: `Data keys encrypt values. They are kept in a table of the application's database,
each wrapped by a keeper: a key file, AWS KMS, Google Cloud KMS, Vault or OpenBao,
or a token. So there are two rotations, and only one of them touches data:

  of the data key    make, promote, pawl reencrypt --key-table ..., destroy
  of the keeper's    rewrap: each data key is wrapped anew, and no value changes`,
		Example: `  # another data key: readers first, then writers, then the rows
  pawl reencrypt keys make --scope orgs --keeper awskms:arn:aws:kms:eu-central-1:111122223333:key/EXAMPLE
  pawl reencrypt keys promote --scope orgs --id 2
  pawl reencrypt --table org_instances --column database_url --scope orgs --key-table pawl_keys --keeper awskms:arn:aws:kms:eu-central-1:111122223333:key/EXAMPLE
  pawl reencrypt keys destroy --scope orgs --id 1

  # another key of the keeper: data is not touched
  pawl reencrypt keys rewrap --keeper file:old.key --to awskms:arn:aws:kms:eu-central-1:111122223333:key/EXAMPLE`,
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := c.PersistentFlags()
	f.StringVar(&j.flags.database, "database", "env:DATABASE_URL", "where the database's URL is found")
	f.StringVar(&j.flags.keys.table, "key-table", keytable.DefaultName, "the table")
	c.AddCommand(j.list(), j.make(), j.promote(), j.rewrap(), j.destroy())
	return c
}

func (j *keysJob) table(ctx context.Context) (*keytable.Table, error) {
	base, err := filepath.Abs(filepath.Dir(j.a.file()))
	if err != nil {
		return nil, err
	}
	j.flags.resolver, j.flags.keys.dir = &credential.Resolver{Dir: base}, base
	return j.flags.keyTable(ctx)
}

// keyDoc is a data key in a result.
type keyDoc struct {
	Scope     string            `json:"scope"`
	ID        uint32            `json:"id"`
	State     envelope.KeyState `json:"state"`
	Keeper    string            `json:"keeper"`
	Version   string            `json:"keeper_version,omitempty"`
	CreatedAt time.Time         `json:"created_at"`
}

func newKeyDoc(k envelope.DataKey) keyDoc {
	return keyDoc{Scope: k.Scope, ID: k.ID, State: k.State, Keeper: k.Keeper, Version: k.Version, CreatedAt: k.CreatedAt}
}

func (j *keysJob) list() *cobra.Command {
	c := &cobra.Command{
		Use:     "list",
		Short:   "List the data keys of a scope",
		Example: "  pawl reencrypt keys list --scope orgs",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := j.table(c.Context())
			if err != nil {
				return err
			}
			return j.show(c.Context(), t)
		},
	}
	c.Flags().StringVar(&j.scope, "scope", "", "the scope")
	return c
}

func (j *keysJob) show(ctx context.Context, t *keytable.Table) error {
	keys, err := t.DataKeys(ctx, j.scope)
	if err != nil {
		return err
	}
	doc := struct {
		Keys []keyDoc `json:"keys"`
	}{Keys: []keyDoc{}}
	rows := [][]string{{"SCOPE", "ID", "STATE", "KEEPER", "VERSION", "MADE"}}
	for _, k := range keys {
		doc.Keys = append(doc.Keys, newKeyDoc(k))
		rows = append(rows, []string{k.Scope, strconv.FormatUint(uint64(k.ID), 10), string(k.State), k.Keeper, k.Version, k.CreatedAt.Local().Format("2 Jan 2006 15:04")})
	}
	return j.a.print(doc, func() error { return table(j.a.Streams.Out, j.a.Streams.OutTTY, rows) })
}

func (j *keysJob) make() *cobra.Command {
	var keeper string
	c := &cobra.Command{
		Use:   "make",
		Short: "Make a data key, which is pending: it opens, and nothing is sealed under it yet",
		Long: `Makes a data key and keeps it wrapped. The first of a scope is primary at once.
The table is made where it is not there.`,
		Example: "  pawl reencrypt keys make --scope orgs --keeper file:kek.key",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := j.table(c.Context())
			if err != nil {
				return err
			}
			k, err := openKeeper(c.Context(), j.flags.keys.dir, keeper)
			if err != nil {
				return err
			}
			if err := t.Create(c.Context()); err != nil {
				return err
			}
			had, err := t.DataKeys(c.Context(), j.scope)
			if err != nil {
				return err
			}
			if len(had) == 0 {
				err = t.First(c.Context(), k, j.scope)
			} else {
				_, err = t.Make(c.Context(), k, j.scope)
			}
			if err != nil {
				return err
			}
			return j.show(c.Context(), t)
		},
	}
	c.Flags().StringVar(&j.scope, "scope", "", "the scope")
	c.Flags().StringVar(&keeper, "keeper", "", "what wraps it, such as awskms:ARN or file:PATH")
	return c
}

func (j *keysJob) promote() *cobra.Command {
	return j.move("promote", "Have a pending key seal from now on; the one that did is retiring", (*keytable.Table).Promote)
}

func (j *keysJob) destroy() *cobra.Command {
	return j.move("destroy", "Throw away a key that is retiring: no value and no backup may be under it any more", (*keytable.Table).Destroy)
}

func (j *keysJob) move(use, short string, act func(*keytable.Table, context.Context, string, uint32) error) *cobra.Command {
	var id uint32
	c := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: "  pawl reencrypt keys " + use + " --scope orgs --id 2",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("id") {
				return usageError{errors.New("say which key: --id")}
			}
			t, err := j.table(c.Context())
			if err != nil {
				return err
			}
			if err := act(t, c.Context(), j.scope, id); err != nil {
				return err
			}
			return j.show(c.Context(), t)
		},
	}
	c.Flags().StringVar(&j.scope, "scope", "", "the scope")
	c.Flags().Uint32Var(&id, "id", 0, "the key")
	return c
}

func (j *keysJob) rewrap() *cobra.Command {
	var to string
	var anew bool
	c := &cobra.Command{
		Use:   "rewrap",
		Short: "Wrap all data keys under another keeper; no value changes",
		Long: `Unwraps each data key with the keepers that have it, wraps it under the new one,
proves that it comes back, and writes its row if nobody changed it in between. It
can be stopped and started again. Afterwards the old keeper's key may go, as soon
as no process has it configured and no backup needs it.

With --anew, and without --to, every key is wrapped again by its own keeper: under
the newest version of a key that AWS KMS, Google Cloud KMS or Vault has rotated.`,
		Example: `  pawl reencrypt keys rewrap --keeper file:old.key --to awskms:arn:aws:kms:eu-central-1:111122223333:key/EXAMPLE
  pawl reencrypt keys rewrap --keeper transit:transit/orgs --anew`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return j.rewrapAll(c.Context(), to, anew) },
	}
	c.Flags().StringSliceVar(&j.flags.keys.keepers, "keeper", nil, "what unwraps the keys now; once for each")
	c.Flags().StringVar(&to, "to", "", "what wraps them from now on")
	c.Flags().BoolVar(&anew, "anew", false, "also wrap keys again that the keeper has wrapped already")
	return c
}

func (j *keysJob) rewrapAll(ctx context.Context, to string, anew bool) error {
	t, err := j.table(ctx)
	if err != nil {
		return err
	}
	from, err := j.flags.keys.open(ctx)
	if err != nil {
		return err
	}
	target := from[0]
	switch {
	case to != "":
		if target, err = openKeeper(ctx, j.flags.keys.dir, to); err != nil {
			return err
		}
	case !anew || len(from) != 1:
		return usageError{errors.New("say what wraps the keys from now on: --to, or --anew with one --keeper")}
	}
	done, err := t.Rewrap(ctx, append(from, target), target, anew)
	if err != nil {
		return err
	}
	doc := struct {
		Rewrapped int64  `json:"rewrapped"`
		Left      int64  `json:"left"`
		Keeper    string `json:"keeper"`
	}{done.Keys, done.Left, target.KeyID()}
	if err := j.a.print(doc, func() error {
		_, err := fmt.Fprintf(j.a.Streams.Out, "%s data keys are wrapped anew, %s are left under another keeper than %s; no value was touched\n", grouped(done.Keys), grouped(done.Left), target.KeyID())
		return err
	}); err != nil || done.Left == 0 {
		return err
	}
	return &pawl.Error{Code: pawl.CodePending, Op: "rewrap data keys", On: j.flags.keys.table, Why: fmt.Sprintf("%s are under another keeper: somebody still makes some there", grouped(done.Left)), Next: "give every process the new keeper, then run it again"}
}
