package saas

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/examples/saas/platform"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
)

// boot starts the program of a machine.
func (s *Live) boot(l fly.Launch) (http.Handler, io.Closer, error) {
	getenv := func(name string) string { return l.Env[name] }
	log := slog.New(slog.NewTextHandler(line(l.Log), &slog.HandlerOptions{ReplaceAttr: timeless}))
	if strings.HasPrefix(l.App, TenantPrefix) {
		return s.bootTenant(l.App, getenv, log)
	}
	c, err := controlplane.ConfigFromEnv(getenv)
	if err != nil {
		return nil, nil, err
	}
	c.Store = &database{Memory: &s.rows, login: func() error { return s.databaseLogin(c.DatabaseURL) }}
	p, err := controlplane.New(context.Background(), c, controlplane.Deps{Now: s.cfg.Now, HTTP: s.client, Log: log, Rand: s.cfg.Rand, Sleep: s.sleep})
	return p, p, err
}

func (s *Live) bootTenant(app string, getenv func(string) string, log *slog.Logger) (http.Handler, io.Closer, error) {
	c, err := platform.ConfigFromEnv(getenv)
	if err != nil {
		return nil, nil, err
	}
	c.Store = s.volume(app)
	p, err := platform.New(context.Background(), c, platform.Deps{Now: s.cfg.Now, HTTP: s.client, Log: log, Login: s.login})
	return p, p, err
}

// sleep lets a program wait.
func (s *Live) sleep(ctx context.Context, d time.Duration) error {
	if s.cfg.Sleep != nil {
		return s.cfg.Sleep(ctx, d)
	}
	s.Neon.Finish()
	return ctx.Err()
}

// databaseLogin logs in with a DATABASE_URL.
func (s *Live) databaseLogin(raw string) error {
	if s.cfg.Database != nil {
		return s.cfg.Database(raw)
	}
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return errors.New("DATABASE_URL is no URL")
	}
	password, _ := u.User.Password()
	if _, ok := s.Neon.Login(DatabaseProject, DatabaseBranch, u.User.Username(), password); !ok {
		return errors.New("password authentication failed")
	}
	return nil
}

// redisLogin logs in with a TENANT_REDIS_URL.
func (s *Live) redisLogin(raw string) error {
	if s.cfg.Redis == nil {
		return nil
	}
	return s.cfg.Redis(raw)
}

// login logs in as a tenant's platform does. Tenants' own databases have no
// server here, and take every login.
func (s *Live) login(_ context.Context, raw string) error {
	if strings.HasPrefix(raw, "redis") {
		return s.redisLogin(raw)
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
func (s *Live) volume(app string) *volume {
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
	*controlplane.Memory
	login func() error
}

func (d *database) Ping(context.Context) error { return d.login() }

func (d *database) List(ctx context.Context) ([]controlplane.Org, error) {
	if err := d.login(); err != nil {
		return nil, err
	}
	return d.Memory.List(ctx)
}

func (d *database) Find(ctx context.Context, name string) (controlplane.Org, error) {
	if err := d.login(); err != nil {
		return controlplane.Org{}, err
	}
	return d.Memory.Find(ctx, name)
}

func (d *database) Insert(ctx context.Context, o controlplane.Org) error {
	if err := d.login(); err != nil {
		return err
	}
	return d.Memory.Insert(ctx, o)
}

func (d *database) Change(ctx context.Context, id string, c controlplane.Change) error {
	if err := d.login(); err != nil {
		return err
	}
	return d.Memory.Change(ctx, id, c)
}

func (d *database) Remove(ctx context.Context, id string) (bool, error) {
	if err := d.login(); err != nil {
		return false, err
	}
	return d.Memory.Remove(ctx, id)
}

func (d *database) Take(ctx context.Context, e controlplane.Event) (bool, error) {
	if err := d.login(); err != nil {
		return false, err
	}
	return d.Memory.Take(ctx, e)
}
