package reencrypt_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/reencrypt"
)

// ticking is a clock that each look at it moves on, so that progress is told
// each time that there is some.
func ticking() func() time.Time {
	var n time.Duration
	return func() time.Time { n += time.Second; return time.Unix(0, 0).Add(n) }
}

// spread is a simple table with one row a block, so that a part of a sweep has
// 1024.
func spread(t *testing.T, rows int) *scene {
	t.Helper()
	s := simple(t, 0)
	s.exec("ALTER TABLE orgs SET (fillfactor = 10), ALTER note SET DEFAULT repeat('x', 700)")
	s.fill(rows)
	return s
}

// look runs a job that stops as soon as a part of the table is through.
func (s *scene) look(j *reencrypt.Job) (reencrypt.Result, error) {
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	began := -1.0
	j.Now, j.Options.Workers = ticking(), 1
	j.Progress = func(p reencrypt.Progress) {
		if began < 0 {
			began = p.Part
		}
		if p.Part > began {
			cancel()
		}
	}
	res, err := j.Run(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		s.t.Fatal(err)
	}
	return res, err
}

// TestLooksThatAreShorterThanAScan go on from each other's positions, each as a
// job of its own.
func TestLooksThatAreShorterThanAScan(t *testing.T) {
	const rows = 6000
	s := spread(t, rows)
	s.exec("UPDATE orgs SET v = '\\x00' WHERE id IN (10, $1)", rows-10)
	kept, looks := "", 0
	var last reencrypt.Position
	for ; looks < 30; looks++ {
		j := s.job(orgs)
		if kept != "" {
			if err := json.Unmarshal([]byte(kept), &j.From); err != nil {
				t.Fatal(err)
			}
		}
		res, err := s.look(j)
		if err == nil {
			if res.At.Rows != rows-2 || res.Unreadable != 2 || res.Left != 2 || res.Sweeps != 1 {
				t.Errorf("in the end it came to %+v", res)
			}
			break
		}
		if !res.At.Zero && looks > 0 && res.At.Block < last.Block {
			t.Fatalf("look %d ended at %+v, the one before at %+v", looks, res.At, last)
		}
		last = res.At
		b, err := json.Marshal(res.At)
		if err != nil {
			t.Fatal(err)
		}
		kept = string(b)
	}
	if looks < 4 || looks == 30 {
		t.Errorf("there were %d looks", looks)
	}
	if got := s.text("SELECT (" + fresh + ")::text"); got != fmt.Sprint(rows-2) {
		t.Errorf("%s rows are under the new key", got)
	}
}

// TestAPositionSparesWhatIsThrough has an old row come back behind it: the
// sweep does not see it, the count does.
func TestAPositionSparesWhatIsThrough(t *testing.T) {
	s := spread(t, 3000)
	res, err := s.look(s.job(orgs))
	if err == nil || res.At.Block == 0 || res.At.Sweep != 1 {
		t.Fatalf("the first look came to %+v, %v", res, err)
	}
	s.exec("UPDATE orgs SET v = $1 WHERE ctid = (SELECT min(ctid) FROM orgs)", legacy(t, oldKey, first(1)))
	j := s.job(orgs)
	j.From = res.At
	if res := s.run(j); res.Sweeps != 2 || res.Left != 0 || res.At.Rows != 3001 {
		t.Errorf("it went on to %+v", res)
	}
	s.whole(3000, first)
}

// TestZeroIsCountedByKey has rows that a sweep has not seen, as those that move
// behind it: of every kind of key, on both sides of the ranges, in a partition.
func TestZeroIsCountedByKey(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ columns, key, id string }{
		"integer":    {"id int, b text NOT NULL DEFAULT ''", "id", "n"},
		"text":       {"id text, b text NOT NULL DEFAULT ''", "id", "'é ' || n"},
		"uuid":       {"id uuid, b text NOT NULL DEFAULT ''", "id", "md5(n::text)::uuid"},
		"two":        {"b text NOT NULL DEFAULT 'x', id bigint", "b, id", "n"},
		"partitions": {"id int, b text NOT NULL DEFAULT ''", "id", "n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			by := ""
			if name == "partitions" {
				by = " PARTITION BY RANGE (id)"
			}
			s := newScene(t, "CREATE TABLE orgs ("+c.columns+", v bytea, PRIMARY KEY ("+c.key+"))"+by)
			if by != "" {
				s.exec("CREATE TABLE orgs_a PARTITION OF orgs FOR VALUES FROM (0) TO (30000); CREATE TABLE orgs_b PARTITION OF orgs FOR VALUES FROM (30000) TO (100000)")
			}
			s.exec("INSERT INTO orgs (id, v) SELECT " + c.id + ", '' FROM generate_series(1, 45000) n; ANALYZE orgs")
			table := reencrypt.Table{Name: "orgs", Columns: orgs.Columns, Unbound: true, Key: keyOf(name)}
			for _, target := range []string{"envelope", "static"} {
				s.exec("UPDATE orgs SET v = $1 WHERE id IN (SELECT "+c.id+" FROM unnest('{1, 1999, 2000, 2001, 20000, 20001, 45000}'::int[]) n)", legacy(t, oldKey, "old"))
				j := s.job(table)
				if target == "static" {
					j.Target = toStatic(t)
				}
				j.From = reencrypt.Position{Sweep: 1, Zero: true, Tries: 2}
				if res := s.run(j); res.Rows != 7 || res.Left != 0 || res.Sweeps != 2 {
					t.Errorf("%s: it came to %+v", target, res)
				}
				j.From.After = []string{"more", "columns", "than the key has"}
				if res := s.run(j); res.Rows != 0 || res.Left != 0 || res.Sweeps != 1 {
					t.Errorf("%s, once more: it came to %+v", target, res)
				}
			}
		})
	}
}

