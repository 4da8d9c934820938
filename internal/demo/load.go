package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/pawlhq/pawl/internal/system"
)

// every is the time between two requests of a kind.
const every = 20 * time.Millisecond

// users is the load of the demo's users.
type users struct{ *system.Load }

// use begins it for a tenant.
func use(ctx context.Context, s *system.System, t system.Tenant) *users {
	return &users{s.Load(ctx, every, nil,
		system.Kind{Name: "webhook", Do: s.DeliverEvent},
		system.Kind{Name: "checkout", Do: s.Checkout},
		system.Kind{Name: "org", Do: func(ctx context.Context) error { return s.ReadOrg(ctx, t) }},
		system.Kind{Name: "model", Do: func(ctx context.Context) error { return s.Ask(ctx, t, t.Workspaces[0]) }})}
}

// String is the line about it.
func (u *users) String() string {
	requests, failed := u.SoFar()
	return fmt.Sprintf("users: %d requests, %d failed", requests, failed)
}
