package drivertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// canary is a value that is written and then searched for everywhere.
const canary = "PAWLCANARY-value-8fJ2mQ7xR4tL9wZ1"

// bench is an open connection in a fresh world, with everything that is
// watched about it.
type bench struct {
	t     testing.TB
	world World
	clock *Clock
	wire  *wire
	line  *dialing
	conn  driver.Conn
	log   *lockedBuffer

	c    Case
	kind estate.Kind
}

// open makes a world and a connection. stranger has a credential that the
// vendor does not know.
func (s *suite) open(t testing.TB, tr trial, stranger bool) *bench {
	b := &bench{t: t, clock: newClock(), log: &lockedBuffer{}, kind: tr.kind}
	b.world = s.build(t, b.clock)
	b.c = b.world.Cases[tr.index]
	b.wire = &wire{t: t, inner: b.world.Transport, calls: s.info.Calls, log: &s.calls, world: &b.world, at: -1}
	credential := b.world.Credential
	if stranger {
		credential = secret.NewString("PAWLCANARY-stranger-0123456789")
	}
	b.wire.own = secret.NewScrubber(credential)
	b.wire.watch(secret.NewString(canary))
	env := driver.Env{Transport: b.wire, Now: b.clock.Now, Wait: b.clock.Wait, Rand: rand.Reader, Dir: b.world.Dir,
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	b.line = &dialing{t: t, inner: b.world.Dial, world: &b.world, calls: s.info.Calls, log: &s.calls, at: -1}
	if b.world.Dial != nil {
		env.Dial = b.line.dial
	}
	if b.world.Transport == nil {
		env.Transport = forbidden{t}
	}
	if !credential.Empty() {
		env.Credential = func(ctx context.Context) (secret.Value, error) { return credential, ctx.Err() }
	}
	conn, err := s.driver.Open(env, b.world.Settings)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	b.conn = conn
	return b
}

// calls counts what the driver has sent since the last aim.
func (b *bench) calls() int {
	made, _ := b.wire.exchanges()
	events, _ := b.line.events()
	return len(made) + len(events)
}

func (b *bench) target() driver.Target { return driver.Target{Kind: b.c.Kind, Settings: b.c.Settings} }

// holds tells what the location really holds; known is false where the world
// cannot tell.
func (b *bench) holds() (value string, ok, known bool) {
	if b.c.Holds == nil {
		return "", false, false
	}
	value, ok = b.c.Holds(b.c.Settings)
	return value, ok, true
}

// settle lets what is temporary pass: leases, lags, limits.
func (b *bench) settle() { b.clock.Advance(settleTime + b.lag()) }

// inspect holds an error to the contract, and searches it, the log and what
// the call gave for values.
func (b *bench) inspect(what string, err error, results ...any) *driver.Error {
	b.t.Helper()
	text := b.log.String()
	for _, r := range results {
		text += fmt.Sprintf("\n%v\n%+v\n%#v", r, r, r)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		text += fmt.Sprintf("\n%v\n%+v\n%#v", e, e, e)
	}
	if b.wire.leaks(text) {
		b.t.Errorf("%s: a credential or value is in the error, the log or the result: %s", what, b.wire.clean(fmt.Sprint(err)))
	}
	if err == nil {
		return nil
	}
	e, ok := err.(*driver.Error) //nolint:errorlint // the contract is the type itself
	if !ok {
		b.t.Errorf("%s: the error is a %T, not a *driver.Error", what, err)
		return driver.AsError(what, err)
	}
	if e.Op == "" || e.Kind == "" {
		b.t.Errorf("%s: the error does not say what was tried or of which kind it is: %#v", what, e)
	}
	if e.Effect != pawl.EffectNone && e.Effect != pawl.EffectApplied && e.Effect != pawl.EffectUnknown {
		b.t.Errorf("%s: the error has the effect %q: %s", what, e.Effect, b.wire.clean(e.Error()))
	}
	return e
}

// lockedBuffer is a buffer for a logger.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
