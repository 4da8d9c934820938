package saas

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/envelope"
)

// vault seals and opens the columns of org_instances with the keys that a
// machine has. It reads what older releases wrote too: AES-256-GCM with the
// nonce in front.
type vault struct{ database, redis envelope.Column }

// vaultOf makes the vault of keys in hexadecimal, the first of which seals.
// What is no key counts for nothing.
func vaultOf(keys []string) (*vault, error) {
	var raw [][]byte
	for _, key := range keys {
		k, err := hex.DecodeString(key)
		if err == nil && len(k) == 32 && !slices.ContainsFunc(raw, func(have []byte) bool { return string(have) == string(k) }) {
			raw = append(raw, k)
		}
	}
	if len(raw) == 0 {
		return nil, errors.New("the encryption key is not 64 hex digits")
	}
	ring, err := envelope.DirectRing(raw[0], raw[1:]...)
	if err != nil {
		return nil, err
	}
	legacy, err := envelope.NewLegacy(raw, nil)
	if err != nil {
		return nil, err
	}
	c := envelope.Column{Rings: ring, Table: Table, Legacy: legacy}
	v := &vault{database: c, redis: c}
	v.database.Name, v.redis.Name = ColumnDatabase, ColumnRedis
	return v, nil
}

// seal seals a tenant's URLs.
func (v *vault) seal(id, databaseURL, redisURL string) (Row, error) {
	ctx := context.Background() // the keys are at hand
	d, err := v.database.Seal(ctx, "", id, []byte(databaseURL))
	if err != nil {
		return Row{}, err
	}
	r, err := v.redis.Seal(ctx, "", id, []byte(redisURL))
	return Row{d, r}, err
}

// open opens a tenant's URLs, and counts those that no key opens.
func (v *vault) open(id string, r Row) (databaseURL, redisURL string, unreadable int) {
	ctx := context.Background()
	d, err := v.database.Open(ctx, "", id, r.DatabaseURL)
	if err != nil {
		unreadable++
	}
	u, err := v.redis.Open(ctx, "", id, r.RedisURL)
	if err != nil {
		unreadable++
	}
	return string(d), string(u), unreadable
}

// columns is how many columns of a row are encrypted.
const columns = 2

// unreadable counts the columns of a tenant's row that no key of some opens.
func (s *SaaS) unreadable(o *org, keys []string) int {
	row, err := s.cfg.Rows.Get(o.id)
	if err != nil {
		return columns
	}
	v, err := vaultOf(keys)
	if err != nil {
		return columns
	}
	_, _, n := v.open(o.id, row)
	return n
}

// keys are those that the machine opens rows with, the writing one first.
func (p *process) keys() []string {
	return append([]string{p.env(EncryptionKey)}, strings.Split(p.env(DecryptKeys), ",")...)
}

// write writes a tenant's row, under the machine's EncryptionKey.
func (p *process) write(o *org, databaseURL, redisURL string) error {
	v, err := vaultOf([]string{p.env(EncryptionKey)})
	if err != nil {
		return err
	}
	row, err := v.seal(o.id, databaseURL, redisURL)
	if err != nil {
		return err
	}
	return p.cfg.Rows.Put(o.id, o.name, row)
}

// age writes the rows that are there at first as an older release did.
func (s *SaaS) age() error {
	key, err := hex.DecodeString(s.First[EncryptionKey])
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	box, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	seal := func(text string) []byte {
		nonce := make([]byte, box.NonceSize())
		_, err = io.ReadFull(s.cfg.Rand, nonce)
		return box.Seal(nonce, nonce, []byte(text), nil)
	}
	for _, o := range s.orgs {
		d, r, err := s.read(o, []string{s.First[EncryptionKey]})
		if err == nil {
			err = s.cfg.Rows.Put(o.id, o.name, Row{seal(d), seal(r)})
		}
		if err != nil {
			return err
		}
	}
	return err
}

func (s *SaaS) read(o *org, keys []string) (databaseURL, redisURL string, err error) {
	row, err := s.cfg.Rows.Get(o.id)
	if err != nil {
		return "", "", err
	}
	v, err := vaultOf(keys)
	if err != nil {
		return "", "", err
	}
	databaseURL, redisURL, n := v.open(o.id, row)
	if n > 0 {
		return "", "", fmt.Errorf("saas: %d columns of %s open with no key", n, o.id)
	}
	return databaseURL, redisURL, nil
}

// Rewrite writes every row anew under a key, as somebody who works on the table
// does, and tells how many are left that are not under it. old are the keys that
// rows may be under.
func (s *SaaS) Rewrite(key string, old ...string) (left int, err error) {
	v, err := vaultOf(append([]string{key}, old...))
	if err != nil {
		return 0, err
	}
	for _, o := range s.all() {
		d, r, err := s.read(o, append([]string{key}, old...))
		if err != nil {
			left++
			continue
		}
		row, err := v.seal(o.id, d, r)
		if err == nil {
			err = s.cfg.Rows.Put(o.id, o.name, row)
		}
		if err != nil {
			return 0, err
		}
	}
	return left, nil
}

// hexKey makes an encryption key.
func hexKey(r io.Reader) string {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(r, raw); err != nil {
		panic("saas: the source of randomness failed: " + err.Error())
	}
	return hex.EncodeToString(raw)
}

// uuid makes a tenant's id.
func uuid(r io.Reader) string {
	raw := make([]byte, 16)
	if _, err := io.ReadFull(r, raw); err != nil {
		panic("saas: the source of randomness failed: " + err.Error())
	}
	raw[6], raw[8] = raw[6]&0x0f|0x40, raw[8]&0x3f|0x80 // version 4 (RFC 9562)
	return fmt.Sprintf("%x-%x-%x-%x-%x", raw[:4], raw[4:6], raw[6:8], raw[8:10], raw[10:])
}
