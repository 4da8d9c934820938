package neon

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/pawlhq/pawl/vendorsim/internal/route"
)

// operation is something that Neon does after it has answered.
type operation struct {
	id, action       string
	branch, endpoint string
	createdAt        time.Time
	startsAt, endsAt time.Time
	do               func(context.Context) error // when it ends; may be nil
	done             bool
	fails            string // why it fails, or has failed
}

// act is one operation that a call starts.
type act struct {
	action string
	do     func(context.Context) error
}

// start lets operations run one after the other, and gives their views.
func (n *Neon) start(ctx context.Context, p *project, b *branch, acts ...act) []any {
	now := n.now()
	at, views, begun := now, []any{}, len(p.operations)
	for _, a := range acts {
		o := &operation{id: n.uuid(), action: a.action, branch: b.id, createdAt: now, startsAt: at, endsAt: at.Add(n.cfg.Operation), do: a.do}
		if b.endpoint != nil {
			o.endpoint = b.endpoint.id
		}
		if i := slices.Index(n.failing, a.action); i >= 0 {
			n.failing, o.fails = slices.Delete(n.failing, i, i+1), "the compute did not answer"
		}
		at = o.endsAt
		p.operations = append(p.operations, o)
	}
	n.settle(ctx)
	for _, o := range p.operations[begun:] {
		views = append(views, o.view(p, n.now()))
	}
	return views
}

// settle does what operations have to do by now, in order.
func (n *Neon) settle(ctx context.Context) {
	now := n.now()
	for _, p := range slices.Clone(n.projects) {
		for _, o := range p.operations {
			if !o.done && !o.endsAt.After(now) {
				o.end(ctx)
			}
		}
	}
}

func (o *operation) end(ctx context.Context) {
	o.done = true
	if o.do == nil || o.fails != "" {
		return
	}
	if err := o.do(ctx); err != nil {
		o.fails = err.Error()
	}
}

// busy reports whether operations of the project are under way.
func (p *project) busy(now time.Time) bool {
	return slices.ContainsFunc(p.operations, func(o *operation) bool { return o.endsAt.After(now) })
}

// status is OperationStatus at an instant.
func (o *operation) status(now time.Time) string {
	switch {
	case o.startsAt.After(now):
		return "scheduling"
	case o.endsAt.After(now):
		return "running"
	case o.fails != "":
		return "failed"
	default:
		return "finished"
	}
}

func (o *operation) view(p *project, now time.Time) map[string]any {
	changed := o.createdAt
	for _, t := range []time.Time{o.startsAt, o.endsAt} {
		if !t.After(now) {
			changed = t
		}
	}
	v := map[string]any{"id": o.id, "project_id": p.id, "branch_id": o.branch, "action": o.action, "status": o.status(now), "failures_count": 0,
		"created_at": second(o.createdAt), "updated_at": second(changed), "total_duration_ms": changed.Sub(o.createdAt).Milliseconds()}
	if o.endpoint != "" {
		v["endpoint_id"] = o.endpoint
	}
	if v["status"] == "failed" {
		v["failures_count"], v["error"] = 1, o.fails
	}
	return v
}

// listOperations answers newest first, as the documentation shows it. The
// cursor is an operation's id; Neon's own is a time.
func (n *Neon) listOperations(c *route.Call, _ *key, p *project) {
	limit := len(p.operations)
	if text := c.Query("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > 1000 {
			n.fail(c, http.StatusBadRequest, "limit must be between 1 and 1000")
			return
		}
	}
	list, cursor, from := []any{}, "", c.Query("cursor")
	for _, o := range slices.Backward(p.operations) {
		switch {
		case from == o.id:
			from = ""
		case from == "" && len(list) < limit:
			list, cursor = append(list, o.view(p, n.now())), o.id
		}
	}
	out := map[string]any{"operations": list}
	if cursor != "" {
		out["pagination"] = map[string]any{"cursor": cursor}
	}
	c.JSON(http.StatusOK, out)
}

func (n *Neon) showOperation(c *route.Call, _ *key, p *project) {
	i := slices.IndexFunc(p.operations, func(o *operation) bool { return o.id == c.Arg("operation") })
	if i < 0 {
		n.fail(c, http.StatusNotFound, "operation not found")
		return
	}
	c.JSON(http.StatusOK, map[string]any{"operation": p.operations[i].view(p, n.now())})
}
