package orgs

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"golang.org/x/time/rate"
)

// callWithin bounds one read or write.
const callWithin = 10 * time.Second

// Traffic is what a program does to a store again and again. It is for one
// goroutine.
type Traffic struct {
	Store  *Store
	Rate   float64       // calls a second, at most; no limit when 0
	Every  time.Duration // between two lines of counts, at least
	Out    io.Writer     // lines of counts
	Errors io.Writer     // a line for each call that failed

	limit        *rate.Limiter
	name, noun   string
	told         time.Time
	done, failed int
}

// ErrFailed means that calls have failed; each had its line.
var ErrFailed = errors.New("calls have failed")

// Write gives an organisation at random new URLs, again and again until ctx is
// over. It fails with ErrFailed when a write has failed.
func (t *Traffic) Write(ctx context.Context) error {
	t.start("writer", "writes")
	ids, err := t.Store.IDs(ctx)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return errors.New("there are no organisations: make some with -fill")
	}
	for t.limit.Wait(ctx) == nil {
		t.call(ctx, func(ctx context.Context) error { return t.Store.Put(ctx, Random(ids[mathrand.IntN(len(ids))])) })
	}
	return t.end()
}

// Read opens every organisation and checks what it finds, again and again until
// ctx is over. It fails with ErrFailed when a read has failed.
func (t *Traffic) Read(ctx context.Context) error {
	t.start("reader", "reads")
	for ctx.Err() == nil {
		ids, err := t.Store.IDs(context.WithoutCancel(ctx))
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return errors.New("there are no organisations: make some with the writer's -fill")
		}
		for _, id := range ids {
			if t.limit.Wait(ctx) != nil {
				break
			}
			t.call(ctx, func(ctx context.Context) error {
				o, err := t.Store.Get(ctx, id)
				switch {
				case errors.Is(err, sql.ErrNoRows): // it was deleted since the list was made
					return nil
				case err != nil:
					return err
				}
				return o.Check()
			})
		}
	}
	return t.end()
}

func (t *Traffic) start(name, noun string) {
	t.name, t.noun, t.told = name, noun, time.Now()
	t.limit = rate.NewLimiter(rate.Inf, 1)
	if t.Rate > 0 {
		t.limit.SetLimit(rate.Limit(t.Rate))
	}
}

// call does one read or write. One that has begun ends even when ctx is over:
// a program that is told to stop has not failed.
func (t *Traffic) call(ctx context.Context, do func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callWithin)
	defer cancel()
	t.done++
	if err := do(ctx); err != nil {
		t.failed++
		fmt.Fprintf(t.Errors, "%s: %v\n", t.name, err)
	}
	if now := time.Now(); now.Sub(t.told) >= t.Every {
		t.told = now
		t.tell()
	}
}

func (t *Traffic) end() error {
	t.tell()
	if t.failed > 0 {
		return ErrFailed
	}
	return nil
}

func (t *Traffic) tell() {
	fmt.Fprintf(t.Out, "%s: %s=%d failed=%d\n", t.name, t.noun, t.done, t.failed)
}

// Random makes new URLs for an organisation. They have its id in them, so that
// Check can tell them from another's.
func Random(id string) Org {
	return Org{
		ID:          id,
		Name:        "Organisation " + id[:8],
		DatabaseURL: "postgres://app:" + rand.Text() + "@db.example:5432/" + id,
		RedisURL:    "rediss://default:" + rand.Text() + "@cache.example:6379?client_name=" + id,
	}
}

// Check reports whether the URLs are this organisation's: its id is in each.
func (o Org) Check() error {
	for column, url := range map[string]string{"database_url": o.DatabaseURL, "redis_url": o.RedisURL} {
		if !strings.Contains(url, o.ID) {
			return fmt.Errorf("read org_instances %s: %s: it opened and is not this organisation's URL", o.ID, column)
		}
	}
	return nil
}

// Fill makes the table, where it is missing, and n organisations.
func (s *Store) Fill(ctx context.Context, n int) error {
	if _, err := s.db.ExecContext(ctx, Schema); err != nil {
		return fmt.Errorf("make org_instances: %w", err)
	}
	var id pgtype.UUID
	id.Valid = true
	for range n {
		if _, err := rand.Read(id.Bytes[:]); err != nil {
			return err
		}
		id.Bytes[6] = id.Bytes[6]&0x0f | 0x40 // version 4: random (RFC 9562, 5.4)
		id.Bytes[8] = id.Bytes[8]&0x3f | 0x80
		if err := s.Put(ctx, Random(id.String())); err != nil {
			return err
		}
	}
	return nil
}
