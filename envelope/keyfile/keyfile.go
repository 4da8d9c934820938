// Package keyfile keeps the key that wraps a store's data keys in a file:
//
//	pawl-key-1
//	<32 bytes, base64>
//
// The file has mode 0600. Whoever has it and the store has the values.
package keyfile

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

const head = "pawl-key-1\n"

// Create makes a new key file. It fails when the file is there already.
func Create(path string) (*envelope.KeyKeeper, error) {
	key := make([]byte, 32)
	defer clear(key)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	if err := write(path, head+base64.StdEncoding.EncodeToString(key)+"\n"); err != nil {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "make the key file", On: path, Err: err, Next: "choose another folder with --dir"}
	}
	return envelope.NewKeyKeeper(key)
}

// write makes the file and its name in the folder durable before it returns:
// a store sealed under a key that a crash has lost would be lost too.
func write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Load reads a key file. It refuses one that others can read, with the
// command that closes it, and one that is not a key.
func Load(path string) (*envelope.KeyKeeper, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "open the key file", Err: err, Next: "put it back from your backup"}
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "open the key file", On: path, Why: fmt.Sprintf("others can read it (mode %04o)", info.Mode().Perm()), Next: "chmod 600 " + path}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "read the key file", Err: err}
	}
	defer clear(b)
	text, ok := bytes.CutPrefix(b, []byte(head))
	key := make([]byte, 48)
	defer clear(key)
	n := 0
	if ok && len(text) <= 64 {
		n, err = base64.StdEncoding.Decode(key, bytes.TrimSpace(text))
	}
	if !ok || err != nil || n != 32 {
		return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "read the key file", On: path, Why: "it is not a pawl key", Next: "put it back from your backup"}
	}
	return envelope.NewKeyKeeper(key[:n])
}
