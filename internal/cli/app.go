package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/connect"
	"github.com/pawlhq/pawl/internal/credential"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/runner/local"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/store/sqlite"
)

// App is what all commands share: streams, flags, and the drivers at hand.
type App struct {
	Streams   *Streams
	Registry  driver.Registry
	Transport http.RoundTripper // nil is the network
	Dial      connect.Dial      // how databases are reached; nil is the network
	Now       pawl.Clock        // nil is time.Now
	Sleep     Sleep             // how waits pass; nil is by the real clock
	File      string
	Dir       string
	Keeper    string
	JSON      bool

	printed bool // a result is on standard output
}

// Sleep lets time pass until an instant, or until ctx is over.
type Sleep func(ctx context.Context, until time.Time) error

// file gives the estate's path.
func (a *App) file() string {
	if a.File != "" {
		return a.File
	}
	if env := os.Getenv("PAWL_FILE"); env != "" {
		return env
	}
	return "pawl.yaml"
}

// dir gives the folder of store and key.
func (a *App) dir() string {
	if a.Dir != "" {
		return a.Dir
	}
	if env := os.Getenv("PAWL_DIR"); env != "" {
		return env
	}
	return filepath.Join(filepath.Dir(a.file()), ".pawl")
}

// keeper gives the URI of what wraps the store's data keys; "" is the key file.
func (a *App) keeper() string {
	if a.Keeper != "" {
		return a.Keeper
	}
	return os.Getenv("PAWL_STORE_KEEPER")
}

// now gives the time.
func (a *App) now() time.Time {
	if a.Now == nil {
		return time.Now()
	}
	return a.Now()
}

// estate loads the estate.
func (a *App) estate() (*estate.Estate, error) { return estate.Load(a.file(), a.Registry) }

// Home is an opened store with its keys and an engine over it.
type Home struct {
	App       *App
	Store     *sqlite.Store
	Ring      *envelope.Ring
	Engine    *rotation.Engine
	Connector *connect.Connector
}

// open opens the home, and makes it on first use.
func (a *App) open(ctx context.Context) (*Home, error) {
	// The estate's folder is made absolute because a program that it names,
	// ./mint.sh, is started in a folder of its own.
	base, err := filepath.Abs(filepath.Dir(a.file()))
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeFailed, Op: "find the estate's folder", On: a.file(), Err: err, Next: "go to a folder that exists"}
	}
	dir := a.dir()
	if err := a.stray(dir); err != nil {
		return nil, err
	}
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if err := lost(dir); err != nil {
		return nil, err
	}
	keeper, err := a.storeKeeper(ctx, dir)
	if err != nil {
		return nil, err
	}
	if c, ok := keeper.(io.Closer); ok {
		defer c.Close() // the ring has the keys
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "pawl.db"), sqlite.Options{Now: a.now})
	if err != nil {
		return nil, err
	}
	ring, err := openRing(ctx, store, keeper, a.now)
	if err == nil {
		err = note(dir)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	h := &Home{App: a, Store: store, Ring: ring}
	resolver := &credential.Resolver{Dir: base, Secret: h.newest}
	h.Connector = &connect.Connector{Registry: a.Registry, Resolver: resolver, Transport: a.Transport, Dial: a.Dial, Log: slog.New(slog.DiscardHandler), Dir: base, Now: a.now}
	h.Engine = &rotation.Engine{Store: store, Ports: h.Connector, Vault: ring, Now: a.now, Holder: local.Process(), Dead: local.Dead}
	if a.Sleep != nil {
		h.Engine.Sleep = a.Sleep
		h.Connector.Wait = func(ctx context.Context, d time.Duration) error { return a.Sleep(ctx, a.now().Add(d)) }
	}
	return h, nil
}

// Close closes the home.
func (h *Home) Close() error { return errors.Join(h.Connector.Close(), h.Store.Close()) }

// newest opens the newest proven value of a secret, for connections whose
// credential is itself a secret of the estate.
func (h *Home) newest(ctx context.Context, name pawl.SecretName) (secret.Value, error) {
	return h.Engine.Newest(ctx, name)
}

// stray refuses to make a store where there is neither a store nor an estate:
// whoever asks there is in the wrong folder.
func (a *App) stray(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(a.file()); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return &pawl.Error{Code: pawl.CodeNotFound, Op: "open store", On: dir, Why: "there is neither a store nor an estate here", Next: "go to the estate's folder, name it with --file, or begin with: pawl init"}
}

// makeDir makes the folder, closed to others, with a note that keeps it out
// of git.
func makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600)
	}
	if err != nil {
		return &pawl.Error{Code: pawl.CodeStore, Op: "make the store's folder", On: dir, Err: err, Next: "choose another with --dir"}
	}
	return nil
}

// print writes the result: a JSON document with --json, else text.
func (a *App) print(document any, text func() error) error {
	a.printed = true
	if !a.JSON {
		return text()
	}
	enc := json.NewEncoder(a.Streams.Out)
	enc.SetIndent("", "  ")
	return enc.Encode(document)
}

// say writes talk, for people who watch.
func (a *App) say(format string, args ...any) {
	if !a.JSON {
		fmt.Fprintf(a.Streams.Err, format+"\n", args...)
	}
}

// actor names the person at the keyboard, for the record.
func actor() string {
	if name := os.Getenv("PAWL_ACTOR"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "somebody"
}
