package platform

import (
	"context"

	"github.com/pawlhq/pawl/envelope"
)

// vault seals and opens what the store has of values. Each is bound to its
// place: a value that was copied to another row does not open.
type vault struct{ secret, booted envelope.Column }

func newVault(rings envelope.Rings) vault {
	column := envelope.Column{Rings: rings, MinFormat: envelope.Format}
	v := vault{secret: column, booted: column}
	v.secret.Table, v.secret.Name = "secrets", "value"
	v.booted.Table, v.booted.Name = "workspaces", "booted"
	return v
}

// sealSecret seals the value of a secret.
func (v *vault) sealSecret(ctx context.Context, workspace, key, value string) ([]byte, error) {
	return v.secret.Seal(ctx, keyScope, envelope.RowKey(workspace, key), []byte(value))
}

// openSecret opens one.
func (v *vault) openSecret(ctx context.Context, s Secret) (string, error) {
	plain, err := v.secret.Open(ctx, keyScope, envelope.RowKey(s.Workspace, s.Key), s.Value)
	return string(plain), err
}

// sealBooted seals the key that a workspace booted with; "" stays empty.
func (v *vault) sealBooted(ctx context.Context, id, key string) ([]byte, error) {
	if key == "" {
		return nil, nil
	}
	return v.booted.Seal(ctx, keyScope, id, []byte(key))
}

// openBooted opens it.
func (v *vault) openBooted(ctx context.Context, w Workspace) (string, error) {
	if len(w.Booted) == 0 {
		return "", nil
	}
	plain, err := v.booted.Open(ctx, keyScope, w.ID, w.Booted)
	return string(plain), err
}

// OpenSecret opens a secret for those who have a Store's keys.
func OpenSecret(ctx context.Context, keys envelope.Rings, s Secret) (string, error) {
	v := newVault(keys)
	return v.openSecret(ctx, s)
}

// SealSecret seals a secret's value as a Server does.
func SealSecret(ctx context.Context, keys envelope.Rings, workspace, key, value string) ([]byte, error) {
	v := newVault(keys)
	return v.sealSecret(ctx, workspace, key, value)
}

// OpenBooted opens the key that a workspace booted with; "" is none.
func OpenBooted(ctx context.Context, keys envelope.Rings, w Workspace) (string, error) {
	v := newVault(keys)
	return v.openBooted(ctx, w)
}
