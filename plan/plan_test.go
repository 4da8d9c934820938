package plan_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// TestMakeIsPure holds that a plan follows from what goes in and nothing else:
// fifty makings, each from an estate that was parsed anew, at another minute
// of the same day, have one digest.
func TestMakeIsPure(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			e := s.load(t)
			first := s.make(t, e, now())
			for i := range 50 {
				p := s.make(t, e, now().Add(time.Duration(i)*time.Minute))
				if p.Digest != first.Digest {
					t.Fatalf("making %d has another digest", i)
				}
				if !p.MadeAt.Equal(now().Add(time.Duration(i) * time.Minute)) {
					t.Fatal("it does not say when it was made")
				}
			}
			if again := s.make(t, s.load(t), now()); again.Digest != first.Digest {
				t.Error("the same file, parsed again, has another digest")
			}
		})
	}
}

// TestMakeKeepsItsInput holds that planning changes nothing of the estate: a
// plan that is made after another one of the same estate is as if it were the
// first.
func TestMakeKeepsItsInput(t *testing.T) {
	for _, s := range scenarios() {
		t.Run(s.name, func(t *testing.T) {
			e := s.load(t)
			other := s
			other.mode = plan.Compromised
			if s.mode == plan.Compromised || s.name == "config" { // it cannot leak
				other.mode = plan.Normal
			}
			want := s.make(t, s.load(t), now())
			p := other.make(t, e, now())
			for i := range p.Steps { // what a caller does to its plan is its own affair
				p.Steps[i].Title = "changed"
				if p.Steps[i].Task != nil {
					p.Steps[i].Task.Title = "changed"
				}
			}
			if got := s.make(t, e, now()); text(t, got) != text(t, want) {
				t.Error("planning changed the estate")
			}
		})
	}
}

// TestDigestSeesEveryChange holds that nothing that the rotation would do
// otherwise stays out of what people approve.
func TestDigestSeesEveryChange(t *testing.T) {
	original, err := os.ReadFile(filepath.Join("testdata", "seed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fly := scenario{secrets: []pawl.SecretName{"FLY_API_TOKEN"}, known: held}
	seen := map[string]string{fly.make(t, parse(t, original), now()).Digest: "nothing"}
	different := func(what string, p *plan.Plan) {
		t.Helper()
		if before, ok := seen[p.Digest]; ok {
			t.Errorf("a change of %s gives the digest of a change of %s", what, before)
		}
		seen[p.Digest] = what
	}
	for _, c := range []struct{ what, from, to string }{
		{"the estate's name", "estate: molecule-prod", "estate: molecule"},
		{"a connection's setting", "org: molecule,", "org: atom,"},
		{"a connection's credential", "env:FLY_ADMIN_TOKEN", "env:OTHER_TOKEN"},
		{"a base address", "https://molecule-cp.fly.dev", "https://molecule-cp.example.com"},
		{"the issuer's setting", "kind: deploy_token, app: molecule-cp", "kind: deploy_token, app: other"},
		{"the credential's name", "molecule-cp-rotation", "molecule-rotation"},
		{"a location's target", "kind: app_secret, app: molecule-cp", "kind: app_secret, app: other"},
		{"an activation", "activate: rolling", "activate: next_deploy"},
		{"a repository", "kind: actions_secret, repo: Molecule-AI/molecule-monorepo", "kind: actions_secret, repo: Molecule-AI/other"},
		{"a check's path", "path: /health", "path: /healthz"},
		{"a check's expectation", "status: 200", "status: 204"},
		{"a deadline", "within: 20m", "within: 21m"},
		{"the soak", "after: 1h", "after: 2h"},
		{"the purpose", "Any Fly", "Every Fly"},
		{"the owner", "owner: platform", "owner: security"},
		{"what breaks", "Image publish keeps", "The image publish keeps"},
		{"the policy for failures", "every: 90d,", "every: 90d, on_failure: hold,"},
		{"the tries", "every: 90d,", "every: 90d, attempts: 7,"},
		{"an approval", "every: 90d,", "every: 90d, approve: true,"},
		{"escrow", "    owner: platform", "    escrow: none\n    owner: platform"},
		{"an overlap", "    owner: platform", "    overlap: 1h\n    owner: platform"},
		{"the value's format", "    owner: platform", "    format: {min_length: 20}\n    owner: platform"},
	} {
		changed := bytes.Replace(original, []byte(c.from), []byte(c.to), 1)
		if bytes.Equal(changed, original) {
			t.Fatalf("%s: the file does not have %q", c.what, c.from)
		}
		different(c.what, fly.make(t, parse(t, changed), now()))
	}
	different("the order of locations", fly.make(t, parse(t, swapped(t, original)), now()))
	leaked, unknown, next := fly, fly, fly
	leaked.mode, unknown.known, next.known.Last = plan.Compromised, plan.Known{}, 7
	different("the mode", leaked.make(t, parse(t, original), now()))
	different("what is known", unknown.make(t, parse(t, original), now()))
	different("the version", next.make(t, parse(t, original), now()))
	different("the day in the name", fly.make(t, parse(t, original), now().AddDate(0, 0, 1)))
}

// swapped turns the seed's two locations around.
func swapped(t *testing.T, file []byte) []byte {
	lines := strings.Split(string(file), "\n")
	at := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "kind: app_secret") })
	if at < 0 || !strings.Contains(lines[at+1], "kind: actions_secret") {
		t.Fatal("the seed's locations are not where they were")
	}
	lines[at], lines[at+1] = lines[at+1], lines[at]
	return []byte(strings.Join(lines, "\n"))
}

