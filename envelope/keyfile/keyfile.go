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
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/envelope"
)

const head = "pawl-key-1\n"

// maxSize bounds what is read: a key file has 56 bytes.
const maxSize = 128

// Create makes a new key file, whole or not at all. It fails with an error
// that is fs.ErrExist when there is something at the path already.
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
// a store sealed under a key that a crash has lost would be lost too. The text
// is written under another name first, so that nobody ever reads half of a
// key, and linked, which unlike a rename never replaces a key.
func write(path, text string) error {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	fresh := path + "." + rand.Text()
	err := fill(fresh, text)
	if err == nil {
		err = os.Link(fresh, path)
	}
	if gone := os.Remove(fresh); !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	if err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// fill makes a file that only its owner can read, on disk when it returns.
func fill(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// Load reads a key file. It refuses one that others can read, with the
// command that closes it, and one that is not a key. A symbolic link is
// followed: what it leads to is held to the same.
func Load(path string) (*envelope.KeyKeeper, error) {
	b, err := read(path)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	text, ok := bytes.CutPrefix(b, []byte(head))
	key := make([]byte, base64.StdEncoding.DecodedLen(maxSize))
	defer clear(key)
	n := 0
	if ok && len(b) <= maxSize {
		n, err = base64.StdEncoding.Strict().Decode(key, bytes.TrimSpace(text))
	}
	if !ok || err != nil || n != 32 {
		return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "read the key file", On: path, Why: "it is not a pawl key", Next: "put it back from your backup"}
	}
	return envelope.NewKeyKeeper(key[:n])
}

// read gives at most one byte more than a key file has. The mode is that of
// the file that is then read, not of what had its name a moment before.
func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for its writer
		return nil, &pawl.Error{Code: pawl.CodeCorrupt, Op: "read the key file", On: path, Why: "it is not a regular file", Next: "put it back from your backup"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, unreadable(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, &pawl.Error{Code: pawl.CodeStore, Op: "open the key file", On: path, Why: fmt.Sprintf("others can read it (mode %04o)", info.Mode().Perm()), Next: "chmod 600 " + path}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		clear(b)
		return nil, unreadable(err)
	}
	return b, nil
}

// unreadable makes the error of a file that cannot be read; err names it.
func unreadable(err error) error {
	next := "put it back from your backup"
	if errors.Is(err, fs.ErrPermission) {
		next = "run pawl as the user to whom the key file belongs"
	}
	return &pawl.Error{Code: pawl.CodeStore, Op: "open the key file", Err: err, Next: next}
}
