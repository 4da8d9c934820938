package file

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The limits of an edit.
const (
	maxSize   = 8 << 20 // bytes; a longer file is no configuration file
	lockTries = 40
	lockPause = 25 * time.Millisecond
)

// The reasons for which an edit stops with nothing changed.
var (
	errBusy      = errors.New("another process is writing this file")
	errChanged   = errors.New("the file was changed by another program meanwhile")
	errIrregular = errors.New("it is not a regular file")
	errLinked    = errors.New("the file has more than one hard link, and the other names would keep the old value")
	errDangling  = errors.New("it is a symbolic link that leads to nothing")
	errEmpty     = errors.New("an empty value is never written")
	errLarge     = errors.New("the file is longer than 8 MiB")
	errOwner     = errors.New("the file belongs to another user or group, and the new one cannot be given to them")
)

// edit lets f decide about the text of a file and does what it says, under
// the file's lock. f does not keep doc.
func (c *conn) edit(ctx context.Context, t target, f func(doc []byte, there bool) (outcome, []byte, error)) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	h, err := c.hold(ctx, t.path)
	if err != nil {
		return err
	}
	defer h.release()
	defer clear(h.doc)
	do, next, err := f(h.doc, h.file != nil)
	defer clear(next)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	switch do {
	case written:
		return c.replace(h, next, t.mode)
	case gone:
		return c.delete(h)
	default:
		return nil
	}
}

// held is a file whose lock this process has. file is nil when the path holds
// nothing: then there is nothing to lock, and the file is made by a link,
// which fails if somebody else was faster.
type held struct {
	path string
	file *os.File
	info fs.FileInfo
	doc  []byte
}

func (h *held) release() {
	if h.file != nil {
		_ = h.file.Close() // opened for reading; closing gives the lock back
	}
}

// hold opens and locks the file that path leads to. Whoever had the lock has
// usually put another file in this one's place, so that is looked at again.
func (c *conn) hold(ctx context.Context, path string) (*held, error) {
	for try := range lockTries {
		if err := c.pause(ctx, try); err != nil {
			return nil, err
		}
		real, err := resolve(path)
		if err != nil {
			return nil, err
		}
		h, err := acquire(real)
		if !errors.Is(err, errBusy) {
			return h, err
		}
	}
	return nil, errBusy
}

func (c *conn) pause(ctx context.Context, try int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if try == 0 {
		return nil
	}
	return c.wait(ctx, lockPause)
}

// resolve follows links. A path that holds nothing is given as it is.
func resolve(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return "", errDangling
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	return filepath.Join(dir, filepath.Base(path)), err
}

// acquire locks and reads a file. errBusy means that it is worth trying again.
func acquire(path string) (*held, error) {
	f, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &held{path: path}, nil
	}
	if err != nil {
		return nil, err
	}
	h := &held{path: path, file: f}
	if err := h.load(); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

func (h *held) load() error {
	if err := lock(h.file); err != nil {
		return err
	}
	var err error
	if h.info, err = h.file.Stat(); err != nil {
		return err
	}
	now, err := os.Lstat(h.path)
	if err != nil || !os.SameFile(now, h.info) {
		return errBusy
	}
	if links(h.info) > 1 {
		return errLinked
	}
	h.doc, err = readAll(h.file)
	return err
}

// open opens a regular file for reading. A pipe or a device is not opened at
// all: that could block, or do something.
func open(path string) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errIrregular
	}
	return os.OpenFile(path, os.O_RDONLY|openFlags, 0)
}

func readAll(f *os.File) ([]byte, error) {
	doc, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(doc) > maxSize {
		clear(doc)
		return nil, errLarge
	}
	return doc, err
}

// read gives the text of a file without locking it: it is replaced as a
// whole, so what is there is complete.
func (c *conn) read(path string) (doc []byte, there bool, err error) {
	real, err := resolve(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil // the folder is not there, and so the file is not
	}
	if err != nil {
		return nil, false, err
	}
	f, err := open(real)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	doc, err = readAll(f)
	return doc, err == nil, errors.Join(err, f.Close())
}
