package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/neon"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/saas"
	"github.com/pawlhq/pawl/vendorsim/stripe"
)

// wrong lists what is not as it must be once a rotation has ended: what the
// vendors say, and not pawl.
func (w *world) wrong(name string, r person.Result) []string {
	var list []string
	must := func(ok bool, what string) {
		if !ok {
			list = append(list, what)
		}
	}
	if name == saas.ActionsToken {
		must(r.Outcome == person.Refused, "it was rotated although it never may")
		return list
	}
	must(r.Outcome == person.Done, "the rotation is not done")
	if name == saas.AnthropicKey {
		must(w.Anthropic.Status(w.IDs[name]) == "archived", "P3: the old key is "+w.Anthropic.Status(w.IDs[name]))
		return list
	}
	now, _ := w.Fly.SecretValue(saas.App, name)
	must(now != w.First[name] && now != "", "P2: the control plane's copy was not changed")
	for _, id := range w.Fly.Machines(saas.App) {
		v, _ := w.Fly.MachineEnv(saas.App, id, name)
		must(v == now, "P2: the machine "+id+" runs with something else than what is stored")
	}
	must(!w.alive(name, w.First[name]), "P3: the old one is accepted")
	return list
}

// alive asks the issuer about a first version.
func (w *world) alive(name, value string) bool {
	switch name {
	case saas.FlyToken:
		return w.Fly.TokenAccepted(value)
	case saas.NeonKey:
		return w.Neon.KeyAccepted(value)
	case saas.DatabaseURL:
		return w.DatabaseLogin(value) == nil
	case saas.RedisURL:
		return w.RedisLogin(value) == nil
	case saas.ResendKey:
		return w.Resend.KeyAccepted(value)
	case saas.StripeKey:
		return w.Stripe.KeyAccepted(value)
	case saas.WebhookSecret:
		return slices.ContainsFunc(w.Stripe.Endpoints(), func(e stripe.EndpointState) bool { return slices.Contains(e.Secrets, value) })
	default:
		return false
	}
}

// orphans counts the credentials at vendors that nobody has any more: what a
// kill left behind.
func (w *world) orphans() (int, error) {
	roles, err := w.Roles()
	return max(0, len(w.LiveDeployTokens())-1) +
		max(0, count(w.Neon.Keys(), func(k neon.KeyState) bool { return k.RevokedAt.IsZero() })-1) +
		max(0, count(w.Resend.Keys(), func(k resend.KeyState) bool { return k.DeletedAt.IsZero() })-2) + // pawl's own is one
		max(0, count(w.Fly.Tokens(), func(t fly.TokenState) bool { return t.Profile == fly.Deploy && t.RevokedAt.IsZero() })) +
		max(0, roles-1), err
}

func count[T any](list []T, ok func(T) bool) int {
	n := 0
	for _, v := range list {
		if ok(v) {
			n++
		}
	}
	return n
}

// leaks searches what pawl printed and kept, and what the programs logged, for
// every value that was ever made.
func (w *world) leaks() ([]string, error) {
	texts := map[string]string{"pawl's output": w.pawl.said.String()}
	for _, app := range append([]string{saas.App}, w.apps()...) {
		texts["the log of "+app] = strings.Join(w.Fly.LogLines(app), "\n")
	}
	err := filepath.WalkDir(filepath.Join(w.Dir, ".pawl"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		texts[filepath.Base(path)] = string(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	var list []string
	for where, text := range texts {
		for i, value := range w.values() {
			if strings.Contains(text, value) {
				list = append(list, fmt.Sprintf("value %d is in %s", i, where))
			}
		}
	}
	return list, nil
}

func (w *world) apps() []string {
	var list []string
	for _, t := range w.tenants {
		list = append(list, t.App())
	}
	return list
}

// values lists every value that was ever made.
func (w *world) values() []string {
	list := append(w.Values(), w.Secrets()...)
	for _, name := range saas.Names() {
		now, _ := w.Fly.SecretValue(saas.App, name)
		list = append(list, w.First[name], now)
	}
	return slices.DeleteFunc(list, func(v string) bool { return v == "" || strings.Contains(v, "@"+saas.MailDomain) })
}
