package controlplane

import (
	"context"
	"errors"
	"time"

	"github.com/pawlhq/pawl/examples/saas/tenant"
)

// Org is a tenant, as its row of org_instances has it. Its secrets are sealed.
type Org struct {
	ID        string // a UUID
	Slug      string
	Name      string
	Owner     string // who is told that the tenant is erased; may be empty
	Plan      string
	App       string // at Fly; "" is none yet
	Branch    string // at Neon; "" is none that is known
	Customer  string // at Stripe; "" is none that is known
	Status    string
	CreatedAt time.Time
	tenant.Sealed
}

// The statuses of rows. To callers a tenant in the making is provisioning; a
// row that no key here opens is unreadable to them.
const (
	making       = "making"
	provisioning = "provisioning" // made, and not seen to work yet
	ready        = "ready"
	failed       = "failed"  // not made, and not all of it is taken away yet
	erasing      = "erasing" // going away
)

// Change is what changes of a row; empty fields leave it as it is. Sealed
// values are always new ones: writing back what was read could undo a
// re-encryption that happens meanwhile.
type Change struct {
	App, Branch, Customer, Status string
	tenant.Sealed
	If string // only where the status is this; "" is any
}

// Event is an event of Stripe's.
type Event struct {
	ID, Type string
	Customer string    // whom it is about; may be empty
	Plan     string    // what it says of the customer's plan; "" is nothing
	Created  time.Time // at Stripe, in whole seconds
	TakenAt  time.Time
}

// Errors of a Store.
var (
	ErrNotFound = errors.New("no such org")
	ErrTaken    = errors.New("the slug is taken")
)

// Store keeps the rows. It is safe for concurrent use, also by several
// programs.
type Store interface {
	Ping(ctx context.Context) error
	// List gives all tenants, the oldest first.
	List(ctx context.Context) ([]Org, error)
	// Find gives the tenant with an id or a slug, or ErrNotFound.
	Find(ctx context.Context, name string) (Org, error)
	// Insert adds a tenant, or gives ErrTaken where its slug is another's.
	Insert(ctx context.Context, o Org) error
	// Change changes the tenant with an id, or gives ErrNotFound where there is
	// none, or none with the status that the change is for.
	Change(ctx context.Context, id string, c Change) error
	// Remove deletes a tenant's row and reports whether there was one. What the
	// events that were kept say of its customer goes with it; their ids stay, so that
	// none is taken again.
	Remove(ctx context.Context, id string) (bool, error)
	// Take keeps the event's id, and sets the plan of its customer's tenant
	// unless a newer event has, in one transaction. Of a customer that is no
	// tenant's nothing but the id is kept. It reports false, and does nothing, where
	// the id was kept before.
	Take(ctx context.Context, e Event) (bool, error)
}
