package sqlite_test

import (
	"path/filepath"
	"testing"

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
