package neon

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/rest"
)

// How long the driver waits for a project to be at rest, and how often it
// looks. The wait leaves room for the calls that follow within one act's time.
const (
	restWithin = 40 * time.Second
	firstLook  = 250 * time.Millisecond
	lastLook   = 4 * time.Second
)

// applyConfig is the operation that takes roles and passwords to a branch's
// compute.
const applyConfig = "apply_config"

// operation is something that Neon does after it has answered.
type operation struct {
	Branch    string    `json:"branch_id"`
	Action    string    `json:"action"`
	Status    string    `json:"status"`
	CreatedAt time.Time `json:"created_at"`
}

// open reports whether the operation has not ended yet.
func (o operation) open() bool {
	return o.Status == "scheduling" || o.Status == "running" || o.Status == "cancelling"
}

// failed reports whether it ended without having done its work.
func (o operation) failed() bool {
	return o.Status == "failed" || o.Status == "error" || o.Status == "cancelled"
}

// operations gives the project's newest operations. Neon lists newest first
// (documentation, "Operations"); a hundred reach back further than any that is
// still open.
func (c *conn) operations(ctx context.Context, op string, at place) ([]operation, error) {
	var got struct{ Operations []operation }
	r := rest.Request{Op: op, On: at.on(), Method: http.MethodGet, Path: pathOperations, Params: at.params(), Query: url.Values{"limit": {"100"}}}
	if err := c.call(ctx, r, &got); err != nil {
		return nil, err
	}
	if got.Operations == nil {
		return nil, malformed(op, at.on(), pawl.EffectNone, "the answer has no operations in it")
	}
	return got.Operations, nil
}

// rest waits until no operation of the project is open: Neon refuses changes
// while any is. After some time it goes on all the same, for Neon to decide.
func (c *conn) rest(ctx context.Context, op string, at place) error {
	_, err := c.until(ctx, op, at, func(operation) bool { return true })
	return err
}

// until waits until no operation that matters is open, or until it has waited
// long enough, and gives what it saw last.
func (c *conn) until(ctx context.Context, op string, at place, matters func(operation) bool) ([]operation, error) {
	end := c.env.Now().Add(restWithin)
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		list, err := c.operations(ctx, op, at)
		open := slices.ContainsFunc(list, func(o operation) bool { return o.open() && matters(o) })
		if err != nil || !open || !c.env.Now().Before(end) {
			return list, err
		}
		if err := c.env.Wait(ctx, pause); err != nil {
			return nil, &driver.Error{Op: op, On: at.on(), Kind: driver.Unavailable, Effect: pawl.EffectNone, Why: "stopped while it waited for Neon's operations", Err: err}
		}
	}
}

// applied fails unless what Neon has stored about the branch's roles has
// reached its compute.
func (c *conn) applied(ctx context.Context, op string, at place) error {
	matters := func(o operation) bool { return o.Branch == at.branch && o.Action == applyConfig }
	list, err := c.until(ctx, op, at, matters)
	if err != nil {
		return err
	}
	slices.SortStableFunc(list, func(a, b operation) int { return b.CreatedAt.Compare(a.CreatedAt) })
	for _, o := range list {
		if !matters(o) {
			continue
		}
		e := &driver.Error{Op: op, On: at.on(), Kind: driver.Conflict, Effect: pawl.EffectNone}
		switch {
		case o.open():
			e.Why = "the operation " + applyConfig + " is still " + o.Status + ": until it ends the old password is what works"
			return e
		case o.failed():
			e.Kind, e.Why = driver.Unavailable, "the last operation "+applyConfig+" has "+o.Status+": what Neon has stored may not be what works"
			e.Next = "look at the project's operations in Neon's console"
			return e
		}
		return nil
	}
	return nil
}
