package plan_test

import (
	"slices"
	"testing"

	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// TestElsewhereIsEndedByHand holds that what another issuer minted is never
// ended, named or tried at this plan's issuer.
func TestElsewhereIsEndedByHand(t *testing.T) {
	each(t, func(t *testing.T, s scenario, p *plan.Plan) {
		for i := range p.Subjects {
			sub := &p.Subjects[i]
			if sub.MintedAt == "" {
				continue
			}
			asked := false
			for _, step := range p.Steps {
				switch step.Act {
				case plan.ActRevoke, plan.ActDeactivate, plan.ActName, plan.ActUnused, plan.ActRefused:
					t.Errorf("%s asks %s about what %s minted", step.ID, sub.Source, sub.MintedAt)
				case plan.ActTask:
					asked = true
				}
			}
			if !asked {
				t.Errorf("nobody ends version %d", sub.From)
			}
		}
	})
}

// TestUsualPlanByName holds that the usual plan can be had where the estate
// names another one for a leak.
func TestUsualPlanByName(t *testing.T) {
	s := scenario{file: "alternative", secrets: scenarios()[2].secrets[:0:0], known: held, mode: plan.Compromised, plan: estate.UsualPlan}
	s.secrets = append(s.secrets, "KEY")
	p := s.make(t, s.load(t), now())
	if sub := &p.Subjects[0]; sub.Plan != "" || sub.Shape != plan.ShapeSideBySide {
		t.Errorf("it is planned by %q, %s", sub.Plan, sub.Shape)
	}
}

// TestAlternativeTakesNoIDOnTrust holds that an id of which nobody recorded the
// issuer is enough for the usual plan, and not for an alternative.
func TestAlternativeTakesNoIDOnTrust(t *testing.T) {
	for _, c := range []struct {
		plan  string
		names bool
	}{{"", false}, {"second", true}} {
		s := scenario{secrets: nil, known: held, plan: c.plan}
		s.secrets = append(s.secrets, "KEY")
		e := parse(t, []byte(`
pawl: 1
estate: acme
connections: {lab: {driver: lab, credential: env:LAB}}
secrets:
  KEY:
    issuer: {use: lab, kind: key}
    alternatives: {second: {why: the first is down, issuer: {use: lab, kind: slot}}}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: "none: a test"
`))
		p := s.make(t, e, now())
		names := slices.ContainsFunc(p.Steps, func(st plan.Step) bool { return st.Act == plan.ActName })
		if names != c.names {
			t.Errorf("plan %q asks which credential is the old one: %t, want %t", c.plan, names, c.names)
		}
	}
}
