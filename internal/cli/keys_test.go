package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keyfile"
)

// lateKeys is a store that another process gives its first key right after
// this one has looked.
type lateKeys struct {
	keys   []envelope.DataKey
	theirs envelope.DataKey
	err    error // of AddDataKey
	looks  int
}

func (s *lateKeys) DataKeys(context.Context) ([]envelope.DataKey, error) {
	s.looks++
	return s.keys, nil
}

func (s *lateKeys) AddDataKey(context.Context, envelope.DataKey) error {
	s.keys = append(s.keys, s.theirs)
	return s.err
}

func TestOpenRingTakesTheKeyOfAQuickerFirstRun(t *testing.T) {
	keeper, err := openKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := envelope.NewDataKey(t.Context(), keeper, 1, "pawl", time.Now(), strings.NewReader(strings.Repeat("k", 4096)))
	if err != nil {
		t.Fatal(err)
	}
	s := &lateKeys{theirs: theirs, err: &pawl.Error{Code: pawl.CodeConflict, Op: "add data key"}}
	if _, err := openRing(t.Context(), s, keeper, time.Now); err != nil {
		t.Fatalf("the loser of the race failed: %v", err)
	}
	if s.looks != 2 {
		t.Errorf("the keys were read %d times; the winner's must be read", s.looks)
	}

	broken := &lateKeys{theirs: theirs, err: &pawl.Error{Code: pawl.CodeStore, Op: "add data key"}}
	if _, err := openRing(t.Context(), broken, keeper, time.Now); pawl.CodeOf(err) != pawl.CodeStore {
		t.Errorf("a store that fails gave %v", err)
	}
}

func TestFirstRunsAtOneTimeShareOneKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	problems := make([]error, 16)
	var group sync.WaitGroup
	for i := range problems {
		group.Go(func() { _, problems[i] = openKey(path) })
	}
	group.Wait()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the key alone", left, err)
	}
	if _, err := keyfile.Load(path); err != nil {
		t.Error(err)
	}
}

func TestOpenKeyNeverMakesAnotherKeyForAStore(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pawl.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := openKey(filepath.Join(dir, "key"))
	if pawl.CodeOf(err) != pawl.CodeStore || pawl.HintOf(err) == "" {
		t.Errorf("a store without its key gave %v, next %q", err, pawl.HintOf(err))
	}
	if _, err := os.Stat(filepath.Join(dir, "key")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a key was made that opens nothing: %v", err)
	}
}
