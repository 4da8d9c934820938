package exec

import (
	"context"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// Check has the program look once.
func (c *conn) Check(ctx context.Context, r driver.CheckRequest) (driver.Finding, error) {
	a := call{act: "check", role: estate.RoleCheck, target: r.Target, more: details{Since: r.Since, Resume: r.Resume}}
	if r.Target.Kind == kindWithValue {
		if len(r.Value) == 0 {
			return driver.Finding{}, a.fail(driver.NoValue, a.lost(), "this check needs the value, and pawl does not hold it", nil)
		}
		a.value = r.Value
	}
	got, err := c.do(ctx, a)
	if err != nil {
		return driver.Finding{}, err
	}
	f := driver.Finding{State: driver.State(got.State), Link: got.Link,
		Detail: short(scrubber(a.values(secret.Value{})).Scrub(got.Detail))}
	if !known(f.State, driver.Passed, driver.Failed, driver.Pending) {
		return driver.Finding{}, got.malformed("state must be passed, failed or pending")
	}
	if f.State == driver.Pending {
		f.After, f.Resume = later(got.After), got.Resume
	}
	return f, nil
}
