package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/internal/person"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/fly"
	"github.com/pawlhq/pawl/vendorsim/github"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// What pawl does where the same goes wrong.

// aWrite is every write of a secret of the control plane at Fly.
func aWrite(kind vendorsim.Kind) vendorsim.Rule {
	return vendorsim.Rule{Kind: kind, Host: fly.MachinesHost, Method: http.MethodPost, Path: "/v1/apps/" + saas.App + "/secrets/{secret}"}
}

// notKept is what pawl says of such a write.
const notKept = "it answered that the write went well, but"

// turnsBack rotates a secret where something goes wrong: pawl must fail with
// what it says, put back what it wrote, and end nothing.
func turnsBack(ctx context.Context, t *testing.T, w *world, name, says string, goesWrong *vendorsim.Faults, rules ...vendorsim.Rule) {
	t.Helper()
	before, fired := w.stands(name), goesWrong.Fired()
	goesWrong.Add(rules...)
	defer goesWrong.Clear()
	code, out := w.pawl.run(ctx, "", "rotate", name)
	if code != 1 || !strings.Contains(out, says) {
		t.Errorf("pawl gives %d and not 1 with %q: %s", code, says, out)
	}
	if goesWrong.Fired() == fired {
		t.Error("nothing went wrong")
	}
	w.standsAs(t, name, before)
}

// standing is what is stored, what machines run with, and whether it works.
type standing struct {
	stored, atGitHub, machines string
	alive                      bool
}

func (w *world) stands(name string) standing {
	s := standing{atGitHub: w.AtGitHub()}
	s.stored, _ = w.Fly.SecretValue(saas.App, name)
	for _, id := range w.Fly.Machines(saas.App) {
		v, _ := w.Fly.MachineEnv(saas.App, id, name)
		s.machines += v + "\n"
	}
	s.alive = w.Accepted(name, s.stored)
	return s
}

func (w *world) standsAs(t *testing.T, name string, before standing) {
	t.Helper()
	now := w.stands(name)
	for what, same := range map[string]bool{
		"what is stored at Fly": now.stored == before.stored, "what is stored at GitHub": now.atGitHub == before.atGitHub,
		"what the machines run with": now.machines == before.machines, "whether the old one is accepted": now.alive == before.alive,
	} {
		if !same {
			t.Errorf("%s has changed", what)
		}
	}
}

// rotates has a person rotate a secret to its end.
func rotates(ctx context.Context, t *testing.T, w *world, name string) {
	t.Helper()
	first, _ := w.Fly.SecretValue(saas.App, name)
	r, err := w.person.Rotate(ctx, name)
	if err != nil || r.Outcome != person.Done {
		t.Fatalf("the rotation is %q: %v", r.Outcome, err)
	}
	if now := w.stands(name); now.stored == first || w.Accepted(name, first) || !now.alive && name != saas.ResendFrom {
		t.Error("the new one is not in place, or the old one still works")
	}
}

// flyStoresNothing: Fly says that it has stored the token, and has not. Had pawl
// gone on, the token would be at GitHub alone, and the old one revoked.
func flyStoresNothing(ctx context.Context, t *testing.T, w *world) {
	turnsBack(ctx, t, w, saas.FlyToken, notKept, w.Fly.Faults(), aWrite(vendorsim.OKStoreNothing))
	if err := publishes(ctx, w); err != nil {
		t.Error(err)
	}
}

// gitHubRefuses: the token is at Fly when GitHub refuses it.
func gitHubRefuses(ctx context.Context, t *testing.T, w *world) {
	turnsBack(ctx, t, w, saas.FlyToken, "403", w.GitHub.Faults(), vendorsim.Rule{Kind: vendorsim.Status, Code: http.StatusForbidden, Body: `{"message":"Resource not accessible","status":"403"}`,
		Host: github.Host, Method: http.MethodPut, Path: "/repos/*/*/actions/secrets/{secret}"})
	for _, works := range []func(context.Context, *world) error{provisions, publishes} {
		if err := works(ctx, w); err != nil {
			t.Error(err)
		}
	}
	rotates(ctx, t, w, saas.FlyToken)
	if w.AtFly() != w.AtGitHub() || w.Loaded() != w.AtFly() {
		t.Error("the places have different tokens")
	}
	if err := provisions(ctx, w); err != nil {
		t.Error(err)
	}
}

func flyStoresNoMailKey(ctx context.Context, t *testing.T, w *world) {
	empty := aWrite(vendorsim.OKStoreEmpty)
	empty.Count = 5 // the tries of one write; the place takes the old one back
	turnsBack(ctx, t, w, saas.ResendKey, notKept, w.Fly.Faults(), empty)
}

