package demo

import (
	"slices"
	"strings"
	"testing"

	"github.com/pawlhq/pawl/vendorsim/saas"
)

// TestWhatIsLeftOutIsNamed holds that the demo's end names every secret that it
// did not rotate, and which server is not there, or that both are.
func TestWhatIsLeftOutIsNamed(t *testing.T) {
	const both, none = "PostgreSQL and Redis are installed here: make demo-saas", "is not installed here"
	for _, c := range []struct{ missing, says, silent []string }{
		{nil, []string{both}, []string{none, "make servers"}},
		{[]string{"Redis"}, []string{"Redis is not installed here", "make servers", "make demo-saas"}, []string{"PostgreSQL is not", both}},
		{[]string{"PostgreSQL", "Redis"}, []string{"PostgreSQL is not installed here", "Redis is not installed here", "make servers", "make demo-saas"}, []string{both}},
	} {
		text := strings.Join(leftOut(c.missing), "\n")
		for _, name := range saas.Names() {
			if strings.Contains(text, name) == slices.Contains(rotated(), name) {
				t.Errorf("without %q: %s is named where it was rotated, or the other way round:\n%s", c.missing, name, text)
			}
		}
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("without %q it does not say %q:\n%s", c.missing, want, text)
			}
		}
		for _, wrong := range c.silent {
			if strings.Contains(text, wrong) {
				t.Errorf("without %q it says %q:\n%s", c.missing, wrong, text)
			}
		}
	}
}

// TestMissingLooksAtThisMachine: a PATH without programs has no Redis.
func TestMissingLooksAtThisMachine(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if !slices.Contains(missing(), "Redis") {
		t.Errorf("missing: %q", missing())
	}
}
