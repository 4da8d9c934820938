package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/examples"
	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/internal/system/command"
	"github.com/pawlhq/pawl/internal/system/servers"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/postgres"
	"github.com/pawlhq/pawl/vendorsim/redis"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

const (
	planeClients = 4
	planeWindow  = 3 * time.Second // before a rotation, and after it
	planeRounds  = 3
)

// plane measures how many requests the control plane of examples/saas answers
// before, during and after a rotation that replaces its two machines one by one.
// Clients read an org, each as soon as it has the last answer, through the
// stand-in of Fly's proxy. Not one may fail. Clients, vendors, the proxy, both
// machines, PostgreSQL and pawl share this machine's processors, and so bound
// each other: the part of them that pawl has is shown too.
func plane(ctx context.Context, _ *bench) error {
	p, err := newPlaneSite(ctx)
	if errors.Is(err, postgres.ErrMissing) || errors.Is(err, redis.ErrMissing) {
		fmt.Println("bench: the control plane's requests are left out:", err)
		return nil
	}
	if err != nil {
		return err
	}
	err = p.measure(ctx)
	return errors.Join(err, p.system.Close())
}

// planeSite is a system with one tenant, and somebody who rotates with pawl.
type planeSite struct {
	system *system.System
	person *person.Person
	org    string // its path

	self, file string
	env        []string
	busy       time.Duration // processor time of pawl
}

func newPlaneSite(ctx context.Context) (p *planeSite, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	s, err := system.Start(ctx, system.Config{Self: self, At: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC), Servers: servers.Config{}.For})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	t, err := s.Provision(ctx, "acme")
	if err != nil {
		return nil, err
	}
	p = &planeSite{system: s, org: "/cp/orgs/" + t.ID, self: self, file: filepath.Join(s.Dir, "pawl.yaml"),
		env: append(s.Environment(), "PAWL_ACTOR=bench", "HOME="+s.Dir)}
	if err := os.WriteFile(p.file, examples.Runbook, 0o600); err != nil {
		return nil, err
	}
	p.person = &person.Person{Vendors: s.Vendors, Now: s.Clock.Now, Wait: s.Wait,
		Run: func(in string, args ...string) (int, string) { return p.pawl(ctx, in, args...) }}
	return p, p.person.Adopt()
}

// pawl runs a command, as a process.
func (p *planeSite) pawl(ctx context.Context, in string, args ...string) (code int, text string) {
	var out, errs bytes.Buffer
	c := exec.CommandContext(ctx, p.self, append(append([]string{command.Role}, args...), "--file", p.file)...)
	c.Env, c.Stdin, c.Stdout, c.Stderr = p.env, strings.NewReader(in), &out, &errs
	err := c.Run()
	if c.ProcessState == nil {
		return -1, err.Error()
	}
	p.busy += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if err == nil && out.Len() > 0 {
		return 0, out.String()
	}
	return c.ProcessState.ExitCode(), errs.String() + out.String()
}

// measure rotates two secrets of the control plane in turns.
func (p *planeSite) measure(ctx context.Context) error {
	names := []string{saas.FlyToken, saas.WebhookSecret}
	var before []float64
	during, after, busy := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	c := p.clients(ctx)
	defer c.Stop()
	for range planeRounds {
		for _, name := range names {
			rates, share, err := p.around(ctx, c, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			before = append(before, rates[0])
			during[name], after[name] = append(during[name], rates[1]/rates[0]), append(after[name], rates[2]/rates[0])
			busy[name] = append(busy[name], share)
		}
	}
	one, err := p.oneMachine(ctx, c)
	if err != nil {
		return err
	}
	show(fmt.Sprintf("control_plane_%d_clients", planeClients), median(before), "requests/s")
	show("control_plane_one_machine", one, "ratio")
	for _, name := range names {
		show("control_plane_during_"+name, median(during[name]), "ratio")
		show("control_plane_after_"+name, median(after[name]), "ratio")
		show("control_plane_pawl_share_"+name, median(busy[name]), "ratio")
	}
	c.Stop()
	return c.First()
}

// around gives the requests a second before, during and after a rotation, and
// which part of the processors pawl had during it.
func (p *planeSite) around(ctx context.Context, c *system.Load, name string) (rates [3]float64, share float64, err error) {
	window := func() error { return system.Sleep(ctx, planeWindow) }
	rotate := func() error {
		busy, began := p.busy, time.Now()
		r, err := p.person.Rotate(ctx, name)
		if err == nil && r.Outcome != person.Done {
			err = fmt.Errorf("it is %s: %s", r.Outcome, r.Why)
		}
		share = float64(p.busy-busy) / float64(time.Since(began)) / float64(runtime.NumCPU())
		return err
	}
	for i, do := range []func() error{window, rotate, window} {
		if rates[i], err = rate(c, do); err != nil {
			return rates, share, err
		}
	}
	return rates, share, nil
}

// oneMachine gives the requests a second of one of both machines, as a ratio to
// those of both: what a rollout costs at least while it replaces the other.
func (p *planeSite) oneMachine(ctx context.Context, c *system.Load) (float64, error) {
	machine := "https://" + fly.MachinesHost + "/v1/apps/" + saas.App + "/machines/" + p.system.Fly.Machines(saas.App)[0]
	var ratios []float64
	for range planeRounds {
		both, err := rate(c, func() error { return system.Sleep(ctx, planeWindow) })
		if err != nil {
			return 0, err
		}
		if _, err := p.system.Call(ctx, http.MethodPost, machine+"/stop", p.system.FlyAdmin, nil); err != nil {
			return 0, err
		}
		one, err := rate(c, func() error { return system.Sleep(ctx, planeWindow) })
		if err != nil {
			return 0, err
		}
		ratios = append(ratios, one/both)
		if _, err := p.system.Call(ctx, http.MethodPost, machine+"/start", p.system.FlyAdmin, nil); err != nil {
			return 0, err
		}
		for p.system.Fly.Busy() {
			if err := system.Sleep(ctx, 20*time.Millisecond); err != nil {
				return 0, err
			}
		}
	}
	return median(ratios), nil
}

// clients are some that ask again as soon as they have an answer.
func (p *planeSite) clients(ctx context.Context) *system.Load {
	read := system.Kind{Name: "org", Do: func(ctx context.Context) error {
		_, err := p.system.Plane(ctx, http.MethodGet, p.org, nil)
		return err
	}}
	return p.system.Load(ctx, 0, nil, slices.Repeat([]system.Kind{read}, planeClients)...)
}

// rate gives the answers a second while something is done.
func rate(c *system.Load, do func() error) (float64, error) {
	before, _ := c.SoFar()
	began := time.Now()
	err := do()
	after, _ := c.SoFar()
	return float64(after-before) / time.Since(began).Seconds(), err
}
