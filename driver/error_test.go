package driver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
)

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  driver.Error
		want string
	}{
		{driver.Error{Op: "put", Kind: driver.Denied}, "put: denied"},
		{driver.Error{Op: "put", On: "app", Kind: driver.Denied}, "put app: denied"},
		{driver.Error{Op: "put", Kind: driver.Denied, Why: "read only"}, "put: denied: read only"},
		{driver.Error{Op: "put", Kind: driver.Denied, Status: 403}, "put: denied: HTTP 403"},
		{driver.Error{Op: "put", Kind: driver.Denied, Status: 403, Why: "read only"}, "put: denied: HTTP 403: read only"},
		{driver.Error{Op: "put", Kind: driver.Unavailable, Err: errors.New("no route")}, "put: unavailable: no route"},
		{driver.Error{Op: "put", Kind: driver.Unavailable, Why: "lost", Err: errors.New("no route")}, "put: unavailable: lost"},
		{driver.Error{Op: "put", Kind: driver.Unavailable, Effect: pawl.EffectUnknown}, "put: unavailable (it may have taken effect)"},
		{driver.Error{Op: "put", Kind: driver.Unavailable, Effect: pawl.EffectApplied}, "put: unavailable"},
		{driver.Error{Op: "put", Kind: driver.Quota, Next: "revoke one"}, "put: quota"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// TestPassing holds which kinds are tried again without anybody doing
// anything.
func TestPassing(t *testing.T) {
	want := map[driver.ErrorKind]bool{
		driver.Conflict: true, driver.Limited: true, driver.Unavailable: true, driver.Malformed: true,
		driver.Unauthenticated: false, driver.Denied: false, driver.NotFound: false, driver.Quota: false,
		driver.Invalid: false, driver.NoValue: false, driver.Unsupported: false, driver.Internal: false, "": false,
	}
	for kind, passing := range want {
		if got := (&driver.Error{Kind: kind}).Passing(); got != passing {
			t.Errorf("%q passes: %t, want %t", kind, got, passing)
		}
	}
}

func TestAsError(t *testing.T) {
	if driver.AsError("put", nil) != nil {
		t.Error("no error becomes one")
	}
	own := &driver.Error{Op: "put", Kind: driver.Quota, Effect: pawl.EffectNone}
	if got := driver.AsError("x", fmt.Errorf("outer: %w", own)); got != own {
		t.Errorf("a wrapped *Error becomes %+v", got)
	}
	var none *driver.Error
	for _, c := range []struct {
		name string
		err  error
		kind driver.ErrorKind
	}{
		{"a foreign error", errors.New("boom"), driver.Internal},
		{"a nil *Error", none, driver.Internal},
		{"a time-out", fmt.Errorf("x: %w", context.DeadlineExceeded), driver.Unavailable},
		{"cancelled", context.Canceled, driver.Unavailable},
	} {
		got := driver.AsError("put", c.err)
		if got == nil || got.Kind != c.kind || got.Effect != pawl.EffectUnknown || got.Op != "put" {
			t.Errorf("%s becomes %+v, want kind %s with an unknown effect", c.name, got, c.kind)
		}
	}
}
