package connect_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/file"
	"github.com/pawlhq/pawl/driver/random"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/internal/connect"
	"github.com/pawlhq/pawl/internal/credential"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/secret"
)

// vendor is a driver that remembers how it was opened. Its connections fail to
// close with fail.
type vendor struct {
	opened atomic.Int32
	closed atomic.Int32
	env    driver.Env
	set    estate.Settings
	fail   error
	refuse error
}

func (*vendor) Info() driver.Info { return driver.Info{Spec: estate.Spec{Name: "vendor"}} }

func (v *vendor) Open(env driver.Env, s estate.Settings) (driver.Conn, error) {
	if v.refuse != nil {
		return nil, v.refuse
	}
	v.opened.Add(1)
	v.env, v.set = env, s
	return &conn{v}, nil
}

type conn struct{ v *vendor }

func (*conn) Probe(context.Context, driver.Target) ([]driver.Grant, error) { return nil, nil }
func (c *conn) Close() error {
	c.v.closed.Add(1)
	return c.v.fail
}

func newConnector(v *vendor) *connect.Connector {
	return &connect.Connector{Registry: driver.Registry{random.New(), v}, Resolver: &credential.Resolver{}}
}

func port(t *testing.T, c *connect.Connector, name string, p plan.Connection) *driver.Port {
	t.Helper()
	got, err := c.Port(t.Context(), name, p)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestOnePortAConnection holds what is shared: the same name with the same
// pinned settings, and nothing else.
func TestOnePortAConnection(t *testing.T) {
	v := &vendor{}
	c := newConnector(v)
	first := plan.Connection{Driver: "vendor", Credential: "env:A", Settings: estate.Settings{"org": "o", "n": 1, "within": time.Hour, "list": []string{"a"}}}
	same := plan.Connection{Driver: "vendor", Credential: "env:A", Settings: estate.Settings{"list": []string{"a"}, "within": time.Hour, "n": 1, "org": "o"}}
	p := port(t, c, "fly", first)
	if port(t, c, "fly", same) != p || v.opened.Load() != 1 {
		t.Errorf("the same connection was opened %d times", v.opened.Load())
	}
	if port(t, c, "fly", pinned(t, first)) != p {
		t.Error("a plan that was stored and read back opens the connection again")
	}
	if p.Name() != "fly" {
		t.Errorf("the port is called %q", p.Name())
	}
	for what, other := range map[string]plan.Connection{
		"another credential": {Driver: "vendor", Credential: "env:B", Settings: first.Settings},
		"another setting":    {Driver: "vendor", Credential: "env:A", Settings: estate.Settings{"org": "p", "n": 1}},
		"no settings":        {Driver: "vendor", Credential: "env:A"},
		"another driver":     {Driver: "random", Credential: "env:A", Settings: first.Settings},
	} {
		if port(t, c, "fly", other) == p {
			t.Errorf("%s: the port of the first is given", what)
		}
	}
	if port(t, c, "other", first) == p {
		t.Error("another name gives the same port: errors would name the wrong connection")
	}
}

// pinned gives a connection as it is when its plan was stored and read back.
func pinned(t *testing.T, c plan.Connection) plan.Connection {
	t.Helper()
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back plan.Connection
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestRacingCallersShareOnePort(t *testing.T) {
	v := &vendor{}
	c := newConnector(v)
	var group sync.WaitGroup
	ports := make([]*driver.Port, 16)
	for i := range ports {
		group.Go(func() {
			p, err := c.Port(t.Context(), "fly", plan.Connection{Driver: "vendor"})
			if err != nil {
				t.Error(err)
			}
			ports[i] = p
		})
	}
	group.Wait()
	for _, p := range ports {
		if p != ports[0] {
			t.Fatal("two ports are open for one connection")
		}
	}
	if v.opened.Load() != 1 {
		t.Errorf("it was opened %d times", v.opened.Load())
	}
}

// TestDriversGetEveryWayOut holds the defaults of driver.Env.
func TestDriversGetEveryWayOut(t *testing.T) {
	v := &vendor{}
	c := newConnector(v)
	c.Dir = t.TempDir()
	set := estate.Settings{"org": "o"}
	port(t, c, "fly", plan.Connection{Driver: "vendor", Settings: set})
	env := v.env
	if env.Transport == nil || env.Dial == nil || env.Now == nil || env.Wait == nil || env.Rand == nil || env.Dir != c.Dir || v.set["org"] != "o" {
		t.Fatalf("a way out is missing: %+v", env)
	}
	if env.Credential != nil {
		t.Error("a connection without a credential has one")
	}
	if d := time.Since(env.Now()); d < 0 || d > time.Minute {
		t.Errorf("its clock is off by %v", d)
	}
	if err := env.Wait(t.Context(), time.Nanosecond); err != nil {
		t.Errorf("waiting: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := env.Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting when cancelled: %v", err)
	}
	if n, err := env.Rand.Read(make([]byte, 8)); n != 8 || err != nil {
		t.Errorf("%d random bytes: %v", n, err)
	}
	port(t, c, "second", plan.Connection{Driver: "vendor"})
	if v.env.Transport != env.Transport {
		t.Error("each connection has a transport of its own: nothing is reused")
	}
}

func TestDriversGetWhatIsGiven(t *testing.T) {
	v := &vendor{}
	c := newConnector(v)
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	waited := time.Duration(0)
	c.Now = func() time.Time { return noon }
	c.Wait = func(_ context.Context, d time.Duration) error { waited = d; return nil }
	c.Transport = http.NewFileTransport(http.Dir(t.TempDir()))
	port(t, c, "fly", plan.Connection{Driver: "vendor"})
	if err := v.env.Wait(t.Context(), time.Hour); err != nil || waited != time.Hour || !v.env.Now().Equal(noon) || v.env.Transport != c.Transport {
		t.Errorf("waited %v, now %v: %v", waited, v.env.Now(), err)
	}
}

// TestCredentialsAreReadAsLateAsPossible opens a connection before its
// credential is there, and goes on when it has changed.
func TestCredentialsAreReadAsLateAsPossible(t *testing.T) {
	v := &vendor{}
	c := newConnector(v)
	c.Resolver.Dir = t.TempDir()
	port(t, c, "fly", plan.Connection{Driver: "vendor", Credential: "file:token"})
	if _, err := v.env.Credential(t.Context()); pawl.CodeOf(err) != pawl.CodeUnauthorised {
		t.Errorf("a credential that is not there: %v", err)
	}
	for _, want := range []string{"first", "second"} {
		if err := os.WriteFile(filepath.Join(c.Resolver.Dir, "token"), []byte(want+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := v.env.Credential(t.Context())
		if err != nil || !got.Equal(secret.NewString(want)) {
			t.Errorf("the %s credential is not given: %v", want, err)
		}
	}
}

func TestPortRefuses(t *testing.T) {
	v := &vendor{refuse: &driver.Error{Op: "open", Kind: driver.Invalid, Why: "base is no URL"}}
	c := newConnector(v)
	for _, tt := range []struct {
		name string
		conn plan.Connection
		kind driver.ErrorKind
		why  string
	}{
		{"an unknown driver", plan.Connection{Driver: "flyy"}, driver.Unsupported, "there is no driver flyy"},
		{"a credential that is no reference", plan.Connection{Driver: "random", Credential: "c4n4ry-pasted"}, driver.Invalid, "not a reference"},
		{"what the driver refuses", plan.Connection{Driver: "vendor"}, driver.Invalid, "base is no URL"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := c.Port(t.Context(), "fly", tt.conn)
			var e *driver.Error
			if p != nil || !errors.As(err, &e) || e.Kind != tt.kind || !strings.Contains(e.Error(), tt.why) {
				t.Errorf("got %v", err)
			}
			if strings.Contains(fmt.Sprintf("%+v", err), "c4n4ry") {
				t.Error("the error shows what may be a value")
			}
		})
	}
	v.refuse = nil
	port(t, c, "fly", plan.Connection{Driver: "vendor"}) // a failure is not kept
}

func TestCloseEndsEveryConnection(t *testing.T) {
	v := &vendor{fail: errors.New("it hangs")}
	c := newConnector(v)
	for i := range 5 {
		port(t, c, fmt.Sprint("c", i), plan.Connection{Driver: "vendor"})
	}
	err := c.Close()
	if v.closed.Load() != 5 {
		t.Errorf("%d of 5 connections were ended", v.closed.Load())
	}
	for i := range 5 {
		if !strings.Contains(fmt.Sprint(err), fmt.Sprintf("close connection c%d: it hangs", i)) {
			t.Errorf("the failure of c%d is lost: %v", i, err)
		}
	}
	if err := c.Close(); err != nil || v.closed.Load() != 5 {
		t.Errorf("closing twice: %v, %d calls", err, v.closed.Load())
	}
	port(t, c, "c0", plan.Connection{Driver: "vendor"})
	if v.opened.Load() != 6 {
		t.Error("after Close the ended connection is given")
	}
	if err := newConnector(v).Close(); err != nil {
		t.Errorf("closing what was never used: %v", err)
	}
}

// TestPortsWork goes through a real driver to a real file.
func TestPortsWork(t *testing.T) {
	dir := t.TempDir()
	c := &connect.Connector{Registry: driver.Registry{file.New()}, Resolver: &credential.Resolver{}, Dir: dir}
	p := port(t, c, "here", plan.Connection{Driver: "file"})
	target := driver.Target{Kind: "field", Settings: estate.Settings{"path": "token", "format": "plain", "mode": "0600"}}
	if _, err := p.Put(t.Context(), driver.Write{Target: target, Value: secret.NewString("value-1")}); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "token"))
	if err != nil || strings.TrimSpace(string(b)) != "value-1" {
		t.Errorf("the file has %d bytes: %v", len(b), err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
