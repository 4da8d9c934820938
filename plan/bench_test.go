package plan_test

import (
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
)

// BenchmarkMake plans the seed's secret once: two locations, two checks.
// Planning all of an estate does this for each of its secrets.
func BenchmarkMake(b *testing.B) {
	s := scenario{file: "seed", secrets: []pawl.SecretName{"FLY_API_TOKEN"}, known: held}
	e, o, r := s.load(b), s.observed(), plan.Request{Secrets: s.secrets}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := plan.Make(e, r, o, now()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkText writes the same plan for people.
func BenchmarkText(b *testing.B) {
	s := scenario{file: "seed", secrets: []pawl.SecretName{"FLY_API_TOKEN"}, known: held}
	p := s.make(b, s.load(b), now())
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Text(discard{}); err != nil {
			b.Fatal(err)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
