package drivertest

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
)

// discovered holds what a discovery gave to what is there: each target once,
// with the settings that the case names, and none besides. The location's own
// kind stands, so a target has none or the same.
func (b *bench) discovered(found []driver.Target) {
	b.t.Helper()
	if len(b.c.Found) == 0 {
		b.t.Error("the case does not say what a discovery must find")
	}
	var got []string
	for _, target := range found {
		got = append(got, told(target.Settings))
	}
	if twice := len(slices.Compact(slices.Sorted(slices.Values(got)))); twice != len(got) {
		b.t.Errorf("a discovery gave %d targets and %d different ones", len(got), twice)
	}
	for _, want := range b.c.Found {
		if !slices.Contains(got, told(want)) {
			b.t.Errorf("a discovery did not find %s", told(want))
		}
	}
	if len(got) > len(b.c.Found) {
		b.t.Errorf("a discovery found %d targets where there are %d: %v", len(got), len(b.c.Found), got)
	}
}

// told writes settings in the order of their names, as maps print.
func told(s estate.Settings) string { return fmt.Sprint(map[string]any(s)) }

// foundTwice holds that the same targets come in the same order: a rotation
// names its steps by them.
func (s *suite) foundTwice(t *testing.T, tr trial) {
	b := s.open(t, tr, false)
	d := b.conn.(driver.Discoverer)
	first, err := d.Discover(t.Context(), b.target())
	if err != nil {
		t.Fatal(b.wire.clean(err.Error()))
	}
	b.settle()
	second, err := d.Discover(t.Context(), b.target())
	if err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("a discovery of the same targets gave %v, then %v (%v)", first, second, err)
	}
}
