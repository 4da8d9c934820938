package upstash

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/secret"
)

// keeper is something at Upstash that keeps one set of credentials, gives it
// back, and resets all of it at once.
type keeper interface {
	on() string
	name() string // whose credentials they are
	key() string  // the part that tells a set apart from the one before
	read(ctx context.Context, op string) (secret.Parts, error)
	reset(ctx context.Context, op string) (secret.Parts, error)
	verify(ctx context.Context, value secret.Parts) (driver.Verdict, error)
}

// resetter is the issuer of a keeper's credentials.
type resetter struct{ what keeper }

// credential names a set by a digest: Upstash gives it no id and no time. What
// Upstash draws is too long to be guessed from that.
func (r *resetter) credential(parts secret.Parts) driver.Credential {
	var sum [sha256.Size]byte
	_ = parts[r.what.key()].Use(func(b []byte) error { sum = sha256.Sum256(b); return nil }) // it was read just now
	return driver.Credential{ID: r.what.on() + "@" + hex.EncodeToString(sum[:])[:12], Name: r.what.name()}
}

// mint sends the one reset. Where its answer is lost, or has no credentials in
// it, they are read back: they have changed, or the reset is not known to be
// done.
func (r *resetter) mint(ctx context.Context, _ driver.MintRequest) (driver.Minted, error) {
	const op = "reset credentials"
	before, err := r.what.read(ctx, op)
	if err != nil {
		return driver.Minted{}, err
	}
	now, err := r.what.reset(ctx, op)
	if e := failure(err); e != nil && e.Effect != pawl.EffectNone && ctx.Err() == nil {
		if read, bad := r.what.read(ctx, op); bad == nil {
			now, err = read, nil
		}
		if err == nil && r.same(now, before) {
			err = e
		}
	}
	switch {
	case err != nil:
		return driver.Minted{}, err
	case r.same(now, before):
		return driver.Minted{}, malformed(op, r.what.on(), pawl.EffectUnknown, "the answer has the credentials that were there before")
	}
	return driver.Minted{Credential: r.credential(now), Value: now}, nil
}

func (r *resetter) same(a, b secret.Parts) bool { return a[r.what.key()].Equal(b[r.what.key()]) }

// list gives the one set that there is.
func (r *resetter) list(ctx context.Context) ([]driver.Credential, error) {
	now, err := r.what.read(ctx, "list credentials")
	if err != nil {
		return nil, err
	}
	return []driver.Credential{r.credential(now)}, nil
}

// revoke ends a set that is still there by one that nobody gets to know. This
// is for a leaked one.
func (r *resetter) revoke(ctx context.Context, gone driver.Credential, value secret.Parts) error {
	const op = "end credentials"
	now, err := r.what.read(ctx, op)
	if err != nil {
		return err
	}
	if gone.ID == "" {
		if _, err := part(op, value, r.what.key()); err != nil {
			return err
		}
		gone = r.credential(value)
	}
	if gone.ID != r.credential(now).ID {
		return nil // another set has replaced it
	}
	_, err = r.what.reset(ctx, op)
	if e := failure(err); e != nil && e.Kind == driver.Malformed && e.Effect == pawl.EffectApplied {
		return nil // the answer had no credentials in it, which nobody needs
	}
	return err
}

func (r *resetter) verify(ctx context.Context, value secret.Parts) (driver.Verdict, error) {
	return r.what.verify(ctx, value)
}

func (r *resetter) identify(ctx context.Context, value secret.Parts) (driver.Credential, error) {
	const op = "identify credentials"
	if _, err := part(op, value, r.what.key()); err != nil {
		return driver.Credential{}, err
	}
	now, err := r.what.read(ctx, op)
	if err != nil {
		return driver.Credential{}, err
	}
	if !r.same(now, value) {
		return driver.Credential{}, &driver.Error{Op: op, On: r.what.on(), Kind: driver.NotFound, Effect: pawl.EffectNone, Why: "the value is not the one that Upstash has"}
	}
	return r.credential(now), nil
}

// probe reads what a reset would replace. Whether the key may reset it Upstash
// does not tell: a key can be one that only reads.
func (r *resetter) probe(ctx context.Context) ([]driver.Grant, error) {
	if _, err := r.what.read(ctx, "probe"); err != nil {
		return refused(driver.Grant{Need: "read the credentials of " + r.what.on()}, err)
	}
	return []driver.Grant{{Need: "read the credentials of " + r.what.on(), Has: driver.Yes},
		{Need: "reset the credentials of " + r.what.on(), Has: driver.Maybe, Detail: "Upstash does not tell without trying"}}, nil
}

// refused turns a refusal into the answer No.
func refused(g driver.Grant, err error) ([]driver.Grant, error) {
	switch failure(err).Kind {
	case driver.Denied:
		g.Has, g.Detail = driver.No, "Upstash refuses it to this key"
	case driver.NotFound:
		g.Has, g.Detail = driver.No, "Upstash does not find it, or does not show it to this key"
	default:
		return nil, err
	}
	return []driver.Grant{g}, nil
}
