package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl/internal/leak"
)

// probe keeps what processes left and showed, until the end, when all values
// are known.
type probe struct {
	binary string
	dir    string
	places leak.Places

	mu     sync.Mutex // guards what follows
	values []string
}

// know adds values that must not be found.
func (p *probe) know(values ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.values = append(p.values, values...)
}

// site is a home of pawl in which commands are run and watched.
type site struct {
	*probe
	name   string
	home   string // of the estate; everything below it is searched
	vaults []string
}

// site makes a home. Files of which the path has one of the vaults in it hold
// values by design.
func (p *probe) site(name string, vaults ...string) (*site, error) {
	s := &site{probe: p, name: name, home: filepath.Join(p.dir, name), vaults: vaults}
	return s, errors.Join(os.MkdirAll(s.home, 0o700), os.MkdirAll(s.temp(), 0o700))
}

// temp is the folder for temporary files of this site's processes. It is
// searched too.
func (s *site) temp() string { return filepath.Join(s.home, "tmp") }

// command is one pawl process.
type command struct {
	args  []string
	stdin string
	kill  func() bool // asked all the time; the process is killed when it says yes
	fails bool        // it must end with an error
	may   bool        // it may end with an error
}

// run runs a command and keeps its output, its arguments and environment,
// those of its children, and every file it left.
func (s *site) run(ctx context.Context, c command) error {
	what := s.name + ": pawl " + strings.Join(c.args, " ")
	cmd := exec.CommandContext(ctx, s.binary, append(c.args, "--file", filepath.Join(s.home, "pawl.yaml"))...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "TMPDIR=" + s.temp(), "PAWL_ACTOR=canary"}
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(c.stdin), &stdout, &stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	killed, err := s.watch(cmd, what, c.kill)
	s.places.Add(what+": standard output", stdout.Bytes())
	s.places.Add(what+": standard error", stderr.Bytes())
	if err := s.files(what); err != nil {
		return err
	}
	switch {
	case c.kill != nil && !killed:
		return fmt.Errorf("%s: it ended before it was killed: %w", what, err)
	case c.kill == nil && !c.may && (err != nil) != c.fails:
		return fmt.Errorf("%s: it must fail: %t: %w: %s", what, c.fails, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

// watch follows a process and its children until it ends.
func (s *site) watch(cmd *exec.Cmd, what string, kill func() bool) (killed bool, err error) {
	ended := make(chan error, 1)
	s.process(what, cmd.Process.Pid) // not yet waited for, so it is there
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	seen := map[int]bool{cmd.Process.Pid: true}
	for {
		select {
		case err := <-ended:
			return killed, err
		case <-tick.C:
			for _, pid := range descendants(cmd.Process.Pid) {
				if !seen[pid] {
					seen[pid] = true
					s.process(what, pid)
				}
			}
			if kill != nil && !killed && kill() {
				killed = true
				if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
					return killed, err
				}
			}
		}
	}
}

// process keeps what every user of the machine can see of a process, and its
// environment. One that has ended meanwhile shows nothing.
func (s *site) process(what string, pid int) {
	for _, file := range []string{"cmdline", "environ"} {
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file)); err == nil {
			s.places.Add(fmt.Sprintf("%s: %s of a process", what, file), b)
		}
	}
}

// files keeps every file below the home, but for the vaults.
func (s *site) files(what string) error {
	return s.places.AddFolder(what+": ", s.home, s.vault)
}

func (s *site) vault(path string) bool {
	for _, v := range s.vaults {
		if strings.Contains("/"+path, v) {
			return true
		}
	}
	return false
}
