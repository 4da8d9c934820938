package all_test

import (
	"testing"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/driver/drivertest"
)

// worlds gives each driver something to be tried at.
func worlds() map[string]drivertest.Build {
	return map[string]drivertest.Build{
		"anthropic":  anthropicWorld,
		"exec":       execWorld,
		"file":       fileWorld,
		"fly":        flyWorld,
		"github":     githubWorld,
		"http":       httpWorld,
		"neon":       neonWorld,
		"postgres":   (&postgresWorlds{}).world,
		"prometheus": prometheusWorld,
		"random":     randomWorld,
		"redis":      redisWorld,
		"resend":     resendWorld,
		"stripe":     stripeWorld,
		"upstash":    upstashWorld,
	}
}

// TestDrivers holds every driver in the list to the contract. One that has no
// world fails rather than escapes.
func TestDrivers(t *testing.T) {
	for _, d := range all.Drivers() {
		name := d.Info().Name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			build, ok := worlds()[name]
			if !ok {
				t.Fatalf("the driver %s has no world here to be tried at", name)
			}
			drivertest.Run(t, d, build)
		})
	}
}

// TestOrder holds that the list is in the order of names, which is the order
// of the documentation.
func TestOrder(t *testing.T) {
	names := all.Drivers().Drivers()
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			t.Errorf("%s comes before %s", names[i-1], names[i])
		}
	}
}
