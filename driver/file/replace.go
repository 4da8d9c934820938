package file

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// unsyncedError says that the new file has its name but may not survive a
// power cut.
type unsyncedError struct{ err error }

func (e unsyncedError) Error() string { return e.err.Error() }
func (e unsyncedError) Unwrap() error { return e.err }

// system is what the file system does for an edit, so that a test can break it.
type system struct {
	stat    func(path string) (fs.FileInfo, error)
	write   func(f *os.File, b []byte) error
	rename  func(from, to string) error
	link    func(from, to string) error
	syncDir func(dir string) error
}

func localSystem() system {
	return system{stat: os.Stat, write: writeAll, rename: os.Rename, link: os.Link, syncDir: syncDir}
}

func writeAll(f *os.File, b []byte) error {
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// replace gives the path a new file. Until the rename nothing has changed.
func (c *conn) replace(h *held, next []byte, mode fs.FileMode) error {
	dir, prefix := filepath.Dir(h.path), tempPrefix(h.path)
	sweep(dir, prefix)
	tmp, err := temporary(dir, prefix)
	if err != nil {
		return err
	}
	defer func() {
		_ = os.Remove(tmp.Name()) // gone already when it took the path's name
		_ = tmp.Close()           // synced before; closing gives the lock back
	}()
	if err := c.fill(tmp, h, next, mode); err != nil {
		return err
	}
	if err := c.place(tmp.Name(), h); err != nil {
		return err
	}
	return c.settle(dir)
}

// temporary makes a temporary file of mode 0600. Its lock tells that its
// writer is alive. In the instant before it has the lock another writer may
// take the file for a dead one's, and sweep it: then a new one is made.
func temporary(dir, prefix string) (*os.File, error) {
	for {
		tmp, err := os.CreateTemp(dir, prefix+"*"+tempSuffix)
		if err != nil {
			return nil, err
		}
		err = lock(tmp)
		if err == nil && named(tmp) {
			return tmp, nil
		}
		_ = os.Remove(tmp.Name()) // gone already when it was swept
		_ = tmp.Close()           // nothing was written to it
		if err != nil && !errors.Is(err, errBusy) {
			return nil, err
		}
	}
}

// named reports whether a file still has its name.
func named(f *os.File) bool {
	now, err := os.Lstat(f.Name())
	if err != nil {
		return false
	}
	own, err := f.Stat()
	return err == nil && os.SameFile(now, own)
}

// fill writes the temporary file.
func (c *conn) fill(tmp *os.File, h *held, next []byte, mode fs.FileMode) error {
	if h.file != nil {
		mode = h.info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
		if err := own(tmp, h.info); err != nil {
			return err
		}
	}
	if err := c.sys.write(tmp, next); err != nil {
		return err
	}
	if err := tmp.Chmod(mode); err != nil {
		return err
	}
	return tmp.Sync()
}

// place gives the temporary file the path's name, unless the path holds
// something else by now than what was read.
func (c *conn) place(tmp string, h *held) error {
	if h.file == nil {
		err := c.sys.link(tmp, h.path)
		if errors.Is(err, fs.ErrExist) {
			return errChanged
		}
		return err
	}
	if !h.unchanged() {
		return errChanged
	}
	return c.sys.rename(tmp, h.path)
}

func (h *held) unchanged() bool {
	now, err := os.Lstat(h.path)
	return err == nil && os.SameFile(now, h.info) && now.ModTime().Equal(h.info.ModTime()) && now.Size() == h.info.Size()
}

func (c *conn) delete(h *held) error {
	if !h.unchanged() {
		return errChanged
	}
	if err := os.Remove(h.path); err != nil {
		return err
	}
	return c.settle(filepath.Dir(h.path))
}

func (c *conn) settle(dir string) error {
	if err := c.sys.syncDir(dir); err != nil {
		return unsyncedError{err}
	}
	return nil
}

const tempSuffix = ".tmp"

// tempPrefix begins the names of a file's temporary files. The digest stands
// for the file's name, which may be as long as a name can be.
func tempPrefix(path string) string {
	sum := sha256.Sum256([]byte(filepath.Base(path)))
	return ".pawl-" + hex.EncodeToString(sum[:4]) + "-"
}

// sweep removes what killed writers of the same file left. One that is locked
// has a writer that is alive.
func sweep(dir, prefix string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // the write itself will say why the folder cannot be used
	}
	for _, e := range entries {
		name := e.Name()
		if !e.Type().IsRegular() || len(name) <= len(prefix) || name[:len(prefix)] != prefix || filepath.Ext(name) != tempSuffix {
			continue
		}
		removeDead(filepath.Join(dir, name))
	}
}

func removeDead(path string) {
	f, err := open(path)
	if err != nil {
		return
	}
	if lock(f) == nil {
		_ = os.Remove(path) // what stays is tried again by the next write
	}
	_ = f.Close()
}
