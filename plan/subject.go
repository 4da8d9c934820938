package plan

import (
	"fmt"
	"slices"
	"time"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// subject is a secret while its plan is made.
type subject struct {
	*Subject
	s       *estate.Secret
	known   Known
	mode    estate.RetireMode // how the old version ends in this plan
	puts    []string          // ids of the puts at presenting locations
	ended   Act               // what contain did to the old version; "" is nothing
	dies    string            // the step at which the old version stops working before the new one is in place; "" is none
	named   bool              // a step finds out which credential is the old one
	reached []string          // titles of the places that are probed: a few, so a map would cost more
	slot    string            // the verifier with one slot at which it does so; "" is none
	loaded  string            // the last step of widen or switch that gives consumers the new version

	elsewhere    bool              // another issuer minted the old version: this one can neither end it nor tell of it
	endElsewhere estate.RetireMode // how it ends then
	minted       estate.Use        // that issuer, where the estate still has it
	endTask      *estate.Task      // what a person does for that, where the estate says it
}

// subject takes up a secret, or says why it cannot be rotated.
func (b *builder) subject(name pawl.SecretName, known Known) error {
	s, ok := b.estate.Secret(name)
	if !ok {
		return unknown(b.estate, name)
	}
	if s.Never != "" {
		return &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: string(name), Why: "never rotated: " + s.Never, Next: "remove `never` from the estate if this is no longer so"}
	}
	usual := s
	alternative, _ := s.Alternative(b.alternative(s))
	s = s.By(alternative.Name)
	sub := &Subject{Secret: name, Purpose: s.Purpose, Owner: s.Owner, Links: s.Links, Contacts: b.estate.ContactsFor(s), BlastRadius: s.BlastRadius, Parts: s.Parts, Format: s.Format, Derived: s.Derived,
		Plan: alternative.Name, PlanWhy: alternative.Why, Issuer: b.place(s.Issuer), Source: Title(s.Issuer), Escrow: s.Escrow, IfHalfDone: s.IfHalfDone}
	sub.From, sub.To = known.Current, known.Last+1
	if known.Current == 0 { // what is in place now gets a number of its own
		sub.From, sub.To = known.Last+1, known.Last+2
	}
	if s.Issuer.Facts.Issuer != nil {
		sub.Facts = *s.Issuer.Facts.Issuer
	} else {
		sub.Facts = estate.IssuerFacts{Mint: estate.ByPerson, Overlap: estate.SideBySide}
	}
	if s.Retire.Window > 0 { // chosen at the issuer, at most its own
		sub.Facts.Window = s.Retire.Window
	}
	if b.compromised() {
		sub.AlsoLeaked = s.Compromised.AlsoLeaked
	}
	w := &subject{Subject: sub, s: s, known: known}
	w.minter(usual)
	sub.Shape, w.mode = shape(w), b.retireMode(w)
	if err := b.names(w); err != nil {
		return err
	}
	b.subjects = append(b.subjects, w)
	b.plan.Subjects = append(b.plan.Subjects, *sub)
	if s.Policy.OnFailure == estate.HoldOnFailure {
		b.plan.OnFailure = estate.HoldOnFailure
	}
	return nil
}

// shape names how two versions relate. What the issuer does to the old one
// comes first: verifiers that accept both are of no use for a dead one.
func shape(s *subject) Shape {
	switch {
	case s.s.Config:
		return ShapeSet
	case s.Facts.Overlap == estate.Replaced:
		return ShapeReplaced
	case s.Facts.Overlap == estate.IssuerWindow:
		return ShapeWindow
	case slices.ContainsFunc(s.s.Locations, func(l estate.Location) bool { return single(&l) }):
		return ShapeOneSlot
	case s.holds(estate.Accepts):
		return ShapeAcceptList
	case s.Facts.Mint == estate.Locally && !s.Facts.Revokes:
		return ShapeLocal
	default:
		return ShapeSideBySide
	}
}

// retireMode is how the old version ends: as the estate says, or as follows
// from the issuer. One that has leaked is never kept, and not left to expire
// where somebody can end it.
func (b *builder) retireMode(s *subject) estate.RetireMode {
	said := s.s.Retire.Mode
	if b.compromised() && (said == estate.KeepOld || said == estate.Expire) {
		said = estate.NothingR
	}
	switch {
	case s.elsewhere && said != estate.KeepOld:
		return s.endElsewhere
	case said != estate.NothingR:
		return said
	case s.Facts.Overlap == estate.Replaced:
		return estate.NothingR
	case s.Facts.Overlap == estate.IssuerWindow && !(b.compromised() && s.Facts.Revokes):
		return estate.Expire
	case s.Facts.Revokes:
		return estate.Revoke
	case s.Facts.Mint == estate.Locally:
		return estate.NothingR
	default:
		return estate.ByHand
	}
}

// holds reports whether any location has a role.
func (s *subject) holds(role estate.LocationRole) bool {
	for i := range s.s.Locations {
		if has(&s.s.Locations[i], role) {
			return true
		}
	}
	return false
}

// single reports whether a location is a verifier that holds one value. It is no
// ring: the old version ends there when the new one is written, together with
// its readers.
func single(l *estate.Location) bool { return l.Role == estate.Accepts && l.Slots == 1 }

func has(l *estate.Location, role estate.LocationRole) bool {
	if single(l) {
		return role == estate.Presents
	}
	return l.Role == role || l.Role == "" && role == estate.Presents
}

func (s *subject) locations(role estate.LocationRole) []estate.Location {
	var list []estate.Location
	for i := range s.s.Locations {
		if has(&s.s.Locations[i], role) {
			list = append(list, s.s.Locations[i])
		}
	}
	return list
}

// ends reports whether somebody or something ends the old version.
func (s *subject) ends() bool {
	return s.mode == estate.Revoke || s.mode == estate.Expire || s.mode == estate.ByHand
}

// irreversible reports whether minting alone settles the fate of the old
// version: the issuer ends it at once, or its clock starts to run.
func (s *subject) irreversible() bool {
	return s.Facts.Overlap == estate.Replaced || s.Facts.Overlap == estate.IssuerWindow
}

// grace is how long the old version stays disabled, and can be enabled again,
// before it is ended. A leaked one gets none.
func (b *builder) grace(s *subject) time.Duration {
	if b.compromised() || s.elsewhere || !s.Facts.Deactivates || s.mode != estate.Revoke && s.mode != estate.ByHand {
		return 0
	}
	return s.s.Retire.Deactivate
}

// containsFirst reports whether a leaked version is disabled before the new
// one is minted.
func (b *builder) containsFirst(s *subject) bool {
	return b.compromised() && s.s.Compromised.Contain == estate.ContainFirst
}

// leakable refuses to treat configuration as leaked. Beside a secret of its
// group that has leaked it is set anew.
func (b *builder) leakable() error {
	if !b.compromised() || slices.ContainsFunc(b.subjects, func(s *subject) bool { return s.Shape != ShapeSet }) {
		return nil
	}
	on := b.subjects[0].Secret
	return &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: string(on), Why: "it is configuration: it protects nothing, so it cannot leak", Next: fmt.Sprintf("pawl plan %s, without --compromised", on)}
}
