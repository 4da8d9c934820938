// Package credential resolves the references by which an estate names the
// credentials of its connections: environment variables, files, programs, and
// secrets of the estate itself. Values are read when they are needed, as late
// as possible, and never kept.
package credential

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Resolver reads references.
type Resolver struct {
	Dir     string                                                                // what relative paths are relative to
	Getenv  func(string) string                                                   // nil is os.Getenv
	Secret  func(ctx context.Context, name pawl.SecretName) (secret.Value, error) // newest proven version of a secret of the estate
	Timeout time.Duration                                                         // of a program; 0 is 30 s
}

// maxSize bounds what a file or a program may give.
const maxSize = 64 << 10

// Resolve reads the value behind a reference, anew each time. One trailing
// newline (LF or CR LF) of a file or a program's output is dropped. An empty
// value is an error, and so is an environment variable that is not set. Errors
// have CodeUnauthorised, and nothing of what a file or a program gave.
func (r *Resolver) Resolve(ctx context.Context, ref estate.Reference) (secret.Value, error) {
	v, err := r.read(ctx, ref)
	if err != nil {
		return secret.Value{}, &pawl.Error{Code: pawl.CodeUnauthorised, Op: "read credential", On: ref.String(), Err: err, Next: hint(ref)}
	}
	if v.Empty() {
		why := "it is empty"
		if ref.Scheme == "env" {
			why = "it is not set, or empty"
		}
		return secret.Value{}, &pawl.Error{Code: pawl.CodeUnauthorised, Op: "read credential", On: ref.String(), Why: why, Next: hint(ref)}
	}
	return v, nil
}

func (r *Resolver) read(ctx context.Context, ref estate.Reference) (secret.Value, error) {
	switch ref.Scheme {
	case "env":
		return r.env(ref.Rest), nil
	case "file":
		return r.file(ref.Rest)
	case "exec":
		return r.program(ctx, ref.Rest)
	case "secret":
		if r.Secret == nil {
			return secret.Value{}, fmt.Errorf("secrets of the estate cannot be read here")
		}
		return r.Secret(ctx, pawl.SecretName(ref.Rest))
	default:
		return secret.Value{}, fmt.Errorf("references of scheme %q are not supported", ref.Scheme)
	}
}

func hint(ref estate.Reference) string {
	switch ref.Scheme {
	case "env":
		return fmt.Sprintf("export %s=…, then: pawl doctor", ref.Rest)
	case "secret":
		return fmt.Sprintf("pawl provide %s --current", ref.Rest)
	default:
		return "pawl doctor"
	}
}

func (r *Resolver) env(name string) secret.Value {
	get := r.Getenv
	if get == nil {
		get = os.Getenv
	}
	return secret.NewString(get(name))
}

func (r *Resolver) file(path string) (secret.Value, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.Dir, path)
	}
	info, err := os.Stat(path)
	if err != nil {
		return secret.Value{}, err
	}
	if !info.Mode().IsRegular() { // a pipe would wait for its writer, and give its value only once
		return secret.Value{}, fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return secret.Value{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err == nil && len(b) > maxSize {
		err = fmt.Errorf("%s has more than %d bytes", path, maxSize)
	}
	if err != nil {
		clear(b)
		return secret.Value{}, err
	}
	return trimmed(b), nil
}

// program runs a command line, split at spaces, and takes its output. Its
// standard error is not shown: programs have been seen to print secrets there.
func (r *Resolver) program(ctx context.Context, line string) (secret.Value, error) {
	words := strings.Fields(line)
	if len(words) == 0 {
		return secret.Value{}, fmt.Errorf("no program is named")
	}
	timeout := r.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	bound, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	out := &limited{left: maxSize}
	cmd := exec.CommandContext(bound, words[0], words[1:]...)
	cmd.Dir, cmd.Stdout = r.Dir, out
	cmd.WaitDelay = time.Second // a program that it started may hold its output open
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case bound.Err() != nil:
		err = fmt.Errorf("it took longer than %s", timeout)
	case out.left < 0: // its own error is that nobody reads any more
		err = fmt.Errorf("it gave more than %d bytes", maxSize)
	case errors.Is(err, exec.ErrWaitDelay):
		err = errors.New("it ended, and a program that it started still holds its output")
	}
	if err != nil {
		clear(out.buf.Bytes())
		return secret.Value{}, fmt.Errorf("run %s: %w", words[0], err)
	}
	return trimmed(out.buf.Bytes()), nil
}

// limited refuses to take more than left bytes; left is negative once it did.
type limited struct {
	buf  bytes.Buffer
	left int
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, io.ErrShortWrite
	}
	return l.buf.Write(p)
}

func trimmed(b []byte) secret.Value {
	defer clear(b)
	t, cut := bytes.CutSuffix(b, []byte("\n"))
	if cut {
		t = bytes.TrimSuffix(t, []byte("\r"))
	}
	return secret.New(bytes.Clone(t))
}
