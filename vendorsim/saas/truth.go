package saas

import (
	"context"
	"errors"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/vendorsim/stripe"
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
func (s *Vendors) Stored(name string) string {
	v, _ := s.Fly.SecretValue(App, name)
	return v
}

// Running gives what the machines of an app run with; "" where they differ.
func (s *Vendors) Running(app, name string) string {
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
		for _, id := range s.Fly.Machines(App) {
			n += s.unreadable(o, (&process{s, id}).keys())
		}
		n += s.unreadable(o, strings.Split(s.Running(TenantPrefix+o.slug, DecryptKeys), ","))
	}
	return n
}

// OldRows counts the columns that a key opens.
func (s *SaaS) OldRows(key string) int {
	n := 0
	for _, o := range s.all() {
		n += columns - s.unreadable(o, []string{key})
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
func (s *Vendors) everywhere(app string, ask func(env func(string) string) bool) bool {
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

// Names lists the runbook's secrets in its order.
func Names() []string {
	return []string{FlyToken, NeonKey, DatabaseURL, RedisURL, EncryptionKey, ResendKey, ResendFrom, StripeKey, WebhookSecret, ActionsToken, AnthropicKey}
}

// Failing lists the consumers that do not work now. It asks what is so, not
// what anybody says.
func (s *SaaS) Failing() []string {
	var list []string
	works := func(ok bool, what string) {
		if !ok {
			list = append(list, what)
		}
	}
	works(s.Fly.Healthy(App), "the control plane's Fly token is refused")
	works(s.Fly.TokenAccepted(s.AtGitHub()), "the workflow's Fly token is refused")
	works(s.DatabaseWorks(), "a machine cannot reach the database")
	works(s.RedisWorks(), "a tenant cannot reach Redis")
	works(s.Unreadable() == 0, "a reader cannot decrypt a row")
	works(s.accepts(NeonKey, s.Neon.KeyAccepted), "a machine's Neon key is refused")
	works(s.accepts(ResendKey, s.Resend.KeyAccepted), "a machine's Resend key is refused")
	works(s.accepts(ResendFrom, s.mayBeFrom), "a machine mails from an address that is not verified")
	works(s.accepts(StripeKey, s.Stripe.KeyAccepted), "a machine's Stripe key is refused")
	works(s.accepts(WebhookSecret, s.Signs), "a machine refuses every event of Stripe's")
	for _, w := range s.Workspaces() {
		works(w.Paused || s.Anthropic.Accepted(w.Key), "the key of workspace "+w.ID+" is refused")
	}
	return list
}

// accepts asks about what each machine of the control plane runs with.
func (s *Vendors) accepts(name string, accepted func(string) bool) bool {
	return s.everywhere(App, func(env func(string) string) bool { return accepted(env(name)) })
}

// mayBeFrom reports whether mail may come from an address.
func (s *Vendors) mayBeFrom(from string) bool {
	a, err := mail.ParseAddress(from)
	if err != nil {
		return false
	}
	_, domain, _ := strings.Cut(a.Address, "@")
	return s.Resend.DomainStatus(domain) == "verified"
}

// Signs reports whether Stripe signs with a secret now.
func (s *Vendors) Signs(secret string) bool {
	for _, e := range s.Stripe.Endpoints() {
		if !e.Disabled && slices.Contains(e.Secrets, secret) {
			return true
		}
	}
	return false
}

// TakesEvents has Stripe send an event, and reports whether it and all before
// it were taken.
func (s *Vendors) TakesEvents() bool {
	s.Stripe.Emit("customer.subscription.updated", map[string]any{"id": "sub_runbook"})
	s.Stripe.Deliver()
	return !slices.ContainsFunc(s.Stripe.Deliveries(), func(d stripe.Delivery) bool { return !d.Over })
}

// OpensWith lists the apps whose machines open rows with a key.
func (s *SaaS) OpensWith(key string) []string {
	apps := []string{App}
	for _, slug := range s.Tenants() {
		apps = append(apps, TenantPrefix+slug)
	}
	return slices.DeleteFunc(apps, func(app string) bool { return !strings.Contains(s.Running(app, DecryptKeys), key) })
}
