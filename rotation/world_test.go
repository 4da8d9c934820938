package rotation_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/random"
	"github.com/pawlhq/pawl/envelope"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/secret"
	"github.com/pawlhq/pawl/store/memory"
)

// api are the facts of an issuer without peculiarities.
var api = estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Verifies: true, Identifies: true}

// oneKey is one secret with two places, proofs and no waits.
const oneKey = `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-v{{.Version}}"}
    locations:
      - {use: lab, kind: place, name: a, activate: reload}
      - {use: lab, kind: place, name: b, activate: reload}
    checks: [{use: lab, kind: health, name: a}, {use: lab, kind: health, name: b}]
`

// world is a lab, a store and an engine under virtual time.
type world struct {
	t      *testing.T
	time   time.Time
	lab    *lab
	store  rotation.Store
	vault  rotation.Vault
	estate *estate.Estate
	kill   time.Duration // the process is killed when it begins a wait of at least this, once; 0 is never
	own    string
	holder int
}

// newWorld makes a world in which the lab's first credential is in place at
// all places, known to pawl as version 1 of KEY.
func newWorld(t *testing.T, facts estate.IssuerFacts, secrets string, places ...string) *world {
	t.Helper()
	w := unknown(t, facts, secrets, places...)
	w.adopt("KEY", w.lab.creds[0].value)
	return w
}

// unknown is newWorld without pawl knowing the value in place.
func unknown(t *testing.T, facts estate.IssuerFacts, secrets string, places ...string) *world {
	t.Helper()
	w := &world{t: t, time: clock(), store: memory.New(), vault: newVault(t), own: "env:LAB"}
	w.lab = newLab(w.now, facts)
	first := w.lab.mint("initial")
	for _, name := range append(places, "a", "b") {
		w.lab.set(name, first.value)
	}
	w.parse(secrets)
	return w
}

func (w *world) now() time.Time { return w.time }

// clock is when every world begins.
func clock() time.Time { return time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC) }

func (w *world) parse(secrets string) {
	w.t.Helper()
	e, err := estate.Parse("pawl.yaml", []byte("pawl: 1\nestate: test\nconnections:\n  lab: {driver: lab, credential: \""+w.own+"\"}\nsecrets:"+secrets),
		driver.Registry{w.lab, random.New()})
	if err != nil {
		w.t.Fatal(err)
	}
	w.estate = e
}

func newVault(t *testing.T) *envelope.Ring { return vaultOf(t, 7) }

// otherVault is that of a host without the key of newVault.
func otherVault(t *testing.T) *envelope.Ring { return vaultOf(t, 8) }

