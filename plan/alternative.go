package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
)

// choose takes up the alternative that was asked for. At least one secret of
// the request must have it; the others of a group keep their own plan.
func (b *builder) choose(r Request) error {
	b.chosen = r.Plan
	if r.Plan == "" || r.Plan == estate.UsualPlan || len(r.Secrets) == 0 {
		return nil
	}
	var names []string
	for _, name := range r.Secrets {
		s, ok := b.estate.Secret(name)
		if !ok {
			return unknown(b.estate, name)
		}
		for i := range s.Alternatives {
			if s.Alternatives[i].Name == r.Plan {
				return nil
			}
			names = append(names, s.Alternatives[i].Name)
		}
	}
	next := "leave it out: there is the usual plan alone; others are declared under alternatives:"
	if len(names) > 0 {
		next = fmt.Sprintf("choose %s, or %s", strings.Join(slices.Compact(names), ", "), estate.UsualPlan)
	}
	return &pawl.Error{Code: pawl.CodeInvalid, Op: "plan", On: string(r.Secrets[0]), Why: fmt.Sprintf("it has no alternative %q", r.Plan), Next: next}
}

// alternative names the alternative by which a secret is planned: the one
// that was asked for or, when it has leaked, the one that the estate names for
// that. "" is the usual plan.
func (b *builder) alternative(s *estate.Secret) string {
	if _, ok := s.Alternative(b.chosen); ok || b.chosen == estate.UsualPlan {
		return b.chosen
	}
	if b.compromised() {
		return s.Compromised.Plan
	}
	return ""
}

// minter looks at who minted the old version. Where that is not on record it
// was the usual issuer's as far as the usual plan is concerned; an alternative
// takes no id on trust. What another issuer minted is ended there, by a person.
func (s *subject) minter(usual *estate.Secret) {
	switch {
	case s.known.Source == s.Source:
		return
	case s.known.Source == "":
		s.known.Identified = s.known.Identified && s.Plan == ""
		return
	}
	s.elsewhere, s.known.Identified, s.MintedAt = true, false, s.known.Source
	s.endElsewhere, s.endTask = estate.ByHand, s.s.Retire.Task
	issuers := []estate.Alternative{{Issuer: usual.Issuer, Retire: usual.Retire}}
	for _, a := range append(issuers, usual.Alternatives...) {
		if Title(a.Issuer) != s.known.Source {
			continue
		}
		s.minted = a.Issuer
		if a.Retire.Task != nil {
			s.endTask = a.Retire.Task
		}
		if f := a.Issuer.Facts.Issuer; f != nil && f.Mint == estate.Locally && !f.Revokes {
			s.endElsewhere = estate.NothingR // nobody knows it but the places that hold it
		}
	}
}
