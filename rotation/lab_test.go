package rotation_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// lab is a made-up vendor in memory: an issuer with a list, places with
// consumers that load what they hold, and hooks by which a test makes it
// answer badly. It knows what is true; no driver's answer is believed.
type lab struct {
	mu       sync.Mutex
	now      func() time.Time
	facts    estate.IssuerFacts
	creds    []*labCred
	places   map[string]*labPlace
	made     int
	calls    []string                            // "put a", "revoke c1", in order
	before   func(call string) error             // runs before each call; an error is its answer, and nothing happens
	after    func(call string) error             // runs after each call; an error is its answer, although it happened
	check    func() driver.Finding               // what a check sees, instead of the truth
	reload   func() driver.Progress              // how far an activation is, instead of done
	minted   func(value string) string           // what a mint yields, instead of a new value
	reads    func(value string) string           // what a readable place gives back, instead of what it holds
	quiet    func(c driver.Credential) time.Time // when a credential was last used
	deployed bool                                // somebody has deployed
	tried    []string                            // the values that trials were given, in order
	accepted []string                            // the versions that checks were given beside them
	private  bool                                // calls need a live credential's value
	again    bool                                // a mint hands out the first credential again
	fixtures int                                 // that were made and not taken away
	stopped  map[string]bool                     // other automation, by name
}

type labCred struct {
	id, name, value string
	inactive        bool
}

type labPlace struct {
	value, loaded string
	exists        bool
	updated       time.Time
}

func newLab(now func() time.Time, facts estate.IssuerFacts) *lab {
	return &lab{now: now, facts: facts, places: map[string]*labPlace{}, stopped: map[string]bool{}}
}

// mint makes a credential at the issuer.
func (l *lab) mint(name string) *labCred {
	l.made++
	c := &labCred{id: fmt.Sprintf("c%d", l.made), name: name, value: fmt.Sprintf("value-%d-of-the-lab", l.made)}
	l.creds = append(l.creds, c)
	return c
}

func (l *lab) live(value string) bool {
	return slices.ContainsFunc(l.creds, func(c *labCred) bool { return c.value == value && !c.inactive })
}

// ids lists the live credentials.
func (l *lab) ids() []string {
	ids := []string{}
	for _, c := range l.creds {
		if !c.inactive {
			ids = append(ids, c.id)
		}
	}
	return ids
}

// place gives a place, which holds nothing at first.
func (l *lab) place(name string) *labPlace {
	if l.places[name] == nil {
		l.places[name] = &labPlace{}
	}
	return l.places[name]
}

// set writes to a place behind pawl's back.
func (l *lab) set(name, value string) {
	p := l.place(name)
	p.value, p.loaded, p.exists, p.updated = value, value, true, l.now()
}

// called counts calls that begin with a prefix.
func (l *lab) called(prefix string) int {
	n := 0
	for _, c := range l.calls {
		if len(c) >= len(prefix) && c[:len(prefix)] == prefix {
			n++
		}
	}
	return n
}