// unverifiedWithPawl: the domain is asked about before anything is written, so
// nothing waits for the next boot either.
func unverifiedWithPawl(ctx context.Context, t *testing.T, w *world) {
	before := w.stands(saas.ResendFrom)
	for _, s := range []struct {
		in   string
		args []string
		code int
	}{
		{"", []string{"rotate", saas.ResendFrom}, 5},
		{"Molecule AI <hello@" + saas.OtherDomain + ">\n", []string{"provide", saas.ResendFrom}, 0},
		{"", []string{"resume", saas.ResendFrom}, 1},
	} {
		if code, out := w.pawl.run(ctx, s.in, s.args...); code != s.code {
			t.Fatalf("pawl %v gives %d and not %d: %s", s.args, code, s.code, out)
		}
	}
	w.standsAs(t, saas.ResendFrom, before)
	if err := w.Deploy(ctx); err != nil {
		t.Error(err)
	}
}

// shadowedWithPawl: before the old key ends pawl asks about the workspaces that
// may still have it, and waits for the answer, however long.
func shadowedWithPawl(ctx context.Context, t *testing.T, w *world) {
	if err := shadow(ctx, w); err != nil {
		t.Fatal(err)
	}
	old, asked := w.IDs[saas.AnthropicKey], false
	w.person.Before = func(why string) error {
		if !strings.Contains(why, withOwn) {
			return nil
		}
		asked = true
		if err := w.Wait(ctx, w.Clock.Now().Add(72*time.Hour)); err != nil {
			return err
		}
		if code, out := w.pawl.run(ctx, "", "resume", saas.AnthropicKey); code != 5 {
			return fmt.Errorf("without an answer it gives %d: %s", code, out)
		}
		if status := w.Anthropic.Status(old); status != "active" {
			return errors.New("the old key is " + status + " although nobody has answered")
		}
		return errors.Join(asks(ctx, w), unshadow(ctx, w))
	}
	defer func() { w.person.Before = nil }()
	r, err := w.person.Rotate(ctx, saas.AnthropicKey)
	if err != nil || r.Outcome != person.Done {
		t.Fatalf("the rotation is %q: %v", r.Outcome, err)
	}
	if status := w.Anthropic.Status(old); !asked || status != "archived" {
		t.Errorf("asked: %t; the old key is %s", asked, status)
	}
}

// webhookWithPawl: the new secret is loaded while the old one signs too, and the
// old one is watched to its end.
func webhookWithPawl(ctx context.Context, t *testing.T, w *world) {
	began := w.Clock.Now()
	rotates(ctx, t, w, saas.WebhookSecret)
	if took := w.Clock.Now().Sub(began); took < overlap {
		t.Errorf("it ended after %s, when the old one still signed", took)
	}
	loaded := time.Time{}
	for _, e := range w.Fly.Log() {
		if e.Method == http.MethodPost && e.Operation == "POST /v1/apps/{app}/machines/{machine}" && e.At.After(began) {
			loaded = e.At
			break
		}
	}
	if loaded.IsZero() || loaded.Sub(began) > time.Hour {
		t.Errorf("the first machine is updated at %v, the secret was rolled at %v", loaded, began)
	}
}

// deadMailKeyWithPawl: the new key is deleted before anything has loaded it.
// What /health cannot see, a mail shows.
func deadMailKeyWithPawl(ctx context.Context, t *testing.T, w *world) {
	before, known := w.stands(saas.ResendKey), len(w.Resend.Keys())
	if code, out := w.pawl.run(ctx, "", "rotate", saas.ResendKey, "--no-wait"); code != 3 {
		t.Fatalf("it does not wait for a deployment: %d %s", code, out)
	}
	for _, made := range w.Resend.Keys()[known:] {
		w.Resend.DeleteKey(made.ID)
	}
	if w.Accepted(saas.ResendKey, w.stands(saas.ResendKey).stored) {
		t.Fatal("the key that is stored is not dead")
	}
	deployments := w.deployments()
	if code, out := w.pawl.run(ctx, "", "resume", saas.ResendKey); code != 1 {
		t.Errorf("pawl does not notice that the key is dead: %d %s", code, out)
	}
	if n := w.deployments() - deployments; n != 1 {
		t.Errorf("%d deployments have come: one loads the dead key, and the old one must wait for none", n)
	}
	w.standsAs(t, saas.ResendKey, before)
	if err := mails(ctx, w); err != nil {
		t.Error(err)
	}
	rotates(ctx, t, w, saas.ResendKey)
}

// deployments counts those that have come: one a day.
func (w *world) deployments() int { return int(w.Clock.Now().Sub(begins) / (24 * time.Hour)) }