func vaultOf(t *testing.T, seed byte) *envelope.Ring {
	t.Helper()
	keeper, err := envelope.NewKeyKeeper(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	key, err := envelope.NewDataKey(t.Context(), keeper, 1, "test", time.Unix(0, 0), rand.NewChaCha8([32]byte{seed}))
	if err != nil {
		t.Fatal(err)
	}
	ring, err := envelope.OpenRing(t.Context(), []envelope.Keeper{keeper}, []envelope.DataKey{key})
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// engine is a new process.
func (w *world) engine() *rotation.Engine {
	w.holder++
	me := fmt.Sprintf("p%d", w.holder)
	e := &rotation.Engine{Store: w.store, Vault: w.vault, Now: w.now, Holder: me, Parallel: 1,
		Dead: func(h string) bool { return h != me }, Rand: rand.NewChaCha8([32]byte{byte(w.holder)})}
	e.Sleep = func(ctx context.Context, until time.Time) error {
		if w.kill > 0 && until.Sub(w.time) >= w.kill {
			w.kill = 0
			return errKilled
		}
		w.time = until
		return ctx.Err()
	}
	e.Ports = ports{w: w, e: e}
	return e
}

var errKilled = fmt.Errorf("the process was killed while it waited")

type ports struct {
	w *world
	e *rotation.Engine
}

func (p ports) Port(_ context.Context, name string, c plan.Connection) (*driver.Port, error) {
	var d driver.Driver = p.w.lab
	if c.Driver == "random" {
		d = random.New()
	}
	env := driver.Env{Now: p.w.now, Rand: rand.NewChaCha8([32]byte{4, byte(p.w.holder)})}
	if of, ok := strings.CutPrefix(c.Credential, "secret:"); ok {
		env.Credential = func(ctx context.Context) (secret.Value, error) { return p.e.Newest(ctx, pawl.SecretName(of)) }
	}
	conn, err := d.Open(env, c.Settings)
	if err != nil {
		return nil, err
	}
	return driver.NewPort(name, d.Info(), conn, 0), nil
}

func (w *world) adopt(name pawl.SecretName, value string) {
	w.t.Helper()
	if err := w.engine().Adopt(w.t.Context(), name, secret.One(secret.NewString(value)), nil, "ann"); err != nil {
		w.t.Fatal(err)
	}
}

// open plans and opens a rotation.
func (w *world) open(r plan.Request) pawl.RotationID {
	w.t.Helper()
	seen, err := rotation.Observe(w.t.Context(), w.store, r.Secrets)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := plan.Make(w.estate, r, seen, w.now())
	if err != nil {
		w.t.Fatal(err)
	}
	id, err := w.engine().Open(w.t.Context(), p, "ann")
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) openKey() pawl.RotationID {
	w.t.Helper()
	return w.open(plan.Request{Secrets: []pawl.SecretName{"KEY"}})
}

// run runs a rotation in a new process until it ends or needs somebody.
func (w *world) run(id pawl.RotationID) *rotation.State {
	w.t.Helper()
	st, err := w.engine().Run(w.t.Context(), id)
	if err != nil {
		w.t.Fatalf("run: %v\n%s", err, w.journal(id))
	}
	return st
}

// killed runs a rotation until it begins a wait of at least d, and kills it.
func (w *world) killed(id pawl.RotationID, d time.Duration) {
	w.t.Helper()
	w.kill = d
	if _, err := w.engine().Run(w.t.Context(), id); err != errKilled {
		w.t.Fatalf("it did not come to a wait of %s: %v\n%s", d, err, w.journal(id))
	}
}

// say is a person's word.
func (w *world) say(id pawl.RotationID, word rotation.Entry, value ...string) error {
	w.t.Helper()
	if word.Actor == "" {
		word.Actor = "ann"
	}
	var parts secret.Parts
	if len(value) > 0 {
		parts = secret.One(secret.NewString(value[0]))
	}
	return w.engine().Say(w.t.Context(), id, word, "KEY", parts)
}

func (w *world) mustSay(id pawl.RotationID, word rotation.Entry, value ...string) {
	w.t.Helper()
	if err := w.say(id, word, value...); err != nil {
		w.t.Fatalf("%s: %v", word.Word, err)
	}
}

// want holds how a rotation stands.
func (w *world) want(st *rotation.State, o pawl.Outcome) {
	w.t.Helper()
	if st.Outcome != o {
		w.t.Fatalf("it is %q, want %q: %s\n%s", st.Outcome, o, st.Why, w.journal(st.ID))
	}
}

// asks holds that a step waits for a person, and gives it.
func (w *world) asks(st *rotation.State, act plan.Act) *plan.Step {
	w.t.Helper()
	list := st.Plan.Steps
	if st.Undoing {
		list = st.Plan.Undo
	}
	for i := range list {
		if s := st.Steps[list[i].ID]; s != nil && s.Asks() && list[i].Act == act {
			return &list[i]
		}
	}
	w.t.Fatalf("no %s step asks\n%s", act, w.journal(st.ID))
	return nil
}

// live holds which credentials live at the issuer.
func (w *world) live(ids ...string) {
	w.t.Helper()
	if got := w.lab.ids(); strings.Join(got, " ") != strings.Join(ids, " ") {
		w.t.Errorf("%v live at the issuer, want %v", got, ids)
	}
}

// holds holds that places hold what a credential's number stands for.
func (w *world) holds(value string, places ...string) {
	w.t.Helper()
	for _, name := range places {
		if p := w.lab.place(name); p.value != value || p.loaded != value {
			w.t.Errorf("%s holds %q and runs with %q, want %q", name, p.value, p.loaded, value)
		}
	}
}

func (w *world) entries(id pawl.RotationID) []rotation.Entry {
	w.t.Helper()
	a, err := w.store.Load(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Entries
}

// count counts the entries of a rotation that f wants.
func (w *world) count(id pawl.RotationID, f func(rotation.Entry) bool) int {
	w.t.Helper()
	n := 0
	for _, e := range w.entries(id) {
		if f(e) {
			n++
		}
	}
	return n
}

func (w *world) journal(id pawl.RotationID) string {
	var b strings.Builder
	for i, e := range w.entries(id) {
		if i > 120 {
			b.WriteString("…\n")
			break
		}
		fmt.Fprintf(&b, "%s %-8s %-8s %-12s %-7s %-8s %s %s\n", e.Time.Format("02T15:04:05"), e.Kind, e.Word, e.Step, e.Result, e.Effect, e.Why, e.Detail)
	}
	return b.String()
}

// value is what the n-th credential of the lab holds.
func value(n int) string { return fmt.Sprintf("value-%d-of-the-lab", n) }

// versionStates gives the state of each version of KEY, by number.
func (w *world) versionStates() map[pawl.Version]rotation.VersionState {
	w.t.Helper()
	rows, err := w.store.Versions(context.Background(), "KEY")
	if err != nil {
		w.t.Fatal(err)
	}
	states := map[pawl.Version]rotation.VersionState{}
	for _, r := range rows {
		states[r.Version] = r.State
	}
	return states
}
