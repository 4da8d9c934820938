package plan_test

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/plan"
)

// TestGap holds that a gap is announced exactly where consumers can be without
// a working value, and how long it can be: every stage at its limit.
func TestGap(t *testing.T) {
	want := map[string]plan.Gap{
		"replaced":         {Longest: (1 + 2 + 1 + 15) * time.Minute},                       // mint, accepted, writes, activations
		"replaced_by_hand": {Longest: (1 + 2 + 30 + 15) * time.Minute, People: true},        // by hand, accepted, the office's half an hour, activation
		"one_slot":         {Longest: (1 + 15) * time.Minute},                               // writes, activations
		"contain_first":    {Longest: (1 + 1 + 1 + 2 + 1 + 15) * time.Minute, People: true}, // deactivate, firewall, mint, accepted, write, activation
	}
	for _, name := range []string{"alternative", "alternative_elsewhere", "alternative_leaked"} { // the last two may have one
		want[name] = plan.Gap{Longest: (1 + 2 + 1 + 15) * time.Minute}
	}
	each(t, func(t *testing.T, s scenario, p *plan.Plan) {
		w := want[s.name]
		if p.Gap.Longest != w.Longest || p.Gap.People != w.People {
			t.Errorf("the gap is %s (people %t), want %s (people %t)", p.Gap.Longest, p.Gap.People, w.Longest, w.People)
		}
		if (p.Gap.Why == "") != (w.Longest == 0) {
			t.Errorf("a gap of %s has the reason %q", p.Gap.Longest, p.Gap.Why)
		}
	})
}

// TestGapOfGroupCountsWhatIsBetween holds that the steps of other secrets that
// stand in the way of a dead one are part of its gap.
func TestGapOfGroupCountsWhatIsBetween(t *testing.T) {
	e := parse(t, []byte(`pawl: 1
estate: acme
connections: {lab: {driver: lab, credential: env:LAB}}
secrets:
  A: {issuer: {use: lab, kind: replaced}, locations: [{use: lab, kind: value, name: a}], checks: "none: test"}
  B: {issuer: {use: lab, kind: by_hand}, locations: [{use: lab, kind: place, name: b, activate: reload}], checks: "none: test"}
groups: {pair: {secrets: [B, A], why: they must match}}
`))
	after := scenario{secrets: []pawl.SecretName{"B", "A"}, known: held}.make(t, e, now())
	if want := (1 + 2 + 1 + 15 + 1) * time.Minute; after.Gap.Longest != want || after.Gap.People {
		t.Errorf("with B first: %s (people %t), want %s and nobody", after.Gap.Longest, after.Gap.People, want)
	}
	before := scenario{secrets: []pawl.SecretName{"A", "B"}, known: held}.make(t, e, now())
	if want := (1 + 1 + 2 + 1) * time.Minute; before.Gap.Longest != want || !before.Gap.People {
		t.Errorf("with A first: %s (people %t), want %s and a person", before.Gap.Longest, before.Gap.People, want)
	}
}

// TestPeople holds that every step that needs a person is listed, in order,
// with who it is.
func TestPeople(t *testing.T) {
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		var want []string
		for i := range p.Steps {
			step := &p.Steps[i]
			act := step.Act
			if step.Task != nil && (act == plan.ActStop || act == plan.ActStart) {
				act = plan.ActTask
			}
			switch act {
			case plan.ActShadow:
				if step.Asks {
					want = append(want, "("+step.ID+")")
				}
			case plan.ActApprove, plan.ActTask, plan.ActProvide, plan.ActName:
				want = append(want, "("+step.ID+")")
				if step.Task == nil || step.Task.Who == "" {
					continue
				}
				if i := len(want) - 1; i >= len(p.People) || !strings.HasPrefix(p.People[i], step.Task.Who+": ") {
					t.Errorf("%s is for %s, and the list says %v", step.ID, step.Task.Who, p.People)
				}
			}
		}
		if len(want) != len(p.People) {
			t.Fatalf("people are %v, want those of %v", p.People, want)
		}
		for i := range want {
			if !strings.HasSuffix(p.People[i], want[i]) {
				t.Errorf("people[%d] is %q, want that of %s", i, p.People[i], want[i])
			}
		}
	})
}

// TestPeopleByName holds who is asked for what, where people write, test, act
// and end a version.
func TestPeopleByName(t *testing.T) {
	s := scenario{file: "person_steps", secrets: []pawl.SecretName{"KEY"}, known: held}
	want := []string{"office: Paste version 7 into the vendor's portal (task-1)", "operations: Restart the old batch host (task-2)",
		"shop: Place a test order with version 7 (task-3)", "security: Delete the old key (task-4)"}
	if got := s.make(t, s.load(t), now()).People; !slices.Equal(got, want) {
		t.Errorf("people are %q, want %q", got, want)
	}
}

