package saas

import (
	"context"
	"fmt"
	"slices"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/examples/saas/platform"
)

// RedisWorks reports whether every tenant's machine can.
func (s *SaaS) RedisWorks() bool {
	return !slices.ContainsFunc(s.orgs(), func(o controlplane.Org) bool {
		return !s.everywhere(o.App, func(env func(string) string) bool { return s.Accepted(RedisURL, env(TenantRedis)) })
	})
}

// WorkspaceState is what is so about a workspace. Key is what it booted with,
// to be compared and never printed.
type WorkspaceState struct {
	Org, ID string
	Paused  bool
	Own     bool // has a value of its own
	Key     string
}

// Workspaces lists those of all tenants. Their keys are read from the volumes:
// to have them call the model would be a use of the key.
func (s *SaaS) Workspaces() []WorkspaceState {
	ctx := context.Background()
	var list []WorkspaceState
	for _, o := range s.orgs() {
		if o.App == "" {
			continue // it is being made
		}
		v := s.volume(o.App)
		all, _ := v.Workspaces(ctx)
		secrets, _ := v.Secrets(ctx)
		for _, w := range all {
			key, err := platform.OpenBooted(ctx, v.Rings(), w)
			if err != nil {
				panic("saas: a volume does not open with its own key: " + err.Error())
			}
			own := slices.ContainsFunc(secrets, func(v platform.Secret) bool { return v.Workspace == w.ID && v.Key == AnthropicKey })
			list = append(list, WorkspaceState{Org: o.Slug, ID: w.ID, Paused: w.Paused, Own: own, Key: key})
		}
	}
	return list
}

// GlobalKey gives what a tenant's platform holds as AnthropicKey, to be compared
// and never printed.
func (s *SaaS) GlobalKey(slug string) string {
	ctx := context.Background()
	v := s.volume(TenantPrefix + slug)
	secrets, _ := v.Secrets(ctx)
	for _, have := range secrets {
		if have.Workspace == "" && have.Key == AnthropicKey {
			key, err := platform.OpenSecret(ctx, v.Rings(), have)
			if err != nil {
				panic("saas: a volume does not open with its own key: " + err.Error())
			}
			return key
		}
	}
	return ""
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
	works(s.Fly.Healthy(App), "a machine of the control plane is not well")
	works(s.Fly.TokenAccepted(s.AtGitHub()), "the workflow's Fly token is refused")
	works(s.RedisWorks(), "a tenant cannot reach Redis")
	works(s.Unreadable() == 0, "a reader cannot decrypt a row")
	for _, c := range []struct{ name, what string }{
		{FlyToken, "a machine's Fly token is refused"}, {DatabaseURL, "a machine cannot reach the database"}, {NeonKey, "a machine's Neon key is refused"},
		{ResendKey, "a machine's Resend key is refused"}, {ResendFrom, "a machine mails from an address that is not verified"},
		{StripeKey, "a machine's Stripe key is refused"}, {WebhookSecret, "a machine refuses every event of Stripe's"},
	} {
		works(s.everywhere(App, func(env func(string) string) bool { return s.Accepted(c.name, env(c.name)) }), c.what)
	}
	for _, w := range s.Workspaces() {
		works(w.Paused || s.Anthropic.Accepted(w.Key), "the key of workspace "+w.ID+" is refused")
	}
	return list
}

// Wrong lists what is not as it must be once a rotation is done: what the
// vendors tell, and what the rows and the platforms have.
func (s *SaaS) Wrong(name string) []string {
	list := s.Vendors.Wrong(name)
	switch old := s.First[name]; name {
	case EncryptionKey:
		if n := s.OldRows(old); n > 0 {
			list = append(list, fmt.Sprintf("P2: %d rows are left under the old key", n))
		}
	case AnthropicKey:
		for _, slug := range s.Tenants() {
			if has := s.GlobalKey(slug); has == old || !s.Accepted(name, has) {
				list = append(list, "P2: the platform of "+slug+" has not the new key")
			}
		}
	}
	return list
}
