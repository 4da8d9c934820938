// Package redis starts a private, real Redis server on loopback, for tests and
// for the stand-ins of vendors that sell one. Its folder is gone after Close.
package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/internal/child"
)

// Admin is the name of a user that may do everything, beside the default user.
const Admin = "admin"

// startWithin bounds how long a server may take to be ready.
const startWithin = 30 * time.Second

// starts is how often a start is tried: another process may take the port that
// was found free.
const starts = 3

// ErrMissing means that the program is not on this machine.
var ErrMissing = errors.New("the program redis-server is not in PATH: install Debian's package redis-server, or run make servers")

// Installed returns nil if a server can be started here, and ErrMissing
// otherwise.
func Installed() error {
	_, err := installed()
	return err
}

func installed() (program string, err error) {
	if program, err = exec.LookPath("redis-server"); err != nil {
		return "", ErrMissing
	}
	return program, nil
}

// Options of a server. The zero Options are good for tests.
type Options struct {
	ACLFile  bool      // keep users in a file of their own, not in redis.conf
	Rand     io.Reader // for the password; crypto/rand when nil
	Settings []string  // lines of redis.conf
}

// Server is a Redis that runs. It is safe for concurrent use.
type Server struct {
	Port     int
	Password string // of Admin and of the user default, who may do everything; a canary

	dir     string
	process *child.Process
}

// Start starts a server on a free port of 127.0.0.1. It keeps nothing on disk
// but its users. It ends by Close, and on Linux also when this process ends in
// any other way. ctx bounds the start alone.
func Start(ctx context.Context, o Options) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	program, err := installed()
	if err != nil {
		return nil, err
	}
	account, err := child.Unprivileged("redis")
	if err != nil {
		return nil, fmt.Errorf("start Redis: %w", err)
	}
	s := &Server{}
	if s.dir, err = os.MkdirTemp("", "pawl-redis-"); err != nil {
		return nil, err
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	s.Password = vendorsim.Credential(o.Rand, "", 24)
	for range starts {
		if err = s.run(ctx, program, account, o); err == nil {
			return s, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("start Redis: %w", err), os.RemoveAll(s.dir))
}

func (s *Server) run(ctx context.Context, program string, account child.Account, o Options) (err error) {
	if s.Port, err = child.FreePort(ctx); err != nil {
		return err
	}
	admin := fmt.Sprintf("user %s on >%s ~* &* +@all", Admin, s.Password)
	if err := s.write("users.acl", fmt.Sprintf("%s\nuser default on >%s ~* &* +@all\n", admin, s.Password)); err != nil {
		return err
	}
	lines := append([]string{"bind 127.0.0.1", "port " + strconv.Itoa(s.Port), "dir " + s.dir, `save ""`, "appendonly no", "daemonize no"}, o.Settings...)
	if o.ACLFile {
		lines = append(lines, "aclfile "+filepath.Join(s.dir, "users.acl"))
	} else {
		lines = append(lines, "requirepass "+s.Password, admin)
	}
	if err := s.write("redis.conf", strings.Join(lines, "\n")+"\n"); err != nil {
		return err
	}
	if err := account.Own(s.dir, filepath.Join(s.dir, "users.acl"), filepath.Join(s.dir, "redis.conf")); err != nil {
		return err
	}
	cmd := account.Command(context.WithoutCancel(ctx), s.dir, program, filepath.Join(s.dir, "redis.conf"))
	s.process, err = child.Start(ctx, cmd, "Ready to accept connections", syscall.SIGTERM)
	return err
}

func (s *Server) write(name, text string) error {
	return os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600)
}

// Addr is where the server listens, "127.0.0.1:40123".
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Kept gives what is on disk of the server's settings and users: what a
// restarted server would know.
func (s *Server) Kept() (string, error) {
	var all strings.Builder
	for _, name := range []string{"redis.conf", "users.acl"} {
		b, err := os.ReadFile(filepath.Join(s.dir, name))
		if err != nil {
			return "", err
		}
		all.Write(b)
	}
	return all.String(), nil
}

// Log gives what the server has logged, for leak searches.
func (s *Server) Log() string { return s.process.Log() }

// PID is the server's process id.
func (s *Server) PID() int { return s.process.PID() }

// Close stops the server and removes its files. Closing twice is harmless.
func (s *Server) Close() error { return errors.Join(s.process.Close(), os.RemoveAll(s.dir)) }
