package orgs_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pawlhq/pawl/examples/orgs"
)

// readRate keeps the tests from taking all of a machine.
const readRate = 4000

// env is the environment of a program.
type env map[string]string

func (e env) get(name string) string { return e[name] }

// program is a reader or a writer that runs.
type program struct {
	t      *testing.T
	kind   string
	end    func() error // tells it to stop, and waits
	errors *bytes.Buffer

	mu           sync.Mutex
	done, failed int
	line         string
	news         chan struct{} // has something after a line; closed at the end
}

// launch starts a program, "reader" or "writer".
type launch func(t *testing.T, kind string, e env) *program

// asFunction runs the loop of a program in this process.
func asFunction(t *testing.T, kind string, e env) *program {
	t.Helper()
	store := open(t, e)
	out, in := io.Pipe()
	p := watch(t, kind, out)
	traffic := &orgs.Traffic{Store: store, Rate: readRate, Every: 20 * time.Millisecond, Out: in, Errors: p.errors}
	loop := traffic.Read
	if kind == "writer" {
		traffic.Rate, loop = 50, traffic.Write
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(loop(ctx), in.Close()) }()
	p.end = func() error {
		cancel()
		return <-ended
	}
	return p
}

// asProcess gives the launch of the programs themselves, which it builds.
func asProcess(t *testing.T) launch {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", dir, "./reader", "./writer").CombinedOutput(); err != nil {
		t.Fatalf("build the programs: %v\n%s", err, out)
	}
	return func(t *testing.T, kind string, e env) *program {
		t.Helper()
		cmd := exec.Command(filepath.Join(dir, kind))
		if kind == "reader" {
			cmd.Args = append(cmd.Args, "-rate", fmt.Sprint(readRate))
		}
		cmd.Env = []string{"HOME=" + os.TempDir()}
		for name, v := range e {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
		out, in := io.Pipe()
		p := watch(t, kind, out)
		cmd.Stdout, cmd.Stderr = in, p.errors
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() }) // where the test failed before it ended
		p.end = func() error {
			err := cmd.Process.Signal(syscall.SIGTERM)
			return errors.Join(err, cmd.Wait(), in.Close())
		}
		return p
	}
}

// watch reads the lines of a program.
func watch(t *testing.T, kind string, out io.Reader) *program {
	p := &program{t: t, kind: kind, errors: &bytes.Buffer{}, news: make(chan struct{}, 1)}
	form := map[string]string{"reader": "reader: reads=%d failed=%d", "writer": "writer: writes=%d failed=%d"}[kind]
	go func() {
		defer close(p.news)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			p.line = lines.Text()
			if _, err := fmt.Sscanf(p.line, form, &p.done, &p.failed); err != nil {
				p.failed = -1 // no line may have another form
			}
			p.mu.Unlock()
			select {
			case p.news <- struct{}{}:
			default:
			}
		}
	}()
	return p
}

// counts gives what the last line says.
func (p *program) counts() (done, failed int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done, p.failed
}

// more waits until the program has done n calls more.
func (p *program) more(n int) {
	p.t.Helper()
	for from, _ := p.counts(); ; {
		if done, _ := p.counts(); done >= from+n {
			return
		}
		if _, ok := <-p.news; !ok {
			p.t.Fatalf("the %s ended: %v: %s", p.kind, p.end(), p.errors)
		}
	}
}

// stop ends the program and gives its last counts.
func (p *program) stop() (done, failed int, err error) {
	p.t.Helper()
	err = p.end()
	for range p.news {
	}
	done, failed = p.counts()
	return done, failed, err
}

// stopWell ends a program that must not have failed.
func (p *program) stopWell() {
	p.t.Helper()
	done, failed, err := p.stop()
	if err != nil || failed != 0 || done == 0 {
		p.t.Errorf("%q, then %v, not an end with failed=0: %s", p.line, err, p.errors)
	}
}
