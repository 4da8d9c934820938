package saas

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/examples/saas/controlplane"
	"github.com/pawlhq/pawl/examples/saas/platform"
	"github.com/pawlhq/pawl/examples/saas/tenant"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// orgs are the tenants, as the table has them.
func (s *Live) orgs() []controlplane.Org {
	all, _ := s.rows.List(context.Background()) // which never fails
	return all
}

// Tenants lists the slugs of the tenants.
func (s *Live) Tenants() []string {
	var list []string
	for _, o := range s.orgs() {
		list = append(list, o.Slug)
	}
	return list
}

// opens reports whether keys open a tenant's row.
func opens(o controlplane.Org, keys []string) bool {
	box, err := tenant.NewBox(keys...)
	if err != nil {
		return false
	}
	_, err = box.Open(context.Background(), o.ID, o.Sealed)
	return err == nil
}

// Unreadable counts the rows that a machine of the control plane, or of the
// tenant's own app, cannot decrypt with the keys that it runs with.
func (s *Live) Unreadable() int {
	n := 0
	for _, o := range s.orgs() {
		for _, app := range []string{App, o.App} {
			readable := app == "" || s.everywhere(app, func(env func(string) string) bool {
				return opens(o, append([]string{env(EncryptionKey)}, strings.Split(env(DecryptKeys), ",")...))
			})
			if !readable {
				n++
			}
		}
	}
	return n
}

// OldRows counts the rows that a key opens.
func (s *Live) OldRows(key string) int {
	return len(slices.DeleteFunc(s.orgs(), func(o controlplane.Org) bool { return !opens(o, []string{key}) }))
}

// Rewrite writes every row anew under a key, as somebody who works on the table
// does, and tells how many are left that are not under it. old are the keys that
// rows may be under.
func (s *Live) Rewrite(key string, old ...string) (left int, err error) {
	ctx := context.Background()
	box, err := tenant.NewBox(append([]string{key}, old...)...)
	if err != nil {
		return 0, err
	}
	for _, o := range s.orgs() {
		secrets, err := box.Open(ctx, o.ID, o.Sealed)
		if err != nil {
			left++
			continue
		}
		sealed, err := box.Seal(ctx, o.ID, secrets)
		if err == nil {
			err = s.rows.Change(ctx, o.ID, controlplane.Change{Sealed: sealed})
		}
		if err != nil {
			return 0, err
		}
	}
	return left, nil
}

// age writes the rows as an older release did.
func (s *Live) age() error {
	ctx := context.Background()
	key, err := hex.DecodeString(s.First[EncryptionKey])
	if err != nil {
		return err
	}
	box, err := tenant.NewBox(s.First[EncryptionKey])
	if err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	seal := func(text string) []byte {
		nonce := make([]byte, gcm.NonceSize())
		_, err = io.ReadFull(s.cfg.Rand, nonce)
		return gcm.Seal(nonce, nonce, []byte(text), nil)
	}
	for _, o := range s.orgs() {
		p, err := box.Open(ctx, o.ID, o.Sealed)
		if err == nil {
			err = s.rows.Change(ctx, o.ID, controlplane.Change{Sealed: tenant.Sealed{DatabaseURL: seal(p.DatabaseURL), RedisURL: seal(p.RedisURL), AdminToken: seal(p.AdminToken)}})
		}
		if err != nil {
			return err
		}
	}
	return err
}

// DatabaseWorks reports whether every machine of the control plane can log in
// with the URL that it runs with.
func (s *Live) DatabaseWorks() bool {
	return s.everywhere(App, func(env func(string) string) bool { return s.databaseLogin(env(DatabaseURL)) == nil })
}

// RedisWorks reports whether every tenant's machine can.
func (s *Live) RedisWorks() bool {
	return !slices.ContainsFunc(s.orgs(), func(o controlplane.Org) bool {
		return !s.everywhere(o.App, func(env func(string) string) bool { return s.redisLogin(env(TenantRedis)) == nil })
	})
}

// Workspaces lists those of all tenants. Their keys are read from the volumes:
// to have them call the model would be a use of the key.
func (s *Live) Workspaces() []WorkspaceState {
	ctx := context.Background()
	var list []WorkspaceState
	for _, o := range s.orgs() {
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
func (s *Live) GlobalKey(slug string) string {
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
func (s *Live) Failing() []string {
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

// OpensWith lists the apps whose machines open rows with a key.
func (s *Live) OpensWith(key string) []string {
	apps := []string{App}
	for _, o := range s.orgs() {
		apps = append(apps, o.App)
	}
	return slices.DeleteFunc(apps, func(app string) bool { return !strings.Contains(s.Running(app, DecryptKeys), key) })
}

// Took reports whether the control plane has answered a Stripe event with 200.
func (s *Live) Took(event string) bool {
	return slices.ContainsFunc(s.Stripe.Deliveries(), func(d stripe.Delivery) bool {
		return d.Event == event && len(d.Attempts) > 0 && d.Attempts[len(d.Attempts)-1].Status == http.StatusOK
	})
}
