package cli

import (
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
	Width    func() int                          // of the terminal behind Err
	Secret   func(prompt string) ([]byte, error) // reads without echo; only with InTTY
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
	s.Secret = func(prompt string) ([]byte, error) {
		if _, err := io.WriteString(os.Stderr, prompt); err != nil {
			return nil, err
		}
		b, err := term.ReadPassword(int(os.Stdin.Fd()))
		_, _ = io.WriteString(os.Stderr, "\n") // the echo of the newline is off too
		return b, err
	}
	return s
}
