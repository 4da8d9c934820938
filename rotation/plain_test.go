package rotation_test

import (
	"testing"

	"github.com/pawlhq/pawl"
)

func TestPlainRotation(t *testing.T) {
	w := newWorld(t, api, oneKey)
	st := w.run(w.openKey())
	w.want(st, pawl.Done)
	w.live("c2")
	w.holds(value(2), "a", "b")
}