func keyOf(name string) []string {
	if name == "two" {
		return []string{"id", "b"} // not in the index's order
	}
	return nil
}

// TestACountThatIsStopped is tried once more in one piece, and then by key.
func TestACountThatIsStopped(t *testing.T) {
	s := simple(t, 500)
	j := s.job(orgs)
	for tries := 1; tries <= 3; tries++ {
		ctx, cancel := context.WithCancel(t.Context())
		j.Now = ticking()
		j.Progress = func(p reencrypt.Progress) {
			if p.Counting {
				cancel()
			}
		}
		res, err := j.Run(ctx)
		if cancel(); !errors.Is(err, context.Canceled) || !res.At.Zero || res.At.Tries != min(tries, 2) || res.At.Rows != 500 {
			t.Fatalf("stopped for the time %d it is at %+v, %v", tries, res.At, err)
		}
		j.From = res.At
	}
	j.Progress = nil
	if res := s.run(j); res.Rows != 0 || res.Left != 0 || len(res.At.After) != 0 || res.At.Rows != 500 {
		t.Errorf("in the end it came to %+v", res)
	}
	s.whole(500, first)
}

// TestRowsThatMoveBehindTheSweep are found where only keys can tell: the
// application updates rows of blocks that are to come, and they are given the
// space of rows that were written anew.
func TestRowsThatMoveBehindTheSweep(t *testing.T) {
	const rows = 3000
	s := simple(t, 0)
	s.exec("ALTER TABLE orgs ALTER note SET DEFAULT repeat('x', 700)")
	s.fill(rows)
	j := s.job(orgs)
	j.Target, j.Options.Workers, j.Options.Batch, j.Now = toStatic(t), 1, 100, ticking()
	moved, behind := 0, 0
	j.Progress = func(p reencrypt.Progress) {
		if p.Sweep == 1 && p.Done > 500 && p.Done < 2000 {
			moved++
			s.exec("VACUUM orgs")
			if s.text("WITH new AS (UPDATE orgs SET note = note || 'x' WHERE id = $1 RETURNING ctid) SELECT (ctid < '(50,0)')::text FROM new", rows-moved) == "true" {
				behind++
			}
		}
	}
	if res := s.run(j); res.Left != 0 || behind == 0 {
		t.Errorf("it came to %+v, and %d of %d rows moved behind it", res, behind, moved)
	}
	alone, err := envelope.NewLegacy([][]byte{newKey}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.pg.Query(t.Context(), "SELECT id, v FROM orgs")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for ; got.Next(); n++ {
		var id int
		var v []byte
		if err := got.Scan(&id, &v); err != nil {
			t.Fatal(err)
		}
		if plain, err := alone.Open(t.Context(), nil, v); err != nil || string(plain) != first(id) {
			t.Fatalf("row %d has %q, %v", id, plain, err)
		}
	}
	if got.Err() != nil || n != rows {
		t.Fatalf("%d rows, %v", n, got.Err())
	}
}

func TestAColumnThatTakesTooLongToMeasure(t *testing.T) {
	s := newScene(t, "CREATE TABLE orgs (id int PRIMARY KEY, v varchar(200)); INSERT INTO orgs SELECT n, repeat('x', 100) FROM generate_series(1, 200000) n")
	j := s.job(orgs)
	j.Options.Measure = time.Millisecond
	if _, err := j.Run(t.Context()); pawl.CodeOf(err) != pawl.CodeUnsupported {
		t.Errorf("got %v", err)
	}
	if v, err := j.Survey(t.Context()); err != nil || len(v.Refusals) != 1 {
		t.Errorf("the survey gives %+v, %v", v, err)
	}
}

// toStatic is the legacy format 1 under the new key.
func toStatic(t *testing.T) reencrypt.Target {
	t.Helper()
	target, err := reencrypt.ToStatic(newKey, old(t), reencrypt.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return target
}
