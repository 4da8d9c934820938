package fly

import (
	"context"
	"fmt"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

// grace is how long after the step began a machine may be on its way or have
// checks that do not pass: they are critical until they ran for the first time.
const grace = 2 * time.Minute

// Check looks at the machines of an app, or at its log.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	switch r.Target.Kind {
	case kindHealth:
		return c.checkHealth(ctx, r)
	case kindLogs:
		return c.checkLogs(ctx, r)
	default:
		return driver.Finding{}, unsupported("check", r.Target.Kind)
	}
}

func (c *conn) checkHealth(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	const op = "check machines"
	app := r.Target.Settings.String("app")
	if app == "" {
		return driver.Finding{}, &driver.Error{Op: op, Kind: driver.Invalid, Effect: pawl.EffectNone, Why: "the app's name is empty"}
	}
	list, err := c.machines(ctx, op, app)
	if err != nil {
		return driver.Finding{}, err
	}
	up, bad := 0, ""
	for i := range list {
		m := &list[i]
		switch why := m.unhealthy(); {
		case why == "":
			up++
		case m.resting() && m.sleeps():
		default:
			bad = why
		}
	}
	f := driver.Finding{State: driver.Passed, Detail: fmt.Sprintf("%d of %d machines are started and healthy", up, len(list)), Link: "https://fly.io/apps/" + linkable(app)}
	switch {
	case bad != "" && c.env.Now().Sub(r.Since) < grace:
		f.State, f.After, f.Detail = driver.Pending, machinePoll, f.Detail+"; "+bad
	case bad != "":
		f.State, f.Detail = driver.Failed, f.Detail+"; "+bad
	case up == 0:
		f.State, f.Detail = driver.Failed, "no machine is started, so nothing shows that the value works"
	}
	return f, nil
}

// linkable keeps a link from leading elsewhere.
func linkable(app string) string {
	for _, r := range app {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return ""
		}
	}
	return app
}
