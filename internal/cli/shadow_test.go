package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/vendorsim"
	"github.com/pawlhq/pawl/vendorsim/anthropic"
	"github.com/pawlhq/pawl/vendorsim/saas"
)

// The key of a language model is a global secret of each tenant's platform, and
// a workspace's own key wins over it.
const overriddenEstate = `pawl: 1
estate: molecule-prod
connections:
  anthropic: {driver: anthropic, credential: env:ANTHROPIC_ADMIN_KEY}
  cp: {driver: http, base: https://` + saas.Host + `, credential: env:CP_ADMIN_TOKEN}
secrets:
  ANTHROPIC_API_KEY:
    issuer: {use: anthropic, kind: api_key, name: "molecule-prod-{{.Date}}"}
    locations:
      - use: cp
        kind: put_watched
        body: '{"key":"ANTHROPIC_API_KEY","value":{{json .value}}}'
        watch: secrets.[key=ANTHROPIC_API_KEY].updated_at
        discover: {use: cp, kind: list, path: /cp/orgs, items: orgs, set: {path: "/cp/orgs/{id}/secrets", get_path: "/cp/orgs/{id}/secrets"}}
        shadowed_by:
          - use: cp
            kind: put_watched
            watch: secrets.[key=ANTHROPIC_API_KEY].has_value
            why: a workspace's own key wins
            discover:
              use: cp
              kind: list
              path: /cp/workspaces
              items: workspaces
              set: {path: "/cp/orgs/{org}/workspaces/{id}/secrets", get_path: "/cp/orgs/{org}/workspaces/{id}/secrets"}
    checks: "none: the platform restarts what it reaches"
    retire: {mode: person, task: {title: Revoke the old key in the console}}
    if_half_done: Workspaces fail with 401
`

// overridden is the tenants' platforms and pawl beside them.
type overridden struct {
	*saas.SaaS
	t   *testing.T
	now time.Time
	dir string
	out bytes.Buffer
}

func newOverridden(t *testing.T) *overridden {
	t.Helper()
	w := &overridden{t: t, now: time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC), dir: t.TempDir()}
	var err error
	if w.SaaS, err = saas.Start(saas.Config{Now: func() time.Time { return w.now }}); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ANTHROPIC_ADMIN_KEY", w.Admin["anthropic"])
	t.Setenv("CP_ADMIN_TOKEN", w.Admin["cp"])
	t.Setenv("PAWL_ACTOR", "ann")
	if err := os.WriteFile(filepath.Join(w.dir, "pawl.yaml"), []byte(overriddenEstate), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// pawl runs a command, which must end with a status.
func (w *overridden) pawl(want int, in string, args ...string) string {
	w.t.Helper()
	w.out.Reset()
	a := &App{Streams: &Streams{In: strings.NewReader(in), Out: &w.out, Err: &w.out}, Registry: all.Drivers(), Transport: vendorsim.Transport(w.Hosts()),
		Now: func() time.Time { return w.now }, Sleep: func(ctx context.Context, until time.Time) error {
			if until.After(w.now) {
				w.now = until
			}
			return ctx.Err()
		}}
	if got := Run(append(args, "--file", filepath.Join(w.dir, "pawl.yaml")), a); got != want {
		w.t.Fatalf("pawl %v: status %d, want %d: %s", args, got, want, w.out.String())
	}
	return w.out.String()
}

// rotated brings a rotation to where a person must say something of the
// workspaces, and gives the old key and the new.
func (w *overridden) rotated() (before, after string) {
	w.t.Helper()
	before = w.First[saas.AnthropicKey]
	w.pawl(exitOK, before+"\n", "provide", saas.AnthropicKey, "--current", "--credential", w.IDs[saas.AnthropicKey])
	w.pawl(exitHeld, "", "rotate", saas.AnthropicKey)
	id, after := w.Anthropic.CreateKey(anthropic.Key{Name: "molecule-prod-20260301"})
	w.pawl(exitOK, after+"\n", "provide", saas.AnthropicKey, "--credential", id)
	w.now = w.now.Add(time.Minute)
	w.pawl(exitHeld, "", "resume")
	return before, after
}

// TestOverridesAreAskedAbout rotates under a workspace that has a key of its
// own: the platform tells that it has one, and not which.
func TestOverridesAreAskedAbout(t *testing.T) {
	const own = "ws-cove-1"
	w := newOverridden(t)
	_, key := w.Anthropic.CreateKey(anthropic.Key{Name: "cove's own"})
	if err := w.Override("cove", own, key); err != nil {
		t.Fatal(err)
	}
	before, after := w.rotated()
	for _, slug := range w.Tenants() {
		if w.GlobalKey(slug) != after {
			t.Errorf("the platform of %s does not have the new key", slug)
		}
	}
	status := w.pawl(exitOK, "", "status", saas.AnthropicKey)
	if !strings.Contains(status, own+"-secrets has a value that cannot be read") || strings.Contains(status, before) || strings.Contains(status, after) {
		t.Errorf("status: %s", status)
	}
	var doc rotationDoc
	if err := json.Unmarshal([]byte(w.pawl(exitOK, "", "status", saas.AnthropicKey, "--json")), &doc); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, step := range doc.Steps {
		for _, s := range step.Shadows {
			if seen++; s.Holds != rotation.HoldsHidden || !strings.Contains(s.Place, own) {
				t.Errorf("%s saw %+v", step.ID, s)
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d looks saw the workspace, want one early and one before the end", seen)
	}
	w.pawl(exitOK, "", "approve", saas.AnthropicKey, "--reason", "it is a key of their own account")
	text := w.pawl(exitHeld, "", "resume") // for the person who revokes
	if !strings.Contains(text, "Revoke the old key") {
		t.Errorf("resume: %s", text)
	}
}