// TestDigestIgnoresWhatChangesNothing holds that comments, layout and other
// secrets of the estate leave an approved plan approved.
func TestDigestIgnoresWhatChangesNothing(t *testing.T) {
	original, err := os.ReadFile(filepath.Join("testdata", "seed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	fly := scenario{secrets: []pawl.SecretName{"FLY_API_TOKEN"}, known: held}
	want := fly.make(t, parse(t, original), now()).Digest
	more := string(original) + "\n# a comment\n  OTHER:\n    issuer: {use: random}\n    locations: \"none: not yet\"\n    checks: \"none: not yet\"\n"
	if got := fly.make(t, parse(t, []byte(more)), now()).Digest; got != want {
		t.Error("another secret changes the digest")
	}
}

// TestRefusals holds what cannot be planned, and that each refusal names the
// secret and what to do.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		scenario
		code      pawl.Code
		why, next string
	}{
		{scenario{file: "never", secrets: []pawl.SecretName{"SALT"}}, pawl.CodeInvalid, "every stored digest would be lost", "remove `never`"},
		{scenario{file: "seed", secrets: []pawl.SecretName{"FLY_API_TOKN"}}, pawl.CodeNotFound, "no such secret", "pawl status"},
		{scenario{file: "environments", secrets: []pawl.SecretName{"KEY"}}, pawl.CodeNotFound, "no such secret", "KEY@staging"},
		{scenario{file: "accept_list", secrets: []pawl.SecretName{"KEY"}}, pawl.CodeInvalid, "does not know the old one", "pawl provide KEY --current"},
		{scenario{file: "reencrypt_ended", secrets: []pawl.SecretName{"KEY"}}, pawl.CodeInvalid, "data is opened with the old value", "pawl provide KEY --current"},
		{scenario{file: "config", secrets: []pawl.SecretName{"MAIL_FROM"}, mode: plan.Compromised}, pawl.CodeInvalid, "cannot leak", "without --compromised"},
		{scenario{file: "alternative", secrets: []pawl.SecretName{"KEY"}, plan: "rest"}, pawl.CodeInvalid, `no alternative "rest"`, "choose reset, or usual"},
		{scenario{file: "kept", secrets: []pawl.SecretName{"KEY"}, plan: "reset"}, pawl.CodeInvalid, `no alternative "reset"`, "leave it out"},
		{scenario{file: "bad_name", secrets: []pawl.SecretName{"KEY"}}, pawl.CodeInvalid, "template", "{{.Version}}"},
	} {
		t.Run(c.file, func(t *testing.T) {
			e := broken(t, c.scenario)
			_, err := plan.Make(e, plan.Request{Secrets: c.secrets, Mode: c.mode, Plan: c.plan}, c.observed(), now())
			if pawl.CodeOf(err) != c.code {
				t.Fatalf("got %v, want code %s", err, c.code)
			}
			full := fmt.Sprintf("%v\n%s", err, pawl.HintOf(err))
			for _, part := range []string{string(c.secrets[0]), c.why, c.next} {
				if !strings.Contains(full, part) {
					t.Errorf("%q does not say %q", full, part)
				}
			}
		})
	}
}

// broken loads a scenario's estate. A name that cannot be rendered is refused
// by the parser already, so it is put in behind its back.
func broken(t *testing.T, s scenario) *estate.Estate {
	if s.file != "bad_name" {
		return s.load(t)
	}
	e := scenario{file: "human_mint"}.load(t)
	secret, _ := e.Secret("KEY")
	secret.Issuer.Settings = maps.Clone(secret.Issuer.Settings)
	if secret.Issuer.Settings == nil {
		secret.Issuer.Settings = estate.Settings{}
	}
	secret.Issuer.Settings["name"] = "key-{{.Nonsense}}"
	return e
}

// TestFirstRotationNumbersWhatIsThere holds that a value that pawl has never
// seen gets a number of its own, and that numbers are never used again.
func TestFirstRotationNumbersWhatIsThere(t *testing.T) {
	for _, c := range []struct {
		known    plan.Known
		from, to pawl.Version
	}{
		{plan.Known{}, 1, 2},
		{plan.Known{Last: 2}, 3, 4}, // two were thrown away
		{plan.Known{Last: 1, Current: 1}, 1, 2},
		{plan.Known{Last: 5, Current: 3}, 3, 6},
	} {
		s := scenario{file: "side_by_side", secrets: []pawl.SecretName{"KEY"}, known: c.known}
		p := s.make(t, s.load(t), now())
		if sub := p.Subjects[0]; sub.From != c.from || sub.To != c.to {
			t.Errorf("%+v: version %d -> %d, want %d -> %d", c.known, sub.From, sub.To, c.from, c.to)
		}
	}
}
