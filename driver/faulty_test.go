package driver_test

import (
	"context"
	"time"

	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// canary is a value that every encoder changes.
const canary = `c4n4ry/with "quotes" + & <signs>?`

var info = driver.Info{Spec: estate.Spec{Name: "faulty"}}

// bare is a connection without any power.
type bare struct{}

func (bare) Probe(context.Context, driver.Target) ([]driver.Grant, error) { return nil, nil }
func (bare) Close() error                                                 { return nil }

// faulty has every power; each gives what act gives.
type faulty struct {
	act     func(ctx context.Context) error
	minted  driver.Minted
	verdict driver.Verdict
	finding driver.Finding
	puts    int
}

func (f *faulty) Probe(ctx context.Context, _ driver.Target) ([]driver.Grant, error) {
	return []driver.Grant{{Need: "n"}}, f.act(ctx)
}
func (f *faulty) Close() error { return f.act(context.Background()) }
func (f *faulty) Mint(ctx context.Context, _ driver.MintRequest) (driver.Minted, error) {
	return f.minted, f.act(ctx)
}
func (f *faulty) List(ctx context.Context, _ driver.Target) ([]driver.Credential, error) {
	return []driver.Credential{{ID: "1"}}, f.act(ctx)
}
func (f *faulty) Revoke(ctx context.Context, _ driver.Target, _ driver.Credential, _ secret.Parts) error {
	return f.act(ctx)
}
func (f *faulty) Put(ctx context.Context, _ driver.Write) (driver.Receipt, error) {
	f.puts++
	return driver.Receipt{Exists: true}, f.act(ctx)
}
func (f *faulty) Stat(ctx context.Context, _ driver.Target) (driver.Receipt, error) {
	return driver.Receipt{Exists: true}, f.act(ctx)
}
func (f *faulty) Check(ctx context.Context, _ driver.CheckRequest) (driver.Finding, error) {
	return f.finding, f.act(ctx)
}
func (f *faulty) Verify(ctx context.Context, _ driver.Target, _ secret.Parts) (driver.Verdict, error) {
	return f.verdict, f.act(ctx)
}
func (f *faulty) Identify(ctx context.Context, _ driver.Target, _ secret.Parts) (driver.Credential, error) {
	return driver.Credential{ID: "1"}, f.act(ctx)
}
func (f *faulty) Deactivate(ctx context.Context, _ driver.Target, _ driver.Credential) error {
	return f.act(ctx)
}
func (f *faulty) Reactivate(ctx context.Context, _ driver.Target, _ driver.Credential) error {
	return f.act(ctx)
}
func (f *faulty) LastUsed(ctx context.Context, _ driver.Target, _ driver.Credential) (time.Time, error) {
	return time.Unix(1, 0), f.act(ctx)
}
func (f *faulty) Read(ctx context.Context, _ driver.Target) (secret.Value, bool, error) {
	return secret.NewString(canary), true, f.act(ctx)
}
func (f *faulty) Remove(ctx context.Context, _ driver.Target) error { return f.act(ctx) }
func (f *faulty) Activate(ctx context.Context, _ driver.Activation) (driver.Progress, error) {
	return driver.Progress{Done: true}, f.act(ctx)
}
func (f *faulty) Discover(ctx context.Context, _ driver.Target) ([]driver.Target, error) {
	return []driver.Target{{Kind: "k"}}, f.act(ctx)
}

func succeed(context.Context) error { return nil }

// sound is a connection that keeps the contract.
func sound() *faulty {
	return &faulty{act: succeed, minted: driver.Minted{Credential: driver.Credential{ID: "1"}, Value: value()},
		verdict: driver.Accepted, finding: driver.Finding{State: driver.Passed}}
}

func value() secret.Parts { return secret.One(secret.NewString(canary)) }

// power is one of a port's calls. got says whether it gave an answer.
type power struct {
	name  string
	sent  bool // a value is sent
	calls func(ctx context.Context, p *driver.Port) (got bool, err error)
}

func powers() []power {
	t := driver.Target{Kind: "k"}
	c := driver.Credential{ID: "1"}
	return []power{
		{"probe", false, func(ctx context.Context, p *driver.Port) (bool, error) {
			g, err := p.Probe(ctx, t)
			return len(g) > 0, err
		}},
		{"mint", true, func(ctx context.Context, p *driver.Port) (bool, error) {
			m, err := p.Mint(ctx, driver.MintRequest{Target: t, OldValue: value()})
			return m.Value != nil, err
		}},
		{"list credentials", false, func(ctx context.Context, p *driver.Port) (bool, error) {
			l, err := p.List(ctx, t)
			return len(l) > 0, err
		}},
		{"revoke", true, func(ctx context.Context, p *driver.Port) (bool, error) { return false, p.Revoke(ctx, t, c, value()) }},
		{"deactivate", false, func(ctx context.Context, p *driver.Port) (bool, error) { return false, p.Deactivate(ctx, t, c) }},
		{"reactivate", false, func(ctx context.Context, p *driver.Port) (bool, error) { return false, p.Reactivate(ctx, t, c) }},
		{"tell last use", false, func(ctx context.Context, p *driver.Port) (bool, error) {
			u, err := p.LastUsed(ctx, t, c)
			return !u.IsZero(), err
		}},
		{"verify a value", true, func(ctx context.Context, p *driver.Port) (bool, error) {
			v, err := p.Verify(ctx, t, value())
			return v != "", err
		}},
		{"identify a value", true, func(ctx context.Context, p *driver.Port) (bool, error) {
			i, err := p.Identify(ctx, t, value())
			return i.ID != "", err
		}},
		{"put", true, func(ctx context.Context, p *driver.Port) (bool, error) {
			r, err := p.Put(ctx, driver.Write{Target: t, Value: secret.NewString(canary)})
			return r.Exists, err
		}},
		{"stat", false, func(ctx context.Context, p *driver.Port) (bool, error) {
			r, err := p.Stat(ctx, t)
			return r.Exists, err
		}},
		{"read", false, func(ctx context.Context, p *driver.Port) (bool, error) {
			v, ok, err := p.Read(ctx, t)
			return ok || !v.Empty(), err
		}},
		{"remove", false, func(ctx context.Context, p *driver.Port) (bool, error) { return false, p.Remove(ctx, t) }},
		{"activate", false, func(ctx context.Context, p *driver.Port) (bool, error) {
			a, err := p.Activate(ctx, driver.Activation{Target: t})
			return a.Done, err
		}},
		{"check", true, func(ctx context.Context, p *driver.Port) (bool, error) {
			f, err := p.Check(ctx, driver.CheckRequest{Target: t, Value: value()})
			return f.State != "", err
		}},
		{"discover", false, func(ctx context.Context, p *driver.Port) (bool, error) {
			d, err := p.Discover(ctx, t)
			return len(d) > 0, err
		}},
	}
}
