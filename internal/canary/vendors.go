package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/internal/rehearsal"
	"github.com/pawlhq/pawl/vendorsim/molecule"
)

// vendors turns the seed's secret at the stand-ins of Fly and GitHub: whole,
// and killed twice.
func vendors(ctx context.Context, p *probe) error {
	s, w, err := p.molecule(ctx, "vendors", nil)
	if err != nil {
		return err
	}
	defer w.Close()
	steps := []command{
		{args: []string{"validate"}},
		{args: []string{"doctor"}},
		{args: []string{"plan", molecule.Secret}},
		{args: []string{"rotate", molecule.Secret}},
		{args: []string{"rotate", molecule.Secret, "--json"}},
	}
	if err := s.all(ctx, slices.Concat(steps, killed(w), readers(molecule.Secret))); err != nil {
		return err
	}
	s.know(w.Values()...)
	return s.knowKey()
}

// molecule makes a site in the seed's world, with the token in place adopted.
func (p *probe) molecule(ctx context.Context, name string, e *echo) (*site, *rehearsal.World, error) {
	s, err := p.site(name, ".credential", ".pawl/key")
	if err != nil {
		return nil, nil, err
	}
	o := rehearsal.Options{}
	if e != nil {
		o.Front = e.front
	}
	w, err := rehearsal.Start(s.home, o)
	if err != nil {
		return nil, nil, err
	}
	err = s.run(ctx, command{args: []string{"provide", molecule.Secret, "--current"}, stdin: w.Token + "\n"})
	if err != nil {
		return nil, nil, errors.Join(err, w.Close())
	}
	return s, w, nil
}

// killed rotates once more, killed after the mint and between the writes:
// what a killed process leaves is what it had on disk at that instant.
func killed(w *rehearsal.World) []command {
	live := -1
	minted := func() bool {
		if live < 0 {
			live = len(w.LiveDeployTokens())
		}
		return len(w.LiveDeployTokens()) > live
	}
	between := func() bool { return w.AtFly() != w.AtGitHub() }
	return []command{
		{args: []string{"rotate", molecule.Secret}, kill: minted},
		{args: []string{"status"}},
		{args: []string{"resume", "--json"}, kill: between},
		{args: []string{"status", "--json"}},
		{args: []string{"resume"}},
	}
}

// changes is how many of a rotation's changes are answered with an error that
// repeats the request, each in a world of its own, and codes are the errors.
const changes = 8

func codes() []int { return []int{422, 500, 403} }

// repeated answers one change of a rotation with each of the errors, goes on,
// and turns back what is held.
func repeated(ctx context.Context, p *probe, change int) error {
	e := &echo{}
	e.skip.Store(-1)
	s, w, err := p.molecule(ctx, fmt.Sprintf("errors-%d", change+1), e)
	if err != nil {
		return err
	}
	defer w.Close()
	for _, code := range codes() {
		e.arm(change, code)
		before := e.hits.Load()
		for _, args := range [][]string{{"rotate", molecule.Secret}, {"resume"}, {"undo", molecule.Secret}} {
			if err := s.run(ctx, command{args: args, may: true}); err != nil {
				return err
			}
		}
		if e.hits.Load() == before {
			return fmt.Errorf("change %d of a rotation was not answered with an error: there are not that many", change+1)
		}
	}
	if err := s.all(ctx, readers(molecule.Secret)); err != nil {
		return err
	}
	s.know(w.Values()...)
	return s.knowKey()
}

// readers are the commands that show what is on record.
func readers(secret string) []command {
	return []command{
		{args: []string{"status"}},
		{args: []string{"status", "--json"}},
		{args: []string{"history"}},
		{args: []string{"history", secret, "--json"}, may: true},
		{args: []string{"evidence", "export"}},
		{args: []string{"evidence", "verify"}},
		{args: []string{"plan", secret, "--json"}},
		{args: []string{"doctor", "--json"}},
		{args: []string{"map", "--json"}},
		{args: []string{"runbook"}},
	}
}

func (s *site) all(ctx context.Context, commands []command) error {
	for _, c := range commands {
		if err := s.run(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// knowKey adds the key under which the store seals.
func (s *site) knowKey() error {
	b, err := os.ReadFile(filepath.Join(s.home, ".pawl", "key"))
	if err != nil {
		return err
	}
	lines := strings.Fields(string(b))
	s.know(lines[len(lines)-1])
	return nil
}
