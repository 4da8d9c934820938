package github

import (
	"context"
	"net/http"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

const (
	opPut    = "put secret"
	opStat   = "look at secret"
	opRemove = "remove secret"
)

// metadata is what GitHub tells of a secret.
type metadata struct {
	UpdatedAt  time.Time `json:"updated_at"`
	Visibility string    `json:"visibility"` // secrets of organisations only
}

// sealed is the body of a write. The last two belong to organisations.
type sealed struct {
	Value      string `json:"encrypted_value"`
	KeyID      string `json:"key_id"`
	Visibility string `json:"visibility,omitempty"`
	Selected   []any  `json:"selected_repository_ids,omitzero"` // empty is sent, nil is not
}

// Put seals the value under the place's public key and writes it. GitHub
// answers 201 or 204 and tells nothing of the copy, so the receipt says only
// that it exists; Stat tells its time.
func (c *conn) Put(ctx context.Context, w driver.Write) (driver.Receipt, error) {
	p, err := placeOf(opPut, w.Target)
	if err != nil {
		return driver.Receipt{}, err
	}
	var body sealed
	if p.org {
		if err := c.audience(ctx, p, w.Target.Settings, &body); err != nil {
			return driver.Receipt{}, err
		}
	}
	key := c.keys.get(p.ring())
	kept := key != nil
	if !kept {
		if key, err = c.fetchKey(ctx, opPut, p); err != nil {
			return driver.Receipt{}, err
		}
	}
	err = c.write(ctx, p, w, key, body)
	if kept && status(err) == http.StatusUnprocessableEntity {
		c.keys.drop(p.ring()) // the key may have been replaced since it was fetched
		if key, err = c.fetchKey(ctx, opPut, p); err == nil {
			err = c.write(ctx, p, w, key, body)
		}
	}
	if err != nil {
		return driver.Receipt{}, err
	}
	return driver.Receipt{Exists: true}, nil
}

func (c *conn) write(ctx context.Context, p place, w driver.Write, key *publicKey, body sealed) error {
	var err error
	if body.Value, err = key.seal(w.Value, c.env.Rand); err != nil {
		return &driver.Error{Op: opPut, On: p.on, Kind: driver.Internal, Effect: pawl.EffectNone, Why: "the value cannot be sealed"}
	}
	body.KeyID = key.id
	_, err = c.call(ctx, p.secret().send(opPut, p.on, http.MethodPut, body, http.StatusCreated, http.StatusNoContent), nil)
	return err
}

// fetchKey asks for the place's public key and keeps it for a while.
func (c *conn) fetchKey(ctx context.Context, op string, p place) (*publicKey, error) {
	var key publicKey
	if _, err := c.call(ctx, p.key().get(op, p.on, nil), &key); err != nil {
		return nil, harmless(err)
	}
	c.keys.put(p.ring(), &key)
	return &key, nil
}

// Stat tells whether the secret is there and when it was last written, in
// whole seconds by GitHub's clock.
func (c *conn) Stat(ctx context.Context, t driver.Target) (driver.Receipt, error) {
	p, err := placeOf(opStat, t)
	if err != nil {
		return driver.Receipt{}, err
	}
	m, err := c.stat(ctx, opStat, p)
	if err != nil || m == nil {
		return driver.Receipt{}, err
	}
	return driver.Receipt{Exists: true, UpdatedAt: m.UpdatedAt}, nil
}

// stat gives nil for a secret that is not there.
func (c *conn) stat(ctx context.Context, op string, p place) (*metadata, error) {
	var m metadata
	_, err := c.call(ctx, p.secret().get(op, p.on, nil), &m)
	if status(err) == http.StatusNotFound {
		return nil, c.missing(ctx, op, p)
	}
	if err != nil {
		return nil, err
	}
	if m.UpdatedAt.IsZero() {
		return nil, &driver.Error{Op: op, On: p.on, Kind: driver.Malformed, Effect: pawl.EffectNone, Why: "the answer has no time of the last write"}
	}
	return &m, nil
}

// missing tells a secret that is not there from a place that the credential
// cannot see: GitHub answers 404 to both. Who may read the public key can see
// the place. An error says that it cannot.
func (c *conn) missing(ctx context.Context, op string, p place) error {
	if c.keys.get(p.ring()) != nil {
		return nil
	}
	_, err := c.fetchKey(ctx, op, p)
	return err
}

// Remove deletes the secret.
func (c *conn) Remove(ctx context.Context, t driver.Target) error {
	p, err := placeOf(opRemove, t)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, p.secret().send(opRemove, p.on, http.MethodDelete, nil, http.StatusNoContent), nil)
	if status(err) == http.StatusNotFound {
		return c.missing(ctx, opRemove, p)
	}
	return err
}
