package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/pawlhq/pawl/internal/system"
)

// keptFailures is how many failures are told in words.
const keptFailures = 20

// every is the time between two requests of a kind.
func (o options) every() time.Duration { return time.Duration(float64(time.Second) / o.rate) }

// start begins the load: all that users do, or some of it.
func (w *world) start(ctx context.Context, kinds ...system.Kind) *system.Load {
	if len(kinds) == 0 {
		kinds = w.kinds()
	}
	left := keptFailures
	return w.Load(ctx, w.opts.every(), func(kind string, why error) {
		if left--; left >= 0 {
			fmt.Printf("    FAILED %s: %v\n", kind, why)
		}
	}, kinds...)
}

// kinds are all that users do: each tenant's calls and each workspace's are
// kinds of their own.
func (w *world) kinds() []system.Kind {
	kinds := []system.Kind{{Name: "checkout", Do: w.Checkout}, {Name: "webhook", Do: w.DeliverEvent}, {Name: "orgs", Do: w.orgs}}
	for _, t := range w.tenants {
		kinds = append(kinds, system.Kind{Name: "tenant", Do: func(ctx context.Context) error { return w.visit(ctx, t) }},
			system.Kind{Name: "org", Do: func(ctx context.Context) error { return w.ReadOrg(ctx, t) }})
		for _, id := range t.Workspaces {
			if id != pausedWorkspace {
				kinds = append(kinds, system.Kind{Name: "model", Do: func(ctx context.Context) error { return w.Ask(ctx, t, id) }})
			}
		}
	}
	return kinds
}

const pausedWorkspace = "ws-cove-3"

func (w *world) orgs(ctx context.Context) error {
	b, err := w.Plane(ctx, http.MethodGet, "/cp/orgs", nil)
	if err == nil && bytes.Count(b, []byte(`"ready"`)) < len(w.tenants) {
		err = fmt.Errorf("not all are ready: %s", b)
	}
	return err
}

func (w *world) visit(ctx context.Context, t system.Tenant) error {
	_, err := w.Call(ctx, http.MethodPost, t.URL+"/visits", t.Admin, nil)
	return err
}
