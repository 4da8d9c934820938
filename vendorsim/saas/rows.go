package saas

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// orgs are the rows. That they cannot be read says nothing of the system, and
// ends the test of it.
func (s *SaaS) orgs() []controlplane.Org {
	all, err := s.rows.List(context.Background())
	if err != nil {
		panic("saas: " + err.Error())
	}
	return all
}

// Tenants lists the slugs of the tenants that have an app.
func (s *SaaS) Tenants() []string {
	var list []string
	for _, o := range s.orgs() {
		if o.App != "" {
			list = append(list, o.Slug)
		}
	}
	return list
}

// trial is whether some keys open a row, which never changes: what was tried is
// not tried again.
type trial struct{ keys, id, database, redis, admin string }

// opens reports whether keys open a tenant's row.
func (s *SaaS) opens(o controlplane.Org, keys ...string) bool {
	t := trial{strings.Join(keys, ","), o.ID, string(o.DatabaseURL), string(o.RedisURL), string(o.AdminToken)}
	s.mu.Lock()
	defer s.mu.Unlock()
	opens, known := s.tried[t]
	if !known {
		if box, err := tenant.NewBox(keys...); err == nil {
			_, err = box.Open(context.Background(), o.ID, o.Sealed)
			opens = err == nil
		}
		s.tried[t] = opens
	}
	return opens
}

// Unreadable counts the rows that a machine of the control plane, or of the
// tenant's own app, cannot decrypt with the keys that it runs with.
func (s *SaaS) Unreadable() int {
	n := 0
	for _, o := range s.orgs() {
		for _, app := range []string{App, o.App} {
			readable := app == "" || s.everywhere(app, func(env func(string) string) bool {
				return s.opens(o, append([]string{env(EncryptionKey)}, strings.Split(env(DecryptKeys), ",")...)...)
			})
			if !readable {
				n++
			}
		}
	}
	return n
}

// OldRows counts the rows that a key opens.
func (s *SaaS) OldRows(key string) int {
	return len(slices.DeleteFunc(s.orgs(), func(o controlplane.Org) bool { return !s.opens(o, key) }))
}

// Rewrite writes every row anew under a key, as somebody who works on the table
// does, and tells how many are left that are not under it. old are the keys that
// rows may be under.
func (s *SaaS) Rewrite(key string, old ...string) (left int, err error) {
	ctx := context.Background()
	box, err := tenant.NewBox(append([]string{key}, old...)...)
	if err != nil {
		return 0, err
	}
	for _, o := range s.orgs() {
		secrets, err := box.Open(ctx, o.ID, o.Sealed)
		if err != nil {
			left++
			continue
		}
		sealed, err := box.Seal(ctx, o.ID, secrets)
		if err == nil {
			err = s.rows.Change(ctx, o.ID, controlplane.Change{Sealed: sealed})
		}
		if err != nil {
			return 0, err
		}
	}
	return left, nil
}

// age writes the rows as an older release did.
func (s *SaaS) age() error {
	ctx := context.Background()
	box, err := tenant.NewBox(s.First[EncryptionKey])
	if err != nil {
		return err
	}
	for _, o := range s.orgs() {
		p, err := box.Open(ctx, o.ID, o.Sealed)
		if err != nil {
			return err
		}
		old, err := s.legacy(p)
		if err == nil {
			err = s.rows.Change(ctx, o.ID, controlplane.Change{Sealed: old})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// legacy seals under the first key as an older release did: AES-256-GCM, the
// nonce in front.
func (s *SaaS) legacy(p tenant.Secrets) (out tenant.Sealed, err error) {
	key, err := hex.DecodeString(s.First[EncryptionKey])
	if err != nil {
		return out, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return out, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return out, err
	}
	seal := func(text string) []byte {
		nonce := random(s.cfg.Rand, gcm.NonceSize())
		return gcm.Seal(nonce, nonce, []byte(text), nil)
	}
	return tenant.Sealed{DatabaseURL: seal(p.DatabaseURL), RedisURL: seal(p.RedisURL), AdminToken: seal(p.AdminToken)}, nil
}

// filled is how the slugs of rows begin that Fill has made.
const filled = "filled-"

// Fill adds rows of tenants that have no app, as an older release wrote them:
// nobody uses them but who reads or rewrites the table.
func (s *SaaS) Fill(n int) error {
	for i := range n {
		id := uuid(s.cfg.Rand)
		sealed, err := s.legacy(tenant.Secrets{DatabaseURL: "postgresql://app@db.example/" + id, RedisURL: "rediss://cache.example/" + id, AdminToken: "of " + id})
		if err != nil {
			return err
		}
		o := controlplane.Org{ID: id, Slug: fmt.Sprintf("%s%d", filled, i), Name: "Filled", Plan: "free", Status: "ready", CreatedAt: s.cfg.Now().UTC(), Sealed: sealed}
		if err := s.rows.Insert(context.Background(), o); err != nil {
			return err
		}
	}
	return nil
}

// Empty takes away the rows that Fill has added.
func (s *SaaS) Empty() error {
	for _, o := range s.orgs() {
		if !strings.HasPrefix(o.Slug, filled) {
			continue
		}
		if _, err := s.rows.Remove(context.Background(), o.ID); err != nil {
			return err
		}
	}
	return nil
}

// hexKey makes an encryption key.
func hexKey(r io.Reader) string { return hex.EncodeToString(random(r, 32)) }

// uuid makes a tenant's id.
func uuid(r io.Reader) string {
	raw := random(r, 16)
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80 // version 4 (RFC 9562)
	return fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
}

func random(r io.Reader, n int) []byte {
	raw := make([]byte, n)
	if _, err := io.ReadFull(r, raw); err != nil {
		panic("saas: the source of randomness failed: " + err.Error())
	}
	return raw
}
