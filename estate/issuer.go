package estate

import "go.yaml.in/yaml/v4"

func issuerTable() *table[Use] {
	self := func(u *Use) *Use { return u }
	by := custom("by", "person: a person mints and ends versions there, because the connection's credential may not. Left out, pawl does what the issuer lets it.",
		enumSchema([]string{Person}), (*decoder).byHand)
	return newTable("an issuer", "Where versions are minted and ended.", append(target(self), by)...)
}

// byHand leaves what needs the connection's own rights at an issuer to a
// person: to mint, to list, and to end. What a value itself can show, pawl
// still asks. The kind is known when its keys are read.
func (d *decoder) byHand(n *yaml.Node, u *Use) {
	if _, ok := d.word(n, []string{Person}); !ok || u.Facts.Issuer == nil {
		return
	}
	if u.Facts.Issuer.Mint == Locally {
		d.fail(n, "remove by, or write issuer: {use: person, …}", "pawl makes the values of %s itself, without anybody's leave", u.Facts.Name)
		return
	}
	facts := *u.Facts.Issuer
	facts.Mint = ByPerson
	facts.Lists, facts.Revokes, facts.Deactivates, facts.LastUsed, facts.Identifies, facts.Resets = false, false, false, false, false, false
	facts.MaxLive = 0 // it cannot be counted
	u.ByHand, u.Facts.Issuer = true, &facts
}
