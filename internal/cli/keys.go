package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
	"github.com/pawlhq/pawl/internal/keepers"
)

// storeKeeper opens the keeper that is named, or the key file beside the store.
func (a *App) storeKeeper(ctx context.Context, dir string) (envelope.Keeper, error) {
	if uri := a.keeper(); uri != "" {
		return keepers.Open(ctx, uri, keepers.Env{})
	}
	return openKey(filepath.Join(dir, "key"))
}

// openKey loads the key file; a new store gets a new one.
func openKey(path string) (envelope.Keeper, error) {
	k, err := keyfile.Load(path)
	if errors.Is(err, fs.ErrPermission) {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "open the key", Err: err, Next: "run pawl as the user to whom the store belongs"}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if _, dbErr := os.Stat(filepath.Join(filepath.Dir(path), "pawl.db")); dbErr != nil {
		return createKey(path)
	}
	// A key is made before its store. Where the store is there by now, another
	// first run may have made both since the look above.
	k, err = keyfile.Load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "open the key", On: path, Why: "the store is there but its key is not", Next: "put the key file back from your backup; without it the sealed values cannot be opened"}
	}
	return k, err
}

// createKey makes the key file under another name first, so that a kill can
// leave no half of a key under its own, and takes the key of another first run
// that was quicker.
func createKey(path string) (envelope.Keeper, error) {
	fresh := path + "." + rand.Text()
	if _, err := keyfile.Create(fresh); err != nil {
		return nil, errors.Join(err, discard(fresh))
	}
	err := os.Link(fresh, path)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err = errors.Join(err, discard(fresh)); err != nil {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "make the key file", On: path, Err: err, Next: "choose another folder with --dir"}
	}
	return keyfile.Load(path)
}

// discard removes a file that may not be there.
func discard(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// keyStore is where wrapped data keys are kept.
type keyStore interface {
	DataKeys(ctx context.Context) ([]envelope.DataKey, error)
	AddDataKey(ctx context.Context, k envelope.DataKey) error
}

// openRing unwraps the store's data keys; a new store gets its first. When
// another first run was quicker, its key is taken.
func openRing(ctx context.Context, store keyStore, keeper envelope.Keeper, now pawl.Clock) (*envelope.Ring, error) {
	keys, err := store.DataKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		key, err := envelope.NewDataKey(ctx, keeper, 1, "pawl", now(), rand.Reader)
		if err != nil {
			return nil, err
		}
		if err := store.AddDataKey(ctx, key); err != nil && pawl.CodeOf(err) != pawl.CodeConflict {
			return nil, err
		}
		if keys, err = store.DataKeys(ctx); err != nil {
			return nil, err
		}
	}
	return envelope.OpenRing(ctx, []envelope.Keeper{keeper}, keys)
}
