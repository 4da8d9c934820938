package runbook

import (
	"slices"
	"strings"

	"github.com/pawlhq/pawl"
	"github.com/pawlhq/pawl/estate"
	"github.com/pawlhq/pawl/plan"
)

// MapFormat is the version of the map's JSON form, which docs/formats/map.md
// describes. It is raised when a field changes its meaning.
const MapFormat = 1

// Map is the secret map: where each secret comes from and where it lives.
type Map struct {
	Format  int     `json:"format"`
	Estate  string  `json:"estate"`
	Secrets []Row   `json:"secrets"`
	Groups  []Group `json:"groups"`
}

// Row is one secret of the map.
type Row struct {
	Secret       pawl.SecretName   `json:"secret"`
	Environment  string            `json:"environment,omitempty"`
	Purpose      string            `json:"purpose,omitempty"`
	Owner        string            `json:"owner,omitempty"`
	Never        string            `json:"never,omitempty"`
	Config       bool              `json:"config,omitempty"`
	Issuer       *Place            `json:"issuer,omitempty"`
	Alternatives []Alternative     `json:"alternatives,omitempty"`
	Locations    []Spot            `json:"locations"`
	NoLocation   string            `json:"no_location,omitempty"`
	Checks       []Place           `json:"checks"`
	NoCheck      string            `json:"no_check,omitempty"`
	Every        string            `json:"every,omitempty"` // "90d"; "" is on demand
	Windows      []string          `json:"windows,omitempty"`
	After        []pawl.SecretName `json:"after,omitempty"`
}

// Place is something at a connection. Title names it for people; connection
// and kind are empty for what asks the issuer or a person.
type Place struct {
	Title      string `json:"title"`
	Connection string `json:"connection,omitempty"`
	Kind       string `json:"kind,omitempty"`
}

// Spot is one place that holds a copy.
type Spot struct {
	Place
	Role       estate.LocationRole `json:"role"`
	Activate   string              `json:"activate,omitempty"`
	FoundBy    *Place              `json:"found_by,omitempty"` // its targets are found at run time
	Consumers  []Place             `json:"consumers,omitempty"`
	ShadowedBy []Place             `json:"shadowed_by,omitempty"`
}

// Alternative is another plan for a secret.
type Alternative struct {
	Name   string `json:"name"`
	Why    string `json:"why"`
	Issuer Place  `json:"issuer"`
}

// Group is secrets that rotate together.
type Group struct {
	Name    string            `json:"name"`
	Secrets []pawl.SecretName `json:"secrets"`
	Why     string            `json:"why,omitempty"`
}

// NewMap draws the map of an estate, of all its secrets or of some.
func NewMap(e *estate.Estate, only ...pawl.SecretName) *Map {
	m := &Map{Format: MapFormat, Estate: e.Name, Secrets: []Row{}, Groups: []Group{}}
	for i := range e.Secrets {
		if wanted(only, e.Secrets[i].Name) {
			m.Secrets = append(m.Secrets, row(&e.Secrets[i]))
		}
	}
	for _, g := range e.Groups {
		if slices.ContainsFunc(g.Secrets, func(n pawl.SecretName) bool { return wanted(only, n) }) {
			m.Groups = append(m.Groups, Group{Name: g.Name, Secrets: g.Secrets, Why: g.Why})
		}
	}
	return m
}

func wanted(only []pawl.SecretName, name pawl.SecretName) bool {
	return len(only) == 0 || slices.Contains(only, name)
}

func row(s *estate.Secret) Row {
	r := Row{Secret: s.Name, Environment: s.Environment, Purpose: s.Purpose, Owner: s.Owner, Never: s.Never, Config: s.Config,
		Locations: []Spot{}, NoLocation: s.NoLocation, Checks: []Place{}, NoCheck: s.NoCheck, After: s.After}
	if s.Issuer.Connection != "" {
		issuer := place(s.Issuer, nil)
		r.Issuer = &issuer
	}
	for _, a := range s.Alternatives {
		r.Alternatives = append(r.Alternatives, Alternative{Name: a.Name, Why: a.Why, Issuer: place(a.Issuer, nil)})
	}
	for i := range s.Locations {
		r.Locations = append(r.Locations, spot(&s.Locations[i]))
	}
	for i := range s.Checks {
		r.Checks = append(r.Checks, check(&s.Checks[i]))
	}
	if s.Policy.Every > 0 {
		r.Every = plan.Span(s.Policy.Every)
	}
	for _, w := range s.Policy.Windows {
		r.Windows = append(r.Windows, w.Text)
	}
	return r
}

// place names a use; a person's by what they are asked to do.
func place(u estate.Use, task *estate.Task) Place {
	switch {
	case task != nil:
		return Place{Title: "by hand: " + task.Title}
	case u.Connection == estate.Person:
		return Place{Title: "a person"}
	default:
		return Place{Title: plan.Title(u), Connection: u.Connection, Kind: u.Kind}
	}
}

func spot(l *estate.Location) Spot {
	s := Spot{Place: place(l.Use, l.Task), Role: l.Role, Activate: l.Activate}
	if s.Role == "" {
		s.Role = estate.Presents
	}
	if l.Discover != nil {
		by := place(l.Discover.Use, nil)
		s.FoundBy = &by
	}
	for _, c := range l.Consumers {
		s.Consumers = append(s.Consumers, place(c.Use, c.Task))
	}
	for _, w := range l.Shadows {
		s.ShadowedBy = append(s.ShadowedBy, place(w.Use, nil))
	}
	return s
}

func check(c *estate.Check) Place {
	if c.Builtin != "" {
		return Place{Title: strings.ReplaceAll(string(c.Builtin), "_", " ")}
	}
	return place(c.Use, c.Task)
}

// rotates tells in a few words when a secret rotates.
func (r *Row) rotates() string {
	switch {
	case r.Never != "":
		return "never"
	case r.Config:
		return "set by hand"
	case r.Every != "":
		return "every " + r.Every
	default:
		return "on demand"
	}
}

// name says where a copy is, and what is particular about it.
func (s *Spot) name() string {
	name := s.Title
	if s.FoundBy != nil {
		name = "each " + name + ", found by " + s.FoundBy.Title
	}
	if s.Role == estate.Accepts {
		name += " (accepts)"
	}
	return name
}
