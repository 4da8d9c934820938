package system

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Clock is the time of a system: the real one, and what was skipped. All its
// processes read it from one file, so that a wait of days passes at once and
// for all of them. It is safe for concurrent use.
type Clock struct{ file *os.File }

const skipped = 8 // bytes: nanoseconds, big endian

// NewClock makes the clock of a new system, in a folder, which stands at a time.
func NewClock(dir string, at time.Time) (*Clock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "clock"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	c := &Clock{f}
	return c, c.write(time.Until(at))
}

// OpenClock reads the clock of a system that runs.
func OpenClock(path string) (*Clock, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Clock{f}, nil
}

// Path is where other processes find it.
func (c *Clock) Path() string { return c.file.Name() }

// Close gives the file back.
func (c *Clock) Close() error { return c.file.Close() }

func (c *Clock) write(d time.Duration) error {
	_, err := c.file.WriteAt(binary.BigEndian.AppendUint64(nil, uint64(d)), 0)
	return err
}

// Now gives the time. A process whose clock cannot be read cannot go on.
func (c *Clock) Now() time.Time {
	b := make([]byte, skipped)
	if _, err := c.file.ReadAt(b, 0); err != nil {
		panic(fmt.Sprintf("system: read the clock: %v", err))
	}
	return time.Now().Add(time.Duration(binary.BigEndian.Uint64(b))).Round(0)
}

// Skip moves the clock to a time, unless it is later already. One process does
// that.
func (c *Clock) Skip(to time.Time) error {
	if !to.After(c.Now()) {
		return nil
	}
	return c.write(time.Until(to))
}