func (l *lab) Info() driver.Info {
	facts := l.facts
	name := []estate.Field{{Name: "name", Type: estate.String, Required: true, Doc: "The place."}}
	reload := []estate.ActivationFact{{Kind: "reload", Doc: "The consumer loads it."}, {Kind: "deploy", Doc: "Somebody deploys it.", Waits: true}}
	location := func(kind string, s estate.Strength) estate.Kind {
		return estate.Kind{Role: estate.RoleLocation, Name: kind, Doc: "A place.", Fields: name, Identity: []string{"name"},
			Location: &estate.LocationFacts{Confirm: s, Readable: s == estate.ByValue, Removable: true, Live: true, Activations: reload}}
	}
	return driver.Info{Spec: estate.Spec{Name: "lab", Title: "Lab", Credential: estate.NeedsCredential, Kinds: []estate.Kind{
		{Role: estate.RoleIssuer, Name: "credential", Doc: "A credential.", Issuer: &facts, Fields: []estate.Field{{Name: "name", Type: estate.String, Doc: "Its name."}}},
		{Role: estate.RoleIssuer, Name: "other", Doc: "Another issuer with the same ids.", Issuer: &facts},
		{Role: estate.RoleIssuer, Name: "reset", Doc: "One value that a mint replaces.", Issuer: &estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Resets: true, Verifies: true}},
		location("place", estate.ByDigest), location("readable", estate.ByValue), location("stamped", estate.ByTimestamp),
		{Role: estate.RoleDiscovery, Name: "workspaces", Doc: "Every place whose name begins with ws."},
		{Role: estate.RoleCheck, Name: "health", Doc: "The consumer of a place is served.", Fields: name, Identity: []string{"name"}, Check: &estate.CheckFacts{Within: 10 * time.Minute}},
		{Role: estate.RoleActivation, Name: "load", Doc: "A consumer loads what a place holds.", Fields: append(name, estate.Field{Name: "from", Type: estate.String, Required: true, Doc: "The place."}), Identity: []string{"name"}},
		{Role: estate.RoleCheck, Name: "stop", Doc: "Other automation stands still.", Fields: name, Identity: []string{"name"}, Check: &estate.CheckFacts{}},
		{Role: estate.RoleCheck, Name: "start", Doc: "Other automation runs.", Fields: name, Identity: []string{"name"}, Check: &estate.CheckFacts{}},
		{Role: estate.RoleCheck, Name: "trial", Doc: "The value is accepted.", Fields: name, Identity: []string{"name"}, Check: &estate.CheckFacts{TakesValue: true}},
		{Role: estate.RoleCheck, Name: "rewrite", Doc: "Data is rewritten.", Fields: append(name, estate.Field{Name: "backups", Type: estate.Duration, Required: true, Doc: "How long they are kept."}), Identity: []string{"name"},
			Check: &estate.CheckFacts{Acts: true, TakesValue: true, TakesAccepted: true, Backups: "backups", Within: time.Hour}},
		{Role: estate.RoleCheck, Name: "fixture", Doc: "Something is made and taken away.", Fields: name, Identity: []string{"name"}, Check: &estate.CheckFacts{Acts: true, Cleans: true, Within: 10 * time.Minute}},
	}}}
}

func (l *lab) Open(env driver.Env, _ estate.Settings) (driver.Conn, error) {
	return &labConn{lab: l, credential: env.Credential}, nil
}

type labConn struct {
	lab        *lab
	credential func(context.Context) (secret.Value, error)
}

func (c *labConn) Close() error { return nil }

// do makes one call: the hooks around it, the caller's credential before it.
func (c *labConn) do(ctx context.Context, call string, f func()) error {
	c.lab.mu.Lock()
	c.lab.calls = append(c.lab.calls, call)
	c.lab.mu.Unlock()
	if c.lab.before != nil {
		if err := c.lab.before(call); err != nil {
			return err
		}
	}
	if c.lab.private && !c.admitted(ctx) {
		return &driver.Error{Op: call, Kind: driver.Unauthenticated, Effect: pawl.EffectNone, Why: "the caller's credential is refused"}
	}
	c.lab.mu.Lock()
	f()
	c.lab.mu.Unlock()
	if c.lab.after != nil {
		return c.lab.after(call)
	}
	return nil
}

func (c *labConn) admitted(ctx context.Context) bool {
	v, err := c.credential(ctx)
	return err == nil && c.lab.live(open(v))
}

// open shows a value to a test's vendor.
func open(v secret.Value) string {
	var s string
	_ = v.Use(func(b []byte) error { s = string(b); return nil }) // the function gives no error
	return s
}

func (c *labConn) Probe(ctx context.Context, _ driver.Target) ([]driver.Grant, error) {
	return nil, c.do(ctx, "probe", func() {})
}

