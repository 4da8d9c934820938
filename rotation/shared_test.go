package rotation_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/file"
	"github.com/pawlhq/pawl/driver/random"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/store/sqlite"
)

// A place that a person writes by hand. The rotation turns back after they
// were asked: they are asked to put the old value back before the new one is
// ended. Catches an undo that ends what a person has just put to use.
func TestUndoOfAPlaceWrittenByHand(t *testing.T) {
	w := newWorld(t, api, `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations:
      - {use: person, title: put it into the router}
      - {use: lab, kind: place, name: a}
    checks: "none: nobody asks"
`)
	w.lab.before = func(call string) error {
		if call == "put a" {
			return errDenied
		}
		return nil
	}
	for _, answered := range []bool{true, false} {
		id := w.openKey()
		step := w.asks(w.run(id), plan.ActTask)
		if answered {
			w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
		} else {
			w.mustSay(id, rotation.Entry{Word: rotation.WordUndo})
		}
		back := w.asks(w.run(id), plan.ActTask)
		if back.Reverses != step.ID {
			t.Fatalf("%s asks, want the inverse of %s", back.ID, step.ID)
		}
		if w.lab.called("revoke") > 0 && answered {
			t.Error("the new version was ended before the old one was back")
		}
		w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: back.ID})
		w.want(w.run(id), pawl.Undone)
		w.live("c1")
	}
}

// files opens the file driver in a folder.
type files struct{ dir string }

func (f files) Port(_ context.Context, name string, c plan.Connection) (*driver.Port, error) {
	d := map[string]driver.Driver{"file": file.New(), "random": random.New()}[c.Driver]
	conn, err := d.Open(driver.Env{Dir: f.dir, Now: time.Now, Rand: rand.Reader, Wait: pause}, c.Settings)
	if err != nil {
		return nil, err
	}
	return driver.NewPort(name, d.Info(), conn, 0), nil
}

// pause lets the other writer of a file have its turn.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Two rotations of different secrets write two fields of one file at the same
// time, over a durable store. Neither write is lost, and neither is taken for
// somebody else's.
func TestTwoRotationsWriteOneFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "app.env")
	if err := os.WriteFile(path, []byte("# kept\nA=old-a\nB=old-b\nC=other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "pawl.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	e, err := estate.Parse("pawl.yaml", []byte(`pawl: 1
estate: test
secrets:
  A: {issuer: {use: random}, locations: [{use: file, path: app.env}], checks: "none: nobody asks"}
  B: {issuer: {use: random}, locations: [{use: file, path: app.env}], checks: "none: nobody asks"}
`), driver.Registry{file.New(), random.New()})
	if err != nil {
		t.Fatal(err)
	}
	engine := &rotation.Engine{Store: store, Vault: newVault(t), Ports: files{dir}, Now: time.Now, Holder: "p1"}
	outcomes := make([]string, 2)
	var group sync.WaitGroup
	for i, name := range []pawl.SecretName{"A", "B"} {
		group.Go(func() { outcomes[i] = rotate(t.Context(), engine, e, name) })
	}
	group.Wait()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(outcomes) != "[done done]" || strings.Contains(string(text), "old-") || !strings.Contains(string(text), "# kept\n") || !strings.Contains(string(text), "C=other\n") {
		t.Errorf("outcomes %v; the file kept an old value, or lost a neighbour's", outcomes)
	}
}

// rotate plans and runs one rotation and gives its outcome, or what failed.
func rotate(ctx context.Context, engine *rotation.Engine, e *estate.Estate, name pawl.SecretName) string {
	seen, err := rotation.Observe(ctx, engine.Store, []pawl.SecretName{name})
	if err != nil {
		return err.Error()
	}
	p, err := plan.Make(e, plan.Request{Secrets: []pawl.SecretName{name}}, seen, engine.Now())
	if err != nil {
		return err.Error()
	}
	id, err := engine.Open(ctx, p, "ann")
	if err != nil {
		return err.Error()
	}
	st, err := engine.Run(ctx, id)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(st.Outcome) + " " + st.Why)
}

// A store is copied to another host while a rotation waits for a person. With
// its key the other host goes on; without it nothing is touched, and the error
// says what is missing.
func TestStoreCopiedToAnotherHost(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, api, oneKey)
	first := filepath.Join(dir, "first.db")
	store, err := sqlite.Open(t.Context(), first, sqlite.Options{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	w.store = store
	w.adopt("KEY", value(1))
	w.parse(oneKey + "    policy: {approve: true}\n")
	id := w.openKey()
	step := w.asks(w.run(id), plan.ActApprove)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(first)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "second.db"), b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	second, err := sqlite.Open(t.Context(), filepath.Join(dir, "second.db"), sqlite.Options{Now: w.now})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	w.store = second
	w.mustSay(id, rotation.Entry{Word: rotation.WordApprove, Step: step.ID})
	e := w.engine()
	e.Dead, e.Vault = nil, otherVault(t)
	_, err = e.Run(t.Context(), id)
	if err == nil || pawl.HintOf(err) == "" || w.lab.called("mint")+w.lab.called("put") != 0 {
		t.Fatalf("without the key: %v, calls %v", err, w.lab.calls)
	}
	w.time = w.time.Add(rotation.DefaultTTL)
	w.want(w.run(id), pawl.Done)
	w.live("c2")
	w.holds(value(2), "a", "b")
}
