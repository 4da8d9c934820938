package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pawlhq/pawl/vendorsim/postgres"
)

// The keys, as an environment has them.
const (
	oldKey = "1111111111111111111111111111111111111111111111111111111111111111"
	newKey = "2222222222222222222222222222222222222222222222222222222222222222"
)

// plainSize is the size of each value in the clear: a database's URL.
const plainSize = 92

// site is a server with the rows that each arm starts from.
type site struct {
	server *postgres.Server
	conn   *pgx.Conn
	binary string
	rows   int
	legacy cipher.AEAD
}

func newSite(ctx context.Context, server *postgres.Server, binary string, rows int) (*site, error) {
	key, err := hex.DecodeString(oldKey)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	s := &site{server: server, binary: binary, rows: rows}
	if s.legacy, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	if s.conn, err = pgx.Connect(ctx, server.DSN("postgres")); err != nil {
		return nil, err
	}
	return s, s.source(ctx)
}

func (s *site) close(ctx context.Context) { _ = s.conn.Close(ctx) }

func (s *site) seal(plain []byte) ([]byte, error) {
	nonce := make([]byte, s.legacy.NonceSize(), s.legacy.NonceSize()+len(plain)+s.legacy.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return s.legacy.Seal(nonce, nonce, plain, nil), nil
}

// source makes the rows, once.
func (s *site) source(ctx context.Context) error {
	if _, err := s.conn.Exec(ctx, "CREATE EXTENSION pgcrypto; CREATE TABLE source (id bigint, tenant int, kind int, note text, made timestamptz, a bytea, b bytea)"); err != nil {
		return err
	}
	plain, i, start := make([]byte, plainSize), 0, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := s.conn.CopyFrom(ctx, pgx.Identifier{"source"}, []string{"id", "tenant", "kind", "note", "made", "a", "b"}, pgx.CopyFromFunc(func() ([]any, error) {
		if i++; i > s.rows {
			return nil, nil
		}
		a, err := s.seal(plain)
		if err != nil {
			return nil, err
		}
		b, err := s.seal(plain)
		// The indexed columns are spread, as real ones are.
		return []any{int64(i), int32(i % 5000), int32(i * 7919 % 1000), "row " + strconv.Itoa(i*104729%1000003), start.Add(time.Duration(i) * time.Second), a, b}, err
	}))
	return err
}

// fresh makes the table as it is before any rewriting, with nothing left to do
// for the server.
func (s *site) fresh(ctx context.Context, indexes int) error {
	statements := []string{"DROP TABLE IF EXISTS t", "CREATE TABLE t AS SELECT * FROM source ORDER BY id", "ALTER TABLE t ADD PRIMARY KEY (id)"}
	for _, c := range []string{"tenant", "kind", "note", "made"}[:indexes] {
		statements = append(statements, "CREATE INDEX ON t ("+c+")")
	}
	for _, sql := range append(statements, "VACUUM (FREEZE, ANALYZE) t", "CHECKPOINT") {
		if _, err := s.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (s *site) size(ctx context.Context) (n int64, err error) {
	err = s.conn.QueryRow(ctx, "SELECT pg_relation_size('t')").Scan(&n)
	return n, err
}

// clockTick is the unit of times in /proc/PID/stat: sysconf(_SC_CLK_TCK) is 100
// on every Linux.
const clockTick = time.Second / 100

// serverTime is the processor time that the server's processes have had,
// those that ended among them.
func (s *site) serverTime() time.Duration {
	total := 0
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, name := range stats {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // it has ended
		}
		// Behind the program's name, which may hold anything: state, parent, …,
		// at 11 its times in user and system mode, at 13 those of its children.
		_, rest, ok := strings.Cut(string(b), ") ")
		f := strings.Fields(rest)
		if !ok || len(f) < 15 {
			continue
		}
		own := filepath.Base(filepath.Dir(name)) == strconv.Itoa(s.server.PID())
		if !own && f[1] != strconv.Itoa(s.server.PID()) {
			continue
		}
		last := 12
		if own {
			last = 14
		}
		for _, text := range f[11 : last+1] {
			n, _ := strconv.Atoi(text) // the kernel writes numbers there
			total += n
		}
	}
	return time.Duration(total) * clockTick
}

// residentPeak is the most memory that a process has had resident. It is read
// while the process runs: what the kernel tells afterwards begins with its
// parent's.
func residentPeak(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(number, 10, 64)
	return n << 10, err
}
