package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/internal/system/servers"
	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// breakage is a way in which a rotation breaks the system and nobody sees it.
type breakage struct {
	name string

	// careless rotates by hand, as the text of a runbook lets one.
	careless func(ctx context.Context, w *world) error
	// obvious is the check that the runbook names. It passes.
	obvious func(ctx context.Context, w *world) error
	// later is what then happens by itself; nil is nothing.
	later func(ctx context.Context, w *world) error
	// request is what a user or a job asks of the system. It works before, and
	// fails after a careless rotation.
	request func(ctx context.Context, w *world) error
	// harm is in the words of that failure.
	harm string
	// mend puts it right by hand.
	mend func(ctx context.Context, w *world) error

	// pawl rotates with pawl where the same goes wrong.
	pawl func(ctx context.Context, t *testing.T, w *world)
}

// breakages are the ways that examples/runbook's original warns of.
func breakages() []breakage {
	return []breakage{
		{"only the copy of FLY_API_TOKEN at GitHub", onlyGitHub, publishes, nil, provisions, "provisioning failed", copyToFly, flyStoresNothing},
		{"only the copy of FLY_API_TOKEN at Fly", onlyFly, healthy, nil, publishes, "not published", copyToGitHub, gitHubRefuses},
		{"an empty RESEND_API_KEY", emptyMailKey, healthy, nil, mails, "is not told", newMailKey, flyStoresNoMailKey},
		{"a RESEND_FROM_EMAIL that is not verified", unverified, healthy, rebooted, lists, "deadline exceeded", verified, unverifiedWithPawl},
		{"a workspace's own ANTHROPIC_API_KEY", shadowed, restarts, nil, asks, "401", unshadow, shadowedWithPawl},
		{"a STRIPE_WEBHOOK_SECRET that nobody deploys", stagedSecret, accepts, overlapEnds, accepts, "signature", deployed, webhookWithPawl},
		{"a dead RESEND_API_KEY", deadMailKey, healthy, nil, mails, "is not told", newMailKey, deadMailKeyWithPawl},
	}
}

// TestSilentBreakage has each of them happen by hand in one system, and not
// happen with pawl in another, whose users ask for things all the while. The
// requests are real, with programs that boot, so it takes half a minute.
func TestSilentBreakage(t *testing.T) {
	servertest.Needed(t)
	t.Run("by hand", func(t *testing.T) {
		t.Parallel()
		w := openByHand(t)
		for _, b := range breakages() {
			t.Run(b.name, func(t *testing.T) { b.byHand(t, w) })
		}
	})
	t.Run("with pawl", func(t *testing.T) {
		t.Parallel()
		w := openWithPawl(t)
		for _, b := range breakages() {
			t.Run(b.name, func(t *testing.T) { b.withPawl(t, w) })
		}
	})
}

func (b breakage) byHand(t *testing.T, w *world) {
	must := func(what string, do func(context.Context, *world) error) {
		t.Helper()
		if err := do(t.Context(), w); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("the request fails before anything is rotated", b.request)
	must("the careless rotation", b.careless)
	must("the obvious check fails, so this breakage is not silent", b.obvious)
	if b.later != nil {
		must("what happens later", b.later)
	}
	if err := b.request(t.Context(), w); err == nil || !strings.Contains(err.Error(), b.harm) {
		t.Errorf("the careless rotation does another harm than %q, or none: %v", b.harm, err)
	}
	must("mend it", b.mend)
	must("it does not get well", well)
	must("the request fails although it is mended", b.request)
}

func (b breakage) withPawl(t *testing.T, w *world) {
	load := w.start(t.Context())
	defer load.Stop()
	b.pawl(t.Context(), t, w)
	if err := b.request(t.Context(), w); err != nil {
		t.Errorf("the request fails: %v", err)
	}
	if requests, failed := load.Stop(); failed > 0 || requests == 0 {
		t.Errorf("%d of %d requests of users failed", failed, requests)
	}
}

// openByHand starts a system with one tenant and no pawl.
func openByHand(t *testing.T) *world {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{}
	if w.System, err = system.Start(t.Context(), system.Config{Self: self, At: begins, Servers: servers.Config{}.For}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	acme, err := w.Provision(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	w.tenants = append(w.tenants, acme)
	return w
}

func openWithPawl(t *testing.T) *world {
	t.Helper()
	w, err := open(t.Context(), options{rate: 2}, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}