func (c *labConn) Mint(ctx context.Context, r driver.MintRequest) (m driver.Minted, err error) {
	err = c.do(ctx, "mint", func() {
		if c.lab.again {
			old := c.lab.creds[0]
			m = driver.Minted{Credential: driver.Credential{ID: old.id, Name: old.name}, Value: secret.One(secret.NewString(old.value))}
			return
		}
		if r.Target.Kind == "reset" { // it ends what it has made before, and nothing else
			c.lab.creds = slices.DeleteFunc(c.lab.creds, func(l *labCred) bool { return l.name == "reset" })
			r.Name = "reset"
		}
		made := c.lab.mint(r.Name)
		if c.lab.facts.Overlap == estate.Replaced {
			c.lab.creds = []*labCred{made}
		}
		if c.lab.minted != nil {
			made.value = c.lab.minted(made.value)
		}
		m = driver.Minted{Credential: driver.Credential{ID: made.id, Name: made.name}, Value: secret.One(secret.NewString(made.value))}
		m.Value["spare"] = secret.NewString("a part that no place needs")
	})
	return m, err
}

func (c *labConn) List(ctx context.Context, _ driver.Target) (list []driver.Credential, err error) {
	err = c.do(ctx, "list", func() {
		for _, cred := range c.lab.creds {
			list = append(list, driver.Credential{ID: cred.id, Name: cred.name, Inactive: cred.inactive})
		}
	})
	return list, err
}

func (c *labConn) Revoke(ctx context.Context, _ driver.Target, cred driver.Credential, value secret.Parts) error {
	return c.do(ctx, "revoke "+cred.ID, func() {
		c.lab.creds = slices.DeleteFunc(c.lab.creds, func(l *labCred) bool {
			return l.id == cred.ID || cred.ID == "" && l.value == open(value[secret.Single])
		})
	})
}

func (c *labConn) Verify(ctx context.Context, _ driver.Target, value secret.Parts) (v driver.Verdict, err error) {
	err = c.do(ctx, "verify", func() {
		v = driver.Refused
		if c.lab.live(open(value[secret.Single])) {
			v = driver.Accepted
		}
	})
	return v, err
}

func (c *labConn) Identify(ctx context.Context, _ driver.Target, value secret.Parts) (found driver.Credential, err error) {
	err = c.do(ctx, "identify", func() {
		for _, cred := range c.lab.creds {
			if cred.value == open(value[secret.Single]) {
				found = driver.Credential{ID: cred.id, Name: cred.name}
			}
		}
	})
	if err == nil && found.ID == "" {
		err = &driver.Error{Op: "identify", Kind: driver.NotFound, Effect: pawl.EffectNone}
	}
	return found, err
}

func (c *labConn) LastUsed(ctx context.Context, _ driver.Target, cred driver.Credential) (last time.Time, err error) {
	err = c.do(ctx, "last used", func() { last = c.lab.quiet(cred) })
	return last, err
}

func (p *labPlace) receipt() driver.Receipt {
	sum := sha256.Sum256([]byte("salt " + p.value))
	return driver.Receipt{Exists: p.exists, Digest: hex.EncodeToString(sum[:8]), UpdatedAt: p.updated}
}

func at(t driver.Target) string { return t.Settings.String("name") }

func (c *labConn) Put(ctx context.Context, w driver.Write) (r driver.Receipt, err error) {
	err = c.do(ctx, "put "+at(w.Target), func() {
		p := c.lab.place(at(w.Target))
		p.value, p.exists, p.updated = open(w.Value), true, c.lab.now()
		r = p.receipt()
	})
	return r, err
}

func (c *labConn) Stat(ctx context.Context, t driver.Target) (r driver.Receipt, err error) {
	err = c.do(ctx, "stat "+at(t), func() { r = c.lab.place(at(t)).receipt() })
	return r, err
}

func (c *labConn) Read(ctx context.Context, t driver.Target) (v secret.Value, ok bool, err error) {
	err = c.do(ctx, "read "+at(t), func() {
		p := c.lab.place(at(t))
		v, ok = secret.NewString(p.value), p.exists
		if c.lab.reads != nil {
			v = secret.NewString(c.lab.reads(p.value))
		}
	})
	return v, ok, err
}

