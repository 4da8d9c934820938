package keyfile_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/envelope/keepertest"
	"github.com/pawlhq/pawl/envelope/keyfile"
)

func TestConforms(t *testing.T) {
	keepertest.Run(t, func(t *testing.T) keepertest.Subject {
		dir := t.TempDir()
		load := func(name string, b byte) envelope.Keeper {
			path := filepath.Join(dir, name)
			put(t, path, text(bytes.Repeat([]byte{b}, 32)), 0o600)
			k, err := keyfile.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		return keepertest.Subject{Keeper: load("a", 1), Again: load("again", 1), Other: load("b", 2), Hidden: []string{string(bytes.Repeat([]byte{1}, 32))}}
	})
}
