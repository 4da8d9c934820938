package driver

import "github.com/pawlhq/pawl/estate"

// Info is what a driver declares about itself, once. The documentation page,
// the JSON Schema and the registry are generated from it, and the conformance
// suite holds the driver to it.
type Info struct {
	estate.Spec
	Since   string // version of pawl that first had it, "0.1"
	APIDocs string // where the vendor documents the API
	Calls   []Call // every vendor operation used
	Notes   string // Markdown: what an operator must know
}

// Call is one operation at the vendor and what it needs.
type Call struct {
	Method     string // GET, POST, …; QUERY or MUTATION for GraphQL
	Path       string // "/v1/apps/{app}/secrets", or the GraphQL operation's name
	Permission string // in the vendor's own words
	For        string // which kind and act needs it
}

// Registry is a list of drivers in reading order. It is an estate.Catalog.
type Registry []Driver

// Driver finds a driver by name.
func (r Registry) Driver(name string) (Driver, bool) {
	for _, d := range r {
		if d.Info().Name == name {
			return d, true
		}
	}
	return nil, false
}

// Spec finds a driver's spec by name.
func (r Registry) Spec(name string) (estate.Spec, bool) {
	d, ok := r.Driver(name)
	if !ok {
		return estate.Spec{}, false
	}
	return d.Info().Spec, true
}

// Drivers lists the names.
func (r Registry) Drivers() []string {
	names := make([]string, len(r))
	for i, d := range r {
		names[i] = d.Info().Name
	}
	return names
}
