package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/lines"
)

// headBytes of a log tell it from another that has taken its name.
const headBytes = 256

// mark is a place in a log: how far it was written, and what it began with.
// Logs carry no time that could be relied on, so a check counts from the mark
// that its first look made.
type mark struct {
	offset int64  // where the check began
	known  int64  // bytes of the beginning that head is of
	head   string // digest of them
}

var (
	errMark    = errors.New("the place at which the check began is not readable")
	errRotated = errors.New("the log was rotated, and what was written to it before is not at path.1")
)

// Check looks at what was written to a log since the first look.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "check log"
	path := r.Target.Settings.String("path")
	failed := func(kind driver.ErrorKind, why string) (driver.Finding, error) {
		return driver.Finding{}, &driver.Error{Op: op, On: path, Kind: kind, Effect: pawl.EffectNone, Why: why}
	}
	if r.Target.Kind != kindLog {
		return failed(driver.Unsupported, "the driver file checks logs only")
	}
	if err := ctx.Err(); err != nil {
		return driver.Finding{}, &driver.Error{Op: op, On: path, Kind: driver.Unavailable, Effect: pawl.EffectNone, Err: err}
	}
	rule, why := lines.RuleOf(r.Target.Settings)
	if why != "" || path == "" {
		return failed(driver.Invalid, orElse(why, "path must name a file"))
	}
	var tally lines.Tally
	resume, err := follow(c.absolute(path), r.Resume, func(from io.Reader) error { return tally.Read(rule, from) })
	if err != nil {
		_, text, _ := reason(err)
		return failed(driver.Unavailable, orElse(text, err.Error()))
	}
	f := rule.Finding(tally, r.Since, c.now())
	f.Resume = resume
	return f, nil
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

func (c *conn) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}

// follow gives read what was written since the mark, and the mark. Without
// one it makes one of the log's end, and there is nothing to read yet.
func follow(path, resume string, read func(io.Reader) error) (string, error) {
	if resume == "" {
		m, err := newMark(path)
		return m.String(), err
	}
	var m mark
	if _, err := fmt.Sscanf(resume, "%d %d %s", &m.offset, &m.known, &m.head); err != nil {
		return resume, errMark
	}
	same, err := m.in(path)
	if err != nil {
		return resume, err
	}
	if same {
		return m.learn(path), tail(path, m.offset, read)
	}
	if same, err = m.in(path + ".1"); err != nil || !same {
		return resume, errors.Join(err, errRotated)
	}
	if err := tail(path+".1", m.offset, read); err != nil {
		return resume, err
	}
	return resume, tail(path, 0, read)
}

// String writes a mark so that it can be handed back.
func (m mark) String() string { return fmt.Sprintf("%d %d %s", m.offset, m.known, m.head) }

// newMark marks the end of a log. One that is not there yet has its end at 0.
func newMark(path string) (mark, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return mark{head: digest(nil)}, nil
	}
	if err != nil {
		return mark{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return mark{}, err
	}
	if !info.Mode().IsRegular() {
		return mark{}, errIrregular
	}
	m := mark{offset: info.Size(), known: min(info.Size(), headBytes)}
	m.head, err = headOf(f, m.known)
	return m, err
}

// learn gives the mark with more of the log's beginning in it, once there is
// more: the beginning of a log that was empty tells nothing.
func (m mark) learn(path string) string {
	if fresh, err := newMark(path); err == nil && fresh.known > m.known {
		m.known, m.head = fresh.known, fresh.head
	}
	return m.String()
}

// headOf digests the first bytes of a log.
func headOf(f io.Reader, n int64) (string, error) {
	head, err := io.ReadAll(io.LimitReader(f, n))
	return digest(head), err
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// in reports whether a log is the one that was marked.
func (m mark) in(path string) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return m.known == 0, nil // it was not there when it was marked, or it has gone
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() < max(m.offset, m.known) {
		return false, err
	}
	head, err := headOf(f, m.known)
	return head == m.head, err
}

// tail reads a log from an offset to its end. One that is not there is empty.
func tail(path string, offset int64, read func(io.Reader) error) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return read(bytes.NewReader(nil))
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	return read(f)
}

// mayFollow tells whether a log can be read.
func (c *conn) mayFollow(ctx context.Context, g driver.Target) ([]driver.Grant, error) {
	path := g.Settings.String("path")
	if err := ctx.Err(); err != nil {
		return nil, &driver.Error{Op: "probe log", On: path, Kind: driver.Unavailable, Effect: pawl.EffectNone, Err: err}
	}
	grant := driver.Grant{Need: "read " + path, Has: driver.Yes}
	if _, err := newMark(c.absolute(path)); err != nil {
		grant.Has, grant.Detail = driver.No, why(err)
	}
	return []driver.Grant{grant}, nil
}
