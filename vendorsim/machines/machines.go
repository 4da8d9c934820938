// Package machines runs the programs of Fly's machines as processes of their
// own: each with the environment that its machine boots with and nothing of
// this process's, a free port on 127.0.0.1 in PORT, and a folder of its own in
// DATA_DIR that stays when the machine is updated. What a program writes to
// stdout and stderr is in its app's log, line by line.
//
// No program outlives this process: on Linux the kernel kills it, and on every
// system its stdin ends, which it may watch for.
package machines

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/internal/child"
)

// Config says what programs are run, and where.
type Config struct {
	// Dir holds the volumes: a folder for each app with one for each machine.
	Dir string
	// Command gives the program of a machine with its arguments, by its image
	// or app. An error is a machine that exits at boot.
	Command func(l fly.Launch) (program string, args []string, err error)
	// Env is what every program has, besides what its machine boots with,
	// which comes first.
	Env map[string]string
}

// Launcher runs programs. It is a fly.Launcher and a fly.Eraser, safe for
// concurrent use.
type Launcher struct {
	cfg Config

	mu      sync.Mutex
	running map[int]bool
}

// New makes a Launcher. The folder is made when it is needed.
func New(cfg Config) *Launcher { return &Launcher{cfg: cfg, running: map[int]bool{}} }

// Running gives the ids of the processes that run now, in rising order.
func (l *Launcher) Running() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.running))
}

func (l *Launcher) runs(pid int, now bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now {
		l.running[pid] = true
	} else {
		delete(l.running, pid)
	}
}

// Launch starts the program of a machine. It does not wait until that listens.
func (l *Launcher) Launch(m fly.Launch) (fly.Instance, error) {
	i, err := l.launch(m)
	if err != nil {
		m.Log("launch: " + err.Error())
		return nil, err
	}
	return i, nil
}

func (l *Launcher) launch(m fly.Launch) (*instance, error) {
	program, args, err := l.cfg.Command(m)
	if err != nil {
		return nil, err
	}
	signal, err := signalOf(m.Signal)
	if err != nil {
		return nil, err
	}
	dir, err := l.volume(m.Volume)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	port, err := child.FreePort(context.Background())
	if err != nil {
		return nil, err
	}
	out, problems := &lines{log: m.Log}, &lines{log: m.Log}
	cmd := child.Account{}.Command(context.Background(), dir, program, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = l.environment(m, dir, port), out, problems
	cmd.WaitDelay = time.Second // for what it has started itself and left behind with its pipes
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	p, err := child.Run(cmd, signal)
	if err != nil {
		return nil, fmt.Errorf("start the machine's program: %w", err)
	}
	l.runs(p.PID(), true)
	i := newInstance(p, port)
	go func() {
		<-p.Done()
		out.flush()
		problems.flush()
		i.transport.CloseIdleConnections()
		l.runs(p.PID(), false)
		close(i.exited)
	}()
	return i, nil
}

func (l *Launcher) environment(m fly.Launch, dir string, port int) []string {
	env := maps.Clone(l.cfg.Env)
	if env == nil {
		env = map[string]string{}
	}
	maps.Copy(env, m.Env)
	env["PORT"], env["DATA_DIR"] = strconv.Itoa(port), dir
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// volume gives the folder of a volume, or of an app's volumes.
func (l *Launcher) volume(name string) (string, error) {
	if name == "" || name == "." || !filepath.IsLocal(name) {
		return "", errors.New("the name of the machine's volume is no path below the folder of volumes")
	}
	return filepath.Abs(filepath.Join(l.cfg.Dir, name))
}

// Erase takes away an app's volumes. An app without any is no error.
func (l *Launcher) Erase(prefix string) error {
	dir, err := l.volume(prefix)
	if err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// signalOf reads the name of a signal. Fly's two for users are left out: not
// every system has them.
func signalOf(name string) (syscall.Signal, error) {
	signals := map[string]syscall.Signal{"SIGHUP": syscall.SIGHUP, "SIGINT": syscall.SIGINT, "SIGQUIT": syscall.SIGQUIT,
		"SIGKILL": syscall.SIGKILL, "SIGTERM": syscall.SIGTERM}
	s, ok := signals[name]
	if !ok {
		return 0, errors.New("the signal of stop_config is not known here: name SIGTERM, SIGINT, SIGHUP, SIGQUIT or SIGKILL")
	}
	return s, nil
}
