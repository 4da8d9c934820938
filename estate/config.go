package estate

import (
	"slices"

	"github.com/pawlhq/pawl"
)

// configured completes an entry that is configuration: something that stands
// beside secrets, changes with the same care, and is none. A person sets it,
// nothing of it ends, and it must have proven itself before it is written.
func (d *decoder) configured(s *draft) {
	if !s.Config {
		return
	}
	if s.Never != "" {
		d.fail(s.keys.value("config"), "remove config, or never", "%s is never changed, so how it is set does not matter", s.Name)
		return
	}
	d.misplaced(s)
	if !s.keys.has("issuer") {
		s.Issuer, s.issuerOK = Use{Connection: Person, Pos: s.Pos}, true
		s.issuerKeys = &object{node: s.keys.value("config")}
	} else if s.issuerOK && s.Issuer.Connection != Person {
		d.fail(s.issuerKeys.node, "remove issuer, or write issuer: {use: person, …}", "%s is configuration, which only a person sets", s.Name)
	}
	s.Retire = Retire{Mode: KeepOld, Why: "it is configuration: nothing of it has to end"}
	if !s.tried() && s.keys.has("checks") && s.NoCheck == "" {
		d.fail(s.keys.value("checks"), "add when: [minted] to the check that refuses a bad value, or ask a person: tasks: [{at: mint, title: …}]",
			"%s has no check that looks at a new value before it is written", s.Name)
	}
}

// tried reports whether somebody or something looks at a new value before it
// is written.
func (s *draft) tried() bool {
	return slices.ContainsFunc(s.proofs, func(p proof) bool { return slices.Contains(p.When, Minted) }) ||
		slices.ContainsFunc(s.Tasks, func(t Task) bool { return t.At == pawl.Mint })
}

// misplaced refuses what belongs to credentials.
func (d *decoder) misplaced(s *draft) {
	for _, name := range []string{"retire", "overlap", "compromised", "migrate", "alternatives"} {
		if s.keys.has(name) {
			d.fail(s.keys.value(name), "remove it, or config", "%s is configuration and has no use of %q", s.Name, name)
		}
	}
	if s.Policy.Every > 0 {
		d.fail(s.keys.value("policy"), "remove every", "%s is configuration and changes only when a person wants it", s.Name)
	}
}
