package crash

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/driver"
	"github.com/pawlhq/pawl/driver/random"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
	"github.com/pawlhq/pawl/rotation"
	"github.com/pawlhq/pawl/secret"
)

// shape is a scenario at the made-up vendor.
type shape struct {
	name     string
	facts    estate.IssuerFacts
	estate   string // YAML, without the head
	secrets  []pawl.SecretName
	places   []string // written as name, +name for a verifier's list, ^name for an override that wins over the others, or name<place for a consumer of a place
	mode     plan.Mode
	human    bool
	local    bool // versions are made locally: no credentials at the issuer
	gap      bool
	leaked   bool
	stranger bool
	meddled  bool // somebody puts the old value back at its last place
	halts    bool // other automation must stand still while places are written
	turnover bool // one place goes and one comes once they were found
}

// api are the facts of an issuer without peculiarities.
var api = estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.SideBySide, Named: true, Lists: true, Revokes: true, Verifies: true, Identifies: true}

// Shapes gives one scenario of each plan shape.
func Shapes() []*Scenario {
	quota := api
	quota.Named, quota.MaxLive, quota.Deactivates = false, 2, true
	unnamed := api
	unnamed.Named = false
	replaced := api
	replaced.Overlap = estate.Replaced
	reset := estate.IssuerFacts{Mint: estate.ByAPI, Overlap: estate.Replaced, Verifies: true, Resets: true}
	human := api
	human.Mint = estate.ByPerson
	shapes := []shape{
		{name: "side by side", facts: api, stranger: true, meddled: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a", "b"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations:
      - {use: lab, kind: place, name: a, activate: reload}
      - {use: lab, kind: place, name: b, activate: reload}
    checks: [{use: lab, kind: health, name: a}, {use: lab, kind: health, name: b}, {kind: wrong_refused}]
    retire: {after: 1h}
`},
		{name: "quota of two, no names", facts: quota, stranger: true, meddled: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: health, name: a}]
    retire: {after: 10m, deactivate: 1h}
`},
		{name: "no names, a stranger at the issuer", facts: unnamed, stranger: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: health, name: a}]
`},
		{name: "a place of its own wins", facts: api, stranger: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a", "^own", "^late"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations:
      - use: lab
        kind: place
        name: a
        activate: reload
        shadowed_by: [{use: lab, kind: place, discover: {use: lab, kind: overrides, at_least: 0}, why: an override wins}]
    checks: [{use: lab, kind: health, name: a}]
    retire: {after: 1h}
`},
		{name: "places found at run time", facts: api, turnover: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a", "b", "leaver", "reader<a"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations:
      - use: lab
        kind: place
        discover: {use: lab, kind: places, at_least: 2}
        activate: reload
        consumers: [{use: lab, kind: restart, name: reader}]
        checks: [{use: lab, kind: health, name: reader}]
    checks: [{use: lab, kind: all_healthy, when: [before, after, drain, final]}]
    retire: {after: 1h}
`},
		{name: "consumers, each place proven", facts: api, stranger: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a", "x<a", "y<a", "b"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations:
      - use: lab
        kind: place
        name: a
        activate: reload
        consumers: [{use: lab, kind: restart, name: x, parallel: both}, {use: lab, kind: restart, name: y, parallel: both}]
        checks: [{use: lab, kind: health, name: x}, {use: lab, kind: health, name: y}]
      - {use: lab, kind: place, name: b, activate: reload, checks: [{use: lab, kind: trial}, {use: lab, kind: health, name: b}]}
    checks: [{use: lab, kind: trial, when: minted}]
`},
		{name: "other automation stands still", facts: api, halts: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a", "b"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations:
      - {use: lab, kind: place, name: a, activate: reload}
      - {use: lab, kind: place, name: b, activate: reload}
    checks: [{use: lab, kind: health, name: a}, {use: lab, kind: health, name: b}]
    retire: {after: 1h}
    pauses: [{why: it would write the old one back, stop: {use: lab, kind: halt}, start: {use: lab, kind: go_on}, to: prove}]
`},
		{name: "value replaced at mint", facts: replaced, gap: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a", "b"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations:
      - {use: lab, kind: place, name: a, activate: reload}
      - {use: lab, kind: place, name: b, activate: reload}
    checks: [{use: lab, kind: health, name: a}, {use: lab, kind: health, name: b}]
    policy: {accept_gap: true}
`},
		{name: "one value, reset at mint, no list", facts: reset, gap: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a", "b"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential}
    locations:
      - {use: lab, kind: place, name: a, activate: reload}
      - {use: lab, kind: place, name: b, activate: reload}
    checks: [{use: lab, kind: health, name: a}, {use: lab, kind: health, name: b}]
    policy: {accept_gap: true}
`},
		{name: "accept list", facts: api, local: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"+verifier", "client"}, estate: `
  KEY:
    issuer: {use: random}
    locations:
      - {use: lab, kind: place, name: verifier, role: accepts, activate: reload}
      - {use: lab, kind: place, name: client, activate: reload}
    checks: [{use: lab, kind: health, name: client}]
    overlap: 1h
`},
		{name: "a verifier that holds one value", facts: api, local: true, gap: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"+verifier", "client"}, estate: `
  KEY:
    issuer: {use: random}
    locations:
      - {use: lab, kind: place, name: verifier, role: accepts, slots: 1, activate: reload}
      - {use: lab, kind: place, name: client, activate: reload}
    checks: [{use: lab, kind: health, name: client}]
    policy: {accept_gap: true}
`},
		{name: "human mint", facts: human, human: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: health, name: a}]
    retire: {approve: true}
`},
		{name: "group of two", facts: api, secrets: []pawl.SecretName{"USER", "KEY"}, places: []string{"a", "b"}, estate: `
  USER:
    issuer: {use: lab, kind: credential, name: "USER-{{.Date}}"}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: health, name: a}]
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations: [{use: lab, kind: place, name: b, activate: reload}]
    checks: [{use: lab, kind: health, name: b}]
groups:
  pair: {secrets: [USER, KEY], why: they must match}
`},
		{name: "compromised, contained first", facts: withDeactivate(api), mode: plan.Compromised, leaked: true, secrets: []pawl.SecretName{"KEY"}, places: []string{"a", "b"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations:
      - {use: lab, kind: place, name: a, activate: reload}
      - {use: lab, kind: place, name: b, activate: reload}
    checks: [{use: lab, kind: health, name: a}, {use: lab, kind: health, name: b}]
    compromised: {contain: first}
`},
		{name: "compromised, contained last", facts: api, mode: plan.Compromised, secrets: []pawl.SecretName{"KEY"}, places: []string{"a"}, estate: `
  KEY:
    issuer: {use: lab, kind: credential, name: "KEY-{{.Date}}"}
    locations: [{use: lab, kind: place, name: a, activate: reload}]
    checks: [{use: lab, kind: health, name: a}]
    retire: {after: 1h}
    compromised: {contain: last}
`},
	}
	list := make([]*Scenario, len(shapes))
	for i := range shapes {
		list[i] = &Scenario{Name: shapes[i].name, Build: shapes[i].build}
	}
	return list
}

func withDeactivate(f estate.IssuerFacts) estate.IssuerFacts {
	f.Deactivates = true
	return f
}

// build makes the world of a shape.
func (s *shape) build(clock *Clock) (*World, error) {
	registry := driver.Registry{lab{facts: s.facts}, random.New()}
	e, err := estate.Parse("pawl.yaml", []byte("pawl: 1\nestate: matrix\nconnections:\n  lab: {driver: lab, credential: env:LAB}\nsecrets:"+s.estate), registry)
	if err != nil {
		return nil, err
	}
	v := newVendor(clock, s.facts, s.initialPlaces()...)
	w := &World{Serve: v, Drivers: registry, Estate: e, Request: plan.Request{Secrets: s.secrets, Mode: s.mode}, Own: map[string]secret.Value{"lab": secret.NewString(v.admin)},
		Current: map[pawl.SecretName]secret.Value{}, Classify: v.classify, Truth: v.truth, Lie: func(kind string) { v.lie = kind }, Gap: s.gap, Compromise: s.leaked, Resets: s.facts.Resets, Halts: s.halts}
	s.seed(v, w)
	w.Answer = s.answerer(v)
	v.turnover = s.turnover
	if s.meddled {
		w.Meddle = v.meddle
	}
	if s.stranger {
		w.Foreign = v.strangerMints
		w.Others = v.others
	}
	return w, nil
}

func (s *shape) initialPlaces() []*vendorPlace {
	var list []*vendorPlace
	for _, name := range s.places {
		p := &vendorPlace{name: name}
		if name[0] == '+' {
			p.name, p.accepts = name[1:], true
		}
		if name[0] == '^' {
			p.name, p.override = name[1:], true
		}
		p.name, p.reads, _ = strings.Cut(p.name, "<")
		list = append(list, p)
	}
	return list
}

// seed puts the first versions in place: with one secret, at every place;
// with several, each at its own.
func (s *shape) seed(v *vendor, w *World) {
	for i, name := range s.secrets {
		value := "canary-initial-" + scramble(1000+i)
		if !s.local {
			c := v.mint("initial")
			c.initial, value = true, c.value
			w.Rotated = append(w.Rotated, value)
		} else {
			v.seen = append(v.seen, value)
		}
		for j, p := range v.places {
			if len(s.secrets) == 1 || i == j {
				p.value, p.loaded, p.revision, p.updated = value, value, 1, v.clock.Now()
			}
		}
		w.Current[name] = secret.NewString(value)
	}
	if s.facts.Overlap == estate.Replaced { // minting replaces: the last one is the one
		for _, p := range v.places {
			p.value, p.loaded = v.creds[0].value, v.creds[0].value
		}
	}
}

// meddle puts the first version back at the last place, as a deployment with an
// old configuration does.
func (v *vendor) meddle() {
	p := v.places[len(v.places)-1]
	i := slices.IndexFunc(v.creds, func(c *vendorCred) bool { return c.initial })
	p.value, p.loaded, p.updated = v.creds[i].value, v.creds[i].value, v.clock.Now()
	p.revision++
}

// override takes away what wins over other places, so that its readers have
// what those hold.
func (v *vendor) override() {
	v.places = slices.DeleteFunc(v.places, func(p *vendorPlace) bool { return p.override })
}

// strangerMints is somebody else at the same issuer.
func (v *vendor) strangerMints() error {
	if v.facts.MaxLive > 0 && len(v.creds) >= v.facts.MaxLive {
		return fmt.Errorf("no room")
	}
	c := v.mint("somebody else's")
	c.foreign, v.strangers = true, append(v.strangers, c.id)
	return nil
}

// others are the credentials that belong to strangers and must stay.
func (v *vendor) others() []string {
	return v.strangers
}

// answerer is a person who mints by hand, knows which credential is whose,
// and approves.
func (s *shape) answerer(v *vendor) func(*rotation.State, *plan.Step) (rotation.Entry, secret.Parts, bool) {
	return func(st *rotation.State, step *plan.Step) (rotation.Entry, secret.Parts, bool) {
		switch step.Act {
		case plan.ActProvide:
			c := v.byHand()
			return rotation.Entry{Word: rotation.WordProvide}, secret.One(secret.NewString(c.value)), true
		case plan.ActMint, plan.ActDiscard:
			suspect := st.Steps[step.ID].Suspect
			if suspect != nil && slices.Contains(v.strangers, suspect.ID) {
				return rotation.Entry{Word: rotation.WordDecline, Why: "it is somebody else's"}, nil, true
			}
			return rotation.Entry{Word: rotation.WordApprove, Why: "it is the lost one"}, nil, true
		case plan.ActRevoke, plan.ActDeactivate:
			return rotation.Entry{Word: rotation.WordDecline, Why: "a consumer is still on it"}, nil, true
		case plan.ActShadow: // whoever is asked about overrides takes them away
			v.override()
			return rotation.Entry{Word: rotation.WordApprove, Why: "they are gone"}, nil, true
		case plan.ActName:
			for _, c := range v.creds {
				if c.initial {
					return rotation.Entry{Word: rotation.WordChoose, Credential: &driver.Credential{ID: c.id}}, nil, true
				}
			}
			return rotation.Entry{}, nil, false
		default:
			return rotation.Entry{Word: rotation.WordApprove, Why: "yes"}, nil, true
		}
	}
}

// byHand is a person's mint: one, however often the question comes.
func (v *vendor) byHand() *vendorCred {
	for _, c := range v.creds {
		if c.name == "by hand" && !c.inactive {
			return c
		}
	}
	c := v.mint("by hand")
	c.name = "by hand"
	return c
}
