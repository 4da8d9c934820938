// Command canary looks for secret values where none may be. It runs the real
// pawl binary through rotations that go well, are killed, fail and are put
// back, with programs, files and people in them and with vendors whose errors
// repeat what they were sent, and keeps all that the processes leave and show:
// files, output, arguments and environment. Then it searches all of it for
// every value there was, in every form.
//
//	go run ./internal/canary -pawl bin/pawl
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

func main() {
	binary := flag.String("pawl", "bin/pawl", "the binary to watch")
	flag.Parse()
	if err := run(*binary); err != nil {
		fmt.Fprintln(os.Stderr, "canary:", err)
		os.Exit(1)
	}
}

// play plays all scenes side by side: they wait more than they work.
func (p *probe) play(ctx context.Context) error {
	scenes := []func(context.Context, *probe) error{vendors, programs, mistakes}
	for n := range changes {
		scenes = append(scenes, func(ctx context.Context, p *probe) error { return repeated(ctx, p, n) })
	}
	failed := make([]error, len(scenes))
	var group sync.WaitGroup
	for i, scene := range scenes {
		group.Go(func() { failed[i] = scene(ctx, p) })
	}
	group.Wait()
	return errors.Join(failed...)
}

func run(binary string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pawl-canary-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := &probe{binary: binary, dir: dir}
	if err := p.play(context.Background()); err != nil {
		return err
	}
	found := p.places.Find(p.values...)
	for _, f := range found {
		fmt.Fprintln(os.Stderr, "canary: a value is in", f)
	}
	places, bytes := p.places.Size()
	fmt.Fprintf(os.Stderr, "canary: %d values in %d bytes\n", len(p.values), bytes)
	fmt.Printf("canary: places=%d found=%d\n", places, len(found))
	if len(found) > 0 {
		return errors.New("values got out")
	}
	return nil
}
