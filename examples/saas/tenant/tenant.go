// Package tenant is what the control plane and a tenant's platform both know
// of a tenant: the row of org_instances, whose secrets are sealed, and the keys
// that open it.
package tenant

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/envelope"
)

// The names that sealed values are bound to, beside the tenant's id.
const (
	Table          = "org_instances"
	ColumnDatabase = "database_url"
	ColumnRedis    = "redis_url"
	ColumnAdmin    = "admin_token"
)

// Secrets are what a tenant's row has sealed.
type Secrets struct {
	DatabaseURL string // of the tenant's own database
	RedisURL    string
	AdminToken  string // opens the API of the tenant's platform
}

// Sealed is Secrets as they are stored and handed to the tenant's platform.
type Sealed struct {
	DatabaseURL []byte `json:"database_url"`
	RedisURL    []byte `json:"redis_url"`
	AdminToken  []byte `json:"admin_token"`
}

// Box seals and opens rows. It is safe for concurrent use.
type Box struct{ database, redis, admin envelope.Column }

// Keys are the names of the environment variables that a Box is made of.
const (
	EnvKey     = "SECRETS_ENCRYPTION_KEY"  // seals; 64 hex digits
	EnvAccepts = "SECRETS_DECRYPTION_KEYS" // open beside it; joined by commas
)

// NewBox makes a Box of keys in hexadecimal, the first of which seals. It reads
// what older releases wrote too: AES-256-GCM with the nonce in front. An empty
// key counts for nothing.
func NewBox(keys ...string) (*Box, error) {
	var raw [][]byte
	for i, text := range keys {
		if text == "" {
			continue
		}
		key, err := hex.DecodeString(text)
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("key %d of %d is not 64 hex digits", i+1, len(keys))
		}
		if !slices.ContainsFunc(raw, func(have []byte) bool { return slices.Equal(have, key) }) {
			raw = append(raw, key)
		}
	}
	if len(raw) == 0 {
		return nil, errors.New("there is no key")
	}
	ring, err := envelope.DirectRing(raw[0], raw[1:]...)
	if err != nil {
		return nil, err
	}
	legacy, err := envelope.NewLegacy(raw, nil)
	if err != nil {
		return nil, err
	}
	b := &Box{}
	for name, column := range map[string]*envelope.Column{ColumnDatabase: &b.database, ColumnRedis: &b.redis, ColumnAdmin: &b.admin} {
		*column = envelope.Column{Rings: ring, Table: Table, Name: name, Legacy: legacy}
	}
	return b, nil
}

// BoxOf makes the Box of an environment: EnvKey, where it is set, and EnvAccepts.
func BoxOf(getenv func(string) string) (*Box, error) {
	b, err := NewBox(append([]string{getenv(EnvKey)}, strings.Split(getenv(EnvAccepts), ",")...)...)
	if err != nil {
		return nil, fmt.Errorf("read %s and %s: %w", EnvKey, EnvAccepts, err)
	}
	return b, nil
}

// Seal seals a tenant's secrets.
func (b *Box) Seal(ctx context.Context, id string, s Secrets) (out Sealed, err error) {
	if out.DatabaseURL, err = b.database.Seal(ctx, "", id, []byte(s.DatabaseURL)); err != nil {
		return out, err
	}
	if out.RedisURL, err = b.redis.Seal(ctx, "", id, []byte(s.RedisURL)); err != nil {
		return out, err
	}
	out.AdminToken, err = b.admin.Seal(ctx, "", id, []byte(s.AdminToken))
	return out, err
}

// Open opens a tenant's row.
func (b *Box) Open(ctx context.Context, id string, row Sealed) (Secrets, error) {
	database, err := b.database.Open(ctx, "", id, row.DatabaseURL)
	if err != nil {
		return Secrets{}, err
	}
	redis, err := b.redis.Open(ctx, "", id, row.RedisURL)
	if err != nil {
		return Secrets{}, err
	}
	admin, err := b.admin.Open(ctx, "", id, row.AdminToken)
	return Secrets{string(database), string(redis), string(admin)}, err
}
