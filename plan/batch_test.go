package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
)

// TestBatches holds that members of a group rotate together, once, and that
// the estate's order between secrets becomes one between rotations.
func TestBatches(t *testing.T) {
	e := parse(t, []byte(`pawl: 1
estate: acme
secrets:
  A: {issuer: {use: random}, locations: "none: test", checks: "none: test", after: [C]}
  B: {issuer: {use: random}, locations: "none: test", checks: "none: test"}
  C: {issuer: {use: random}, locations: "none: test", checks: "none: test"}
  D: {issuer: {use: random}, locations: "none: test", checks: "none: test", after: [B, A]}
groups: {pair: {secrets: [A, B], why: they must match}}
`))
	batches, err := plan.Batches(e, []pawl.SecretName{"D", "B", "A", "C"})
	if err != nil {
		t.Fatal(err)
	}
	if len(batches) != 3 {
		t.Fatalf("%d batches, want D, the pair, and C", len(batches))
	}
	if pair := batches[1]; pair.Group != "pair" || !slices.Equal(pair.Secrets, []pawl.SecretName{"A", "B"}) {
		t.Errorf("the second batch is %+v", pair)
	}
	for i, want := range [][]int{{1}, {2}, nil} {
		if !slices.Equal(batches[i].After, want) {
			t.Errorf("batch %d goes after %v, want %v", i, batches[i].After, want)
		}
	}
	if alone, err := plan.Batches(e, []pawl.SecretName{"D"}); err != nil || len(alone[0].After) > 0 {
		t.Errorf("D alone waits for %v (%v): what is not in the run is not waited for", alone, err)
	}
}

// TestBatchesByEnvironment holds that production waits for staging.
func TestBatchesByEnvironment(t *testing.T) {
	e := scenario{file: "environments"}.load(t)
	batches, err := plan.Batches(e, []pawl.SecretName{"KEY@production", "KEY@staging"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(batches[0].After, []int{1}) || len(batches[1].After) > 0 {
		t.Errorf("production waits for %v and staging for %v", batches[0].After, batches[1].After)
	}
}

// TestBatchesInACircle holds that rotations that would wait for each other
// for ever are refused. The secrets are in no circle; the group closes one.
func TestBatchesInACircle(t *testing.T) {
	e := parse(t, []byte(`pawl: 1
estate: acme
secrets:
  A: {issuer: {use: random}, locations: "none: test", checks: "none: test", after: [C]}
  B: {issuer: {use: random}, locations: "none: test", checks: "none: test"}
  C: {issuer: {use: random}, locations: "none: test", checks: "none: test", after: [B]}
groups: {pair: {secrets: [A, B], why: they must match}}
`))
	_, err := plan.Batches(e, []pawl.SecretName{"A", "C"})
	if pawl.CodeOf(err) != pawl.CodeInvalid || !strings.Contains(err.Error(), "waits for itself") {
		t.Errorf("got %v", err)
	}
}

// TestBatchesOfUnknown holds that a name that the estate does not have is
// refused with what was meant.
func TestBatchesOfUnknown(t *testing.T) {
	e := scenario{file: "environments"}.load(t)
	_, err := plan.Batches(e, []pawl.SecretName{"KEY"})
	if pawl.CodeOf(err) != pawl.CodeNotFound || !strings.Contains(pawl.HintOf(err), "KEY@staging") {
		t.Errorf("got %v, hint %q", err, pawl.HintOf(err))
	}
}
