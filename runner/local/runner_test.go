//go:build linux

package local_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver/all"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/connect"
	"github.com/pawlhq/pawl/internal/credential"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/runner/local"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/store/memory"
)

// site is an estate of real files under a real engine.
type site struct {
	t      *testing.T
	dir    string
	estate *estate.Estate
	engine *rotation.Engine

	mu   sync.Mutex
	acts []pawl.SecretName // whose entries came, in order, without repetitions
}

// newSite makes an estate of secrets that live in one file each.
func newSite(t *testing.T, names ...string) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir()}
	text := "pawl: 1\nestate: site\nsecrets:\n"
	for _, name := range names {
		text += fmt.Sprintf("  %s:\n    purpose: a test\n    owner: tests\n    issuer: {use: random, kind: value}\n"+
			"    locations: [{use: file, kind: field, path: %s.env}]\n    checks: \"none: nothing reads it\"\n", name, name)
		if err := os.WriteFile(filepath.Join(s.dir, name+".env"), []byte(name+"=old-value\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if s.estate, err = estate.Parse("pawl.yaml", []byte(text), all.Drivers()); err != nil {
		t.Fatal(err)
	}
	keeper, err := envelope.NewKeyKeeper(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	key, err := envelope.NewDataKey(t.Context(), keeper, 1, "pawl", time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := envelope.OpenRing(t.Context(), []envelope.Keeper{keeper}, []envelope.DataKey{key})
	if err != nil {
		t.Fatal(err)
	}
	ports := &connect.Connector{Registry: all.Drivers(), Resolver: &credential.Resolver{Dir: s.dir}, Dir: s.dir}
	s.engine = &rotation.Engine{Store: memory.New(), Ports: ports, Vault: ring, Now: time.Now, Holder: local.Process(), Dead: local.Dead, Observe: s.observe}
	for _, name := range names {
		if err := s.engine.Adopt(t.Context(), pawl.SecretName(name), secret.One(secret.NewString("old-value")), nil, "test"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *site) observe(_ rotation.Entry, st *rotation.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := st.Plan.Subjects[0].Secret
	if len(s.acts) == 0 || s.acts[len(s.acts)-1] != name {
		s.acts = append(s.acts, name)
	}
}

func (s *site) plan(name string) *plan.Plan {
	s.t.Helper()
	names := []pawl.SecretName{pawl.SecretName(name)}
	seen, err := rotation.Observe(s.t.Context(), s.engine.Store, names)
	if err != nil {
		s.t.Fatal(err)
	}
	p, err := plan.Make(s.estate, plan.Request{Secrets: names}, seen, time.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// rotated reports whether the file of a secret has another value.
func (s *site) rotated(name string) bool {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name+".env"))
	if err != nil {
		s.t.Fatal(err)
	}
	return !strings.Contains(string(b), "old-value")
}

func (s *site) runner() *local.Runner { return &local.Runner{Engine: s.engine, Actor: "test"} }

// block puts a folder in the place of a secret's file, so that its rotation
// cannot be done.
func (s *site) block(name string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name+".env")
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		s.t.Fatal(err)
	}
}

// TestRotateKeepsTheOrder gives the plans in the order in which they must not
// run.
func TestRotateKeepsTheOrder(t *testing.T) {
	s := newSite(t, "A", "B", "C")
	results := s.runner().Rotate(t.Context(), []local.Batch{
		{Plan: s.plan("C"), After: []int{1, 2}}, {Plan: s.plan("B"), After: []int{2}}, {Plan: s.plan("A")},
	})
	for i, name := range []string{"C", "B", "A"} {
		r := results[i]
		if r.Err != nil || r.Outcome() != pawl.Done || r.ID == "" || r.Plan == nil || r.Plan.Subjects[0].Secret != pawl.SecretName(name) || !s.rotated(name) {
			t.Errorf("result %d, of %s: outcome %q, id %q: %v", i, name, r.Outcome(), r.ID, r.Err)
		}
	}
	if want := []pawl.SecretName{"A", "B", "C"}; !slices.Equal(s.acts, want) {
		t.Errorf("they acted in the order %v, want %v", s.acts, want)
	}
}

// TestRotateStopsBehindAFailure holds that what must come after a secret is
// left alone when that secret was not done, and what need not is done.
func TestRotateStopsBehindAFailure(t *testing.T) {
	s := newSite(t, "A", "B", "C", "D")
	batches := []local.Batch{{Plan: s.plan("A")}, {Plan: s.plan("B"), After: []int{0}}, {Plan: s.plan("C"), After: []int{1}}, {Plan: s.plan("D")}}
	s.block("A")
	results := s.runner().Rotate(t.Context(), batches)
	if results[0].Outcome() == pawl.Done {
		t.Fatal("a rotation into a folder is done")
	}
	for _, i := range []int{1, 2} {
		if r := results[i]; !errors.Is(r.Err, local.ErrBefore) || r.ID != "" || r.State != nil || r.Outcome() != "" {
			t.Errorf("the one behind it: outcome %q, id %q: %v", r.Outcome(), r.ID, r.Err)
		}
	}
	if s.rotated("B") || s.rotated("C") || !s.rotated("D") {
		t.Errorf("rotated: B %t, C %t, D %t; want D alone", s.rotated("B"), s.rotated("C"), s.rotated("D"))
	}
	open, err := s.engine.Store.Rotations(t.Context(), rotation.Filter{})
	if err != nil || len(open) != 2 {
		t.Errorf("%d rotations were opened, want those of A and D: %v", len(open), err)
	}
	if pawl.CodeOf(local.ErrBefore) != pawl.CodePending || pawl.HintOf(local.ErrBefore) == "" {
		t.Error("the refusal says not what to do next")
	}
}

// TestRotateTellsWhatIsOpen rotates a secret that another rotation has.
func TestRotateTellsWhatIsOpen(t *testing.T) {
	s := newSite(t, "A")
	p := s.plan("A")
	id, err := s.engine.Open(t.Context(), p, "somebody")
	if err != nil {
		t.Fatal(err)
	}
	r := s.runner().Rotate(t.Context(), []local.Batch{{Plan: p}})[0]
	var open *rotation.OpenError
	if !errors.As(r.Err, &open) || open.Rotation != id || r.ID != "" || local.Busy(r.Err) {
		t.Errorf("got %v, want that %s is open", r.Err, id)
	}
}

// TestCancelledRotationsGoOn stops rotations before they act; they are open
// and whole, and Resume ends them.
func TestCancelledRotationsGoOn(t *testing.T) {
	s := newSite(t, "A", "B")
	ctx, cancel := context.WithCancel(t.Context())
	see := s.engine.Observe
	s.engine.Observe = func(e rotation.Entry, st *rotation.State) {
		see(e, st)
		cancel() // at the first record of either
	}
	results := s.runner().Rotate(ctx, []local.Batch{{Plan: s.plan("A")}, {Plan: s.plan("B")}})
	s.engine.Observe = see
	var ids []pawl.RotationID
	for _, r := range results {
		if r.Outcome() == pawl.Done {
			t.Errorf("%s went on when it was cancelled", r.ID)
		}
		if r.ID != "" {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		t.Fatal("none was opened")
	}
	// This process lives and may still have the leases: they have run out later.
	s.engine.Now = func() time.Time { return time.Now().Add(2 * rotation.DefaultTTL) }
	for _, r := range s.runner().Resume(t.Context(), ids) {
		if r.Err != nil || r.Outcome() != pawl.Done || r.Plan == nil || !s.rotated(string(r.Plan.Subjects[0].Secret)) {
			t.Errorf("%s: outcome %q: %v", r.ID, r.Outcome(), r.Err)
		}
	}
}

func TestResumeOfWhatIsNotThere(t *testing.T) {
	s := newSite(t, "A")
	r := s.runner().Resume(t.Context(), []pawl.RotationID{"20260101-000000-nope"})[0]
	if !errors.Is(r.Err, rotation.ErrNotFound) || r.State != nil || r.Plan != nil || r.Outcome() != "" {
		t.Errorf("got %+v", r)
	}
	if got := s.runner().Resume(t.Context(), nil); len(got) != 0 {
		t.Errorf("nothing to resume gives %d results", len(got))
	}
}

// TestLeasesOfTheLivingAndTheDead resumes a rotation whose lease is in the
// hands of a real process, while it lives and once it was killed.
func TestLeasesOfTheLivingAndTheDead(t *testing.T) {
	s := newSite(t, "A")
	cmd, name := child(t)
	own := s.engine.Holder
	s.engine.Holder = name
	id, err := s.engine.Open(t.Context(), s.plan("A"), "test")
	if err != nil {
		t.Fatal(err)
	}
	lease, err := s.engine.Store.Acquire(t.Context(), rotation.LeaseRequest{Rotation: id, Holder: name, Now: time.Now(), Expires: time.Now().Add(time.Hour)})
	if err != nil || lease.Holder != name {
		t.Fatalf("the process has no lease: %v", err)
	}
	s.engine.Holder = own
	if r := s.runner().Resume(t.Context(), []pawl.RotationID{id})[0]; !local.Busy(r.Err) || s.rotated("A") {
		t.Errorf("the lease of a live process was taken: outcome %q: %v", r.Outcome(), r.Err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	waitZombie(t, cmd.Process.Pid)
	if r := s.runner().Resume(t.Context(), []pawl.RotationID{id})[0]; r.Err != nil || r.Outcome() != pawl.Done || !s.rotated("A") {
		t.Errorf("the lease of a dead process was not taken: outcome %q: %v", r.Outcome(), r.Err)
	}
}
