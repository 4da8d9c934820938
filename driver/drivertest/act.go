package drivertest

import (
	"context"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// settleTime is longer than leases and limits of any vendor here last.
const settleTime = 10 * time.Minute

// maxLooks bounds how often something pending is looked at.
const maxLooks = 300

// mintName is the name that minted credentials carry.
const mintName = "pawl-drivertest-v7"

// state is what acts leave for each other.
type state struct {
	credential driver.Credential
	value      secret.Parts
	minted     driver.Minted
	receipt    driver.Receipt
	verdict    driver.Verdict
	grants     []driver.Grant
	list       []driver.Credential
	finding    driver.Finding
	found      []driver.Target
	done       bool      // an activation is
	resume     string    // of an activation that is not
	since      time.Time // of the activation of a consumer
}

// act is one method of the contract, used on one kind.
type act struct {
	name    string
	strict  bool // it changes one thing, and what it did follows from which call failed
	again   bool // it may be repeated after any failure
	prepare func(b *bench, s *state)
	run     func(ctx context.Context, b *bench, s *state) error
}

// acts lists what the kind's facts promise.
func (s *suite) acts(tr trial) []act {
	list := []act{{name: "probe", run: func(ctx context.Context, b *bench, s *state) (err error) {
		s.grants, err = b.conn.Probe(ctx, b.target())
		return err
	}}}
	switch {
	case tr.kind.Issuer != nil:
		return append(list, issuerActs(*tr.kind.Issuer)...)
	case tr.kind.Location != nil:
		return append(list, locationActs(*tr.kind.Location)...)
	case tr.kind.Check != nil:
		return append(list, act{name: "check", run: look})
	case tr.kind.Role == estate.RoleActivation:
		return append(list, act{name: "activate", again: true, run: activate(tr.kind.Name, false)})
	case tr.kind.Role == estate.RoleDiscovery:
		return append(list, act{name: "discover", run: func(ctx context.Context, b *bench, s *state) (err error) {
			s.found, err = b.conn.(driver.Discoverer).Discover(ctx, b.target())
			return err
		}})
	default:
		return list
	}
}

func issuerActs(f estate.IssuerFacts) []act {
	var list []act
	add := func(has bool, a act) {
		if has {
			list = append(list, a)
		}
	}
	add(f.Mint != estate.ByPerson, act{name: "mint", strict: true, run: mint})
	add(f.Lists, act{name: "list", prepare: obtain, run: func(ctx context.Context, b *bench, s *state) (err error) {
		s.list, err = b.conn.(driver.Issuer).List(ctx, b.target())
		return err
	}})
	add(f.Verifies, act{name: "verify", prepare: obtain, run: func(ctx context.Context, b *bench, s *state) (err error) {
		s.verdict, err = b.conn.(driver.Verifier).Verify(ctx, b.target(), s.value)
		return err
	}})
	add(f.Identifies, act{name: "identify", prepare: obtain, run: func(ctx context.Context, b *bench, s *state) (err error) {
		s.credential, err = b.conn.(driver.Identifier).Identify(ctx, b.target(), s.value)
		return err
	}})
	add(f.LastUsed, act{name: "last used", prepare: obtain, run: func(ctx context.Context, b *bench, s *state) error {
		_, err := b.conn.(driver.UsageTeller).LastUsed(ctx, b.target(), s.credential)
		return err
	}})
	add(f.Deactivates, act{name: "deactivate", strict: true, again: true, prepare: obtain, run: func(ctx context.Context, b *bench, s *state) error {
		return b.conn.(driver.Deactivator).Deactivate(ctx, b.target(), s.credential)
	}})
	add(f.Deactivates, act{name: "reactivate", strict: true, again: true, prepare: obtain, run: func(ctx context.Context, b *bench, s *state) error {
		return b.conn.(driver.Deactivator).Reactivate(ctx, b.target(), s.credential)
	}})
	add(f.Revokes, act{name: "revoke", strict: true, again: true, prepare: obtain, run: func(ctx context.Context, b *bench, s *state) error {
		return b.conn.(driver.Issuer).Revoke(ctx, b.target(), s.credential, s.value)
	}})
	return list
}

func locationActs(f estate.LocationFacts) []act {
	list := []act{
		{name: "put", strict: true, again: true, run: put},
		{name: "stat", prepare: fill, run: func(ctx context.Context, b *bench, s *state) (err error) {
			s.receipt, err = b.conn.(driver.Location).Stat(ctx, b.target())
			return err
		}},
	}
	if f.Readable {
		list = append(list, act{name: "read", prepare: fill, run: func(ctx context.Context, b *bench, _ *state) error {
			_, _, err := b.conn.(driver.Reader).Read(ctx, b.target())
			return err
		}})
	}
	if f.Removable {
		list = append(list, act{name: "remove", strict: true, again: true, prepare: fill, run: func(ctx context.Context, b *bench, _ *state) error {
			return b.conn.(driver.Remover).Remove(ctx, b.target())
		}})
	}
	for _, a := range f.Activations {
		list = append(list, act{name: "activate " + a.Kind, again: true, prepare: fill, run: activate(a.Kind, true)},
			act{name: "activate " + a.Kind + " without the receipt of the write", again: true, prepare: fill, run: activate(a.Kind, false)})
	}
	return list
}

func mint(ctx context.Context, b *bench, s *state) error {
	m, err := b.conn.(driver.Issuer).Mint(ctx, b.mintRequest(mintName))
	if err != nil {
		return err
	}
	s.minted, s.credential, s.value = m, m.Credential, m.Value
	b.watch(m.Credential, m.Value)
	return nil
}

func (b *bench) mintRequest(name string) driver.MintRequest {
	return driver.MintRequest{Target: b.target(), Name: name, Version: 7}
}

// watch adds the values that may not leave. A part that is the credential's
// name or id is none.
func (b *bench) watch(c driver.Credential, value secret.Parts) {
	for _, v := range value {
		if !v.Equal(secret.NewString(c.ID)) && !v.Equal(secret.NewString(c.Name)) {
			b.wire.watch(v)
		}
	}
}

// obtain gets a credential to work with.
func obtain(b *bench, s *state) {
	if b.c.Spare != nil {
		s.credential, s.value = b.c.Spare()
		b.watch(s.credential, s.value)
		return
	}
	if err := mint(context.Background(), b, s); err != nil {
		b.t.Fatalf("prepare: mint: %s", b.wire.clean(err.Error()))
	}
}

func put(ctx context.Context, b *bench, s *state) (err error) {
	s.receipt, err = b.conn.(driver.Location).Put(ctx, b.write(canary, 7))
	return err
}

func (b *bench) write(value string, v pawl.Version) driver.Write {
	return driver.Write{Target: b.target(), Value: secret.NewString(value), Version: v}
}

// fill writes the canary.
func fill(b *bench, s *state) {
	if err := put(context.Background(), b, s); err != nil {
		b.t.Fatalf("prepare: put: %s", b.wire.clean(err.Error()))
	}
}

// activate goes on until the consumers have the value, as the engine does.
// What was reached is kept for the next attempt.
func activate(kind string, receipted bool) func(context.Context, *bench, *state) error {
	return func(ctx context.Context, b *bench, s *state) error {
		a := driver.Activation{Target: b.target(), Kind: kind, Consumer: b.kind.Role == estate.RoleActivation, Since: b.clock.Now(), Resume: s.resume}
		if a.Consumer { // nothing else tells it which write is meant
			if s.since.IsZero() {
				s.since = a.Since
			}
			a.Since = s.since
		}
		a.Receipt.UpdatedAt = s.receipt.UpdatedAt
		if receipted {
			a.Receipt = s.receipt
		}
		for range maxLooks {
			p, err := b.conn.(driver.Activator).Activate(ctx, a)
			if err != nil {
				return err
			}
			b.inspect("activate", nil, p)
			s.done, s.resume = p.Done, p.Resume
			if p.Done {
				return nil
			}
			if p.After <= 0 {
				b.t.Error("an activation that is not done does not say when to look again")
			}
			a.Resume = p.Resume
			b.clock.Advance(max(p.After, time.Second))
			b.outside(kind)
		}
		b.t.Errorf("the activation %s is not done after %d looks", kind, maxLooks)
		return nil
	}
}

// look repeats a check until it has a result, as the engine does.
func look(ctx context.Context, b *bench, s *state) error {
	r := driver.CheckRequest{Target: b.target(), Since: b.clock.Now()}
	if b.kind.Check.TakesValue {
		r.Value = secret.One(secret.NewString(canary))
	}
	if b.kind.Check.TakesAccepted {
		r.Accepted = []secret.Parts{secret.One(secret.NewString(Accepted))}
	}
	for range maxLooks {
		f, err := b.conn.(driver.Checker).Check(ctx, r)
		if err != nil {
			return err
		}
		b.inspect("check", nil, f)
		if s.finding = f; f.State != driver.Pending {
			return nil
		}
		r.Resume = f.Resume
		b.clock.Advance(max(f.After, time.Second))
		b.outside(b.c.Kind)
	}
	b.t.Errorf("the check has no result after %d looks", maxLooks)
	return nil
}

func (b *bench) outside(kind string) {
	if b.c.Outside != nil {
		b.c.Outside(kind)
	}
}

// lag is how long a revoked credential may still be taken.
func (b *bench) lag() time.Duration {
	if b.kind.Issuer == nil {
		return 0
	}
	return b.kind.Issuer.RevokeLag
}
