// Package child runs a server program as a private child of this process: as
// an unprivileged user, with its log kept, until it is stopped or this process
// ends.
package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// grace is how long a server may take to stop before it is killed.
const grace = 10 * time.Second

// Account is whom a server runs as. The zero Account is whoever runs this
// process.
type Account struct {
	UID, GID uint32
	drop     bool
}

// Unprivileged gives the account for a server. A process of root must not
// lend its rights, and PostgreSQL refuses to run with them: the first of names
// that exists is taken, and nobody else.
func Unprivileged(names ...string) (Account, error) {
	if os.Geteuid() != 0 {
		return Account{}, nil
	}
	for _, name := range append(names, "nobody") {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return Account{}, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return Account{}, fmt.Errorf("group of user %s: %w", name, err)
		}
		return Account{UID: uint32(uid), GID: uint32(gid), drop: true}, nil
	}
	return Account{}, fmt.Errorf("a server may not run as root, and none of the users %v exists", names)
}

// Own gives files to the account.
func (a Account) Own(paths ...string) error {
	if !a.drop {
		return nil
	}
	for _, p := range paths {
		if err := os.Chown(p, int(a.UID), int(a.GID)); err != nil {
			return err
		}
	}
	return nil
}

// Command makes a command of the account in dir, with an environment that
// holds nothing of this process's but PATH.
func (a Account) Command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "HOME=" + dir, "TZ=UTC"}
	cmd.SysProcAttr = attributes(a)
	return cmd
}

// Process is a server that runs. It is safe for concurrent use.
type Process struct {
	stop syscall.Signal
	proc *os.Process
	log  logbook
	done chan struct{} // closed when the program has ended
	err  error         // how, once done is closed
	end  *os.ProcessState
}

// Start runs cmd until Close. It returns when the program has logged a line
// with the text ready, or with the end of its log when it ends before, or when
// ctx ends. stop is the signal that ends it.
func Start(ctx context.Context, cmd *exec.Cmd, ready string, stop syscall.Signal) (*Process, error) {
	p := &Process{stop: stop, done: make(chan struct{}), log: logbook{want: ready, seen: make(chan struct{})}}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if err := p.begin(cmd, stop); err != nil {
		return nil, err
	}
	select {
	case <-p.log.seen:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("it ended before it was ready (%w): %s", p.err, p.log.tail())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), p.Close())
	}
}

// Run starts cmd, whose output goes where cmd says, and does not wait until it
// is ready. The kernel kills it when this process dies.
func Run(cmd *exec.Cmd, stop syscall.Signal) (*Process, error) {
	p := &Process{stop: stop, done: make(chan struct{})}
	if err := p.begin(cmd, syscall.SIGKILL); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Process) begin(cmd *exec.Cmd, death syscall.Signal) error {
	dieWithParent(cmd.SysProcAttr, death)
	started := make(chan error, 1)
	go p.run(cmd, started)
	return <-started
}

// run starts the program and waits for it, on one thread: the kernel ends the
// program when the thread that started it ends.
func (p *Process) run(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Start()
	p.proc = cmd.Process
	started <- err
	if err != nil {
		return
	}
	p.err = cmd.Wait()
	p.end = cmd.ProcessState
	if p.err == nil {
		p.err = errors.New("without an error")
	}
	close(p.done)
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID is the process id.
func (p *Process) PID() int { return p.proc.Pid }

// Log gives what the program has logged so far.
func (p *Process) Log() string { return p.log.String() }

// ExitCode is how the program has ended, once Done is closed: 128 plus the
// signal's number where a signal has ended it.
func (p *Process) ExitCode() int {
	if s, ok := p.end.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal())
	}
	return p.end.ExitCode()
}

// Close stops the program and waits for its end. Closing twice is harmless.
func (p *Process) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return p.Stop(ctx)
}

// Stop asks the program to stop, kills it when ctx is done, and waits for its
// end. Its error says that it had to be killed.
func (p *Process) Stop(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	if err := p.proc.Signal(p.stop); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		err := p.proc.Kill()
		<-p.done
		if errors.Is(err, os.ErrProcessDone) {
			return nil
		}
		return errors.Join(errors.New("the program did not stop in time and was killed"), err)
	}
}

// FreePort gives a port of 127.0.0.1 that nobody listens on. Somebody may take
// it before the caller does.
func FreePort(ctx context.Context) (int, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }() // nothing was accepted
	return l.Addr().(*net.TCPAddr).Port, nil
}

// logbook keeps what a program logs, and tells when a text was seen.
type logbook struct {
	want string
	seen chan struct{}

	mu    sync.Mutex
	text  bytes.Buffer
	found bool
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(b)
	if !l.found && strings.Contains(l.text.String(), l.want) {
		l.found = true
		close(l.seen)
	}
	return len(b), nil
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) tail() string {
	text := strings.TrimSpace(l.String())
	return text[max(0, len(text)-600):]
}
