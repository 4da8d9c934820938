package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/github"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// What a hand does at the vendors. Each leaves out what its author did not
// think of.

// set is `flyctl secrets set`: the value is stored and loaded.
func (w *world) set(ctx context.Context, name, value string) error {
	w.Fly.SetSecret(saas.App, name, value) // alone it is --stage
	return w.Deploy(ctx)
}

// atOnce has all machines load a value at once: where none is well, no rolling
// deployment goes on.
func (w *world) atOnce(ctx context.Context, name, value string) error {
	w.Fly.SetSecret(saas.App, name, value)
	return rebooted(ctx, w)
}

// newFlyToken makes a token; the old one still works.
func (w *world) newFlyToken() string {
	_, value := w.Fly.AddOrgToken(molecule.Org, "molecule-cp-rotation", 0)
	return value
}

// revokeFly revokes every token at Fly but one.
func (w *world) revokeFly(but string) {
	for _, id := range w.LiveDeployTokens() {
		if v, _ := w.Fly.TokenValue(id); v != but {
			w.Fly.RevokeToken(id)
		}
	}
}

func onlyGitHub(_ context.Context, w *world) error {
	token := w.newFlyToken()
	w.GitHub.SetSecret(github.Repo(molecule.Repo), saas.FlyToken, token)
	w.revokeFly(token)
	return nil
}

func copyToFly(ctx context.Context, w *world) error {
	return w.atOnce(ctx, saas.FlyToken, w.AtGitHub())
}

func onlyFly(ctx context.Context, w *world) error {
	token := w.newFlyToken()
	if err := w.set(ctx, saas.FlyToken, token); err != nil {
		return err
	}
	w.revokeFly(token)
	return nil
}

func copyToGitHub(_ context.Context, w *world) error {
	w.GitHub.SetSecret(github.Repo(molecule.Repo), saas.FlyToken, w.AtFly())
	return nil
}

// emptyMailKey is `flyctl secrets set RESEND_API_KEY="$KEY"` in a shell that has
// no KEY.
func emptyMailKey(ctx context.Context, w *world) error { return w.set(ctx, saas.ResendKey, "") }

// deadMailKey deletes the new key in the dashboard, and not the old one.
func deadMailKey(ctx context.Context, w *world) error {
	id, value := w.Resend.AddKey("molecule-cp production", resend.SendingAccess, "")
	w.Resend.DeleteKey(id)
	return w.set(ctx, saas.ResendKey, value)
}

func newMailKey(ctx context.Context, w *world) error {
	_, value := w.Resend.AddKey("molecule-cp production", resend.SendingAccess, "")
	return w.set(ctx, saas.ResendKey, value)
}

// unverified is staged: nothing loads it yet.
func unverified(_ context.Context, w *world) error {
	w.Fly.SetSecret(saas.App, saas.ResendFrom, "Molecule AI <hello@"+saas.OtherDomain+">")
	return nil
}

// rebooted is a night in which the hosts of all machines are restarted.
func rebooted(_ context.Context, w *world) error {
	w.Fly.Reboot(saas.App)
	return nil
}

func verified(ctx context.Context, w *world) error {
	return w.atOnce(ctx, saas.ResendFrom, w.First[saas.ResendFrom])
}

// shadow gives a workspace the tenant's key as its own: it was set there once
// to try something.
func shadow(ctx context.Context, w *world) error {
	t := w.tenants[0]
	_, err := w.Call(ctx, http.MethodPut, t.URL+"/workspaces/"+withOwn+"/secrets", t.Admin, map[string]string{"key": saas.AnthropicKey, "value": w.First[saas.AnthropicKey]})
	return err
}

// unshadow takes it away again, and restarts the workspace.
func unshadow(ctx context.Context, w *world) error {
	t := w.tenants[0]
	_, err := w.Call(ctx, http.MethodDelete, t.URL+"/workspaces/"+withOwn+"/secrets?key="+saas.AnthropicKey, t.Admin, nil)
	_, again := w.Call(ctx, http.MethodPost, t.URL+"/workspaces/"+withOwn+"/restart", t.Admin, nil)
	return errors.Join(err, again)
}

func shadowed(ctx context.Context, w *world) error {
	if err := shadow(ctx, w); err != nil {
		return err
	}
	_, value := w.Anthropic.CreateKey(anthropic.Key{Name: "molecule-prod-rotation"})
	_, err := w.Plane(ctx, http.MethodPut, "/cp/orgs/acme/secrets", map[string]string{"key": saas.AnthropicKey, "value": value})
	w.Anthropic.SetStatus(w.IDs[saas.AnthropicKey], "archived")
	return err
}

// overlap is the longest that Stripe lets an old signing secret sign beside the
// new one.
const overlap = 24 * time.Hour

func stagedSecret(_ context.Context, w *world) error {
	w.Fly.SetSecret(saas.App, saas.WebhookSecret, w.Stripe.RollSecret(saas.Endpoint, overlap))
	return nil
}

// overlapEnds is a day on which nobody deploys.
func overlapEnds(_ context.Context, w *world) error {
	return w.Clock.Skip(w.Clock.Now().Add(overlap + time.Minute))
}

func deployed(ctx context.Context, w *world) error { return w.Deploy(ctx) }
