package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/internal/cli"
	"github.com/pawlhq/pawl/internal/person"
)

// pawl is the command line in this world.
type pawl struct {
	world   *world
	verbose bool
	said    bytes.Buffer // everything that it printed
}

// run runs a command and gives its exit status and what it printed.
func (p *pawl) run(in string, args ...string) (int, string) {
	var out, errs bytes.Buffer
	outs, told := io.Writer(&out), io.Writer(&errs)
	if p.verbose {
		fmt.Printf("$ pawl %s\n", strings.Join(args, " "))
		outs, told = io.MultiWriter(&out, os.Stdout), io.MultiWriter(&errs, os.Stdout)
	}
	a := &cli.App{Streams: &cli.Streams{In: strings.NewReader(in), Out: outs, Err: told}, Registry: all.Drivers(),
		Transport: p.world, Dial: p.world.dial(), Now: p.world.now, Sleep: p.world.sleep}
	code := cli.Run(append(args, "--file", p.world.file), a)
	text := errs.String() + out.String()
	p.said.WriteString(text)
	if out.Len() > 0 && strings.Contains(strings.Join(args, " "), "--json") {
		return code, out.String()
	}
	return code, text
}

// reprovision gives every tenant a new database, by the control plane's API.
// Guests are about to leave.
func (w *world) reprovision() error {
	for _, slug := range w.Tenants() {
		if strings.HasPrefix(slug, guestPrefix) {
			continue
		}
		if _, err := w.Plane(context.Background(), http.MethodPost, "/cp/orgs/"+slug+"/reprovision", nil); err != nil {
			return err
		}
		w.Neon.Finish() // the person waits until the branch is there
	}
	return nil
}

// person is somebody in this world.
func (p *pawl) person() *person.Person {
	return &person.Person{Vendors: p.world.Vendors, Run: p.run, Now: p.world.now, Wait: p.world.sleep, Reprovision: p.world.reprovision}
}

// rotate rotates a secret, and answers what is asked until the rotation has
// ended.
func (p *pawl) rotate(ctx context.Context, name string, flags ...string) (result, error) {
	r, err := p.person().Rotate(ctx, name, flags...)
	return result{Result: r}, err
}
