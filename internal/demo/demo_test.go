package demo_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/internal/cli"
	"github.com/pawlhq/pawl/internal/demo"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

func TestMain(m *testing.M) {
	if code, ok := cli.Program(); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// TestTheDemo holds that what a newcomer sees first works: every kill lands,
// no request fails, and nothing is broken.
func TestTheDemo(t *testing.T) {
	var out bytes.Buffer
	d := &demo.Demo{Role: cli.DemoRole, Out: &out}
	r, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Err(); err != nil {
		t.Error(err)
	}
	if r.Kills != 5 || len(r.Secrets) != 4 || r.Failed != 0 || r.Requests < 100 {
		t.Errorf("it rotated %d secrets with %d kills, and %d of %d requests failed", len(r.Secrets), r.Kills, r.Failed, r.Requests)
	}
	showsWhatItDoes(t, d, out.String())
}

// showsWhatItDoes holds the short form of pawl's progress against the plans, so
// that lines which are worded otherwise do not just vanish from it.
func showsWhatItDoes(t *testing.T, d *demo.Demo, out string) {
	acts, unseen := d.Ended()
	if len(acts) != 3 || len(unseen) > 0 {
		t.Errorf("of %d secrets these steps are not shown: %q", len(acts), unseen)
	}
	count := map[plan.Act]int{}
	for _, list := range acts {
		for _, act := range list {
			count[act]++
		}
	}
	if count[plan.ActMint] != 2 || count[plan.ActProvide] != 1 || count[plan.ActPut] < 3 || count[plan.ActRevoke] != 2 || count[plan.ActCheck] < 3 {
		t.Errorf("steps that are shown: %v", count)
	}
	for _, name := range []string{saas.NeonKey, saas.ResendKey} { // killed after the mint
		_, after, _ := strings.Cut(out, "$ pawl resume "+name+"\n")
		if first, _, _ := strings.Cut(after, "\n"); !strings.HasPrefix(first, "  ? looked: ") {
			t.Errorf("%s: the first line after the kill is %q", name, first)
		}
	}
	if strings.Contains(out, "? ask: ") {
		t.Error("whom a person may ask is shown")
	}
}
