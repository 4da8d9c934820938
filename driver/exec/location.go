package exec

import (
	"context"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Put has the program write a value.
func (c *conn) Put(ctx context.Context, w driver.Write) (driver.Receipt, error) {
	a := call{act: "put", role: estate.RoleLocation, target: w.Target, acts: true,
		more: details{Version: w.Version}, value: secret.One(w.Value)}
	if w.Value.Empty() {
		return driver.Receipt{}, a.fail(driver.Invalid, pawl.EffectNone, "an empty value is never written", nil)
	}
	got, err := c.do(ctx, a)
	if err != nil {
		return driver.Receipt{}, err
	}
	if got.Exists != nil && !*got.Exists {
		return driver.Receipt{}, got.malformed("it says that nothing exists after a put")
	}
	r := got.receipt()
	r.Exists = true
	return r, nil
}

// Stat asks the program what is there, but not for the value.
func (c *conn) Stat(ctx context.Context, t driver.Target) (driver.Receipt, error) {
	got, err := c.do(ctx, call{act: "stat", role: estate.RoleLocation, target: t})
	if err != nil {
		return driver.Receipt{}, err
	}
	r := got.receipt()
	switch {
	case got.Exists == nil:
		return driver.Receipt{}, got.malformed("exists is missing")
	case r.Exists && r.Digest == "" && t.Kind == kindWriteOnly:
		return driver.Receipt{}, got.malformed("digest is missing, by which a write is confirmed")
	}
	return r, nil
}

func (r *reply) receipt() driver.Receipt {
	return driver.Receipt{Exists: r.Exists != nil && *r.Exists, Revision: r.Revision, Digest: r.Digest, UpdatedAt: r.UpdatedAt}
}

// Read has the program give back what it holds.
func (c *conn) Read(ctx context.Context, t driver.Target) (secret.Value, bool, error) {
	if t.Kind == kindWriteOnly {
		return secret.Value{}, false, unsupported("read", "the place does not give its value back")
	}
	got, err := c.do(ctx, call{act: "read", role: estate.RoleLocation, target: t, gives: true})
	if err != nil {
		return secret.Value{}, false, err
	}
	v, ok := got.parts[secret.Single]
	switch {
	case got.Exists == nil:
		return secret.Value{}, false, got.malformed("exists is missing")
	case *got.Exists != (ok && !v.Empty()):
		return secret.Value{}, false, got.malformed("a value that exists is given as value, one that does not is left out")
	}
	return v, ok, nil
}

// Remove has the program take its copy away.
func (c *conn) Remove(ctx context.Context, t driver.Target) error {
	_, err := c.do(ctx, call{act: "remove", role: estate.RoleLocation, target: t, acts: true})
	return err
}

// Activate has the program make consumers load the value.
func (c *conn) Activate(ctx context.Context, a driver.Activation) (driver.Progress, error) {
	role := estate.RoleLocation
	if a.Consumer {
		role = estate.RoleActivation
	}
	got, err := c.do(ctx, call{act: "activate", role: role, target: a.Target, acts: true,
		more: details{Activation: a.Kind, Receipt: &a.Receipt, Since: a.Since, Resume: a.Resume}})
	if err != nil {
		return driver.Progress{}, err
	}
	if got.Done == nil {
		return driver.Progress{}, got.malformed("done is missing")
	}
	p := driver.Progress{Done: *got.Done, Detail: short(got.Detail)}
	if !p.Done {
		p.After, p.Resume = later(got.After), got.Resume
	}
	return p, nil
}

// later is when to ask again: a program that does not say is asked after a
// while.
func later(after span) time.Duration {
	if after <= 0 {
		return 5 * time.Second
	}
	return time.Duration(after)
}
