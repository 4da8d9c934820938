package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pawlhq/pawl/internal/system"
	"github.com/pawlhq/pawl/vendorsim/github"
	"github.com/pawlhq/pawl/vendorsim/molecule"
	"github.com/pawlhq/pawl/vendorsim/resend"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// patience is how long somebody waits for an answer: longer than a program takes
// to boot beside other tests.
const patience = 30 * time.Second

// healthy is `curl https://molecule-cp.fly.dev/health`.
func healthy(ctx context.Context, w *world) error {
	b, err := w.Call(ctx, http.MethodGet, "https://"+saas.Host+"/health", "", nil)
	if err == nil && !bytes.Contains(b, []byte(`"status":"ok"`)) {
		err = fmt.Errorf("it answers %s", b)
	}
	return err
}

// well waits until every program is.
func well(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if !until(ctx, func() bool { return !w.Fly.Busy() }) {
		return errors.New("a program still boots")
	}
	return nil
}

// impatience is how long somebody waits for the list of tenants.
const impatience = 5 * time.Second

// lists is a look at the tenants.
func lists(ctx context.Context, w *world) error {
	ctx, cancel := context.WithTimeout(ctx, impatience)
	defer cancel()
	return w.orgs(ctx)
}

// publishes is a push to the repository: its workflow publishes the image.
func publishes(ctx context.Context, w *world) error {
	id := w.GitHub.StartRun(molecule.Repo, molecule.Workflow, "push")
	if err := w.Wait(ctx, w.Clock.Now().Add(time.Minute)); err != nil {
		return err
	}
	runs := w.GitHub.Runs()
	i := slices.IndexFunc(runs, func(r github.RunState) bool { return r.ID == id })
	if i < 0 || runs[i].Conclusion != "success" {
		return errors.New("the image is not published")
	}
	return nil
}

// provisions is a new tenant, who leaves again.
func provisions(ctx context.Context, w *world) error {
	_, err := w.comesAndLeaves(ctx)
	return err
}

// mails is a tenant who leaves and is told by mail that the data is erased.
func mails(ctx context.Context, w *world) error {
	owner, err := w.comesAndLeaves(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(w.Resend.Emails(), func(e resend.EmailState) bool { return slices.Contains(e.To, owner) }) {
		return errors.New("the owner is not told that the data is erased")
	}
	return nil
}

// comesAndLeaves provisions a tenant and erases it, and gives its owner.
func (w *world) comesAndLeaves(ctx context.Context) (owner string, err error) {
	w.Traffic.RLock()
	defer w.Traffic.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	slug := "guest-" + strings.ToLower(rand.Text()[:8])
	owner = "owner@" + slug + ".example"
	b, err := w.Plane(ctx, http.MethodPost, "/cp/orgs", map[string]string{"slug": slug, "name": slug, "owner": owner})
	var org struct{ ID string }
	if err == nil {
		err = json.Unmarshal(b, &org)
	}
	if err == nil {
		err = w.isReady(ctx, org.ID)
	}
	if err == nil {
		_, err = w.Plane(ctx, http.MethodDelete, "/cp/orgs/"+org.ID, nil)
	}
	return owner, err
}

// isReady waits until a tenant can be used.
func (w *world) isReady(ctx context.Context, id string) error {
	var err error
	ready := until(ctx, func() bool {
		err = w.ReadOrg(ctx, system.Tenant{ID: id})
		return err == nil
	})
	if ready {
		return nil
	}
	return err
}

// until asks again and again, in real time, until it is so or the time is over.
func until(ctx context.Context, so func() bool) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// accepts is an event of Stripe's.
func accepts(ctx context.Context, w *world) error {
	w.Traffic.RLock()
	defer w.Traffic.RUnlock()
	return w.DeliverEvent(ctx)
}

// The workspaces of the first tenant that matter: one is looked at after a
// rotation, another has a key of its own.
const (
	lookedAt = "ws-acme-1"
	withOwn  = "ws-acme-2"
)

// restarts restarts one workspace, which must start without a 401.
func restarts(ctx context.Context, w *world) error {
	b, err := w.Plane(ctx, http.MethodPost, "/cp/orgs/acme/workspaces/"+lookedAt+"/restart", nil)
	if err == nil && !bytes.Contains(b, []byte(`"running"`)) {
		err = fmt.Errorf("the workspace does not run: %s", b)
	}
	return err
}

// asks is a question to the workspace that may have a key of its own.
func asks(ctx context.Context, w *world) error {
	t := w.tenants[0]
	_, err := w.Call(ctx, http.MethodPost, t.URL+"/workspaces/"+withOwn+"/ask", t.Admin, map[string]string{"prompt": "hello"})
	return err
}
