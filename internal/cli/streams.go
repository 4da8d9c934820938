package cli

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// Streams are the ways between a command and its caller. Results go to Out,
// everything else to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	InTTY    bool // questions can be asked
	OutTTY   bool // a person reads the result
	ErrTTY   bool // a person watches: live lines make sense
	Color    bool
	Width    func() int // of the terminal behind Err
	// Secret reads a line without echo; only with InTTY. It ends with ctx, and
	// the terminal then echoes again.
	Secret func(ctx context.Context, prompt string) ([]byte, error)
}

// System gives the process's own streams.
func System() *Streams {
	s := &Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY: term.IsTerminal(int(os.Stdin.Fd())), OutTTY: term.IsTerminal(int(os.Stdout.Fd())), ErrTTY: term.IsTerminal(int(os.Stderr.Fd()))}
	s.Color = s.ErrTTY && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	s.Width = func() int {
		if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 20 {
			return w
		}
		return 80
	}
	s.Secret = readSecret
	return s
}

// readSecret asks on the process's own terminal.
func readSecret(ctx context.Context, prompt string) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(os.Stderr, prompt); err != nil {
		return nil, err
	}
	b, err := interruptible(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	if ctx.Err() != nil {
		err = errors.Join(err, term.Restore(fd, before))
	}
	_, _ = io.WriteString(os.Stderr, "\n") // the echo of the newline is off too
	return b, err
}

// interruptible waits for a read of the terminal, or for ctx. A read cannot be
// broken off: one that ctx ended stays behind until the process ends, which is
// at once.
func interruptible[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type answer struct {
		text T
		err  error
	}
	given := make(chan answer, 1)
	go func() {
		text, err := read()
		given <- answer{text, err}
	}()
	select {
	case a := <-given:
		return a.text, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
