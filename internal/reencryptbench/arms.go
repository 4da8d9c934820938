package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/pawlhq/pawl/envelope"
)

// one rewrites the same bytes in one statement.
func (s *site) one(ctx context.Context) (int, sample, error) {
	_, err := s.conn.Exec(ctx, "UPDATE t SET a = a, b = b")
	return s.rows, sample{}, err
}

// two does so in two sessions, half of the table each.
func (s *site) two(ctx context.Context) (int, sample, error) {
	group, ctx := errgroup.WithContext(ctx)
	for i := range 2 {
		group.Go(func() error {
			c, err := pgx.Connect(ctx, s.server.DSN("postgres"))
			if err != nil {
				return err
			}
			defer func() { _ = c.Close(ctx) }()
			_, err = c.Exec(ctx, "UPDATE t SET a = a, b = b WHERE id > $1 AND id <= $2", s.rows/2*i, s.rows*(i+1)/2)
			return err
		})
	}
	return s.rows, sample{}, group.Wait()
}

// lookEach is how often the job's memory is looked at.
const lookEach = 20 * time.Millisecond

// pawl runs the whole command.
func (s *site) pawl(ctx context.Context) (int, sample, error) {
	cmd := exec.CommandContext(ctx, s.binary, "reencrypt", "--table", "t", "--column", "a", "--column", "b", "--new-key", "env:NEW_KEY", "--old-key", "env:OLD_KEY", "--json")
	cmd.Env = append(os.Environ(), "DATABASE_URL="+s.server.DSN("postgres"), "NEW_KEY="+newKey, "OLD_KEY="+oldKey)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		return 0, sample{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var got sample
	tick := time.NewTicker(lookEach)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				return 0, got, fmt.Errorf("%w: %s", err, out.Bytes())
			}
			used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			got.client = used.Seconds() / float64(s.rows) * 1e6
			return s.rows, got, nil
		case <-tick.C:
			if n, err := residentPeak(cmd.Process.Pid); err == nil { // otherwise it has just ended
				got.memory = max(got.memory, n)
			}
		}
	}
}

// naiveFor is how long the naive way is watched: all rows would take minutes.
const naiveFor = 500 * time.Millisecond

// naive reads a row, and updates its columns one after the other, each
// committed.
func (s *site) naive(ctx context.Context) (int, sample, error) {
	fresh, err := s.fresher()
	if err != nil {
		return 0, sample{}, err
	}
	began, id := time.Now(), 0
	for id < s.rows && time.Since(began) < naiveFor {
		id++
		for _, column := range []string{"a", "b"} {
			var stored []byte
			if err := s.conn.QueryRow(ctx, "SELECT "+column+" FROM t WHERE id = $1", id).Scan(&stored); err != nil {
				return id, sample{}, err
			}
			plain, err := s.legacy.Open(nil, stored[:12], stored[12:], nil)
			if err != nil {
				return id, sample{}, err
			}
			sealed, err := fresh.SealBytes(plain, envelope.Binding{Table: "t", Column: column, Row: fmt.Sprint(id)})
			if err != nil {
				return id, sample{}, err
			}
			if _, err := s.conn.Exec(ctx, "UPDATE t SET "+column+" = $2 WHERE id = $1", id, []byte(sealed)); err != nil {
				return id, sample{}, err
			}
		}
	}
	return id, sample{}, nil
}

func (s *site) fresher() (*envelope.Ring, error) {
	return envelope.DirectRing(bytes.Repeat([]byte{2}, 32))
}

// pgcryptoShare is the share of the table that the server's own encryption is
// measured on: the last rows.
const pgcryptoShare = 8

// pgcryptoKeys are in the statement's text, as there is no other way.
const (
	pgcryptoOld = "'\\x" + oldKey + "'::bytea, 'aes'"
	pgcryptoNew = "'\\x" + newKey + "'::bytea, 'aes'"
)

// encrypted has the last rows as pgcrypto would have written them.
func (s *site) encrypted(ctx context.Context) error {
	_, err := s.conn.Exec(ctx, "UPDATE t SET a = encrypt(a, "+pgcryptoOld+"), b = encrypt(b, "+pgcryptoOld+") WHERE id > $1", s.rows-s.rows/pgcryptoShare)
	return err
}

// pgcrypto decrypts and encrypts in the server.
func (s *site) pgcrypto(ctx context.Context) (int, sample, error) {
	tag, err := s.conn.Exec(ctx, "UPDATE t SET a = encrypt(decrypt(a, "+pgcryptoOld+"), "+pgcryptoNew+"), b = encrypt(decrypt(b, "+pgcryptoOld+"), "+pgcryptoNew+") WHERE id > $1", s.rows-s.rows/pgcryptoShare)
	return int(tag.RowsAffected()), sample{}, err
}
