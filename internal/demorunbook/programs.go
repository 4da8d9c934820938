package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/pawlhq/pawl/vendorsim/saas"
)

// filled is how many organisations there are beside the tenants, at first in
// the format of an older release.
const filled = 2000

// programs are the reader and the writer of examples/orgs, as real processes
// beside the simulated machines: each has the environment that its machine
// booted with, and is replaced when the machine is.
type programs struct {
	w   *world
	dir string // of the two binaries

	mu      sync.Mutex
	running map[string]*program
	counts  map[string]int // by noun
	broken  []string
}

type program struct {
	cmd *exec.Cmd
	env []string
	out bytes.Buffer // to be read when it has ended
}

// begin builds the programs, fills the table and starts them.
func (w *world) begin(ctx context.Context) (*programs, error) {
	p := &programs{w: w, dir: w.dir, running: map[string]*program{}, counts: map[string]int{}}
	build := exec.CommandContext(ctx, "go", "build", "-o", p.dir+string(filepath.Separator),
		"github.com/pawlhq/pawl/examples/orgs/reader", "github.com/pawlhq/pawl/examples/orgs/writer")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the programs: %w: %s", err, out)
	}
	fill := exec.CommandContext(ctx, filepath.Join(p.dir, "writer"), "-fill", fmt.Sprint(filled))
	fill.Env = append(p.environment(saas.App, w.Fly.Machines(saas.App)[0], true), "ORGS_FORMAT=legacy")
	if out, err := fill.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("fill the table: %w: %s", err, out)
	}
	w.mu.Lock()
	w.programs = p
	w.mu.Unlock()
	return p, p.follow()
}

// environment is what a program has of its machine's. The database is reached
// at its real address.
func (p *programs) environment(app, machine string, writes bool) []string {
	get := func(app, machine, name string) string { v, _ := p.w.Fly.MachineEnv(app, machine, name); return v }
	var env []string
	control := p.w.Fly.Machines(saas.App)
	if address, err := p.w.db.address(get(saas.App, control[0], saas.DatabaseURL)); err == nil {
		env = append(env, "DATABASE_URL="+address)
	}
	env = append(env, saas.DecryptKeys+"="+get(app, machine, saas.DecryptKeys))
	if writes || app == saas.App {
		env = append(env, saas.EncryptionKey+"="+get(app, machine, saas.EncryptionKey))
	}
	return env
}

// wanted lists what is to run: a writer and a reader beside each machine of the
// control plane, and a reader beside each of a tenant's.
func (p *programs) wanted() map[string][]string {
	want := map[string][]string{}
	for _, id := range p.w.Fly.Machines(saas.App) {
		want["writer "+id] = p.environment(saas.App, id, true)
		want["reader "+id] = p.environment(saas.App, id, false)
	}
	for _, slug := range p.w.Tenants() {
		for _, id := range p.w.Fly.Machines(saas.TenantPrefix + slug) {
			want["reader "+id] = p.environment(saas.TenantPrefix+slug, id, false)
		}
	}
	return want
}

// follow replaces the programs whose machines run with something else now.
func (p *programs) follow() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	want := p.wanted()
	var err error
	for name, have := range p.running {
		if env, ok := want[name]; !ok || !slices.Equal(env, have.env) {
			err = errors.Join(err, p.stop(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if p.running[name] == nil {
			err = errors.Join(err, p.start(name, want[name]))
		}
	}
	return err
}

func (p *programs) start(name string, env []string) error {
	kind, _, _ := strings.Cut(name, " ")
	run := &program{env: env, cmd: exec.Command(filepath.Join(p.dir, kind), "-rate", "100")}
	run.cmd.Env, run.cmd.Stdout, run.cmd.Stderr = env, &run.out, &run.out
	if err := run.cmd.Start(); err != nil {
		return fmt.Errorf("start the %s: %w", name, err)
	}
	p.running[name] = run
	return nil
}

// stop ends a program as a platform does, and takes its counts.
func (p *programs) stop(name string) error {
	run := p.running[name]
	delete(p.running, name)
	if err := run.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := run.cmd.Wait(); err != nil {
		p.broken = append(p.broken, fmt.Sprintf("P1: the %s: %v: %s", name, err, last(run.out.String())))
		return nil
	}
	var noun string
	var done, failed int
	if line := last(run.out.String()); line != "" {
		_, counts, _ := strings.Cut(line, ": ")
		noun, counts, _ = strings.Cut(counts, "=")
		if _, err := fmt.Sscanf(counts, "%d failed=%d", &done, &failed); err != nil {
			return fmt.Errorf("the %s said %q: %w", name, line, err)
		}
	}
	p.counts[noun] += done
	return nil
}

// last gives the last line of a text.
func last(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// end stops all programs, says what they did, and lists what went wrong.
func (p *programs) end() (string, []string) {
	p.w.mu.Lock()
	p.w.programs = nil
	p.w.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for name := range p.running {
		if err := p.stop(name); err != nil {
			p.broken = append(p.broken, err.Error())
		}
	}
	for _, noun := range []string{"reads", "writes"} {
		if p.counts[noun] == 0 {
			p.broken = append(p.broken, "the programs made no "+noun+": nothing was proven with them")
		}
	}
	return fmt.Sprintf("programs beside it: %d reads, %d writes, %d failed", p.counts["reads"], p.counts["writes"], len(p.broken)), p.broken
}

// beside rotates a secret. While it is the encryption key, readers and writers
// run; what went wrong with them is given.
func (w *world) beside(ctx context.Context, name string, rotate func() (result, error)) (result, []string, error) {
	if name != saas.EncryptionKey {
		r, err := rotate()
		return r, nil, err
	}
	p, err := w.begin(ctx)
	if err != nil {
		return result{}, nil, err
	}
	r, err := rotate()
	said, broken := p.end()
	r.beside = said
	return r, broken, err
}
