// Package file is the driver for a field in a file of the local machine: a
// line of a dotenv file, a value in a JSON, YAML, TOML or properties document,
// or a file that is one value as a whole.
//
// A file is never written in place. The new text goes to a temporary file
// beside it, which takes the name of the old one when it is complete and on
// the disk. A reader therefore sees the old text or the new one, and a killed
// process leaves the old one. Package document does the editing and keeps
// every byte that is not part of the field.
package file

import (
	"context"
	"path/filepath"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Driver opens connections to the local file system.
type Driver struct{}

// New gives the driver.
func New() driver.Driver { return Driver{} }

// Info declares the driver.
func (Driver) Info() driver.Info {
	return driver.Info{Spec: spec(), Since: "0.1", Notes: notes}
}

// Open makes a connection. There are no settings.
func (Driver) Open(env driver.Env, _ estate.Settings) (driver.Conn, error) {
	return &conn{dir: env.Dir, wait: env.Wait, now: env.Now, sys: localSystem(), turn: make(chan struct{}, 1)}, nil
}

// conn edits files below or beside dir. turn lets one edit of this connection
// run at a time, so that two fields of one file do not queue on its lock.
type conn struct {
	dir  string
	wait func(ctx context.Context, d time.Duration) error
	now  pawl.Clock
	sys  system
	turn chan struct{}
}

// Close has nothing to close.
func (c *conn) Close() error { return nil }

// Put sets the field and says when the file was changed last.
func (c *conn) Put(ctx context.Context, w driver.Write) (driver.Receipt, error) {
	t, err := c.target("put field", w.Target)
	if err != nil {
		return driver.Receipt{}, err
	}
	if w.Value.Empty() {
		return driver.Receipt{}, t.failure(errEmpty)
	}
	err = w.Value.Use(func(value []byte) error {
		return c.edit(ctx, t, func(doc []byte, there bool) (outcome, []byte, error) {
			next, err := t.set(doc, value)
			return changed(doc, next, there), next, err
		})
	})
	if err != nil {
		return driver.Receipt{}, t.failure(err)
	}
	// The write has happened by now, whatever this look says.
	receipt := driver.Receipt{Exists: true}
	if info, err := c.sys.stat(t.path); err == nil {
		receipt.UpdatedAt = info.ModTime().UTC()
	}
	return receipt, nil
}

// Stat says whether the field holds something, and when the file was changed
// last. It gives no digest: one that has no key would let a weak value be
// guessed.
func (c *conn) Stat(ctx context.Context, g driver.Target) (driver.Receipt, error) {
	t, v, err := c.look(ctx, "stat field", g)
	if err != nil || v.Empty() {
		return driver.Receipt{}, err
	}
	v.Destroy()
	info, err := c.sys.stat(t.path)
	if err != nil {
		return driver.Receipt{}, t.failure(err)
	}
	return driver.Receipt{Exists: true, UpdatedAt: info.ModTime().UTC()}, nil
}

// Read gives what the field holds. A field with nothing in it holds nothing.
func (c *conn) Read(ctx context.Context, g driver.Target) (secret.Value, bool, error) {
	_, v, err := c.look(ctx, "read field", g)
	return v, err == nil && !v.Empty(), err
}

func (c *conn) look(ctx context.Context, op string, g driver.Target) (target, secret.Value, error) {
	t, err := c.target(op, g)
	if err != nil {
		return t, secret.Value{}, err
	}
	if err := ctx.Err(); err != nil {
		return t, secret.Value{}, t.failure(err)
	}
	doc, there, err := c.read(t.path)
	if err != nil {
		return t, secret.Value{}, t.failure(err)
	}
	defer clear(doc)
	value, err := t.get(doc, there)
	if err != nil {
		return t, secret.Value{}, t.failure(err)
	}
	return t, secret.New(value), nil
}

// Remove takes the field out of the document; a plain file is deleted. The
// document stays, also when nothing is left in it.
func (c *conn) Remove(ctx context.Context, g driver.Target) error {
	t, err := c.target("remove field", g)
	if err != nil {
		return err
	}
	err = c.edit(ctx, t, func(doc []byte, there bool) (outcome, []byte, error) {
		if there && t.plain() {
			return gone, nil, nil
		}
		next, err := t.remove(doc, there)
		return changed(doc, next, there), next, err
	})
	if err != nil {
		return t.failure(err)
	}
	return nil
}

// target reads the settings of a location.
func (c *conn) target(op string, g driver.Target) (target, error) {
	t, why := newTarget(op, g.Settings)
	if g.Kind != kindField {
		return t, &driver.Error{Op: op, Kind: driver.Unsupported, Effect: pawl.EffectNone, Why: "the driver file writes fields only"}
	}
	if why != "" {
		return t, &driver.Error{Op: op, On: t.shown, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: why}
	}
	if !filepath.IsAbs(t.path) {
		t.path = filepath.Join(c.dir, t.path)
	}
	return t, nil
}
