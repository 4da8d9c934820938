package controlplane

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// provision makes a tenant. The row comes first, and each thing is in it, or
// can be found by the tenant's id, before it is made: whatever fails, and if
// this process dies, all that there is can be taken away again.
func (s *Server) provision(ctx context.Context, slug, name, owner string) (Org, error) {
	id, err := newID(s.deps.Rand)
	if err != nil {
		return Org{}, err
	}
	o := Org{ID: id, Slug: slug, Name: name, Owner: owner, Plan: "free", Status: making, CreatedAt: s.deps.Now().UTC().Truncate(time.Microsecond)}
	secrets := tenant.Secrets{RedisURL: s.cfg.TenantRedisURL}
	if secrets.AdminToken, err = newToken(s.deps.Rand, id); err != nil {
		return Org{}, err
	}
	if o.Sealed, err = s.box.Seal(ctx, id, secrets); err != nil {
		return Org{}, err
	}
	if err := s.store.Insert(ctx, o); err != nil {
		return Org{}, err
	}
	p := &parts{}
	if err := s.build(ctx, &o, secrets, p); err != nil {
		s.takeAway(ctx, o, *p)
		if errors.Is(err, ErrNotFound) {
			err = refuse(http.StatusConflict, "the org was erased while it was made")
		}
		return Org{}, fmt.Errorf("provisioning failed: %w", err)
	}
	return o, nil
}

// parts says what a tenant may have at the vendors. A call that got no answer
// may have made something.
type parts struct{ customer, app, branch bool }

// everything is what a tenant may have of which nothing is known but its row.
func everything() parts { return parts{true, true, true} }

// tried tells of a part that is to be made whether it may be there after err.
func tried(part *bool, err error) error {
	var v *vendorError
	*part = err == nil || !errors.As(err, &v) || !v.refused()
	return err
}

// takeAway undoes a provisioning. What cannot be undone now stays on record:
// DELETE does it.
func (s *Server) takeAway(ctx context.Context, o Org, p parts) {
	ctx, cancel := through(ctx)
	defer cancel()
	err := s.store.Change(ctx, o.ID, Change{Status: failed})
	if err == nil || errors.Is(err, ErrNotFound) { // somebody has erased it meanwhile, and did not see all
		_, err = s.raze(ctx, o, p)
	}
	if err != nil {
		s.log.Error("an org that could not be made is not taken away yet, DELETE it: "+err.Error(), "org", o.Slug)
	}
}

// build makes what a tenant has at the vendors, and notes it in o and p. An
// ErrNotFound is that somebody erases the tenant meanwhile.
func (s *Server) build(ctx context.Context, o *Org, secrets tenant.Secrets, p *parts) (err error) {
	note := func(c Change) error {
		c.If = making
		return s.store.Change(ctx, o.ID, c)
	}
	o.Customer, err = s.bills.create(ctx, *o)
	if tried(&p.customer, err) != nil {
		return err
	}
	if err := note(Change{Customer: o.Customer}); err != nil {
		return err
	}
	version, err := s.buildApp(ctx, o, secrets, p, note)
	if err != nil {
		return err
	}
	made, err := s.newBranch(ctx, *o, branchName(*o), secrets)
	if tried(&p.branch, err) != nil {
		return err
	}
	o.Branch = made.Branch
	if err := note(made); err != nil {
		return err
	}
	if err := s.fly.launch(ctx, o.App, s.machine(*o), version); err != nil {
		return err
	}
	return note(Change{Status: provisioning})
}

// buildApp makes a tenant's app with its secrets and gives their version. The
// app is on record before it is made, and only if its name was free: an app of
// somebody else's must never be taken away.
func (s *Server) buildApp(ctx context.Context, o *Org, secrets tenant.Secrets, p *parts, note func(Change) error) (int, error) {
	app := s.cfg.TenantPrefix + o.Slug
	taken, err := s.fly.taken(ctx, app)
	if err != nil {
		return 0, err
	}
	if taken {
		return 0, refuse(http.StatusConflict, "fly has an app with the name of this slug")
	}
	if err := note(Change{App: app}); err != nil {
		return 0, err
	}
	o.App = app
	if err := tried(&p.app, s.fly.create(ctx, app)); err != nil {
		return 0, err
	}
	return s.fly.store(ctx, app, s.tenantSecrets(secrets.AdminToken))
}

// branchName has the tenant's id in it, by which its branches are found.
func branchName(o Org) string { return "tenant-" + o.Slug + "-" + o.ID }

// newBranch makes a branch, and gives what it changes of the row.
func (s *Server) newBranch(ctx context.Context, o Org, name string, secrets tenant.Secrets) (Change, error) {
	c := Change{}
	err := s.patiently(ctx, func() (err error) {
		c.Branch, secrets.DatabaseURL, err = s.neon.create(ctx, name)
		return err
	})
	if err != nil {
		return c, err
	}
	if s.cfg.NoDatabases {
		secrets.DatabaseURL = ""
	}
	sealed, err := s.box.Seal(ctx, o.ID, secrets)
	c.DatabaseURL = sealed.DatabaseURL
	return c, err
}

