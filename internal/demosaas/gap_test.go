package main

import (
	"testing"

	"github.com/pawlhq/pawl/vendorsim/servertest"
)

// TestPlannedGaps resets both secrets that a reset can replace, under load. That
// nothing fails before the old value's end, or once every machine is well with
// the new one, is held by what measures it.
func TestPlannedGaps(t *testing.T) {
	servertest.Needed(t)
	for _, p := range resets() {
		t.Run(p.secret, func(t *testing.T) {
			g, err := p.measure(t.Context(), options{rate: 10})
			if err != nil {
				t.Fatal(err)
			}
			if g.requests == 0 || g.write <= 0 || g.replace <= 0 {
				t.Errorf("nothing was measured: %+v", g)
			}
			if (g.failed > 0) != (g.length > 0) {
				t.Errorf("%d requests failed within %s", g.failed, g.length)
			}
			t.Log(g.words(p.secret))
		})
	}
}
