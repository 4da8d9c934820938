package saas

import (
	"context"
	"errors"
	"net/url"
	"strings"
)

// databaseLogin logs in with a DATABASE_URL.
func (s *SaaS) databaseLogin(raw string) error {
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
func (s *SaaS) redisLogin(raw string) error {
	if s.cfg.Redis == nil {
		return nil
	}
	return s.cfg.Redis(raw)
}

// Stored gives what the control plane's secret holds at Fly.
func (s *SaaS) Stored(name string) string {
	v, _ := s.Fly.SecretValue(App, name)
	return v
}

// Running gives what the machines of an app run with; "" where they differ.
func (s *SaaS) Running(app, name string) string {
	var all string
	for i, id := range s.Fly.Machines(app) {
		v, _ := s.Fly.MachineEnv(app, id, name)
		if i > 0 && v != all {
			return ""
		}
		all = v
	}
	return all
}

// Tenants lists the slugs of the tenants.
func (s *SaaS) Tenants() []string {
	var list []string
	for _, o := range s.all() {
		list = append(list, o.slug)
	}
	return list
}

// Unreadable counts the columns that a machine of the control plane, or the
// tenant's own container, cannot decrypt with the keys that it runs with.
func (s *SaaS) Unreadable() int {
	n := 0
	for _, o := range s.all() {
		var rings [][]string
		for _, id := range s.Fly.Machines(App) {
			rings = append(rings, (&process{s, id}).keys())
		}
		rings = append(rings, strings.Split(s.Running(TenantPrefix+o.slug, DecryptKeys), ","))
		for _, keys := range rings {
			for _, column := range [][]byte{o.databaseURL, o.redisURL} {
				if _, err := openWith(keys, column); err != nil {
					n++
				}
			}
		}
	}
	return n
}

// OldRows counts the columns that a key opens.
func (s *SaaS) OldRows(key string) int {
	n := 0
	for _, o := range s.all() {
		for _, column := range [][]byte{o.databaseURL, o.redisURL} {
			if _, err := openWith([]string{key}, column); err == nil {
				n++
			}
		}
	}
	return n
}

// DatabaseWorks reports whether every machine of the control plane can log in
// with the URL that it runs with.
func (s *SaaS) DatabaseWorks() bool {
	return s.everywhere(App, func(env func(string) string) bool { return s.databaseLogin(env(DatabaseURL)) == nil })
}

// RedisWorks reports whether every tenant's container can.
func (s *SaaS) RedisWorks() bool {
	for _, slug := range s.Tenants() {
		if !s.everywhere(TenantPrefix+slug, func(env func(string) string) bool { return s.redisLogin(env(TenantRedis)) == nil }) {
			return false
		}
	}
	return true
}

// everywhere asks each machine of an app.
func (s *SaaS) everywhere(app string, ask func(env func(string) string) bool) bool {
	for _, id := range s.Fly.Machines(app) {
		if !ask(func(name string) string { v, _ := s.Fly.MachineEnv(app, id, name); return v }) {
			return false
		}
	}
	return true
}

// WorkspaceState is what is so about a workspace. Key is what it booted with,
// to be compared and never printed.
type WorkspaceState struct {
	Org, ID string
	Paused  bool
	Own     bool // has a value of its own
	Key     string
}

// Workspaces lists all of them.
func (s *SaaS) Workspaces() []WorkspaceState {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []WorkspaceState
	for _, o := range s.orgs {
		for _, w := range o.platform.workspaces {
			_, own := w.overrides[AnthropicKey]
			list = append(list, WorkspaceState{Org: o.slug, ID: w.id, Paused: w.paused, Own: own, Key: w.booted})
		}
	}
	return list
}

// GlobalKey gives what a tenant's platform holds as AnthropicKey, to be compared
// and never printed.
func (s *SaaS) GlobalKey(slug string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orgs {
		if o.slug == slug {
			return o.platform.global[AnthropicKey].value
		}
	}
	return ""
}

// Override gives a workspace a key of its own and restarts it, as its owner
// does.
func (s *SaaS) Override(slug, workspace, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.orgs {
		for _, w := range o.platform.workspaces {
			if o.slug == slug && w.id == workspace {
				w.overrides[AnthropicKey] = key
				s.start(context.Background(), o, w)
				return
			}
		}
	}
	panic("saas: no such workspace: " + slug + " " + workspace)
}

// Took reports whether the control plane has taken a Stripe event.
func (s *SaaS) Took(event string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[event]
}
