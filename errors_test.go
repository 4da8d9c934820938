package pawl_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/pawlhq/pawl"
)

func TestErrorText(t *testing.T) {
	cause := errors.New("disk full")
	for _, c := range []struct {
		name string
		err  pawl.Error
		want string
	}{
		{"what alone", pawl.Error{Op: "open store"}, "open store"},
		{"what and on what", pawl.Error{Op: "open store", On: "pawl.db"}, "open store pawl.db"},
		{"a reason", pawl.Error{Op: "open store", On: "pawl.db", Why: "it is locked"}, "open store pawl.db: it is locked"},
		{"a cause", pawl.Error{Op: "open store", Err: cause}, "open store: disk full"},
		{"a reason and a cause", pawl.Error{Op: "open store", Why: "no room", Err: cause}, "open store: no room: disk full"},
		{"the hint is for another line", pawl.Error{Op: "open store", Next: "pawl doctor"}, "open store"},
		{"the code is for programs", pawl.Error{Op: "open store", Code: pawl.CodeStore}, "open store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.err.Error(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	err := fmt.Errorf("rotate: %w", &pawl.Error{Op: "open store", Err: &fs.PathError{Op: "open", Path: "pawl.db", Err: fs.ErrNotExist}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error("the cause is not found behind a *pawl.Error")
	}
	if (&pawl.Error{Op: "open store"}).Unwrap() != nil {
		t.Error("an error without a cause unwraps to something")
	}
}

func TestCodeOf(t *testing.T) {
	var none *pawl.Error
	held := &pawl.Error{Code: pawl.CodeHeld, Op: "rotate"}
	for _, c := range []struct {
		name string
		err  error
		want pawl.Code
	}{
		{"nil", nil, ""},
		{"a foreign error", errors.New("boom"), pawl.CodeFailed},
		{"itself", held, pawl.CodeHeld},
		{"wrapped", fmt.Errorf("outer: %w", held), pawl.CodeHeld},
		{"the outermost of two", &pawl.Error{Code: pawl.CodeStore, Err: held}, pawl.CodeStore},
		{"without a code, the cause's", &pawl.Error{Op: "rotate", Err: held}, pawl.CodeHeld},
		{"no code anywhere", &pawl.Error{Op: "rotate"}, pawl.CodeFailed},
		{"joined", errors.Join(context.Canceled, held), pawl.CodeHeld},
		{"the first of two joined", errors.Join(&pawl.Error{Code: pawl.CodeLost}, held), pawl.CodeLost},
		{"two causes", fmt.Errorf("%w and %w", errors.New("boom"), held), pawl.CodeHeld},
		{"a typed nil", none, pawl.CodeFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pawl.CodeOf(c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestHintOf(t *testing.T) {
	doctor := &pawl.Error{Op: "open store", Next: "pawl doctor"}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"nil", nil, ""},
		{"a foreign error", errors.New("boom"), ""},
		{"itself", doctor, "pawl doctor"},
		{"the outermost of two", &pawl.Error{Next: "pawl resume", Err: doctor}, "pawl resume"},
		{"without a hint, the cause's", &pawl.Error{Op: "rotate", Err: fmt.Errorf("x: %w", doctor)}, "pawl doctor"},
		{"the second of two joined", errors.Join(&pawl.Error{Op: "close"}, doctor), "pawl doctor"},
		{"no hint anywhere", &pawl.Error{Op: "rotate", Err: errors.New("boom")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pawl.HintOf(c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestPhasesAreInOrder holds that the skeleton is whole and has no phase
// twice: plans are ordered by it.
func TestPhasesAreInOrder(t *testing.T) {
	want := []pawl.Phase{pawl.Preflight, pawl.Contain, pawl.Mint, pawl.Widen, pawl.Switch, pawl.Prove, pawl.Migrate, pawl.Narrow, pawl.Quiesce, pawl.Retire, pawl.Confirm}
	got := pawl.Phases()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	got[0] = "changed"
	if pawl.Phases()[0] != pawl.Preflight {
		t.Error("a caller can change the phases of others")
	}
}
