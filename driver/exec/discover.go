package exec

import (
	"context"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// Discover has the program list targets. A reply without a list is an error,
// never an empty one: a program that forgot to look must not pass for one that
// found nothing.
func (c *conn) Discover(ctx context.Context, t driver.Target) ([]driver.Target, error) {
	got, err := c.do(ctx, call{act: "discover", role: estate.RoleDiscovery, target: t})
	if err != nil {
		return nil, err
	}
	if got.Targets == nil && (got.Exists == nil || *got.Exists) {
		return nil, got.malformed("targets is missing; exists: false says that there are none")
	}
	list := make([]driver.Target, len(got.Targets))
	for i, texts := range got.Targets {
		settings := make(estate.Settings, len(texts))
		for name, text := range texts {
			settings[name] = text
		}
		list[i] = driver.Target{Settings: settings}
	}
	return list, nil
}