// TestTextShowsEverything holds that nothing happens that an approver did not
// see: every step, its deadline, every task, warning and person is in the
// text, and so is what half of it would break.
func TestTextShowsEverything(t *testing.T) {
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		got := text(t, p)
		shows := func(what, part string) {
			t.Helper()
			if part != "" && !strings.Contains(got, part) {
				t.Errorf("the text does not show %s %q", what, part)
			}
		}
		for _, step := range slices.Concat(p.Steps, p.Undo) {
			line := regexp.MustCompile(`(?m)^ +(\d+ +)?` + regexp.QuoteMeta(step.ID) + ` +` + regexp.QuoteMeta(step.Title) + `(  \[.*\])?$`)
			if len(line.FindAllString(got, -1)) != 1 {
				t.Errorf("%s (%s) is not on one line of its own", step.ID, step.Title)
			}
			if step.Task != nil {
				for _, line := range strings.Split(step.Task.Do, "\n") {
					shows("what to do", line)
				}
				shows("where", step.Task.URL)
				for _, line := range slices.Concat(step.Task.Links, []string{step.Task.BlastRadius}) {
					shows("what to know", line)
				}
				for _, c := range step.Task.Contacts {
					shows("whom to ask", c.Name+", "+c.How)
				}
				shows("who", step.Task.Who)
			}
		}
		for _, sub := range p.Subjects {
			shows("the secret", string(sub.Secret))
			shows("the purpose", sub.Purpose)
			shows("the owner", sub.Owner)
			shows("the credential's name", sub.Name)
			shows("what breaks", sub.IfHalfDone)
		}
		for _, line := range slices.Concat(p.People, p.Warnings, []string{p.Digest, p.NoReturn, p.Gap.Why}) {
			shows("the line", line)
		}
		for _, label := range []string{"point of no return", "if a step fails", "longest gap", "planned waits", "if half done", "people", "digest"} {
			if !regexp.MustCompile(`(?m)^` + label + ` +\S`).MatchString(got) {
				t.Errorf("the text does not say %q", label)
			}
		}
	})
}

// TestTextHoldsNoValue holds that neither the text nor a title shows where a
// credential of pawl's own is found, or a header or body that a setting has.
func TestTextHoldsNoValue(t *testing.T) {
	each(t, func(t *testing.T, _ scenario, p *plan.Plan) {
		got := text(t, p)
		for name, c := range p.Connections {
			if c.Credential != "" && strings.Contains(got, c.Credential) {
				t.Errorf("the text shows the credential reference of %s", name)
			}
		}
		digest := strings.TrimPrefix(p.Digest, "sha256:")
		for _, word := range regexp.MustCompile(`[A-Za-z0-9+/=_-]{24,}`).FindAllString(got, -1) {
			if word != digest && !strings.ContainsAny(word, "-/") {
				t.Errorf("the text has %q, which looks like a value", word)
			}
		}
	})
}

// TestTextFails holds that a plan that could not be written out is not taken
// for one that was shown.
func TestTextFails(t *testing.T) {
	s := scenarios()[0]
	p := s.make(t, s.load(t), now())
	full := errors.New("the disk is full")
	for room := range len(text(t, p)) / 100 {
		if err := p.Text(&small{room: room * 100, err: full}); !errors.Is(err, full) {
			t.Fatalf("with room for %d bytes: %v", room*100, err)
		}
	}
}

// small takes only so many bytes.
type small struct {
	bytes.Buffer
	room int
	err  error
}

func (s *small) Write(b []byte) (int, error) {
	if s.Len()+len(b) > s.room {
		return 0, s.err
	}
	return s.Buffer.Write(b)
}

// TestWaits holds that waits of one stage count once, as they run.
func TestWaits(t *testing.T) {
	want := map[string]time.Duration{"group": 26 * time.Hour, "overlap_drain": 36 * time.Hour, "side_by_side": time.Hour + 30*time.Second, "replaced": 0, "seed_compromised": 0}
	each(t, func(t *testing.T, s scenario, p *plan.Plan) {
		if w, ok := want[s.name]; ok && p.Waits() != w {
			t.Errorf("planned waits are %s, want %s", p.Waits(), w)
		}
	})
}

// TestLeftOut holds that what the estate declares and the plan cannot do is
// said, not swallowed.
func TestLeftOut(t *testing.T) {
	e := parse(t, []byte(`pawl: 1
estate: acme
connections: {lab: {driver: lab, credential: env:LAB}}
secrets:
  A:
    issuer: {use: random}
    locations: [{use: lab, kind: value, name: a}]
    checks: [{use: lab, kind: health, name: old, when: [drain]}]
    overlap: 1h
`))
	p := scenario{secrets: []pawl.SecretName{"A"}, known: held}.make(t, e, now())
	for _, part := range []string{"checks of A before the end of the old version are left out", "the overlap of A is not waited for"} {
		if !slices.ContainsFunc(p.Warnings, func(w string) bool { return strings.Contains(w, part) }) {
			t.Errorf("%v does not say %q", p.Warnings, part)
		}
	}
}

// TestSpan holds how times are written.
func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "90s", time.Minute: "1m", 150 * time.Second: "2m30s", 20 * time.Minute: "20m", time.Hour: "1h",
		90 * time.Minute: "1h30m", 24*time.Hour + 10*time.Minute: "24h10m", time.Hour + 30*time.Second: "1h30s", 36 * time.Hour: "36h",
		24 * time.Hour: "24h", 48 * time.Hour: "2d", 90 * 24 * time.Hour: "90d", 1499 * time.Millisecond: "1s", -time.Minute: "-1m",
	} {
		if got := plan.Span(d); got != want {
			t.Errorf("%s is written %s, want %s", d, got, want)
		}
	}
}
