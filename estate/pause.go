package estate

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/pawlhq/pawl"
)

// Pause keeps other automation from working against a rotation. Start is
// called however the rotation ends. Both may be a person's.
type Pause struct {
	Why   string
	Stop  Use
	Start Use
	From  pawl.Phase // stopped before this phase begins; Preflight by default
	To    pawl.Phase // started again when this phase has ended; Confirm by default
}

// stoppage is a Pause while it is read.
type stoppage struct {
	Pause
	keys [2]*object // of stop and start
	ok   [2]bool
}

func pauseCallTable() *table[Use] {
	return newTable("a call", "Stops or starts other automation. It is made again after a crash, so twice must be as good as once.",
		target(func(u *Use) *Use { return u })...)
}

func pauseTable(call *table[Use]) *table[stoppage] {
	return newTable("a pause", "Other automation that must not run meanwhile.",
		text("why", "What would go wrong.", func(p *stoppage) *string { return &p.Why }).needed(),
		one("stop", "Stops it.", "pause_call", func(d *decoder, n *yaml.Node, p *stoppage) {
			p.keys[0], p.ok[0] = d.pauseCall(n, call, &p.Stop)
		}).needed(),
		one("start", "Starts it again, however the rotation ends.", "pause_call", func(d *decoder, n *yaml.Node, p *stoppage) {
			p.keys[1], p.ok[1] = d.pauseCall(n, call, &p.Start)
		}).needed(),
		choice("from", "The phase before which it is stopped; preflight by default.", func(p *stoppage) *pawl.Phase { return &p.From }, pawl.Phases()...),
		choice("to", "The phase after which it is started again; confirm by default.", func(p *stoppage) *pawl.Phase { return &p.To }, pawl.Phases()...))
}

// pauseCall reads half of a pause. A kind that tries the value of the secret
// is none: other automation is not shown it.
func (d *decoder) pauseCall(n *yaml.Node, t *table[Use], u *Use) (*object, bool) {
	o, ok := readUse(d, n, t, RoleCheck, u, u)
	if !ok {
		return o, false
	}
	if u.Connection == Person {
		d.checkWords(*u, o)
		d.taskOf(*u, o) // for its contacts
	}
	if f := u.Facts.Check; f != nil && f.TakesValue {
		d.fail(n, "use a kind that is not given the value", "a check of kind %s is run with the value of the secret, which other automation must not get", u.Kind)
	}
	return o, true
}

func (d *decoder) pauses(n *yaml.Node) []Pause {
	if !d.expect(n, yaml.SequenceNode, "a list of pauses") {
		return nil
	}
	phases := pawl.Phases()
	var list []Pause
	for _, item := range items(n) {
		p := stoppage{Pause: Pause{From: pawl.Preflight, To: pawl.Confirm}}
		o := readObject(d, item, d.forms.pause, &p, nil)
		if from, to := slices.Index(phases, p.From), slices.Index(phases, p.To); from >= 0 && to >= 0 && to < from {
			d.fail(o.value("to"), "name the phase of from, or a later one", "it would be started again after %s, and is stopped only before %s", p.To, p.From)
		}
		if p.ok[0] && p.ok[1] && p.Stop.does(&p.Start) {
			d.fail(p.keys[1].node, "say what starts it", "it is started again by the same call that stops it")
		}
		list = append(list, p.Pause)
	}
	return list
}

// does reports whether two uses are one act.
func (u *Use) does(v *Use) bool {
	return u.Connection == v.Connection && u.Kind == v.Kind && fmt.Sprint(u.Settings) == fmt.Sprint(v.Settings)
}
