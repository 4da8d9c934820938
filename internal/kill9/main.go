// Command kill9 runs the real pawl binary against simulated vendors, kills it
// with SIGKILL at random instants, resumes it until it has ended, and asks the
// vendors what is so.
//
//	go run ./internal/kill9 -pawl bin/pawl -runs 200
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/pawlhq/pawl/internal/rehearsal"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

func main() {
	binary := flag.String("pawl", "bin/pawl", "the binary to kill")
	runs := flag.Int("runs", 200, "how many rotations")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of the instants")
	workers := flag.Int("workers", 32, "how many rotations side by side")
	flag.Parse()
	if err := run(*binary, *runs, *seed, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "kill9:", err)
		os.Exit(1)
	}
}

func run(binary string, runs int, seed uint64, workers int) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	length, err := measure(binary)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "kill9: seed=%d, an undisturbed rotation takes %s\n", seed, length.Round(time.Millisecond))
	trials := make([]trial, runs)
	var group sync.WaitGroup
	slots := make(chan struct{}, workers)
	for i := range trials {
		trials[i] = trial{binary: binary, length: length, dice: rand.New(rand.NewPCG(seed, uint64(i)))}
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			trials[i].do()
		})
	}
	group.Wait()
	return report(trials)
}

func report(trials []trial) error {
	whole, orphans, kills := 0, 0, 0
	for i := range trials {
		t := &trials[i]
		kills += t.kills
		orphans += t.orphans
		if t.err == nil && len(t.broken) == 0 {
			whole++
			continue
		}
		fmt.Fprintf(os.Stderr, "kill9: run %d: %v %v\n", i, t.err, t.broken)
	}
	fmt.Fprintf(os.Stderr, "kill9: %d kills in all\n", kills)
	fmt.Printf("kill9: runs=%d whole=%d orphans=%d\n", len(trials), whole, orphans)
	if whole < len(trials) || orphans > 0 {
		return errors.New("not every run became whole")
	}
	return nil
}

// measure times a rotation that nobody kills.
func measure(binary string) (time.Duration, error) {
	t := trial{binary: binary, dice: rand.New(rand.NewPCG(1, 1))}
	began := time.Now()
	t.do()
	if t.err != nil || len(t.broken) > 0 {
		return 0, fmt.Errorf("an undisturbed rotation failed: %w %v", t.err, t.broken)
	}
	return time.Since(began), nil
}

// trial is one rotation and its kills.
type trial struct {
	binary  string
	length  time.Duration // of an undisturbed one; 0 is not to kill
	dice    *rand.Rand
	kills   int
	orphans int
	broken  []string
	err     error
}

// maxRounds bounds how often a rotation is killed and resumed.
const maxRounds = 12

func (t *trial) do() {
	dir, err := os.MkdirTemp("", "pawl-kill9-")
	if err != nil {
		t.err = err
		return
	}
	defer os.RemoveAll(dir)
	w, err := rehearsal.Start(dir, rehearsal.Options{})
	if err != nil {
		t.err = err
		return
	}
	defer w.Close()
	if t.err = w.Adopt(context.Background(), t.binary); t.err != nil {
		return
	}
	t.turn(w)
	t.broken = append(t.broken, w.Violations()...)
	t.orphans = w.Orphans()
	leaks, err := w.Leaks()
	if err != nil && t.err == nil {
		t.err = err
	}
	t.broken = append(t.broken, leaks...)
}

// turn rotates, killing and resuming, until the secret is turned.
func (t *trial) turn(w *rehearsal.World) {
	for round := range maxRounds {
		killed, err := t.process(w, round)
		switch {
		case killed:
			t.kills++
		case err != nil:
			t.err = err
			return
		case w.AtGitHub() != w.Token:
			return // this process came to its end, and the rotation with it
		}
	}
	t.err = errors.New("it never came to an end")
}

// process runs pawl once. A kill may fall before the rotation was opened, so
// each process resumes what is open or, when nothing is, rotates.
func (t *trial) process(w *rehearsal.World, round int) (killed bool, err error) {
	args := []string{"rotate", molecule.Secret}
	if round > 0 && t.open(w) {
		args = []string{"resume"}
	}
	var out bytes.Buffer
	c := w.Command(context.Background(), t.binary, args...)
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		return false, err
	}
	if t.length > 0 && (round == 0 || t.dice.IntN(3) == 0) {
		instant := time.Duration(t.dice.Int64N(int64(t.length)))
		timer := time.AfterFunc(instant, func() { _ = c.Process.Kill() }) // it may have ended already
		defer timer.Stop()
	}
	err = c.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == -1 {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("pawl %v: %w: %s", args, err, bytes.TrimSpace(out.Bytes()))
	}
	return false, nil
}

// open reports whether a rotation is open, by the command that says so.
func (t *trial) open(w *rehearsal.World) bool {
	out, err := w.Command(context.Background(), t.binary, "history").Output()
	return err == nil && bytes.Contains(out, []byte("open"))
}
