package drivertest

import (
	"context"
	"maps"
	"testing"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/secret"
)

// marker is in every hostile name that can have it.
const marker = "hx9"

func hostileNames() []string {
	return []string{"", ".", "..", "../" + marker, marker + "/../" + marker, marker + "/" + marker, marker + "/" + marker + "/" + marker, "%2e%2e%2f" + marker, marker + "%2f" + marker, marker + " " + marker,
		marker + "é\u2028", marker + "\n" + marker, marker + "\x00", marker + "?" + marker + "=1", marker + "#" + marker, marker + ";" + marker, `..\` + marker, `"` + marker + `"){` + marker + `}`}
}

// hostile tries strange names: they stay inside or are refused, and nothing
// happens to the target that is really there.
func (s *suite) hostile(t *testing.T, tr trial, a act) {
	sample := s.open(t, tr, false)
	if sample.world.Transport == nil && sample.world.Dial == nil {
		return // names of the local machine may be anything
	}
	fields := sample.c.Hostile
	if fields == nil {
		fields = textFields(tr.kind)
	}
	for _, field := range fields {
		for _, name := range hostileNames() {
			b, st := s.prepared(t, tr, a)
			before := b.truth(act{})
			b.c.Settings = maps.Clone(b.c.Settings)
			b.c.Settings[field] = name
			b.wire.hostile = name
			err := b.once(t.Context(), a, st)
			b.inspect("hostile "+field, err)
			b.c = b.world.Cases[tr.index]
			if b.truth(act{}) != before {
				t.Errorf("with %s %q the act changed another target", field, name)
			}
		}
	}
}

func textFields(k estate.Kind) []string {
	var list []string
	for _, f := range k.Fields {
		for _, id := range k.Identity {
			if f.Name == id && f.Type == estate.String && len(f.Enum) == 0 {
				list = append(list, f.Name)
			}
		}
	}
	return list
}

// once does the act, but looks only once where the good world is looked at
// until it is ready: a name that does not exist may never be.
func (b *bench) once(ctx context.Context, a act, st *state) error {
	switch {
	case a.name == "check":
		r := driver.CheckRequest{Target: b.target(), Since: b.clock.Now()}
		if b.kind.Check.TakesValue {
			r.Value = secret.One(secret.NewString(canary))
		}
		if b.kind.Check.TakesAccepted {
			r.Accepted = []secret.Parts{secret.One(secret.NewString(Accepted))}
		}
		f, err := b.conn.(driver.Checker).Check(ctx, r)
		if err == nil && f.State == driver.Passed {
			b.t.Errorf("a check of a target that does not exist passed: %+v", f)
		}
		return err
	case a.name == "activate":
		p, err := b.conn.(driver.Activator).Activate(ctx, driver.Activation{Target: b.target(), Kind: b.kind.Name, Consumer: true, Since: b.clock.Now()})
		b.inspect("hostile activation", nil, p)
		return err
	case len(a.name) > len("activate ") && a.name[:len("activate ")] == "activate ":
		p, err := b.conn.(driver.Activator).Activate(ctx, driver.Activation{Target: b.target(), Kind: b.kind.Location.Activations[0].Kind, Receipt: st.receipt, Since: b.clock.Now()})
		b.inspect("hostile activation", nil, p)
		return err
	case a.name == "discover":
		err := a.run(ctx, b, st)
		b.inspect("hostile discovery", nil, st.found)
		if err == nil && len(st.found) > 0 {
			b.t.Errorf("a discovery by a name that does not exist found %d targets", len(st.found))
		}
		return err
	default:
		return a.run(ctx, b, st)
	}
}

// empty holds that an empty value is never written. The port refuses it for
// all drivers.
func (s *suite) empty(t *testing.T, b *bench) {
	before := b.truth(act{})
	b.wire.aim(-1, nil, nil)
	_, err := driver.NewPort("drivertest", s.info, b.conn, 0).Put(t.Context(), driver.Write{Target: b.target(), Version: 7})
	made, _ := b.wire.exchanges()
	if e := b.inspect("an empty value", err); e == nil || e.Effect != pawl.EffectNone || len(made) > 0 || b.truth(act{}) != before {
		t.Errorf("an empty value: got %v and %d calls, want a refusal", err, len(made))
	}
}
