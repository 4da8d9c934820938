package sqlite_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/evidence"
	"github.com/pawlhq/pawl/store/sqlite"
	"github.com/pawlhq/pawl/store/storetest"
)

// durable is a store that the suite can close and open again.
type durable struct {
	*sqlite.Store
	path string
}

func (d durable) Reopen(t testing.TB) storetest.Store {
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return durable{open(t, d.path, sqlite.Options{}), d.path}
}

func open(t testing.TB, path string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Store {
		path := filepath.Join(t.TempDir(), "it's 100% ?a=b#c.db") // a name that no escaping may get wrong
		return durable{open(t, path, sqlite.Options{}), path}
	})
}

func TestWriteEvidenceInParts(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "pawl.db"), sqlite.Options{})
	if _, err := s.Create(t.Context(), opening("r1")); err != nil {
		t.Fatal(err)
	}
	head, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for from, after := range map[int64]evidence.Head{0: {}, 1: {}, 2: head} {
		var b bytes.Buffer
		if err := s.WriteEvidence(t.Context(), &b, from); err != nil {
			t.Fatal(err)
		}
		if got, err := evidence.Verify(&b, evidence.Options{After: after, Expect: head}); err != nil || got != head {
			t.Fatalf("from %d: head %v, %v; want %v", from, got, err, head)
		}
	}
	if err := s.WriteEvidence(t.Context(), io.Discard, 3); pawl.CodeOf(err) != pawl.CodeInvalid {
		t.Fatalf("from beyond the end: got %v, want it refused", err)
	}
	broken := errors.New("the pipe is closed")
	if err := s.WriteEvidence(t.Context(), failing{broken}, 1); !errors.Is(err, broken) {
		t.Fatalf("got %v, want the writer's error", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
