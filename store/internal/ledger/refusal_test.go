package ledger_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/internal/ledger"
)

// refused fails unless err is CodeInvalid and says why; "" is no error.
func refused(t *testing.T, what string, err error, why string) {
	t.Helper()
	switch {
	case why == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case why != "" && (err == nil || pawl.CodeOf(err) != pawl.CodeInvalid || !strings.Contains(err.Error(), why)):
		t.Errorf("%s: %v, want %q", what, err, why)
	}
}

func TestCheckOpening(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*rotation.Opening)
		why    string
	}{
		{"a good one", func(*rotation.Opening) {}, ""},
		{"no versions yet", func(o *rotation.Opening) { o.Versions = nil }, ""},
		{"no id", func(o *rotation.Opening) { o.ID = "" }, "no id"},
		{"no holder", func(o *rotation.Opening) { o.Holder = "" }, "no holder"},
		{"no secret", func(o *rotation.Opening) { o.Secrets, o.Versions = nil, nil }, "no secret"},
		{"an empty name", func(o *rotation.Opening) { o.Secrets = append(o.Secrets, "") }, "empty or named twice"},
		{"a name twice", func(o *rotation.Opening) { o.Secrets = append(o.Secrets, "A") }, "empty or named twice"},
		{"version 0", func(o *rotation.Opening) { o.Versions["A"] = 0 }, "below 1"},
		{"a version of another secret", func(o *rotation.Opening) { o.Versions["C"] = 1 }, "not rotated"},
	} {
		o := rotation.Opening{ID: "r1", Holder: "h", Secrets: []pawl.SecretName{"A", "B"}, Versions: map[pawl.SecretName]pawl.Version{"A": 2, "B": 1}}
		c.change(&o)
		refused(t, c.name, ledger.CheckOpening(o), c.why)
	}
}

// TestCheckOutcome holds for every pair of outcomes that what has ended stays
// ended.
func TestCheckOutcome(t *testing.T) {
	all := []pawl.Outcome{"", pawl.Open, pawl.Held, pawl.Done, pawl.Undone}
	for _, stored := range all {
		for _, next := range all {
			err := ledger.CheckOutcome("r1", stored, next)
			ended := stored == pawl.Done || stored == pawl.Undone
			if ledger.Ended(stored) != ended {
				t.Errorf("%q has ended: %t", stored, !ended)
			}
			if bad := ended && next != "" && next != stored; bad != (err != nil) || bad && pawl.CodeOf(err) != pawl.CodeConflict {
				t.Errorf("from %q to %q: %v", stored, next, err)
			}
		}
		if err := ledger.CheckOutcome("r1", stored, "lost"); pawl.CodeOf(err) != pawl.CodeInvalid {
			t.Errorf("from %q to an outcome that does not exist: %v", stored, err)
		}
	}
}

func TestSmallChecks(t *testing.T) {
	refused(t, "a signal", ledger.CheckSignal(rotation.Entry{Kind: rotation.KindSignal}), "")
	refused(t, "an outcome as a signal", ledger.CheckSignal(rotation.Entry{Kind: rotation.KindOutcome}), "no signal")
	refused(t, "version 1", ledger.CheckVersion("A", 1), "")
	refused(t, "version 0", ledger.CheckVersion("A", 0), "no version 0")
	refused(t, "a version of no secret", ledger.CheckVersion("", 1), "no version 1")
	refused(t, "a lease", ledger.CheckRequest(rotation.LeaseRequest{Rotation: "r1", Holder: "h"}), "")
	refused(t, "a lease of nobody", ledger.CheckRequest(rotation.LeaseRequest{Rotation: "r1"}), "no holder")
}

// TestRefusalsAreTold holds for each refusal what programs and people find in
// it.
func TestRefusalsAreTold(t *testing.T) {
	for _, c := range []struct {
		err  error
		is   error
		code pawl.Code
		text string
	}{
		{ledger.KeyExists(2, "pawl"), nil, pawl.CodeConflict, `2 of "pawl"`},
		{ledger.NoKey(2, "pawl"), rotation.ErrNotFound, pawl.CodeNotFound, `2 of "pawl"`},
		{ledger.Exists("r1"), nil, pawl.CodeConflict, "r1"},
		{ledger.Over("signal", "r1", pawl.Done), nil, pawl.CodeConflict, "ended: done"},
		{ledger.Lost("r1"), rotation.ErrLeaseLost, pawl.CodeLost, "r1"},
		{ledger.Unknown("r1"), rotation.ErrNotFound, pawl.CodeNotFound, "r1"},
		{ledger.Unheld("A", 3), rotation.ErrNotFound, pawl.CodeNotFound, "A version 3"},
		{ledger.Used("A", 3), rotation.ErrVersion, pawl.CodeConflict, "A version 3"},
	} {
		if pawl.CodeOf(c.err) != c.code || !strings.Contains(c.err.Error(), c.text) || c.is != nil && !errors.Is(c.err, c.is) {
			t.Errorf("code %q, want %q and %q: %v", pawl.CodeOf(c.err), c.code, c.text, c.err)
		}
	}
}
