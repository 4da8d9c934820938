// Package postgres starts a private, real PostgreSQL server on loopback, for
// tests and for the stand-ins of vendors that sell one. Its data is in a
// folder of its own, which is gone after Close.
package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/child"
)

// Superuser is the name of the role that may do everything.
const Superuser = "postgres"

// startWithin bounds how long a server may take to be ready, its first data
// included.
const startWithin = time.Minute

// starts is how often a start is tried: another process may take the port that
// was found free.
const starts = 3

// ErrMissing means that the programs are not on this machine.
var ErrMissing = errors.New("the programs of PostgreSQL (postgres, initdb) are neither in PATH nor in /usr/lib/postgresql/*/bin: install Debian's package postgresql, or run make servers")

// Options of a server. The zero Options are good for tests.
type Options struct {
	Durable  bool      // survive a crash of the machine; slower
	Default  bool      // as the package configures it: Durable, and no settings of its own besides the addresses
	Rand     io.Reader // for the superuser's password; crypto/rand when nil
	Settings []string  // of postgresql.conf, as "log_statement=all"
}

// Server is a PostgreSQL that runs. It is safe for concurrent use.
type Server struct {
	Port     int
	Password string // of Superuser; a canary

	dir     string
	bin     string
	account child.Account
	args    []string // of the program, besides the port

	mu      sync.Mutex
	process *child.Process
}

// Start makes an empty cluster and starts a server on a free port of 127.0.0.1.
// Every login needs a password, by scram-sha-256. The server ends by Close, and
// on Linux also when this process ends in any other way. ctx bounds the start
// alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin}
	if s.account, err = child.Unprivileged("postgres"); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if s.dir, err = os.MkdirTemp("", "pawl-postgres-"); err != nil {
		return nil, err
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	s.Password = vendorsim.Credential(o.Rand, "", 24)
	err = s.account.Own(s.dir)
	if err == nil {
		err = s.create(ctx)
	}
	if err == nil {
		err = s.run(ctx, o)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), os.RemoveAll(s.dir))
	}
	return s, nil
}

// Installed returns nil if a server can be started here, and ErrMissing where
// its programs are not on this machine.
func Installed() error {
	_, err := programs()
	return err
}

// programs finds the folder of the newest server's programs.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return release(b) - release(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	p, err := exec.LookPath("initdb")
	if err != nil {
		return "", ErrMissing
	}
	if p, err = filepath.EvalSymlinks(p); err != nil { // its neighbours are where it really is
		return "", err
	}
	return filepath.Dir(p), nil
}

func release(initdb string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb)))) // a folder of another form is the oldest
	return n
}

// create makes the cluster. The password goes in by a file: arguments are for
// every process of the machine to read.
func (s *Server) create(ctx context.Context) error {
	file := filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(s.Password), 0o600); err != nil {
		return err
	}
	if err := s.account.Own(file); err != nil {
		return err
	}
	cmd := s.account.Command(ctx, s.dir, filepath.Join(s.bin, "initdb"), "--pgdata", s.data(), "--username", Superuser, "--pwfile", file,
		"--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync", "--no-instructions")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("initdb: %w: %.600s", err, out)
	}
	return os.Remove(file)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) run(ctx context.Context, o Options) error {
	settings := []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "log_timezone=UTC"}
	if !o.Default {
		settings = append(settings, "password_encryption=scram-sha-256", "shared_buffers=16MB", "max_connections=60")
	}
	settings = append(settings, o.Settings...)
	if !o.Durable && !o.Default {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off")
	}
	s.args = []string{"-D", s.data()}
	for _, setting := range settings {
		s.args = append(s.args, "-c", setting)
	}
	var err error
	for range starts {
		if s.Port, err = child.FreePort(ctx); err != nil {
			return err
		}
		if err = s.launch(ctx); err == nil {
			return nil
		}
	}
	return err
}

// launch starts the program on the port, and waits until it is ready.
func (s *Server) launch(ctx context.Context) error {
	args := append([]string{"-p", strconv.Itoa(s.Port)}, s.args...)
	cmd := s.account.Command(context.WithoutCancel(ctx), s.dir, filepath.Join(s.bin, "postgres"), args...)
	// SIGQUIT is PostgreSQL's immediate shutdown: its children end too.
	p, err := child.Start(ctx, cmd, "database system is ready to accept connections", syscall.SIGQUIT)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.process = p
	return nil
}

func (s *Server) running() *child.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process
}

// Crash stops the server at once, as a power cut would: nothing is written
// first, and its next start recovers from the log. It returns when all of its
// processes are gone. Without Durable or Default it may not come back.
func (s *Server) Crash() error { return s.running().Close() }

// Restart starts a server that has crashed, with the same data on the same
// port. ctx bounds the start alone. Log then begins anew.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	if err := s.launch(ctx); err != nil {
		return fmt.Errorf("start PostgreSQL again: %w", err)
	}
	return nil
}

// Addr is where the server listens, "127.0.0.1:40123".
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// DSN gives the URL with which the superuser reaches a database. It has the
// password in it.
func (s *Server) DSN(database string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(Superuser, s.Password), Host: s.Addr(), Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// Log gives what the server has logged, for leak searches.
func (s *Server) Log() string { return s.running().Log() }

// PID is the process id of the server's first process.
func (s *Server) PID() int { return s.running().PID() }

// Close stops the server and removes its data. Closing twice is harmless.
func (s *Server) Close() error { return errors.Join(s.running().Close(), os.RemoveAll(s.dir)) }
