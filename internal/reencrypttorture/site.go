package main

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/vendorsim/postgres"
)

const table = "orgs"

func oldKey() []byte { return bytes.Repeat([]byte{1}, 32) }
func newKey() []byte { return bytes.Repeat([]byte{2}, 32) }

// site is the application's database, and how the application seals.
type site struct {
	server *postgres.Server
	rows   int
	static cipher.AEAD         // of the old instances
	now    [3]*envelope.Column // reads all formats, writes the new one
	after  [3]*envelope.Column // has the new key alone
	header []byte              // of values under the new key
}

func newSite(server *postgres.Server, rows int) (*site, error) {
	s := &site{server: server, rows: rows, header: envelope.Header(envelope.KeyIDOf(newKey()))}
	block, err := aes.NewCipher(oldKey())
	if err != nil {
		return nil, err
	}
	if s.static, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	both, err := envelope.DirectRing(newKey(), oldKey())
	if err != nil {
		return nil, err
	}
	alone, err := envelope.DirectRing(newKey())
	if err != nil {
		return nil, err
	}
	legacy, err := envelope.NewLegacy([][]byte{oldKey()}, nil)
	if err != nil {
		return nil, err
	}
	for i, name := range []string{"a", "b", "c"} {
		text := name == "c"
		s.now[i] = &envelope.Column{Rings: both, Table: table, Name: name, Text: text, Legacy: legacy}
		s.after[i] = &envelope.Column{Rings: alone, Table: table, Name: name, Text: text, MinFormat: envelope.Format}
	}
	return s, nil
}

// plain is what a column of a row has in a version.
func plain(column int, id int64, version int) []byte {
	return fmt.Appendf(nil, "postgres://org%d:secret-%d@db-%c.internal:5432/org%d?version=%d&application_name=orgs-api", id, id*7919, 'a'+column, id, version)
}

// seal seals a version of a row, as an old instance of the application does or
// as a new one.
func (s *site) seal(ctx context.Context, id int64, version int, old bool) (out [3][]byte, err error) {
	for i := range out {
		if !old {
			if out[i], err = s.now[i].Seal(ctx, "", strconv.FormatInt(id, 10), plain(i, id, version)); err != nil {
				return out, err
			}
			continue
		}
		nonce := make([]byte, s.static.NonceSize())
		if _, err := rand.Read(nonce); err != nil {
			return out, err
		}
		out[i] = s.static.Seal(nonce, nonce, plain(i, id, version), nil)
		if s.now[i].Text {
			out[i] = base64.StdEncoding.AppendEncode(nil, out[i])
		}
	}
	return out, nil
}

// fresh makes the table, all of it in the legacy format.
func (s *site) fresh(ctx context.Context) error {
	pg, err := pgx.Connect(ctx, s.server.DSN("postgres"))
	if err != nil {
		return err
	}
	defer pg.Close(ctx)
	if _, err := pg.Exec(ctx, `DROP TABLE IF EXISTS orgs;
CREATE TABLE orgs (id bigint, tenant int, kind int, note text, created timestamptz, seen int, a bytea, b bytea, c text)`); err != nil {
		return err
	}
	next := 0
	_, err = pg.CopyFrom(ctx, pgx.Identifier{table}, []string{"id", "tenant", "kind", "note", "seen", "a", "b", "c"}, pgx.CopyFromFunc(func() ([]any, error) {
		if next == s.rows {
			return nil, nil
		}
		next++
		v, err := s.seal(ctx, int64(next), 0, true)
		return []any{int64(next), next % 5000, next * 7919 % 1000, "row " + strconv.Itoa(next*104729%1000003), 0, v[0], v[1], string(v[2])}, err
	}))
	if err != nil {
		return fmt.Errorf("fill the table: %w", err)
	}
	for _, sql := range []string{
		"ALTER TABLE orgs ADD PRIMARY KEY (id); CREATE INDEX ON orgs (tenant); CREATE INDEX ON orgs (kind); CREATE INDEX ON orgs (note); CREATE INDEX ON orgs (created)",
		"VACUUM (FREEZE, ANALYZE) orgs", "CHECKPOINT"} {
		if _, err := pg.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}