func (c *labConn) Discover(ctx context.Context, _ driver.Target) (list []driver.Target, err error) {
	err = c.do(ctx, "discover", func() {
		for name := range c.lab.places {
			if strings.HasPrefix(name, "ws") {
				list = append(list, driver.Target{Settings: estate.Settings{"name": name}})
			}
		}
	})
	return list, err
}

func (c *labConn) Remove(ctx context.Context, t driver.Target) error {
	return c.do(ctx, "remove "+at(t), func() { delete(c.lab.places, at(t)) })
}

func (c *labConn) Activate(ctx context.Context, a driver.Activation) (p driver.Progress, err error) {
	p.Done = true
	if a.Kind == "deploy" {
		err = c.do(ctx, "look "+at(a.Target), func() { p = driver.Progress{Done: c.lab.deployed, After: time.Hour, Detail: "not deployed yet"} })
		return p, err
	}
	if a.Kind == "load" {
		err = c.do(ctx, "load "+at(a.Target), func() {
			from, to := c.lab.place(a.Target.Settings.String("from")), c.lab.place(at(a.Target))
			to.value, to.loaded = from.value, from.value
		})
		return p, err
	}
	err = c.do(ctx, "reload "+at(a.Target), func() {
		place := c.lab.place(at(a.Target))
		if c.lab.reload != nil {
			if p = c.lab.reload(); !p.Done {
				return
			}
		}
		place.loaded = place.value
	})
	return p, err
}

func (c *labConn) Check(ctx context.Context, r driver.CheckRequest) (f driver.Finding, err error) {
	if r.Target.Kind == "fixture" {
		return c.fixture(ctx, r)
	}
	if kind := r.Target.Kind; kind == "stop" || kind == "start" {
		err = c.do(ctx, kind+" "+at(r.Target), func() {
			c.lab.stopped[at(r.Target)] = kind == "stop"
			f = driver.Finding{State: driver.Passed}
			if len(r.Value) > 0 {
				f = driver.Finding{State: driver.Failed, Final: true, Detail: "it was shown the value"}
			}
		})
		return f, err
	}
	err = c.do(ctx, "check "+at(r.Target), func() {
		f = driver.Finding{State: driver.Failed, Detail: "the consumer is refused"}
		for _, old := range r.Accepted {
			c.lab.accepted = append(c.lab.accepted, open(old[secret.Single]))
		}
		if r.Target.Kind == "rewrite" {
			c.lab.tried = append(c.lab.tried, open(r.Value[secret.Single]))
			f = driver.Finding{State: driver.Passed}
		}
		if r.Target.Kind == "trial" {
			c.lab.tried = append(c.lab.tried, open(r.Value[secret.Single]))
		}
		if r.Target.Kind == "trial" && c.lab.live(open(r.Value[secret.Single])) || r.Target.Kind == "health" && c.lab.live(c.lab.place(at(r.Target)).loaded) {
			f = driver.Finding{State: driver.Passed}
		}
		if c.lab.check != nil {
			f = c.lab.check()
		}
	})
	return f, err
}

// fixture makes something, looks at it, and takes it away: one call each.
func (c *labConn) fixture(ctx context.Context, r driver.CheckRequest) (f driver.Finding, err error) {
	call := cmp.Or(r.Resume, "make") + " fixture"
	if r.Stop {
		call = "take away fixture"
	}
	err = c.do(ctx, call, func() {
		switch f = (driver.Finding{State: driver.Pending}); call {
		case "make fixture":
			c.lab.fixtures, f.Resume = c.lab.fixtures+1, "look at"
		case "look at fixture":
			f.Resume = "take away"
		default:
			c.lab.fixtures, f.State = max(0, c.lab.fixtures-1), driver.Passed
		}
	})
	return f, err
}
