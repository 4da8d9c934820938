package rotation

import (
	"context"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// Observe reads from the store what a plan of some secrets must know.
func Observe(ctx context.Context, c Custody, names []pawl.SecretName) (plan.Observed, error) {
	o := plan.Observed{Secrets: make(map[pawl.SecretName]plan.Known, len(names))}
	rows, err := c.Versions(ctx, names...)
	if err != nil {
		return o, err
	}
	of := make(map[pawl.SecretName][]VersionRow, len(names))
	for _, r := range rows {
		of[r.Secret] = append(of[r.Secret], r)
	}
	for _, name := range names {
		o.Secrets[name] = known(of[name])
	}
	return o, nil
}

func known(rows []VersionRow) plan.Known {
	var k plan.Known
	for _, r := range rows {
		k.Last = max(k.Last, r.Version)
		if r.State == VersionCurrent {
			k.Current, k.Held, k.RotatedAt = r.Version, r.Held, r.At
			if k.Identified, k.Source = false, ""; r.Credential != nil {
				k.Identified, k.Source = r.Credential.ID != "", r.Credential.Issuer
			}
		}
	}
	return k
}

// Adopt takes a value that is in place already as version 1 of a secret, so
// that its first rotation can be undone and its old value proven dead. It
// fails with ErrVersion when pawl knows versions of the secret.
func (e *Engine) Adopt(ctx context.Context, name pawl.SecretName, value secret.Parts, c *driver.Credential, actor string) error {
	change, err := e.version(name, 1, value)
	if err != nil {
		return err
	}
	now := e.Now()
	return e.Store.Adopt(ctx, Adoption{
		Row:    VersionRow{Secret: name, Version: 1, State: VersionCurrent, Credential: c, Fingerprint: change.Fingerprint, Held: true, At: now},
		Sealed: change.Sealed,
		Entry:  Entry{Time: now, Kind: KindAdopted, Actor: actor, Secret: name, Version: 1, Print: change.Fingerprint, Credential: c},
	})
}

// Newest opens the newest proven value of a secret: the one that a connection
// uses whose credential is a secret of the estate. It fails with ErrNotFound
// when pawl holds none, and for secrets of several parts.
func (e *Engine) Newest(ctx context.Context, name pawl.SecretName) (secret.Value, error) {
	rows, err := e.Store.Versions(ctx, name)
	if err != nil {
		return secret.Value{}, err
	}
	k := known(rows)
	if k.Current == 0 || !k.Held {
		return secret.Value{}, ErrNotFound
	}
	sealed, err := e.Store.Sealed(ctx, name, k.Current)
	if err != nil {
		return secret.Value{}, err
	}
	value, err := e.unseal(name, versionRow(k.Current), sealed)
	if err != nil {
		return secret.Value{}, err
	}
	single, ok := value[secret.Single]
	if !ok {
		return secret.Value{}, ErrNotFound
	}
	return single, nil
}
