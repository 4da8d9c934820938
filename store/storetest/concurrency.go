package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
	"github.com/pawlhq/pawl/rotation"
)

var concurrencyChecks = []check{
	{"ManyRotationsWriteAtOnce", manyWriters},
	{"ARefusalSpoilsNobodyElse", refusalIsolated},
	{"OneOfManyGetsTheLease", oneGetsLease},
	{"OneOfManyOpensTheSecret", oneOpens},
	{"ReadersSeeWholeCommits", readersSeeWhole},
}

const (
	writers = 32
	rounds  = 8
)

// each runs f for 0 to n-1 at once and waits.
func each(n int, f func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

func numbered(kind string, i int) pawl.RotationID {
	return pawl.RotationID(fmt.Sprintf("%s%03d", kind, i))
}

// write opens a rotation of its own and appends to it, round by round.
func (s suite) write(i int) {
	id := numbered("r", i)
	l, err := s.Create(s.Context(), opening(id, pawl.SecretName(id)))
	if err != nil {
		s.Errorf("create %s: %v", id, err)
		return
	}
	for n := range rounds {
		if err := s.Append(s.Context(), l, intent(fmt.Sprint(n))); err != nil {
			s.Errorf("append %d to %s: %v", n, id, err)
		}
	}
}

// written checks that write stored all it said, and that the chain is right.
func (s suite) written(ids ...int) {
	s.Helper()
	var want []string
	for n := range rounds {
		want = append(want, fmt.Sprint(n))
	}
	for _, i := range ids {
		s.same("steps of "+string(numbered("r", i)), s.steps(numbered("r", i)), want)
	}
	if _, err := evidence.Verify(bytes.NewReader(s.exported(1)), evidence.Options{Expect: s.head()}); err != nil {
		s.Fatal(err)
	}
}

func manyWriters(s suite) {
	each(writers, s.write)
	var all []int
	for i := range writers {
		all = append(all, i)
	}
	s.written(all...)
	if n := len(s.records()); n != writers*(rounds+1) {
		s.Fatalf("%d records, want %d", n, writers*(rounds+1))
	}
}

func refusalIsolated(s suite) {
	old := s.create(opening("taken", "T"))
	l := s.acquire("taken", "host-b/2", old.Expires)
	each(writers, func(i int) {
		if i%2 == 0 {
			s.write(i)
			return
		}
		for range rounds {
			_, open := s.Create(s.Context(), opening(numbered("x", i), pawl.SecretName(numbered("x", i)), "T"))
			var busy *rotation.OpenError
			if !errors.As(open, &busy) {
				s.Errorf("create: got %v, want an *OpenError", open)
			}
			if err := s.Append(s.Context(), old, intent("x")); !errors.Is(err, rotation.ErrLeaseLost) {
				s.Errorf("append: got %v, want ErrLeaseLost", err)
			}
			late := rotation.Commit{Entries: append(intent("x").Entries, unencodable())} // refused after its first entry
			if err := s.Append(s.Context(), l, late); pawl.CodeOf(err) != pawl.CodeInvalid {
				s.Errorf("append: got %v, want it refused", err)
			}
		}
	})
	var even []int
	for i := 0; i < writers; i += 2 {
		even = append(even, i)
	}
	s.written(even...)
	if list, err := s.Rotations(s.Context(), rotation.Filter{}); err != nil || len(list) != writers/2+1 {
		s.Fatalf("%d rotations, %v; want %d", len(list), err, writers/2+1)
	}
}

func oneGetsLease(s suite) {
	old := s.create(opening("r1", "A"))
	var won atomic.Int64
	each(writers, func(i int) {
		l, err := s.Acquire(s.Context(), request("r1", string(numbered("host", i)), old.Expires))
		var held *rotation.HeldError
		switch {
		case err == nil:
			won.Add(1)
			if err := s.Append(s.Context(), l, intent("winner")); err != nil {
				s.Errorf("the winner's append: %v", err)
			}
		case !errors.As(err, &held):
			s.Errorf("acquire: got %v, want a *HeldError", err)
		}
	})
	if won.Load() != 1 {
		s.Fatalf("%d processes got the lease", won.Load())
	}
	s.same("steps", s.steps("r1"), []string{"winner"})
}

func oneOpens(s suite) {
	var won atomic.Int64
	each(writers, func(i int) {
		_, err := s.Create(s.Context(), opening(numbered("r", i), "A", pawl.SecretName(numbered("own", i))))
		var open *rotation.OpenError
		switch {
		case err == nil:
			won.Add(1)
		case !errors.As(err, &open):
			s.Errorf("create: got %v, want an *OpenError", err)
		}
	})
	if won.Load() != 1 || len(s.versions("A")) != 1 || len(s.records()) != 1 {
		s.Fatalf("%d rotations of one secret were opened", won.Load())
	}
}

func readersSeeWhole(s suite) {
	l := s.create(opening("r1", "A"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 4 * rounds {
			c := intent(fmt.Sprint(n))
			c.Entries = append(c.Entries, c.Entries[0])
			if err := s.Append(s.Context(), l, c); err != nil {
				s.Errorf("append: %v", err)
			}
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if n := len(s.load("r1").Entries); n%2 != 1 {
			s.Errorf("a reader saw %d entries: half a commit", n)
		}
	}
}