// patiently tries again while Neon works on the project: it refuses changes
// until the last one is done, which takes seconds.
func (s *Server) patiently(ctx context.Context, do func() error) error {
	const tries, pause = 10, 2 * time.Second
	err := do()
	for n := 1; n < tries && answered(err, http.StatusLocked); n++ {
		if s.deps.Sleep(ctx, pause) != nil {
			return err
		}
		err = do()
	}
	return err
}

// tenantSecrets are what a tenant's machine gets as secrets.
func (s *Server) tenantSecrets(admin string) map[string]string {
	return map[string]string{"REDIS_URL": s.cfg.TenantRedisURL, tenant.EnvAccepts: s.cfg.opensWith(), "ADMIN_TOKEN": admin}
}

// machine configures a tenant's machine.
func (s *Server) machine(o Org) map[string]any {
	const port = 8080
	env := map[string]string{"ORG_ID": o.ID, "CONTROL_PLANE_URL": s.cfg.PublicURL, "PORT": fmt.Sprint(port)}
	if s.cfg.AnthropicBase != "" {
		env["ANTHROPIC_API_BASE"] = s.cfg.AnthropicBase
	}
	return map[string]any{
		"image": s.cfg.TenantImage, "env": env,
		"guest":    map[string]any{"cpu_kind": "shared", "cpus": 1, "memory_mb": 256},
		"restart":  map[string]any{"policy": "on-failure", "max_retries": 10},
		"metadata": map[string]string{"fly_process_group": "app"},
		"services": []any{map[string]any{
			"protocol": "tcp", "internal_port": port, "autostop": "off", "autostart": true,
			"ports":  []any{map[string]any{"port": 80, "handlers": []string{"http"}, "force_https": true}, map[string]any{"port": 443, "handlers": []string{"tls", "http"}}},
			"checks": []any{map[string]any{"type": "http", "method": "GET", "path": "/health", "interval": "10s", "timeout": "5s", "grace_period": "10s"}},
		}},
	}
}

// reprovisionOrg gives a tenant a fresh branch, fresh secrets and machines that
// run with them. What its row held needs not be read: this is the way back
// where no key opens it any more. The data in the old branch is gone.
func (s *Server) reprovisionOrg(r *http.Request, o Org) (int, any, error) {
	ctx, cancel := through(r.Context())
	defer cancel()
	if o.Status != ready && o.Status != provisioning {
		return 0, nil, refuse(http.StatusConflict, "the org is "+o.Status+": DELETE it and make it again")
	}
	if err := s.reprovision(ctx, o); err != nil {
		return 0, nil, fmt.Errorf("provisioning failed: %w", err)
	}
	s.log.Info("an org is provisioned anew", "org", o.Slug)
	return http.StatusOK, viewOf(o, provisioning), nil
}

func (s *Server) reprovision(ctx context.Context, o Org) error {
	suffix := make([]byte, 4)
	if _, err := io.ReadFull(s.deps.Rand, suffix); err != nil {
		return err
	}
	secrets := tenant.Secrets{RedisURL: s.cfg.TenantRedisURL}
	var err error
	if secrets.AdminToken, err = newToken(s.deps.Rand, o.ID); err != nil {
		return err
	}
	c, version, err := s.renew(ctx, o, branchName(o)+"-"+hex.EncodeToString(suffix), secrets)
	if err != nil {
		undo, cancel := through(ctx)
		defer cancel()
		return errors.Join(err, s.removeBranches(undo, o, o.Branch))
	}
	if err := s.rebootAll(ctx, o, version); err != nil {
		return err
	}
	return s.removeBranches(ctx, o, c.Branch)
}

// renew makes a tenant's new branch and secrets, and writes them down.
func (s *Server) renew(ctx context.Context, o Org, name string, secrets tenant.Secrets) (Change, int, error) {
	c, err := s.newBranch(ctx, o, name, secrets)
	if err != nil {
		return c, 0, err
	}
	version, err := s.fly.store(ctx, o.App, s.tenantSecrets(secrets.AdminToken))
	if err != nil {
		return c, 0, err
	}
	sealed, err := s.box.Seal(ctx, o.ID, secrets)
	if err != nil {
		return c, 0, err
	}
	c.Status, c.RedisURL, c.AdminToken = provisioning, sealed.RedisURL, sealed.AdminToken
	return c, version, s.store.Change(ctx, o.ID, c)
}

// rebootAll lets a tenant's machines boot with secrets of a version; where
// there is none, one is made.
func (s *Server) rebootAll(ctx context.Context, o Org, version int) error {
	list, err := s.fly.machines(ctx, o.App)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return s.fly.launch(ctx, o.App, s.machine(o), version)
	}
	for _, m := range list {
		if err := s.fly.reboot(ctx, o.App, m, version); err != nil {
			return err
		}
	}
	return nil
}
