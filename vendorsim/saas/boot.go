package saas

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/examples/saas/platform"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
)

// boot starts the program of a machine.
func (s *SaaS) boot(l fly.Launch) (http.Handler, io.Closer, error) {
	getenv := func(name string) string { return l.Env[name] }
	log := slog.New(slog.NewTextHandler(line(l.Log), &slog.HandlerOptions{ReplaceAttr: timeless}))
	if strings.HasPrefix(l.App, TenantPrefix) {
		return s.bootTenant(l.App, getenv, log)
	}
	c, err := controlplane.ConfigFromEnv(getenv)
	if err != nil {
		return nil, nil, err
	}
	d := controlplane.Deps{Now: s.cfg.Now, HTTP: s.client, Log: log, Rand: s.cfg.Rand, Sleep: s.sleep}
	if s.cfg.Table != nil {
		d.Dial = s.cfg.Table.Dial
	} else {
		c.Store = &database{Store: s.rows, login: func() error { return s.database.Login(c.DatabaseURL) }}
	}
	p, err := controlplane.New(context.Background(), c, d)
	return p, p, err
}

func (s *SaaS) bootTenant(app string, getenv func(string) string, log *slog.Logger) (http.Handler, io.Closer, error) {
	c, err := platform.ConfigFromEnv(getenv)
	if err != nil {
		return nil, nil, err
	}
	c.Store = s.volume(app)
	p, err := platform.New(context.Background(), c, platform.Deps{Now: s.cfg.Now, HTTP: s.client, Log: log, Login: s.login})
	return p, p, err
}

// sleep lets a program wait.
func (s *SaaS) sleep(ctx context.Context, d time.Duration) error {
	if s.cfg.Sleep != nil {
		return s.cfg.Sleep(ctx, d)
	}
	s.Neon.Finish()
	return ctx.Err()
}

// login logs in as a tenant's platform does. Tenants' own databases have no
// server here, and take every login.
func (s *SaaS) login(_ context.Context, raw string) error {
	if strings.HasPrefix(raw, "redis") {
		return s.redis.Login(raw)
	}
	return nil
}

// line takes what a program logs into its app's log.
type line func(string)

func (l line) Write(b []byte) (int, error) {
	l(strings.TrimSuffix(string(b), "\n"))
	return len(b), nil
}

// timeless leaves the time to Fly, which has the clock.
func timeless(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 {
		return slog.Attr{}
	}
	return a
}

// volume gives what the platform of an app keeps.
func (s *SaaS) volume(app string) *volume {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.volumes[app]
	if v == nil {
		v = &volume{Memory: platform.NewMemory(), faults: &s.faults}
		s.volumes[app] = v
	}
	return v
}

// volume is a platform's Store, which may lie about what it keeps.
type volume struct {
	*platform.Memory
	faults *vendorsim.Faults
}

// PutSecret keeps a secret, or something else.
func (v *volume) PutSecret(ctx context.Context, in platform.Secret) error {
	sent, err := platform.OpenSecret(ctx, v.Rings(), in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, "https://volume/settings/secrets", http.NoBody)
	if err != nil {
		return err
	}
	kept, stores := v.faults.Stored(r, "PUT /settings/secrets", sent)
	if !stores {
		return nil
	}
	if in.Value, err = platform.SealSecret(ctx, v.Rings(), in.Workspace, in.Key, kept); err != nil {
		return err
	}
	return v.Memory.PutSecret(ctx, in)
}

// database is the control plane's, to a machine: it answers nobody whose login
// is dead.
type database struct {
	controlplane.Store
	login func() error
}

func (d *database) Ping(context.Context) error { return d.login() }

func (d *database) List(ctx context.Context) ([]controlplane.Org, error) {
	if err := d.login(); err != nil {
		return nil, err
	}
	return d.Store.List(ctx)
}

func (d *database) Find(ctx context.Context, name string) (controlplane.Org, error) {
	if err := d.login(); err != nil {
		return controlplane.Org{}, err
	}
	return d.Store.Find(ctx, name)
}

func (d *database) Insert(ctx context.Context, o controlplane.Org) error {
	if err := d.login(); err != nil {
		return err
	}
	return d.Store.Insert(ctx, o)
}

func (d *database) Change(ctx context.Context, id string, c controlplane.Change) error {
	if err := d.login(); err != nil {
		return err
	}
	return d.Store.Change(ctx, id, c)
}

func (d *database) Remove(ctx context.Context, id string) (bool, error) {
	if err := d.login(); err != nil {
		return false, err
	}
	return d.Store.Remove(ctx, id)
}

func (d *database) Take(ctx context.Context, e controlplane.Event) (bool, error) {
	if err := d.login(); err != nil {
		return false, err
	}
	return d.Store.Take(ctx, e)
}
